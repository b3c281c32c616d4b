# SPDX-License-Identifier: Apache-2.0
"""What roles would see of a store's own rows, computed by the code that decides and transforms on the road.

Nothing leaves by this: it is for the terminal of whoever may read the store anyway.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gateway.app.joins import is_band
from gateway.app.rule_files import rules_of
from gateway.decide.decide import Decider, caps_for
from gateway.decide.explain import row_sentences
from gateway.decide.rules import RuleSet
from gateway.discover.sample import Sample
from gateway.domain.catalog import AnswerShape, Collection, Route
from gateway.domain.decision import Deny
from gateway.domain.errors import GatewayError
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import (
    AccountId,
    ClientId,
    DatasetName,
    DecisionId,
    FieldName,
    PurposeKey,
    RecipientId,
    RoleName,
)
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.domain.treatment import Family
from gateway.domain.viewplan import ViewPlan
from gateway.transform.codec import compile_codec
from gateway.transform.inner import SurrogateKeys

MOST_TRIED_ROWS = 20

_UNREVIEWED = re.compile(rb"(\breviewed:\s*)(?:no|No|NO|false|False|FALSE)\b")


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who could ask: a service that proves itself by a secret, in one role for one purpose."""

    role: RoleName
    purpose: PurposeKey
    recipient: RecipientId = RecipientId("own")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One field of one row.

    Attributes:
        value: As the store has it; ``None`` where the row has nothing there.
        seen: For each viewer what leaves; ``None`` for nothing.
    """

    dataset: DatasetName
    field: FieldName
    value: object
    seen: tuple[object, ...]


def as_if_confirmed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return rule files in which every field counts as confirmed; for looking ahead, never for deciding."""
    return {
        name: _UNREVIEWED.sub(rb"\1yes", text) if name.startswith("datasets/") else text for name, text in files.items()
    }


def decider_of(files: Mapping[str, bytes]) -> Decider:
    """Return what decides by these files.

    Raises:
        RulesError: They cannot be put in force.
    """
    return Decider(rules_of(files), is_band)


def viewers_of(rules: RuleSet, store: str) -> tuple[Viewer, ...]:
    """Return a viewer for each role that some purpose lets read of a store, in the order of the grants."""
    found: dict[RoleName, Viewer] = {}
    for grant in rules.grants:
        named = [key for key in rules.purposes if key == grant.purpose or key.startswith(f"{grant.purpose}.")]
        if grant.allow and grant.operation == "read" and grant.dataset.split(".", 1)[0] == store and named:
            found.setdefault(grant.role, Viewer(role=grant.role, purpose=named[0]))
    return tuple(found.values())


def plan_for(decider: Decider, viewer: Viewer, dataset: DatasetName, now_us: int) -> ViewPlan | None:
    """Return the view that a viewer has of a dataset; ``None`` where everything is refused."""
    who = _principal(viewer)
    inquiry = Inquiry(
        decision_id=DecisionId(""),
        principal=who,
        purpose=viewer.purpose,
        reference=None,
        operation="read",
        dataset=dataset,
        route=_route_of(dataset),
        fields=None,
        filters=(),
    )
    purpose = decider.rules.purposes.get(viewer.purpose)
    plan = decider.plan(inquiry, purpose, now_us) if purpose else None
    return None if plan is None or isinstance(plan, Deny) else decider.lowered(plan, caps_for(inquiry, (), now_us))


def words_for(decider: Decider, viewer: Viewer, dataset: DatasetName, now_us: int) -> Mapping[str, str]:
    """Return by field the word for what a viewer gets of it."""
    plan = plan_for(decider, viewer, dataset, now_us)
    if plan is None:
        return {}
    return {view.field: view.chain.family(view.treatment).value for view in plan.views}


def rows_told(decider: Decider, viewer: Viewer, dataset: DatasetName, now_us: int) -> tuple[str, ...]:
    """Return what rules on rows keep from a viewer, a sentence each."""
    plan = plan_for(decider, viewer, dataset, now_us)
    return row_sentences(plan) if plan else ()


def table(
    decider: Decider,
    collection: Collection,
    rows: Sequence[Mapping[str, object]],
    viewers: Iterable[Viewer],
    keys: SurrogateKeys,
    now_us: int,
) -> tuple[Shown, ...]:
    """Return one row of a store beside what each viewer gets of it, field by field.

    Rules on rows (choices, ages, transfers) are not applied: a row is shown as one that they let pass.
    """
    row = _fullest(rows, collection)
    seen = [_seen(decider, viewer, collection, row, keys, now_us) for viewer in viewers]
    return tuple(
        Shown(
            dataset=collection.dataset,
            field=field.name,
            value=member(row, field.name),
            seen=tuple(member(each, field.name) for each in seen),
        )
        for field in collection.fields
    )


def rows_of(samples: Iterable[Sample], routes: Iterable[Route], dataset: DatasetName) -> list[Mapping[str, object]]:
    """Return the rows of a dataset that samples hold."""
    shapes = {_below(route.template): route.answer for route in routes if route.dataset == dataset}
    found: list[Mapping[str, object]] = []
    for sample in samples:
        shape = next((shape for path, shape in shapes.items() if _fits(sample.path, path)), None)
        found += _rows(sample.body, shape) if shape else []
    return found


def member(row: object, field: str) -> object:
    """Return what stands at a dotted path; ``None`` where nothing does."""
    for name in field.split("."):
        row = row.get(name) if isinstance(row, Mapping) else None
    return row


def _seen(
    decider: Decider,
    viewer: Viewer,
    collection: Collection,
    row: Mapping[str, object],
    keys: SurrogateKeys,
    now_us: int,
) -> object:
    plan = plan_for(decider, viewer, collection.dataset, now_us)
    if plan is None or not any(view.chain.family(view.treatment) is not Family.DROP for view in plan.views):
        return {}
    codec = compile_codec(plan, keys)
    try:
        batch = codec.decode(msgspec.json.encode([row]))
        encoded = codec.encode(batch, [0] * len(batch))
    except (GatewayError, TypeError, ValueError):
        # A row that is not as declared leaves to nobody.
        return {}
    return msgspec.json.decode(encoded[0]) if encoded else {}


def _fullest(rows: Sequence[Mapping[str, object]], collection: Collection) -> Mapping[str, object]:
    """Return the row that has the most of the declared fields."""
    tried = rows[:MOST_TRIED_ROWS]
    return max(tried, key=lambda row: sum(member(row, one.name) is not None for one in collection.fields), default={})


def _rows(body: object, shape: AnswerShape) -> list[Mapping[str, object]]:
    inside = member(body, shape.rows) if shape.kind == "object" and shape.rows else body
    listed = [inside] if shape.kind == "record" else inside
    return [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, list) else []


def _below(template: str) -> tuple[str, ...]:
    """Return the segments of a template below the store's name."""
    return tuple(template.strip("/").split("/")[1:])


def _fits(path: str, template: tuple[str, ...]) -> bool:
    segments = path.strip("/").split("/")
    return len(segments) == len(template) and all(
        declared == own or declared.startswith("{") for own, declared in zip(segments, template, strict=True)
    )


def _route_of(dataset: DatasetName) -> Route:
    """Return a route that stands for any of the dataset: which one it is does not change the view."""
    return Route(
        method="GET",
        template="/" + dataset.replace(".", "/"),
        operation="read",
        dataset=dataset,
        answer=AnswerShape(kind="array"),
        parameters={},
    )


def _principal(viewer: Viewer) -> Principal:
    return Principal(
        account=AccountId(""),
        kind=PrincipalKind.SERVICE,
        roles=(viewer.role,),
        client=ClientId(""),
        recipient=viewer.recipient,
        proof=Assurance.SERVICE_SECRET,
        signed_in_us=0,
        scopes=(viewer.purpose,),
        session="",
    )
