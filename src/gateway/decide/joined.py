# SPDX-License-Identifier: Apache-2.0
"""Fields of one join domain: a surrogate does not say of which of them it is.

RULES

1. A surrogate may be of any field of its join domain, over all datasets, whose surrogates somebody of the same
   recipient can read for a purpose of the same key class. Those of a field that nobody reads so do not exist.
   Of a field of the same categories, which differs by its dataset alone, it counts what the caller itself can read so.
2. A value is revealed by the name of one field to whom it would be revealed by the name of each other that it may be
   of, for the same purpose and at the same moment; and to nobody else.
3. A surrogate is written into a field only if whoever writes it is shown no more there, whatever the purpose, than in
   each other field that it may be of. A field that shows a surrogate, or nothing, shows no value.
4. Levels are compared on one and the same chain. Over two chains nothing but the whole value is as much as any part.
5. Comparing tells no value: filters, joins and what is written back as it was are as they were.

What others are shown of a record that was written, and the rules on rows of the other field, are not looked at
(docs/adr/0048).
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from gateway.decide.judging import is_clear
from gateway.decide.layers import purposes
from gateway.decide.layers.grants import GrantedCategories, GrantIndex
from gateway.decide.rules import RuleSet
from gateway.domain.catalog import REVEAL, Collection, FieldSpec, SurrogateKind
from gateway.domain.decision import Decision, Deny, Permit, Reason, StepUp
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import DatasetName, FieldName, JoinDomain, PurposeKey
from gateway.domain.principal import Assurance
from gateway.domain.purpose import PurposeRule
from gateway.domain.viewplan import Caps, FieldView, ViewPlan

_Scope = tuple[str, str]


class Place(NamedTuple):
    """A field of some dataset."""

    dataset: DatasetName
    field: FieldName


class Other(NamedTuple):
    """Another field that a surrogate may be of; ``is_alike`` if its categories are the same."""

    place: Place
    is_alike: bool


OTHER_FIELD = (
    "A surrogate does not say of which field it is, and there is one of its join domain of which less may leave."
)


class Views(Protocol):
    """Tells what somebody would see."""

    def view(self, inquiry: Inquiry, purpose: PurposeRule, caps: Caps, now_us: int) -> ViewPlan | None:
        """Return the view that a call would have; ``None`` where it would be denied."""


class Joined:
    """The join domains of one rule set that have several fields."""

    def __init__(self, rules: RuleSet) -> None:
        """Sort the fields into their domains."""
        everywhere: dict[JoinDomain, list[tuple[Collection, FieldSpec]]] = {}
        for collection in rules.catalog.collections.values():
            for spec in collection.fields:
                # What nobody can open stands for no value.
                if spec.surrogate is SurrogateKind.SIV and spec.reviewed:
                    everywhere.setdefault(spec.join_domain, []).append((collection, spec))
        self._rules = rules
        self._fields = {domain: tuple(each) for domain, each in everywhere.items() if len(each) > 1}
        self._allows = GrantIndex((grant for grant in rules.grants if grant.allow), {})
        self._roles = frozenset(grant.role for grant in rules.grants)
        self._known: dict[tuple[Place, _Scope], tuple[Other, ...]] = {}

    def beside(self, plan: ViewPlan, field: FieldName) -> tuple[Other, ...]:
        """Return the other fields that a surrogate of a view's scope may be of, if it could be of this one."""
        spec = plan.collection.field(field)
        if spec is None or spec.join_domain not in self._fields:
            return ()
        here = Place(plan.dataset, field)
        key = (here, (plan.key_class, plan.recipient))
        if key not in self._known:
            self._known[key] = tuple(
                Other(Place(collection.dataset, other.name), set(other.categories) == set(spec.categories))
                for collection, other in self._fields[spec.join_domain]
                if (collection.dataset, other.name) != here and self._is_read(collection, other, plan.key_class)
            )
        return self._known[key]

    def _is_read(self, collection: Collection, spec: FieldSpec, key_class: str) -> bool:
        """Tell whether anybody's purpose of a key class lets surrogates of a field leave."""
        chain, dataset = self._rules.chains[spec.chain], collection.dataset
        for purpose in self._rules.purposes.values():
            if purpose.key_class != key_class or not purposes.covers_call(purpose, dataset=dataset, operation="read"):
                continue
            allows = self._allows.covering(self._roles, operation="read", purpose=purpose.key, dataset=dataset)
            granted = GrantedCategories(allows).ceiling(spec, chain).treatment
            if granted.link and purposes.ceiling(purpose, spec, chain).treatment.link:
                return True
        return False

    def revealed(self, views: Views, inquiry: Inquiry, decision: Permit | StepUp, caps: Caps, now_us: int) -> Decision:
        """Return the decision on a reveal, or its refusal if a surrogate may be of a field that is not revealed to the caller.

        Args:
            views: Of the rules in force.
            inquiry: The reveal.
            decision: As the field that it names is decided alone.
            caps: Of the call; whether the sign-in is fresh was asked for by then.
            now_us: UTC microseconds.
        """
        purpose = self._rules.purposes[inquiry.purpose or PurposeKey("")]
        fresh = Caps(fresh=True, holds=caps.holds)
        for name in inquiry.fields or ():
            plan = views.view(inquiry, purpose, fresh, now_us)
            others = () if plan is None else self._stemming(views, inquiry, plan, name, now_us)
            if not all(is_clear(_seen(views, inquiry, one, REVEAL, purpose, fresh, now_us)) for one in others):
                return Deny(reason=Reason.FIELD_NOT_PERMITTED, fields=(name,), rule=purpose.key, title=OTHER_FIELD)
        return decision

    def unwritable(
        self, views: Views, inquiry: Inquiry, plan: ViewPlan, named: Iterable[FieldName], caps: Caps, now_us: int
    ) -> tuple[FieldName, ...]:
        """Return the fields that would show the caller more of what a surrogate may be of than it sees elsewhere."""
        in_force = [one for one in self._rules.purposes.values() if purposes.in_force(one, now_us)]
        return tuple(
            name
            for name in named
            if (others := self._stemming(views, inquiry, plan, name, now_us))
            and any(
                self._shows_more(views, inquiry, Place(plan.dataset, name), others, purpose, each, now_us)
                for purpose in in_force
                for each in _every(caps, inquiry)
            )
        )

    def _stemming(
        self, views: Views, inquiry: Inquiry, plan: ViewPlan, name: FieldName, now_us: int
    ) -> tuple[Place, ...]:
        """Return the other fields that a surrogate may be of which the caller passes off as one of a field."""
        return tuple(
            other.place
            for other in self.beside(plan, name)
            if not other.is_alike or self._reads(views, inquiry, plan.key_class, other.place, now_us)
        )

    def _reads(self, views: Views, inquiry: Inquiry, key_class: str, place: Place, now_us: int) -> bool:
        """Tell whether the caller itself gets surrogates of a field in a key class."""
        return any(
            view is not None and view.treatment.link
            for purpose in self._rules.purposes.values()
            if purpose.key_class == key_class and purposes.in_force(purpose, now_us)
            for view in (_seen(views, inquiry, place, "read", purpose, Caps(fresh=True), now_us),)
        )

    def _shows_more(
        self,
        views: Views,
        inquiry: Inquiry,
        place: Place,
        others: Iterable[Place],
        purpose: PurposeRule,
        caps: Caps,
        now_us: int,
    ) -> bool:
        here = _seen(views, inquiry, place, "read", purpose, caps, now_us)
        if here is None or here.treatment.level == 0:
            return False
        return any(
            not _shows_as_much(_seen(views, inquiry, other, "read", purpose, caps, now_us), here) for other in others
        )


def _every(caps: Caps, inquiry: Inquiry) -> Iterator[Caps]:
    """Yield what may lower the caller's views: what does now, and what does once holds are lifted."""
    is_person = inquiry.principal.proof >= Assurance.PERSON
    for holds in dict.fromkeys((caps.holds, ())):
        yield Caps(fresh=True, holds=holds)
        if is_person:
            yield Caps(fresh=False, holds=holds)


def _seen(
    views: Views, inquiry: Inquiry, place: Place, operation: str, purpose: PurposeRule, caps: Caps, now_us: int
) -> FieldView | None:
    dataset, field = place
    asked = msgspec.structs.replace(inquiry, dataset=dataset, operation=operation, purpose=purpose.key)
    plan = views.view(asked, purpose, caps, now_us)
    return None if plan is None else plan.view(field)


def _shows_as_much(other: FieldView | None, here: FieldView) -> bool:
    if other is None:
        return False
    if other.chain.rungs == here.chain.rungs:
        return here.treatment.level <= other.treatment.level
    return is_clear(other)
