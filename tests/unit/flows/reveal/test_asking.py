# SPDX-License-Identifier: Apache-2.0
"""An approval is entered before it is kept, asked for once, and used up once by the word of somebody who still may."""

import msgspec
import pytest

from gateway.domain.approval import LASTS_US, MOST_OPEN, Approval, ApprovalState, Bound
from gateway.domain.entry import Changed
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import AccountId, DecisionId
from gateway.flows.reveal.asking import Approvals
from tests.fakes.signin import MemoryLog
from tests.unit.store.test_approvals import BOUND

NOW_US = 1_000


class Kept:
    """Approvals in memory."""

    def __init__(self) -> None:
        self.there: dict[str, Approval] = {}
        self.waiting = 0

    async def of(self, bound: Bound, now_us: int) -> Approval | None:
        """Return what is bound to the same."""
        usable = (ApprovalState.OPEN, ApprovalState.APPROVED)
        return next((one for one in self.there.values() if one.bound == bound and one.state in usable), None)

    async def n_open(self, account: AccountId, now_us: int) -> int:
        """Return what the test said."""
        return self.waiting

    async def add(self, approval: Approval, *, most_open: int, now_us: int) -> Approval | None:
        """Keep it."""
        return self.there.setdefault(approval.id, approval)

    async def find(self, approval_id: str, now_us: int) -> Approval | None:
        """Return one that waits."""
        one = self.there.get(approval_id)
        return one if one is not None and one.state is ApprovalState.OPEN else None

    async def decide(self, approval_id: str, state: ApprovalState, by: AccountId, now_us: int) -> bool:
        """Decide one that waits."""
        if await self.find(approval_id, now_us) is None:
            return False
        self.there[approval_id] = msgspec.structs.replace(self.there[approval_id], state=state, by=by)
        return True

    async def spend(self, approval_id: str, now_us: int) -> bool:
        """Use one up that was approved."""
        one = self.there[approval_id]
        self.there[approval_id] = msgspec.structs.replace(one, state=ApprovalState.SPENT)
        return one.state is ApprovalState.APPROVED


class House:
    """The flow over fakes."""

    def __init__(self) -> None:
        self.kept, self.log, self.may = Kept(), MemoryLog(), True
        self.approvals = Approvals(self.kept, self.log, self._may)

    async def _may(self, account: AccountId) -> bool:
        return self.may

    async def approved(self, by: str = "a_ben") -> Approval:
        """Return one that somebody approved."""
        one = await self.approvals.ask(BOUND, 101, NOW_US)
        assert one is not None
        self.kept.there[one.id] = msgspec.structs.replace(one, state=ApprovalState.APPROVED, by=AccountId(by))
        return self.kept.there[one.id]

    @property
    def whats(self) -> list[str]:
        """What was entered."""
        return [entry.what for entry, _ in self.log.entries if isinstance(entry, Changed)]


@pytest.fixture
def house() -> House:
    """Nothing asked for yet."""
    return House()


async def test_what_is_asked_for_is_entered_without_a_surrogate_and_lasts_eight_hours(house: House) -> None:
    """Who asks again gets the same, and it is not entered again."""
    one = await house.approvals.ask(BOUND, 101, NOW_US)
    assert one is not None
    assert one.until_us == NOW_US + LASTS_US
    assert one.id.startswith("ap_")
    assert await house.approvals.ask(BOUND, 101, NOW_US + 5) == one
    ((entry, _),) = house.log.entries
    assert isinstance(entry, Changed)
    assert (entry.what, entry.by, entry.target) == ("reveal-asked", "a_ana", one.id)
    assert entry.facts["surrogates"] == 101
    assert BOUND.digest not in entry.facts.values()


async def test_where_too_many_wait_nothing_is_entered_and_nothing_kept(house: House) -> None:
    """The bound is looked at before anything else."""
    house.kept.waiting = MOST_OPEN
    assert await house.approvals.ask(BOUND, 101, NOW_US) is None
    assert house.log.entries == []
    assert house.kept.there == {}


async def test_an_approval_is_used_up_once_and_the_log_says_by_which_call(house: House) -> None:
    """The second time it is none."""
    one = await house.approved()
    assert await house.approvals.spend(one, DecisionId("d1"), NOW_US)
    assert not await house.approvals.spend(one, DecisionId("d2"), NOW_US)
    assert house.whats == ["reveal-asked", "reveal-approval-spent"]
    entry = house.log.entries[-1][0]
    assert isinstance(entry, Changed)
    assert entry.facts == {"call": "d1", "approved_by": "a_ben"}


@pytest.mark.parametrize("by", ["a_ana", ""])
async def test_a_word_of_nobody_else_is_none(house: House, by: str) -> None:
    """Whatever the database holds."""
    one = await house.approved(by)
    assert not await house.approvals.spend(one, DecisionId("d1"), NOW_US)
    assert house.kept.there[one.id].state is ApprovalState.APPROVED


async def test_the_word_of_somebody_who_may_approve_no_more_is_none(house: House) -> None:
    """Disabled, locked or demoted since."""
    one = await house.approved()
    house.may = False
    assert not await house.approvals.spend(one, DecisionId("d1"), NOW_US)
    assert house.whats == ["reveal-asked"]


async def test_what_cannot_be_entered_is_not_kept(house: House) -> None:
    """Neither is a use that cannot be entered a use."""
    house.log.is_full = True
    with pytest.raises(LogUnavailable):
        await house.approvals.ask(BOUND, 101, NOW_US)
    assert house.kept.there == {}
