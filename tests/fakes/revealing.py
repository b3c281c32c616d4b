# SPDX-License-Identifier: Apache-2.0
"""A reveal over fakes: what stands behind surrogates and what second persons said is said by the test."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.decide.rules import RuleSet
from gateway.domain.approval import Approval, ApprovalState, Bound
from gateway.domain.catalog import Collection, FieldSpec
from gateway.domain.inquiry import Inquiry, Surrogated
from gateway.domain.names import AccountId, DecisionId, FieldName, PersonNumber
from gateway.domain.revealed import Found, route_of
from gateway.flows.access.ports.at_rest import Reveals
from gateway.transform.inner import text_of
from gateway.transform.surrogates import Surrogates
from tests.fakes.access import AccessHouse
from tests.fakes.deciding import COLLECTION, MAILING, PEOPLE, RULES, grant, inquiry, with_purpose
from tests.fakes.surrogate_keys import FakeSurrogateKeys

EMAIL = next(spec for spec in COLLECTION.fields if spec.name == "email")


def revealing_rules(*, above: int = 10, **changes: object) -> RuleSet:
    """Return rules under which addresses are revealed for the one purpose, up to so many on one's own word."""
    rules = with_purpose(**{"operations": ("read", "reveal"), "second_person_above": above, **changes})
    return msgspec.structs.replace(rules, grants=(*RULES.grants, grant("user.contact", operation="reveal")))


class FakeBehind:
    """Finds each value as it is, and whose the test says it is."""

    def __init__(self) -> None:
        self.people: dict[str, tuple[PersonNumber, ...]] = {}
        self.erased: set[str] = set()

    async def found(self, collection: Collection, field: FieldSpec, forms: Sequence[bytes]) -> Sequence[Found]:
        """Return what the test said."""
        values = [text_of(form) if form else "" for form in forms]
        return [
            Found(value=value if value and value not in self.erased else None, people=self.people.get(value, ()))
            for value in values
        ]


class FakeApprovals:
    """Keeps approvals by what they are bound to."""

    def __init__(self) -> None:
        self.asked: dict[Bound, Approval] = {}
        self.spent: list[str] = []
        self.is_full = False

    async def ask(self, bound: Bound, n_surrogates: int, now_us: int) -> Approval | None:
        """Return what was asked before for the same, or a new one."""
        if self.is_full:
            return None
        new = Approval(
            id=f"ap_{len(self.asked)}", bound=bound, surrogates=n_surrogates, asked_us=now_us, until_us=now_us + 1
        )
        return self.asked.setdefault(bound, new)

    async def spend(self, approval: Approval, by: DecisionId, now_us: int) -> bool:
        """Let it be used up once."""
        if approval.id in self.spent:
            return False
        self.spent.append(approval.id)
        return True

    def approve(self) -> None:
        """Say yes to everything."""
        self.asked = {
            bound: msgspec.structs.replace(one, state=ApprovalState.APPROVED, by=AccountId("a_2"))
            for bound, one in self.asked.items()
        }


class RevealHouse(AccessHouse):
    """The access flow over fakes, asked for the values of addresses."""

    def __init__(self, rules: RuleSet | None = None) -> None:
        super().__init__(revealing_rules() if rules is None else rules)
        self.behind, self.approvals = FakeBehind(), FakeApprovals()
        self.mandates: Any = None
        self.rooms = msgspec.structs.replace(self.rooms, reveals=Reveals(behind=self.behind, approvals=self.approvals))

    def of(self, *values: str, key_class: str = "marketing") -> list[str]:
        """Return the surrogates of values, each of somebody of its own unless the test said whose it is."""
        made = Surrogates(FakeSurrogateKeys(), key_class=key_class, recipient="own")
        for value in values:
            self.behind.people.setdefault(value, (PersonNumber(100 + len(self.behind.people)),))
        return [made.of(EMAIL, value) or "" for value in values]

    def ask(self, surrogates: Sequence[str], **changes: object) -> Inquiry:
        """Let the next call be for these."""
        made = msgspec.structs.replace(
            inquiry(fields=("email",), purpose=MAILING),
            operation="reveal",
            route=route_of(PEOPLE),
            surrogates=Surrogated(tuple(surrogates)),
        )
        self.asked = msgspec.structs.replace(made, **changes)
        return self.asked

    @property
    def told(self) -> list[tuple[object, object]]:
        """Value and cause of each surrogate of the last answer."""
        return [(one.get("value"), one.get("cause")) for one in msgspec.json.decode(self.out.body)["values"]]


FIELD = FieldName("email")
