# SPDX-License-Identifier: Apache-2.0
"""Everything that the access flow is handed, in memory: each fake implements one of its Protocols."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from gateway.decide.decide import Decider
from gateway.decide.rules import RuleSet
from gateway.domain.budget import BudgetKey, BudgetRule, BudgetState, Counted, Taken
from gateway.domain.catalog import Catalog
from gateway.domain.continuation import Continuation
from gateway.domain.decision import Deny, Reason, Refusal
from gateway.domain.entry import Entry, Part, Refused
from gateway.domain.errors import HangUp, LogUnavailable
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import AccountId, DecisionId, IdentityKind, PersonNumber, PurposeKey
from gateway.domain.principal import Principal
from gateway.domain.viewplan import Hold, ViewPlan
from gateway.flows.access.call import Rooms
from gateway.flows.access.flow import AccessFlow
from gateway.flows.access.ports.doorway import Answer, Arrival, Origin
from gateway.flows.access.ports.stores import StoreAnswer, StoreCall
from gateway.transform.codec import Codec, compile_codec
from tests.fakes.clock import FakeClock
from tests.fakes.deciding import MAILING, NOW_US, PERSON, RULES, inquiry
from tests.fakes.surrogate_keys import FakeSurrogateKeys

Happening = Callable[[], None]


class FakeOut:
    """Keeps what is told, in its order; a caller may hang up after so many writes.

    Attributes:
        told: ``refused``, ``started``, ``finished``, ``aborted`` and the blocks between.
    """

    def __init__(self) -> None:
        self.told: list[object] = []
        self.answer: Answer | None = None
        self.refusal: Refusal | None = None
        self.hangs_up_at: int | None = None

    @property
    def body(self) -> bytes:
        """All blocks."""
        return b"".join(one for one in self.told if isinstance(one, bytes))

    def refusal_body(self, refusal: Refusal) -> bytes:
        """Return the reason as the body."""
        return refusal.reason.encode()

    async def refuse(self, refusal: Refusal, body: bytes) -> None:
        """Keep the refusal."""
        self._push("refused")
        self.refusal = refusal

    async def start(self, answer: Answer) -> None:
        """Keep the head."""
        self._push("started")
        self.answer = answer

    async def write(self, block: bytes, *, last: bool = False) -> None:
        """Keep a block."""
        self._push(block)

    def still_there(self) -> None:
        """Raise if the caller hung up."""
        if self.hangs_up_at is not None and len(self.told) >= self.hangs_up_at:
            raise HangUp("the caller went away")

    async def finish(self) -> None:
        """Keep the end."""
        self._push("finished")

    async def abort(self) -> None:
        """Keep the break."""
        self.told.append("aborted")

    def _push(self, what: object) -> None:
        if self.hangs_up_at is not None and len(self.told) >= self.hangs_up_at:
            raise HangUp("the caller went away")
        self.told.append(what)


@dataclass
class FakeRecorder:
    """A log in memory; it can fail at one place, or at all."""

    entries: list[tuple[Entry, Part | None]] = field(default_factory=list)
    early: list[Refused] = field(default_factory=list)
    fails_at: int | None = None
    is_full: bool = False
    has_room: bool = True
    on_append: Happening = lambda: None

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Keep the entry."""
        self.on_append()
        if self.is_full or len(self.entries) == self.fails_at:
            self.fails_at = None
            raise LogUnavailable("the disk is full")
        self.entries.append((entry, part))
        return len(self.entries) - 1

    async def refused(self, entry: Refused, part: Part) -> None:
        """Keep a refusal of the unknown."""
        self.early.append(entry)

    def room_left(self) -> bool:
        """Tell whether the disk has room."""
        return self.has_room


class FakePeople:
    """Numbers people in the order in which they are met, from 100 on; orphans from 900 on."""

    def __init__(self) -> None:
        self.known: dict[str, PersonNumber] = {}
        self.n_orphans = 0
        self.gone: frozenset[PersonNumber] = frozenset()

    async def numbers(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber]:
        """Return a number for each."""
        return [self.known.setdefault(value, PersonNumber(100 + len(self.known))) for value in values]

    async def orphan_numbers(self, n: int) -> list[PersonNumber]:
        """Return new numbers."""
        self.n_orphans += n
        return [PersonNumber(900 + self.n_orphans - place) for place in range(n, 0, -1)]

    async def find_each(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber | None]:
        """Return the numbers of those who are known."""
        return [self.known.get(value) for value in values]

    async def known_still(self, numbers: Sequence[PersonNumber]) -> frozenset[PersonNumber]:
        """Return those who are here still: everybody whom a test has not taken out."""
        return frozenset(numbers) - self.gone


class FakeBudgets:
    """Gives as much as the test says is left, whoever asks."""

    def __init__(self) -> None:
        self.left: int | None = None

    async def take(
        self,
        key: BudgetKey,
        rules: Sequence[BudgetRule],
        people: Sequence[PersonNumber],
        n_rows: int,
        *,
        whole: bool,
        now_us: int,
        counted: Collection[Counted] = (),
    ) -> Taken:
        """Take from what is left."""
        if self.left is None:
            return Taken(n_rows=n_rows)
        given = min(n_rows, self.left)
        if whole and given < n_rows:
            given = 0
        self.left -= given
        states = tuple(BudgetState(rule=rule, left=self.left, resets_s=60) for rule in rules)
        return Taken(n_rows=given, states=states, wait_s=60 if given < n_rows else None)


class FakeChoiceSet(msgspec.Struct, frozen=True):
    """Withholds certain numbers."""

    version: int = 1
    against: frozenset[int] = frozenset()

    def withheld(
        self, numbers: Sequence[PersonNumber], *, needs_consent: bool, honours_objection: bool
    ) -> Sequence[bool]:
        """Tell for each whether it is one of those."""
        return [number in self.against for number in numbers]


class FakeChoices:
    """One set for every purpose; swapped by the test."""

    def __init__(self) -> None:
        self.now = FakeChoiceSet()

    def sets_for(self, purpose: PurposeKey) -> FakeChoiceSet:
        """Return the set."""
        return self.now


class FakeHolds:
    """The holds on every account."""

    def __init__(self) -> None:
        self.now: tuple[Hold, ...] = ()

    def for_account(self, account: AccountId) -> tuple[Hold, ...]:
        """Return them."""
        return self.now


class FakeIdentify:
    """Knows one principal, whatever is shown."""

    def __init__(self) -> None:
        self.found: Principal | Deny = PERSON
        self.revoked = False

    def principal(self, authorization: str | None, now_us: int) -> Principal | Deny:
        """Return the principal, or nobody where nothing was shown."""
        return self.found if authorization is not None else Deny(reason=Reason.SIGN_IN_REQUIRED, rule="none")

    def is_revoked(self, who: Principal) -> bool:
        """Tell whether the sign-in was ended."""
        return self.revoked


class FakeIdempotencyKeys:
    """Says in the key whose it is."""

    def for_store(self, stated: str, whose: Sequence[str]) -> str:
        """Return both, joined."""
        return "|".join((*whose, stated))

    def digest(self, stated: str, whose: Sequence[str]) -> bytes:
        """Return a digest of both."""
        return sha256(self.for_store(stated, whose).encode()).digest()


class FakeRules:
    """Rules in force; swapped by the test."""

    def __init__(self, rules: RuleSet) -> None:
        self.decider = Decider(rules, lambda _rung, _text: True)

    def swap(self, rules: RuleSet) -> None:
        """Put others in force."""
        self.decider = Decider(rules, lambda _rung, _text: True)


class FakeTarget:
    """Answers with pieces, after each of which something may happen, or with an error.

    Attributes:
        calls: What was asked.
    """

    def __init__(self) -> None:
        self.calls: list[StoreCall] = []
        self.pieces: Sequence[bytes] = (b"[]",)
        self.between: Callable[[int], None] = lambda _: None
        self.absent = False
        self.status = 200
        self.etag: str | None = None
        self.error: Exception | None = None
        self.error_at_end: BaseException | None = None

    @asynccontextmanager
    async def call(self, call: StoreCall) -> AsyncIterator[StoreAnswer]:
        """Answer."""
        self.calls.append(call)
        if self.error is not None:
            raise self.error
        yield self

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the pieces."""
        for place, piece in enumerate(self.pieces):
            self.between(place)
            yield piece
        if self.error_at_end is not None:
            raise self.error_at_end


STATUS: Mapping[Reason, int] = {reason: 400 + place for place, reason in enumerate(Reason)}


class AccessHouse:
    """The access flow over fakes; the decision, the codec and the cutting of blocks are the real ones."""

    def __init__(self, rules: RuleSet = RULES) -> None:
        self.clock = FakeClock(NOW_US)
        self.rules, self.identify, self.people = FakeRules(rules), FakeIdentify(), FakePeople()
        self.choices, self.holds, self.target = FakeChoices(), FakeHolds(), FakeTarget()
        self.budgets = FakeBudgets()
        self.recorder, self.out = FakeRecorder(), FakeOut()
        self.is_current = True
        self.asked: Inquiry | Deny = inquiry()
        self.mandate: str | None = None
        self._codecs: dict[ViewPlan, Codec] = {}
        self._keys = FakeSurrogateKeys()
        self.rooms = Rooms(
            rules=self.rules,
            identify=self.identify,
            people=self.people,
            choices=self.choices,
            holds=self.holds,
            budgets=self.budgets,
            target=self.target,
            recorder=self.recorder,
            early=self.recorder,
            is_current=lambda: self.is_current,
            codec_of=self.codec_of,
            idempotency=FakeIdempotencyKeys(),
            status_of=STATUS.__getitem__,
            clock=self.clock,
        )

    def codec_of(self, plan: ViewPlan) -> Codec:
        """Return the codec of a plan."""
        return self._codecs.setdefault(plan, compile_codec(plan, self._keys))

    async def run(
        self,
        *,
        authorization: str | None = "Bearer x",
        purpose: str | None = MAILING,
        framing: Deny | None = None,
        sealed: Callable[[Continuation], str] | None = None,
    ) -> FakeOut:
        """Make one call and return what it was told."""
        arrival = Arrival(
            decision_id=DecisionId("d"),
            method="GET",
            authorization=authorization,
            purpose=None if purpose is None else PurposeKey(purpose),
            reference=None,
            origin=Origin(ip="192.0.2.7", user_agent="test"),
            bind=self._bind,
            framing=framing,
            sealed=sealed,
            mandate=self.mandate,
        )
        await AccessFlow(self.rooms).run(arrival, self.out)
        return self.out

    async def _bind(self, _who: Principal, _purpose: PurposeKey, _catalog: Catalog, _rules: str) -> Inquiry | Deny:
        return self.asked

    @property
    def entries(self) -> list[Entry]:
        """What was entered."""
        return [entry for entry, _ in self.recorder.entries]


def person_rows(*ids: str | None, born: str = "1980-05-01") -> list[bytes]:
    """Return rows of people with these ids."""
    return [
        msgspec.json.encode({"id": one, "name": f"name of {one}", "email": f"{one}@x.org", "born": born, "notes": "n"})
        for one in ids
    ]


def array(rows: Sequence[bytes]) -> bytes:
    """Return rows as an array."""
    return b"[" + b",".join(rows) + b"]"
