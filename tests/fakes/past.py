# SPDX-License-Identifier: Apache-2.0
"""Random histories of calls as the log would hold them, with the rules and holds that they were decided by."""

import random

import msgspec

from gateway.decide.decide import Decider, caps_for
from gateway.decide.rules import RuleSet
from gateway.domain.catalog import WRITES, AnswerShape, BodyKind, BodyShape, Catalog, Route
from gateway.domain.decision import Deny, Permit, Reason
from gateway.domain.entry import Entry, Intent, Line, Refused, Release
from gateway.domain.inquiry import Filter, Inquiry, Sort, Written
from gateway.domain.names import CategoryKey, DecisionId, FieldName
from gateway.domain.parameters import Comparison, FieldsParameter, FilterParameter, LimitParameter, SortParameter
from gateway.domain.past_call import PastCall, PastHold
from gateway.domain.purpose import CategoryCeiling
from gateway.domain.treatment import Rung
from gateway.flows.access.asking import facts_of
from gateway.record.reading.past_calls import call_in
from gateway.transform.view_fields import view_words
from tests.fakes import rules as draw

BAND = "1980-1989"
_decoder = msgspec.json.Decoder(Line)


def is_band(_rung: Rung, text: str) -> bool:
    """Tell whether a text is the one band that there is here."""
    return text == BAND


def world(rng: random.Random, *, n_grants: int = 120) -> RuleSet:
    """Return random rules with routes to read, search, create, change and delete in each collection."""
    rules = draw.rule_set(rng, n_grants=n_grants, denies=0.08)
    routes = [route for name in draw.COLLECTIONS for route in _routes(rng, rules, name)]
    whole = (CategoryCeiling(category=CategoryKey("user"), rung=Rung("reveal"), link=True),)
    purposes = {
        key: msgspec.structs.replace(
            rule,
            operations=("read", *WRITES),
            needs_reference=rng.random() < 0.2,
            **({"categories": whole, "collects": ("user",)} if rng.random() < 0.7 else {}),
        )
        for key, rule in rules.purposes.items()
    }
    operations = [rng.choice(("read", "read", "read", *WRITES)) for _ in rules.grants]
    # Most speak of much, so that there is something to permit.
    wide = {"dataset": "crm", "category": "user", "purpose": "marketing", "rung": "reveal", "link": True}
    grants = tuple(
        msgspec.structs.replace(one, operation=operation, **(wide if one.allow and one.line % 4 == 0 else {}))
        for one, operation in zip(rules.grants, operations, strict=True)
    )
    catalog = Catalog(collections=rules.catalog.collections, routes=tuple(routes))
    return draw.without(rules, catalog=catalog, purposes=purposes, grants=grants)


def _routes(rng: random.Random, rules: RuleSet, name: str) -> list[Route]:
    fields = [field.name for field in rules.catalog.collections[name].fields]  # type: ignore[index]
    path = "/" + name.replace(".", "/")
    parameters = {
        "limit": LimitParameter(),
        "fields": FieldsParameter(),
        "sort": SortParameter(fields=tuple(fields)),
        **{f"{one}.is": FilterParameter(field=one, bands=rng.random() < 0.4) for one in fields},
        **{f"{one}.in": FilterParameter(field=one, comparison=Comparison.IN) for one in fields[:2]},
        **{f"{one}.from": FilterParameter(field=one, comparison=Comparison.AT_LEAST) for one in fields[1:]},
    }
    by_id = {"id": FilterParameter(field=FieldName("f0"))}
    body = BodyShape(kind=BodyKind.MERGE_PATCH)
    array, record = AnswerShape(kind="array"), AnswerShape(kind="record")
    made = {"dataset": name, "answer": record}
    return [
        Route(method="GET", template=path, operation="read", dataset=name, answer=array, parameters=parameters),  # type: ignore[arg-type]
        Route(method="GET", template=path + "/{id}", operation="read", parameters=by_id, **made),  # type: ignore[arg-type]
        Route(method="PATCH", template=path + "/{id}", operation="update", parameters=by_id, body=body, **made),  # type: ignore[arg-type]
        Route(method="DELETE", template=path + "/{id}", operation="delete", parameters=by_id, **made),  # type: ignore[arg-type]
        Route(method="POST", template=path, operation="create", parameters={}, body=body, **made),  # type: ignore[arg-type]
    ]


def inquiry(rng: random.Random, rules: RuleSet, number: int, now_us: int) -> Inquiry:
    """Return a random call to one of the routes, as a door would bind it."""
    route = rng.choice(rules.catalog.routes)
    who = draw.principal(rng, signed_in_us=now_us - rng.choice((0, 400_000_000)))
    names = [field.name for field in rules.catalog.collections[route.dataset].fields]
    filters = [_filter(rng, name, one) for name, one in route.parameters.items() if isinstance(one, FilterParameter)]
    in_path = "{id}" in route.template
    chosen = filters if in_path else rng.sample(filters, rng.choice((0, 0, 1, 2)) if filters else 0)
    writes, lists = route.operation in WRITES, "limit" in route.parameters
    written = rng.sample(names, rng.randint(1, 3))
    return Inquiry(
        decision_id=DecisionId(f"{number:032x}"),
        principal=who,
        purpose=rng.choice((*draw.PURPOSES * 4, None, "not.declared")),  # type: ignore[arg-type]
        reference=rng.choice((None, "case-1", "case-1")),
        operation=route.operation,
        dataset=route.dataset,
        route=route,
        fields=tuple(rng.sample(names, rng.randint(1, 2))) if lists and rng.random() < 0.3 else None,
        filters=tuple(msgspec.structs.replace(one, in_path=in_path) for one in chosen),
        sorts=tuple(Sort(field=name, descending=rng.random() < 0.5) for name in rng.sample(names, 1))
        if lists and rng.random() < 0.3
        else (),
        limit=rng.choice((5, 50)) if lists else None,
        written=(Written(tuple((name, "x") for name in written)),) if writes and route.body is not None else (),
    )


def _filter(rng: random.Random, name: str, one: FilterParameter) -> Filter:
    value = rng.choice((BAND, "x"))
    is_list = one.comparison is Comparison.IN
    return Filter(
        field=one.field,
        comparison=one.comparison,
        value="" if is_list else value,
        values=(value, value) if is_list else (),
        parameter=name,
        bands=one.bands,
    )


def entries(decider: Decider, asked: Inquiry, holds: tuple[PastHold, ...], now_us: int) -> list[Entry]:
    """Return what the flow would enter of a call, in the order and with the facts in which it does."""
    rules = decider.rules
    in_force = tuple(one.hold for one in holds)
    purpose = decider.purpose(asked.purpose, asked.principal, asked.reference, now_us)
    if isinstance(purpose, Deny):
        # The path is not read, so nothing of it is known.
        early = facts_of(asked, None, now_us=now_us, rules=rules.digest)
        stated = asked.purpose if asked.purpose in rules.purposes else None
        facts = msgspec.structs.replace(
            early, dataset="", operation="", route="", filters=(), named=(), limit=0,
            purpose=stated or "", reference=asked.reference if stated else None,
        )  # fmt: skip
        return [Refused(call=asked.decision_id, reason=purpose.reason, status=403, fields=purpose.fields, facts=facts)]
    decision = decider.decide(asked, in_force, now_us)
    caps = caps_for(asked, in_force, now_us)
    if isinstance(decision, Permit):
        if asked.operation in WRITES:
            view = {} if decision.shown is None else view_words(decision.shown)
            facts = facts_of(asked, decision.plan, now_us=now_us, rules=rules.digest, view=view)
            names: tuple[str, ...] = tuple(name for record in asked.written for name, _ in record.values)
            written = {"clear": names} if names else {}
            return [
                Intent(call=asked.decision_id, records=1, written=written, facts=facts),
                Release(call=asked.decision_id, n=0, rows=0, bytes=0, people=0, last=True),
            ]
        facts = facts_of(asked, decision.plan, now_us=now_us, rules=rules.digest, view=view_words(decision.plan))
        return [Release(call=asked.decision_id, n=0, rows=7, bytes=9, people=3, last=True, facts=facts)]
    reason = decision.reason if isinstance(decision, Deny) else Reason.STEP_UP_REQUIRED
    facts = facts_of(asked, None, now_us=now_us, rules=rules.digest, caps=caps)
    fields = () if reason is Reason.PARAMETER_INVALID else decision.fields
    return [Refused(call=asked.decision_id, reason=reason, status=403, fields=fields, facts=facts)]


def as_read(bodies: list[Entry], at_us: int) -> PastCall:
    """Return the call as it is read back from lines of a log."""
    lines = [
        msgspec.json.encode(Line(log="a/b/door-0", seq=seq, prev="0" * 64, at_us=at_us, body=body))
        for seq, body in enumerate(bodies)
    ]
    found = call_in(_decoder.decode(line) for line in lines)
    assert found is not None
    return found
