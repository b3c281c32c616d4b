# SPDX-License-Identifier: Apache-2.0
"""Random rule sets, inquiries and histories for property tests, drawn from a seeded source."""

import random

import msgspec

from gateway.decide.rules import AgeCondition, AssuranceRule, Grant, Recipient, RedLine, Regime, RuleSet
from gateway.domain.catalog import (
    AnswerShape,
    Catalog,
    Collection,
    FieldSpec,
    FieldType,
    Form,
    Route,
    SubjectSpec,
    SurrogateKind,
)
from gateway.domain.inquiry import Filter, Inquiry, Sort
from gateway.domain.names import RoleName
from gateway.domain.parameters import Comparison
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.domain.purpose import CategoryCeiling, Ground, PurposeRule
from gateway.domain.treatment import Chain, ChainName, Rung
from gateway.domain.viewplan import Hold, RowEffect

CATEGORIES = ("user", "user.name", "user.contact", "user.contact.email", "user.contact.phone", "user.health", "system")
PURPOSES = ("marketing", "marketing.mail", "marketing.mail.news", "analytics", "support")
DATASETS = ("crm", "crm.people", "crm.notes", "shop.orders")
COLLECTIONS = ("crm.people", "crm.notes", "shop.orders")
ROLES = ("analyst", "campaigner", "agent", "lead")
OPERATIONS = ("read", "update")
RUNG_NAMES = ("drop", "mask", "mask.tail", "generalise", "generalise.year", "reveal")
CHAINS = {
    ChainName("plain"): Chain(ChainName("plain"), (Rung("drop"), Rung("reveal"))),
    ChainName("text"): Chain(ChainName("text"), (Rung("drop"), Rung("mask.tail"), Rung("mask.head"), Rung("reveal"))),
    ChainName("date"): Chain(
        ChainName("date"), (Rung("drop"), Rung("generalise.band10"), Rung("generalise.year"), Rung("reveal"))
    ),
}
NOW_US = 1_000_000_000


def grant(rng: random.Random, line: int, *, timed: bool = True, denies: float = 0.25) -> Grant:
    """Return a random grant line."""
    allow = rng.random() >= denies
    rung = rng.choice(RUNG_NAMES) if allow or rng.random() < 0.8 else None
    edge = timed and rng.random() < 0.4
    start = NOW_US + rng.randint(-50, 50) if edge and rng.random() < 0.6 else None
    end = (start or NOW_US) + rng.randint(1, 50) if edge else None
    return Grant(
        id=f"g:{line:06d}",  # type: ignore[arg-type]
        role=rng.choice(ROLES),  # type: ignore[arg-type]
        dataset=rng.choice(DATASETS),  # type: ignore[arg-type]
        category=rng.choice(CATEGORIES),  # type: ignore[arg-type]
        purpose=rng.choice(PURPOSES),  # type: ignore[arg-type]
        operation=rng.choice(OPERATIONS),
        rung=None if rung is None else Rung(rung),
        link=rng.random() < 0.5,
        allow=allow,
        from_us=start,
        until_us=end,
        line=line,
    )


def purpose_rule(rng: random.Random, key: str) -> PurposeRule:
    """Return a random purpose."""
    return PurposeRule(
        key=key,  # type: ignore[arg-type]
        title=(("en", key),),
        ground=Ground.CONSENT,
        owner="owner",
        categories=tuple(
            CategoryCeiling(category=c, rung=Rung(rng.choice(RUNG_NAMES)), link=rng.random() < 0.7)  # type: ignore[arg-type]
            for c in rng.sample(CATEGORIES, rng.randint(1, 5))
        ),
        operations=OPERATIONS,
        collects=tuple(rng.sample(CATEGORIES, rng.randint(1, 5))),  # type: ignore[arg-type]
        datasets=(),
        needs_reference=False,
        needs_consent=rng.random() < 0.5,
        honours_objection=True,
        key_class=key.partition(".")[0],
        from_us=None,
        until_us=NOW_US + rng.randint(1, 60) if rng.random() < 0.2 else None,
    )


def red_line(rng: random.Random, number: int) -> RedLine:
    """Return a random red line, on categories or on age."""
    return RedLine(
        id=f"line-{number}",
        categories=tuple(rng.sample(CATEGORIES, 2)),  # type: ignore[arg-type]
        purposes=tuple(rng.sample(PURPOSES, 2)),  # type: ignore[arg-type]
        third_parties=rng.random() < 0.3,
        rung=Rung(rng.choice(RUNG_NAMES[:3])),
        link=rng.random() < 0.3,
        age=AgeCondition(under_years=18, effect=rng.choice(list(RowEffect))) if rng.random() < 0.3 else None,
        title=(("en", "A red line."),),
        cite="test",
    )


def rule_set(
    rng: random.Random, *, n_grants: int, timed: bool = True, red_lines: int = 1, denies: float = 0.25
) -> RuleSet:
    """Return a random rule set over a small world of three collections."""
    collections = {name: _collection(rng, name) for name in COLLECTIONS}
    return RuleSet(
        digest=f"digest-{rng.random()}",  # type: ignore[arg-type]
        catalog=Catalog(collections=collections, routes=tuple(route(name) for name in COLLECTIONS)),  # type: ignore[arg-type]
        chains=CHAINS,
        grants=tuple(grant(rng, line, timed=timed, denies=denies) for line in range(n_grants)),
        roles=_roles(rng),
        purposes={key: purpose_rule(rng, key) for key in PURPOSES},  # type: ignore[misc]
        red_lines=tuple(red_line(rng, number) for number in range(red_lines)),
        sensitive=("user.health",),  # type: ignore[arg-type]
        assurance=(
            AssuranceRule(
                category="user.contact.phone",  # type: ignore[arg-type]
                level=Assurance.PERSON_FRESH,
                otherwise=Rung("mask"),
                otherwise_link=True,
            ),
        ),
        recipients={
            "own": _recipient("own", "own", "DE"),  # type: ignore[dict-item]
            "adnet": _recipient("adnet", "separate_controller", "US"),  # type: ignore[dict-item]
        },
        regimes={
            "gdpr": Regime(
                id="gdpr", name="GDPR", countries=frozenset({"DE"}), minors_under=16, restricts_transfers=True
            )
        },
        tests=(),
        organisation="Example",
    )


def route(dataset: str) -> Route:
    """Return the list route of a collection."""
    return Route(
        method="GET",
        template="/" + dataset.replace(".", "/"),
        operation="read",
        dataset=dataset,  # type: ignore[arg-type]
        answer=AnswerShape(kind="array"),
        parameters={},
    )


def principal(rng: random.Random, *, signed_in_us: int = NOW_US) -> Principal:
    """Return a random principal."""
    person = rng.random() < 0.7
    return Principal(
        account=f"a_{rng.randint(0, 3)}",  # type: ignore[arg-type]
        kind=PrincipalKind.PERSON if person else PrincipalKind.SERVICE,
        roles=tuple(sorted(rng.sample(ROLES, rng.randint(1, 2)))),  # type: ignore[arg-type]
        client="app",  # type: ignore[arg-type]
        recipient=rng.choice(("own", "own", "adnet")),  # type: ignore[arg-type]
        proof=Assurance.PERSON if person else rng.choice((Assurance.SERVICE_SECRET, Assurance.SERVICE_KEY_BOUND)),
        signed_in_us=signed_in_us,
        scopes=("marketing", "analytics", "support"),  # type: ignore[arg-type]
        session="s",
    )


def inquiry(rng: random.Random, rules: RuleSet, who: Principal) -> Inquiry:
    """Return a random inquiry of a principal."""
    dataset = rng.choice(COLLECTIONS)
    names = [field.name for field in rules.catalog.collections[dataset].fields]  # type: ignore[index]
    filters = tuple(
        Filter(field=name, comparison=rng.choice(list(Comparison)), value="x", parameter=name)
        for name in rng.sample(names, rng.choice((0, 0, 1)))
    )
    return Inquiry(
        decision_id="d",  # type: ignore[arg-type]
        principal=who,
        purpose=rng.choice(PURPOSES),  # type: ignore[arg-type]
        reference=None,
        operation=rng.choice(OPERATIONS),
        dataset=dataset,  # type: ignore[arg-type]
        route=route(dataset),
        fields=tuple(rng.sample(names, rng.randint(1, 2))) if rng.random() < 0.3 else None,
        filters=filters,
        sorts=tuple(Sort(field=name, descending=False) for name in rng.sample(names, rng.choice((0, 0, 1)))),
    )


def hold(rng: random.Random) -> Hold:
    """Return a random hold."""
    return Hold(
        category=rng.choice(CATEGORIES),  # type: ignore[arg-type]
        rung=Rung(rng.choice(RUNG_NAMES)),
        link=rng.random() < 0.5,
        reason="held",
    )


def without(rules: RuleSet, **changes: object) -> RuleSet:
    """Return the rule set with other parts."""
    return msgspec.structs.replace(rules, **changes)


def _collection(rng: random.Random, name: str) -> Collection:
    return Collection(
        dataset=name,  # type: ignore[arg-type]
        fields=tuple(
            FieldSpec(
                name=f"f{place}",  # type: ignore[arg-type]
                type=rng.choice((FieldType.TEXT, FieldType.TEXT, FieldType.FREE_TEXT)),
                categories=tuple(rng.sample(CATEGORIES, rng.choice((1, 1, 2)))),  # type: ignore[arg-type]
                chain=rng.choice(list(CHAINS)),
                form=Form.TEXT,
                surrogate=SurrogateKind.SIV,
                join_domain=f"{name}.f{place}",  # type: ignore[arg-type]
            )
            for place in range(4)
        ),
        subject=SubjectSpec(identity="crm.id", field="f0"),  # type: ignore[arg-type]
        birth_date="f1" if rng.random() < 0.5 else None,  # type: ignore[arg-type]
        region="f2",  # type: ignore[arg-type]
    )


def _recipient(name: str, role: str, country: str) -> Recipient:
    return Recipient(
        id=name,  # type: ignore[arg-type]
        legal_name=name,
        role=role,
        country=country,
        contract_until_us=None if role == "own" else NOW_US + 40,
        transfers=(),
    )


def _roles(rng: random.Random) -> dict[str, frozenset[RoleName]]:
    contains = {role: {role} for role in ROLES}
    if rng.random() < 0.5:
        contains["lead"] |= {"analyst", "agent"}
    return {role: frozenset(RoleName(name) for name in found) for role, found in contains.items()}
