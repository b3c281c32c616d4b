# SPDX-License-Identifier: Apache-2.0
"""Which roles could find out by trying what a surrogate stands for.

Whoever may write a field in clear and read surrogates of the same join domain can write one guess after
another and wait for the surrogate that it is looking for. So can whoever may name in clear the record to be
written or deleted: the surrogate it belongs to is that of the record which changed or is gone. It is no
error: somebody may have to do both. But it is told, for every role with all that it contains.

The answer errs towards telling: it looks at every time, recipient and assurance, takes each allow as in
force and each deny that ends or begins as not, and lets choices, age and transfer take nothing away. It
cannot see roles that are given to one account beside each other, and for two roles that do not contain
each other it says nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgspec

from gateway.decide.judging import is_clear
from gateway.decide.layers.collecting import COLLECTING
from gateway.decide.layers.grants import GrantIndex
from gateway.decide.layers.purposes import covers_call
from gateway.decide.plan import NEVER_US, Ask, compile_plan
from gateway.decide.rules import Grant, Recipient, RuleSet
from gateway.domain.catalog import WRITES, Collection
from gateway.domain.names import FieldName, JoinDomain, RoleName
from gateway.domain.parameters import filters_of
from gateway.domain.principal import Assurance
from gateway.domain.purpose import PurposeRule
from gateway.domain.treatment import Treatment
from gateway.domain.viewplan import FieldView, ViewPlan

PROOFS = (Assurance.SERVICE_SECRET, Assurance.SERVICE_KEY_BOUND, Assurance.PERSON)
SURROGATE = Treatment(0, link=True)


class Probing(msgspec.Struct, frozen=True, kw_only=True):
    """A role that can write clear values, or write to what they name, and read surrogates of one join domain.

    Attributes:
        writes / addresses / reads: Where, as ``crm.customers.email for <purpose>``; each sorted. What it
            addresses is what names the record that it writes or deletes.
    """

    role: RoleName
    join_domain: JoinDomain
    writes: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    reads: tuple[str, ...]

    def sentence(self) -> str:
        """Return what it can do, in one line."""
        deeds = [f"writes {', '.join(self.writes)} in clear"] if self.writes else []
        deeds += [f"names what it writes by {', '.join(self.addresses)} in clear"] if self.addresses else []
        deeds += [f"reads {', '.join(self.reads)} as surrogate"]
        return (
            f"role `{self.role}` can find out by trying what surrogates of `{self.join_domain}` stand for: "
            f"it {' and '.join(deeds)}"
        )


def probing_roles(rules: RuleSet) -> tuple[Probing, ...]:
    """Return every role, and every account that a ``g`` line names, that can do both, by role and join domain."""
    lasting = tuple(grant for grant in rules.grants if grant.allow or grant.from_us is grant.until_us is None)
    index = GrantIndex(lasting, rules.roles)
    found: list[Probing] = []
    for role in sorted({*rules.roles, *(grant.role for grant in rules.grants)}):
        held = rules.roles.get(role, frozenset((RoleName(role),)))
        plans = partial(_plans, rules, index, held)
        writes = _places(plans(COLLECTING, collecting=True), lambda _, view: is_clear(view))
        addresses = _places(plans(WRITES, collecting=False), partial(_is_addressed, rules))
        tries = writes.keys() | addresses.keys()
        reads = _places(plans(("read",), collecting=False), _is_surrogate) if tries else {}
        found += [
            Probing(
                role=RoleName(role),
                join_domain=domain,
                writes=tuple(sorted(writes.get(domain, ()))),
                addresses=tuple(sorted(addresses.get(domain, ()))),
                reads=tuple(sorted(reads[domain])),
            )
            for domain in sorted(tries & reads.keys())
        ]
    return tuple(found)


def _is_surrogate(_: ViewPlan, view: FieldView) -> bool:
    return SURROGATE in (view.treatment, view.stale)


def _is_addressed(rules: RuleSet, plan: ViewPlan, view: FieldView) -> bool:
    """Tell whether a write under the view may name its record by the clear value of the field."""
    return is_clear(view) and view.field in _in_paths(rules, plan)


def _in_paths(rules: RuleSet, plan: ViewPlan) -> Iterator[FieldName]:
    for route in rules.catalog.routes:
        if (route.dataset, route.operation) == (plan.dataset, plan.operation):
            yield from (one.field for said in route.parameters.values() for one in filters_of(said))


def _places(plans: Iterable[ViewPlan], counts: Callable[[ViewPlan, FieldView], bool]) -> dict[JoinDomain, set[str]]:
    """Return by join domain where a field of it counts in one of the views."""
    found: defaultdict[JoinDomain, set[str]] = defaultdict(set)
    for plan in plans:
        for view, spec in zip(plan.views, plan.collection.fields, strict=True):
            if counts(plan, view):
                found[spec.join_domain].add(f"{plan.dataset}.{spec.name} for {plan.purpose}")
    return found


def _plans(
    rules: RuleSet, index: GrantIndex, held: frozenset[RoleName], operations: Iterable[str], *, collecting: bool
) -> Iterator[ViewPlan]:
    """Yield every view that somebody of these roles can have with the operations."""
    for operation in operations:
        for ask in _asks(rules, index, held, operation):
            yield compile_plan(rules, msgspec.structs.replace(ask, collecting=collecting))


def _asks(rules: RuleSet, index: GrantIndex, held: frozenset[RoleName], operation: str) -> Iterator[Ask]:
    for collection in rules.catalog.collections.values():
        for purpose in rules.purposes.values():
            if not covers_call(purpose, dataset=collection.dataset, operation=operation):
                continue
            grants = index.covering(held, operation=operation, purpose=purpose.key, dataset=collection.dataset)
            if not any(grant.allow for grant in grants):
                continue
            for recipient in rules.recipients.values():
                for proof in PROOFS:
                    yield _ask(purpose, recipient, collection, operation, proof, grants)


def _ask(
    purpose: PurposeRule,
    recipient: Recipient,
    collection: Collection,
    operation: str,
    proof: Assurance,
    grants: tuple[Grant, ...],
) -> Ask:
    return Ask(
        purpose=purpose,
        recipient=recipient,
        collection=collection,
        operation=operation,
        proof=proof,
        grants=grants,
        valid_until_us=NEVER_US,
    )
