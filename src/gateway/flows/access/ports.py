# SPDX-License-Identifier: Apache-2.0
"""What the access flow is handed: everything with state, as small Protocols that ``app`` joins."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec
from typing_extensions import override

from gateway.decide.decide import Decider
from gateway.domain import catalog
from gateway.domain.approval import Approval, Bound
from gateway.domain.budget import BudgetKey, BudgetRule, BudgetState, Counted, Taken
from gateway.domain.catalog import AnswerShape, Catalog, FieldSpec, Route
from gateway.domain.continuation import Continuation
from gateway.domain.decision import Deny, Refusal
from gateway.domain.entry import Entry, Part
from gateway.domain.errors import StateUnavailable, StoreUnreachable
from gateway.domain.identifier import Identifier
from gateway.domain.inquiry import Inquiry
from gateway.domain.mandate import Mandate
from gateway.domain.names import (
    AccountId,
    DatasetName,
    DecisionId,
    FieldName,
    IdentityKind,
    JoinDomain,
    PersonNumber,
    PurposeKey,
    StoreName,
)
from gateway.domain.principal import Principal
from gateway.domain.revealed import Found
from gateway.domain.sending import Dispatch, Fate, Parcel
from gateway.domain.turning import ColumnState, Turn
from gateway.domain.viewplan import Hold


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call came from; goes into parts of entries only."""

    ip: str
    user_agent: str


Bind = Callable[[Principal, PurposeKey, Catalog, str], Awaitable[Inquiry | Deny]]
"""Reads the call's path, parameters and body into an inquiry; the text is the digest of the rules in force."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One call as a door hands it over, before anything was decided about it.

    Attributes:
        framing: The door's own refusal, if the call was not even well formed.
        bind: Reads route and parameters; called after identity and purpose were settled, because
            callers are told of problems in that order.
        sealed: Returns where a store's list goes on as this caller may have it, once the call is bound; of a
            door without it, callers are told that there is more and not where.
        mandate: Identifier of the mandate that the call names.
    """

    decision_id: DecisionId
    method: str
    authorization: str | None
    purpose: PurposeKey | None
    reference: str | None
    origin: Origin
    bind: Bind
    framing: Deny | None = None
    sealed: Callable[[Continuation], str] | None = None
    mandate: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Head of a permitted answer, in the domain's words.

    Attributes:
        view: By word of treatment, the fields that left.
        withheld: Exact counts by cause, when the answer is whole; the door tells them in steps.
        length: Body bytes, when the answer is whole at its head.
        more: Whether the store may have further rows; ``None`` if that is not known at the head.
        status: 200; 201 for what was created; 204 for a write that is answered by nothing.
        etag: Sealed by the flow's target, if the route honours conditions and the store told one.
        budgets: What is left of each budget that the call counts against.
        next: Where the store's list goes on, sealed by the door, when the answer is whole at its head.
    """

    decision_id: DecisionId
    inquiry: Inquiry
    view: Mapping[str, Sequence[str]]
    step_up: Sequence[str]
    withheld: Mapping[str, int] | None
    length: int | None
    more: bool | None
    status: int = 200
    etag: str | None = None
    budgets: tuple[BudgetState, ...] = ()
    next: str | None = None


class Out(Protocol):
    """The door's side of one answer. Every write raises ``HangUp`` once the caller is gone."""

    def refusal_body(self, refusal: Refusal) -> bytes:
        """Return the bytes that tell a refusal, without sending them."""

    async def refuse(self, refusal: Refusal, body: bytes) -> None:
        """Send a whole refusal."""

    async def start(self, answer: Answer) -> None:
        """Send the head of an answer."""

    async def write(self, block: bytes, *, last: bool = False) -> None:
        """Send a block of the body; after the last one there is nothing but the end, so it may go in one with it."""

    def still_there(self) -> None:
        """Raise ``HangUp`` if the caller is known to have gone; nothing is sent."""

    async def finish(self) -> None:
        """End the answer so that it is complete."""

    async def abort(self) -> None:
        """End the answer so that it is visibly broken."""


class StoreAnswer(Protocol):
    """An answer of a store whose head was judged: of a declared status, framing and type, or absent."""

    @property
    def absent(self) -> bool:
        """Tell whether the store has no such record."""

    @property
    def status(self) -> int:
        """Return the status; of a write it may be a refusal: 409, 412, 422 and the like."""

    @property
    def etag(self) -> str | None:
        """Return the store's entity tag in its own words; it must be sealed before it leaves."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's bytes; raises if the body does not end as announced."""


class StoreCall(msgspec.Struct, frozen=True, kw_only=True):
    """What a store is asked, rebuilt from the decided parts and nothing else.

    Attributes:
        path: Canonical path below the store's base address.
        slash: The store's own path ends with a slash.
        query: Names and values, not yet encoded.
        body: JSON, rebuilt from the decided parts.
        headers: Conditions that the route honours.
        writes: The call changes what the store holds, so the store's refusals come back with their status.
        n: Place of the call among those that its decision makes, so that a store can tell them apart.
    """

    store: StoreName
    method: str
    path: str
    slash: bool = False
    query: tuple[tuple[str, str], ...]
    decision_id: DecisionId
    shape: AnswerShape
    body: bytes | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    writes: bool = False
    n: int = 0

    @override
    def __repr__(self) -> str:
        return f"<StoreCall {self.method} {self.store}>"


class Target(Protocol):
    """Where step 3 asks: a store, or the gateway's own data."""

    def call(self, call: StoreCall) -> AbstractAsyncContextManager[StoreAnswer]:
        """Ask; raises StoreUnreachable or StoreMisbehaved."""


class Recorder(Protocol):
    """The log, as the flow needs it."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable; raises LogUnavailable."""

    def room_left(self) -> bool:
        """Tell whether the disk has room for the log to go on."""


class People(Protocol):
    """Numbers of people."""

    async def numbers(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber]:
        """Return the number of each identity; new ones are committed before the return."""

    async def orphan_numbers(self, n: int) -> list[PersonNumber]:
        """Return new numbers for rows whose person cannot be read."""

    async def find_each(self, kind: IdentityKind, values: Sequence[str]) -> Sequence[PersonNumber | None]:
        """Return for each identity its number if it has one; nobody gets one by being asked for."""


class ChoiceSet(Protocol):
    """Who chose what for one purpose, at one version of the choices."""

    @property
    def version(self) -> int:
        """Return the version of the choices."""

    def withheld(
        self, numbers: Sequence[PersonNumber], *, needs_consent: bool, honours_objection: bool
    ) -> Sequence[bool]:
        """Tell for each person whether the choice withholds the row."""


class Choices(Protocol):
    """The choices in force."""

    def sets_for(self, purpose: PurposeKey) -> ChoiceSet:
        """Return the sets for a purpose as of the last good poll."""


class Tombstones(Protocol):
    """Who was erased, by digests of what they were known by."""

    async def any(self) -> bool:
        """Tell whether anybody may have been."""

    async def matching(self, people: Sequence[Sequence[Identifier]]) -> Sequence[tuple[str, ...]]:
        """Return for each of these people the tombstones that they are known by; one question, however many."""

    async def closest(self, identifiers: Sequence[Identifier]) -> tuple[str, ...]:
        """Return those tombstones that somebody is known by in the most ways."""

    async def lift(self, ids: Iterable[str], at_us: int) -> int:
        """Lift tombstones; return how many of them stood."""


class NoTombstones:
    """Nobody was ever erased."""

    async def any(self) -> bool:
        """Tell that nobody was."""
        return False

    async def matching(self, people: Sequence[Sequence[Identifier]]) -> Sequence[tuple[str, ...]]:
        """Find nobody."""
        return [()] * len(people)

    async def closest(self, identifiers: Sequence[Identifier]) -> tuple[str, ...]:
        """Find nobody."""
        del identifiers
        return ()

    async def lift(self, ids: Iterable[str], at_us: int) -> int:
        """Lift nothing."""
        del ids, at_us
        return 0


class Vault(Protocol):
    """Values in whose place stores hold tokens of 16 random bytes."""

    async def tokens(
        self, domain: JoinDomain, values: Sequence[str], people: Sequence[PersonNumber | None]
    ) -> list[bytes]:
        """Return the token of each value; new ones, and a copy for each person, are durable at the return."""

    async def find(self, domain: JoinDomain, values: Sequence[str]) -> list[bytes | None]:
        """Return the token of each value if it has one; none gets one by being asked for."""

    async def opened(self, domain: JoinDomain, tokens: Iterable[bytes]) -> dict[bytes, str]:
        """Return the value of each token that stands for one."""

    async def read(
        self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber | None]
    ) -> dict[bytes, str]:
        """Return the value of each token that stands for one; the person in whose row it is has a copy then."""

    async def adopt(self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber]) -> None:
        """Let each person have a copy of what a token stands for; nobody's copy is then gone."""


class NoVault:
    """Knows no token and takes no value."""

    async def tokens(
        self, domain: JoinDomain, values: Sequence[str], people: Sequence[PersonNumber | None]
    ) -> list[bytes]:
        """Take nothing."""
        del values, people
        raise StateUnavailable(f"there is no vault for {domain}")

    async def find(self, domain: JoinDomain, values: Sequence[str]) -> list[bytes | None]:
        """Find nothing."""
        del domain
        return [None] * len(values)

    async def opened(self, domain: JoinDomain, tokens: Iterable[bytes]) -> dict[bytes, str]:
        """Open nothing."""
        del domain, tokens
        return {}

    async def read(
        self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber | None]
    ) -> dict[bytes, str]:
        """Open nothing."""
        del domain, tokens, people
        return {}

    async def adopt(self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber]) -> None:
        """Leave all as it is."""


class Holds(Protocol):
    """The caps that detectors and officers put on accounts."""

    def for_account(self, account: AccountId) -> tuple[Hold, ...]:
        """Return the holds in force on an account."""


class Budgets(Protocol):
    """What may still leave to whom, counted exactly over every process."""

    async def take(
        self,
        key: BudgetKey,
        rules: Sequence[BudgetRule],
        people: Sequence[PersonNumber],
        n_rows: int,
        *,
        whole: bool,
        now_us: int,
        counted: Collection[Counted] = tuple(Counted),
    ) -> Taken:
        """Spend for as many rows as fit, from the first on; what is spent is durable at the return.

        Args:
            key: Whose budget.
            rules: Every budget that counts; a row fits if it fits them all.
            people: The person of each row, or nothing where the rows are about nobody.
            n_rows: Rows of the block.
            whole: Spend for all rows or for none.
            now_us: UTC microseconds.
            counted: What is counted for the key, whether or not one of these rules limits it.

        Raises:
            StateUnavailable: It cannot be counted now, so nothing may leave.
        """


class Identify(Protocol):
    """Who asks."""

    def principal(self, authorization: str | None, now_us: int) -> Principal | Deny:
        """Return the principal of a bearer, or why there is none."""

    def is_revoked(self, who: Principal) -> bool:
        """Tell whether the sign-in was ended or the account locked since the bearer was verified."""


class IdempotencyKeys(Protocol):
    """What a store gets in the place of a caller's ``Idempotency-Key``."""

    def for_store(self, stated: str, whose: Sequence[str]) -> str:
        """Return an opaque key: the same for the same two, another for anything else."""

    def digest(self, stated: str, whose: Sequence[str]) -> bytes:
        """Return 32 bytes under a key of ours: the same for the same two, others for anything else."""


class Samples(Protocol):
    """Where a call leaves a sample of what a store sent, to be looked at when nobody waits."""

    def offer(self, route: Route, fields: Sequence[FieldSpec], rows: bytes) -> None:
        """Keep the start of a JSON array of rows, or pass it over; returns at once."""


class NoSamples:
    """Keeps no samples."""

    def offer(self, route: Route, fields: Sequence[FieldSpec], rows: bytes) -> None:
        """Pass it over."""


class Behind(Protocol):
    """What stands behind surrogates, and whose it is."""

    async def found(self, collection: catalog.Collection, field: FieldSpec, forms: Sequence[bytes]) -> Sequence[Found]:
        """Return it for each inner form, in order; an empty form is looked for like any other, and finds nothing."""


class Approvals(Protocol):
    """Words of second persons."""

    async def ask(self, bound: Bound, n_surrogates: int, now_us: int) -> Approval | None:
        """Return what there is for exactly this and not spent, or a new one that waits; ``None`` if too many wait."""

    async def spend(self, approval: Approval, by: DecisionId, now_us: int) -> bool:
        """Let it be used up, durably and once; tell whether this was the time."""


class Reveals(msgspec.Struct, frozen=True, kw_only=True):
    """What a reveal needs beside the rest."""

    behind: Behind
    approvals: Approvals


class Columns(Protocol):
    """What is known of columns that are turned over."""

    def of(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return what is known of one, as of the last good poll."""


class WholeColumns:
    """Every column that is at rest holds surrogates alone, under the key in force."""

    def of(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return that it does."""
        del dataset, field
        return ColumnState(Turn.DONE, NEWEST)


NEWEST = 1 << 30
"""No version of a key is as high; so no older one than the key in force is looked for."""


class RulesInUse(Protocol):
    """The rule set in force; swapped at once."""

    @property
    def decider(self) -> Decider:
        """Return the decider of the rules in force."""


Send = Callable[[Parcel], Awaitable[Fate]]
"""Sends one message and tells what became of it; raises nothing that the recipient or the road to it causes."""


class Recipients(Protocol):
    """Those who carry messages."""

    def opened(self, dispatch: Dispatch) -> AbstractAsyncContextManager[Send]:
        """Return the way to one of them, to be entered for as long as messages go."""


class NoRecipients:
    """Nobody carries messages."""

    def opened(self, dispatch: Dispatch) -> AbstractAsyncContextManager[Send]:
        """Raise: there is no such recipient.

        Raises:
            StoreUnreachable: Always.
        """
        raise StoreUnreachable(f"nothing is sent to {dispatch.recipient} from here", not_sent=True)


class Dispatches(Protocol):
    """Which messages were sent, by the digests of their keys: the database decides."""

    async def claim(self, call: str, keys: Sequence[bytes], now_us: int) -> Mapping[bytes, Fate]:
        """Let keys be a call's, durably; return those that are not, with what an earlier call did with them."""

    async def settle(self, call: str, fates: Mapping[bytes, Fate]) -> None:
        """Keep what became of a call's messages, durably."""

    async def let_go(self, call: str) -> None:
        """Let the keys be nobody's: nothing of the call was sent."""


class NoDispatches:
    """Lets no key be claimed."""

    async def claim(self, call: str, keys: Sequence[bytes], now_us: int) -> Mapping[bytes, Fate]:
        """Claim none."""
        del call, now_us
        return dict.fromkeys(keys, Fate.UNKNOWN)

    async def settle(self, call: str, fates: Mapping[bytes, Fate]) -> None:
        """Keep nothing."""

    async def let_go(self, call: str) -> None:
        """Nothing was claimed."""


class Mandates(Protocol):
    """The mandates there are."""

    async def find(self, mandate_id: str) -> Mandate | None:
        """Return a mandate as the database has it now."""


class NoMandates:
    """There are none."""

    async def find(self, mandate_id: str) -> Mandate | None:
        """Find none."""
        del mandate_id
        return None
