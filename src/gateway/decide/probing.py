# SPDX-License-Identifier: Apache-2.0
"""Which roles could find out by trying what a surrogate stands for.

Whoever may write a field in clear and read surrogates of the same join domain can write one guess after
another and wait for the surrogate that it is looking for. It is no error: somebody may have to do both. But
it is told, for every role with all that it contains.

The answer errs towards telling: it looks at every time, recipient and assurance, takes each allow as in
force and each deny that ends or begins as not, and lets choices, age and transfer take nothing away. It
cannot see roles that are given to one account beside each other, and for two roles that do not contain
each other it says nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from gateway.decide.collecting import COLLECTING
from gateway.decide.grants import GrantIndex
from gateway.decide.judging import is_clear
from gateway.decide.plan import NEVER_US, Ask, compile_plan
from gateway.decide.purposes import covers_call
from gateway.decide.rules import Grant, Recipient, RuleSet
from gateway.domain.catalog import Collection
from gateway.domain.names import JoinDomain, RoleName
from gateway.domain.principal import Assurance
from gateway.domain.purpose import PurposeRule
from gateway.domain.treatment import Treatment
from gateway.domain.viewplan import ViewPlan

PROOFS = (Assurance.SERVICE_SECRET, Assurance.SERVICE_KEY_BOUND, Assurance.PERSON)
SURROGATE = Treatment(0, link=True)


class Probing(msgspec.Struct, frozen=True, kw_only=True):
    """A role that can write clear values and read surrogates of one join domain.

    Attributes:
        writes / reads: Where, as ``crm.customers.email for <purpose>``; each sorted.
    """

    role: RoleName
    join_domain: JoinDomain
    writes: tuple[str, ...]
    reads: tuple[str, ...]

    def sentence(self) -> str:
        """Return what it can do, in one line."""
        return (
            f"role `{self.role}` can find out by trying what surrogates of `{self.join_domain}` stand for: it writes "
            f"{', '.join(self.writes)} in clear and reads {', '.join(self.reads)} as surrogate"
        )


def probing_roles(rules: RuleSet) -> tuple[Probing, ...]:
    """Return every role, and every account that a ``g`` line names, that can do both, by role and join domain."""
    lasting = tuple(grant for grant in rules.grants if grant.allow or grant.from_us is grant.until_us is None)
    index = GrantIndex(lasting, rules.roles)
    found: list[Probing] = []
    for role in sorted({*rules.roles, *(grant.role for grant in rules.grants)}):
        held = rules.roles.get(role, frozenset((RoleName(role),)))
        writes = _places(rules, index, held, COLLECTING)
        reads = _places(rules, index, held, ("read",)) if writes else {}
        found += [
            Probing(
                role=RoleName(role),
                join_domain=domain,
                writes=tuple(sorted(writes[domain])),
                reads=tuple(sorted(reads[domain])),
            )
            for domain in sorted(writes.keys() & reads.keys())
        ]
    return tuple(found)


def _places(
    rules: RuleSet, index: GrantIndex, held: frozenset[RoleName], operations: Iterable[str]
) -> dict[JoinDomain, set[str]]:
    """Return by join domain where values of it can be written in clear or, for reading, leave as surrogates."""
    found: defaultdict[JoinDomain, set[str]] = defaultdict(set)
    for operation in operations:
        for plan in _plans(rules, index, held, operation):
            for view, spec in zip(plan.views, plan.collection.fields, strict=True):
                if is_clear(view) if operation in COLLECTING else SURROGATE in (view.treatment, view.stale):
                    found[spec.join_domain].add(f"{plan.dataset}.{spec.name} for {plan.purpose}")
    return found


def _plans(rules: RuleSet, index: GrantIndex, held: frozenset[RoleName], operation: str) -> Iterator[ViewPlan]:
    """Yield every view that somebody of these roles can have with an operation."""
    for collection in rules.catalog.collections.values():
        for purpose in rules.purposes.values():
            if not covers_call(purpose, dataset=collection.dataset, operation=operation):
                continue
            grants = index.covering(held, operation=operation, purpose=purpose.key, dataset=collection.dataset)
            if not any(grant.allow for grant in grants):
                continue
            for recipient in rules.recipients.values():
                for proof in PROOFS:
                    yield compile_plan(rules, _ask(purpose, recipient, collection, operation, proof, grants))


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
        collecting=operation in COLLECTING,
    )
