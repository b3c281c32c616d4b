# SPDX-License-Identifier: Apache-2.0
"""Who decides on somebody else's reveal: judged like any caller, just signed in, and never who asked."""

import msgspec
import pytest

from gateway.domain.approval import Approval, ApprovalState
from gateway.domain.catalog import AnswerShape, Catalog, Collection, Route
from gateway.domain.decision import Deny, Reason
from gateway.domain.entry import Changed, Looked, Part
from gateway.domain.names import AccountId, DecisionId, PurposeKey
from gateway.domain.own_data import APPROVALS, OWN_APPROVALS
from gateway.domain.principal import FRESH_SIGN_IN_US, Assurance
from gateway.flows.explain import Asking
from gateway.flows.reveal.approving import Approving, Stated, Word
from tests.fakes.access import FakeHolds, FakeIdentify, FakeRules
from tests.fakes.clock import FakeClock
from tests.fakes.deciding import MAILING, NOW_US, PERSON, RULES, field, grant, hold, with_purpose
from tests.fakes.signin import MemoryLog
from tests.unit.flows.reveal.test_asking import Kept
from tests.unit.store.test_approvals import BOUND

COLLECTION = Collection(dataset=OWN_APPROVALS, fields=(field("id", "system"),), subject=None)
ROUTE = Route(
    method="GET", template=APPROVALS, operation="read", dataset=OWN_APPROVALS, answer=AnswerShape(kind="array"),
    parameters={},
)  # fmt: skip
APPROVES = msgspec.structs.replace(
    with_purpose(operations=("read", "approve"), categories=(msgspec.structs.replace(
        RULES.purposes[MAILING].categories[0], category="system"),)),
    catalog=Catalog(collections={OWN_APPROVALS: COLLECTION}, routes=(ROUTE,)),
    grants=(grant("system", dataset="gateway.approvals", operation="approve"),),
)  # fmt: skip
STATED = Stated(authorization="Bearer x", purpose=PurposeKey(MAILING), reference="case-2")
ASKING = Asking(call=DecisionId("c"), part=Part(), size_of=lambda _told: 10)
WAITS = Approval(id="ap_1", bound=BOUND, surrogates=101, asked_us=1, until_us=2)


class House:
    """The flow over fakes, with one that waits."""

    def __init__(self) -> None:
        self.rules, self.identify, self.holds = FakeRules(APPROVES), FakeIdentify(), FakeHolds()
        self.kept, self.log = Kept(), MemoryLog()
        self.kept.there[WAITS.id] = WAITS
        self.flow = Approving(
            rules=self.rules, identify=self.identify, holds=self.holds, kept=self.kept, recorder=self.log,
            clock=FakeClock(NOW_US),
        )  # fmt: skip

    async def say(self, word: Word = "approve", approval: str = WAITS.id, **stated: object) -> Approval | Deny:
        """Say a word."""
        return await self.flow.decide(msgspec.structs.replace(STATED, **stated), approval, word, ASKING)

    async def refused(self, **stated: object) -> Reason:
        """Return why a word does not count; then nothing was entered and it waits still."""
        told = await self.say(**stated)  # type: ignore[arg-type]
        assert isinstance(told, Deny)
        assert self.log.entries == []
        assert self.kept.there[WAITS.id] == WAITS
        return told.reason


@pytest.fixture
def house() -> House:
    """Somebody who may approve."""
    return House()


@pytest.mark.parametrize(("word", "state", "what"), [
    ("approve", ApprovalState.APPROVED, "reveal-approved"), ("refuse", ApprovalState.REFUSED, "reveal-refused"),
])  # fmt: skip
async def test_a_word_is_entered_and_then_counts(house: House, word: Word, state: ApprovalState, what: str) -> None:
    """The entry says whose, for whom and for what; the answer's bytes are entered too."""
    told = await house.say(word)
    assert isinstance(told, Approval)
    assert (told.state, told.by) == (state, PERSON.account)
    (changed, _), (looked, _) = house.log.entries
    assert isinstance(changed, Changed)
    assert (changed.what, changed.by, changed.target) == (what, "a_1", "ap_1")
    assert changed.facts["for"] == "a_ana"
    assert changed.facts["surrogates"] == 101
    assert isinstance(looked, Looked)
    assert (looked.call, looked.bytes) == ("c", 10)


async def test_nobody_decides_on_what_they_asked_for(house: House) -> None:
    """Not even to refuse it."""
    own = msgspec.structs.replace(WAITS, bound=msgspec.structs.replace(BOUND, account=PERSON.account))
    house.kept.there[WAITS.id] = own
    for word in ("approve", "refuse"):
        told = await house.say(word)
        assert isinstance(told, Deny)
        assert told.reason is Reason.APPROVAL_REQUIRED
    assert house.log.entries == []
    assert house.kept.there[WAITS.id] == own


async def test_a_grant_to_read_what_waits_is_no_grant_to_approve(house: House) -> None:
    """Least privilege."""
    reading = grant("system", dataset="gateway.approvals", operation="read")
    house.rules.swap(msgspec.structs.replace(APPROVES, grants=(reading,)))
    assert await house.refused() is Reason.GRANT_MISSING


async def test_a_sign_in_of_before_and_a_service_are_not_enough(house: House) -> None:
    """Both factors, in the last five minutes."""
    house.identify.found = msgspec.structs.replace(PERSON, signed_in_us=NOW_US - FRESH_SIGN_IN_US - 1)
    assert await house.refused() is Reason.STEP_UP_REQUIRED
    house.identify.found = msgspec.structs.replace(PERSON, proof=Assurance.SERVICE_KEY_BOUND)
    assert await house.refused() is Reason.STEP_UP_REQUIRED


async def test_whoever_is_held_decides_nothing(house: House) -> None:
    """Whatever the hold is about."""
    house.holds.now = (hold("user.contact"),)
    assert await house.refused() is Reason.HELD


@pytest.mark.parametrize(("stated", "reason"), [
    ({"authorization": None}, Reason.SIGN_IN_REQUIRED), ({"purpose": "marketing.other"}, Reason.PURPOSE_UNKNOWN),
    ({"approval": "ap_2"}, Reason.NOT_FOUND),
])  # fmt: skip
async def test_any_other_word_is_refused(house: House, stated: dict[str, str], reason: Reason) -> None:
    """Nobody's, for nothing, about nothing."""
    assert await house.refused(**stated) is reason


async def test_of_two_words_the_first_counts(house: House) -> None:
    """The other is told that there is nothing to decide."""
    assert isinstance(await house.say(), Approval)
    told = await house.say("refuse")
    assert isinstance(told, Deny)
    assert told.reason is Reason.NOT_FOUND
    assert house.kept.there[WAITS.id].by == AccountId("a_1")
