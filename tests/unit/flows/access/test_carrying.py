# SPDX-License-Identifier: Apache-2.0
"""Messages on their way: known as begun before they go, told as what they became, and never more than that."""

import asyncio
from collections.abc import AsyncIterator, Container, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from gateway.decide.decide import Decider
from gateway.domain.decision import Permit
from gateway.domain.errors import StateUnavailable, StoreUnreachable
from gateway.domain.names import DecisionId, PersonNumber
from gateway.domain.sending import Dispatch, Fate, LeftOut, Parcel
from gateway.flows.access.call import Call
from gateway.flows.access.carrying import STRETCH, Carrying
from gateway.flows.access.ports.doorway import Arrival, Origin
from gateway.flows.access.ports.sending import Send
from tests.fakes.access import AccessHouse
from tests.fakes.deciding import NOW_US, RULES, inquiry

N = STRETCH + 6
ASKED = inquiry(fields=("email",))


class Office:
    """What is known of keys, and who carries messages.

    Attributes:
        known: By key what the database has, after each step of the way.
        went: Keys that went, each with what the database knew of it by then.
        fails_at: The begin that does not come about, from 0.
        foreign: Keys that are another call's by now.
        holds: While it is clear, messages wait at the carrier.
    """

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        """Begin with all of them claimed."""
        self.known: dict[bytes, str] = {one.digest: "claimed" for one in parcels}
        self.went: list[tuple[bytes, str]] = []
        self.fails_at, self.n_begun = -1, 0
        self.foreign: Container[bytes] = ()
        self.is_away = False
        self.says: Mapping[bytes, Fate] = {}
        self.came, self.holds = asyncio.Event(), asyncio.Event()
        self.holds.set()

    async def claim(self, call: str, keys: Sequence[bytes], now_us: int) -> Mapping[bytes, Fate]:
        """Is not asked here."""
        raise NotImplementedError

    async def begin(self, call: str, keys: Sequence[bytes], became: Mapping[bytes, Fate]) -> set[bytes]:
        """Let them be unknown."""
        del call
        self.n_begun += 1
        if self.n_begun - 1 == self.fails_at:
            raise StateUnavailable("no database")
        self.known |= {key: fate.value for key, fate in became.items()}
        mine = {key for key in keys if key not in self.foreign}
        self.known |= dict.fromkeys(mine, "unknown")
        return mine

    async def settle(self, call: str, fates: Mapping[bytes, Fate]) -> None:
        """Keep what became of them."""
        del call
        self.known |= {key: fate.value for key, fate in fates.items() if key not in self.foreign}

    async def let_go(self, *calls: str) -> None:
        """Is not asked here."""
        raise NotImplementedError

    @asynccontextmanager
    async def opened(self, dispatch: Dispatch) -> AsyncIterator[Send]:
        """Yield the way to the carrier."""
        del dispatch
        if self.is_away:
            raise StoreUnreachable("away", not_sent=True)

        async def send(parcel: Parcel) -> Fate:
            self.went.append((parcel.digest, self.known[parcel.digest]))
            self.came.set()
            await self.holds.wait()
            return self.says.get(parcel.digest, Fate.SENT)

        yield send


def parcels(n: int = N) -> list[Parcel]:
    """Return messages to so many people."""
    return [
        Parcel(row=row, digest=bytes([row]) * 32, people=(PersonNumber(row + 1),), member="to", address="x", texts=())
        for row in range(n)
    ]


def carrying(office: Office, house: AccessHouse | None = None) -> Carrying:
    """Return a call's messages before the first of them goes."""
    rooms = msgspec.structs.replace((house or AccessHouse()).rooms, dispatches=office, recipients=office)
    permit = Decider(RULES, lambda _rung, _text: True).decide(ASKED, (), NOW_US)
    assert isinstance(permit, Permit)
    arrival = Arrival(
        decision_id=DecisionId("d"), method="POST", authorization=None, purpose=None, reference=None,
        origin=Origin(ip="", user_agent=""), bind=None,  # type: ignore[arg-type]
    )  # fmt: skip
    return Carrying(rooms, Call(arrival, (house or AccessHouse()).out), ASKED, permit)


async def test_each_message_is_known_as_begun_before_it_goes() -> None:
    """What became of a stretch is known before the next is begun; at the end all is."""
    some = parcels()
    office = Office(some)
    office.says = {some[0].digest: Fate.FAILED, some[1].digest: Fate.UNKNOWN}
    assert await carrying(office).carried(some) == {0: LeftOut.FAILED, 1: LeftOut.UNKNOWN}
    assert [known for _, known in office.went] == ["unknown"] * N
    assert list(office.known.values()) == ["failed", "unknown", *["sent"] * (N - 2)]
    assert office.n_begun == 2


async def test_a_call_that_is_cut_off_leaves_unknown_what_was_tried_and_nothing_else() -> None:
    """The first stretch was with the carrier; what was behind it may be tried again."""
    some = parcels()
    office = Office(some)
    office.holds.clear()
    task = asyncio.create_task(carrying(office).carried(some))
    await office.came.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    tried = {key for key, _ in office.went}
    assert tried
    assert {key for key, known in office.known.items() if known == "unknown"} == tried
    assert {known for key, known in office.known.items() if key not in tried} == {"failed"}


async def test_who_was_erased_while_the_call_was_under_way_gets_nothing() -> None:
    """Looked at again before each stretch: neither goes the message of the first, nor that of the last."""
    some, house = parcels(), AccessHouse()
    office = Office(some)
    house.people.gone = frozenset({PersonNumber(1), PersonNumber(N)})
    assert await carrying(office, house).carried(some) == {0: LeftOut.STOPPED, N - 1: LeftOut.STOPPED}
    assert {key for key, _ in office.went} == {one.digest for one in some[1:-1]}


async def test_without_the_databases_word_nothing_goes() -> None:
    """A stretch that cannot be known as begun stops the call; a key that is another call's is not sent."""
    some = parcels()
    office = Office(some)
    office.fails_at = 1
    left = await carrying(office).carried(some)
    assert left == dict.fromkeys(range(STRETCH, N), LeftOut.STOPPED)
    assert len(office.went) == STRETCH
    assert [office.known[one.digest] for one in some[STRETCH:]] == ["failed"] * (N - STRETCH)
    office = Office(some)
    office.foreign = {some[2].digest}
    assert await carrying(office).carried(some) == {2: LeftOut.UNKNOWN}
    assert some[2].digest not in {key for key, _ in office.went}


async def test_a_carrier_that_is_away_gets_nothing_and_a_call_without_messages_asks_nobody() -> None:
    """All of it failed, and may be tried again."""
    some = parcels(3)
    office = Office(some)
    office.is_away = True
    assert await carrying(office).carried(some) == dict.fromkeys(range(3), LeftOut.FAILED)
    assert set(office.known.values()) == {"failed"}
    assert await carrying(Office([])).carried([]) == {}
