# SPDX-License-Identifier: Apache-2.0
"""Messages to people whom the sender never sees: what is handed in, what goes out, and what became of each.

A message names its person by a surrogate of the sender's own. Only the gateway knows the address, and only
the recipient that carries the message gets it.
"""

from enum import StrEnum

import msgspec
from typing_extensions import override

from gateway.domain.names import PersonNumber, PurposeKey, RecipientId, StoreName

SEND = "send"
"""The operation under which an address leaves to the recipient that carries messages, and to nobody else."""

MOST_MESSAGES = 1_000
"""Messages in one call: one call is one intent, entered whole before the first message goes."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message as a caller handed it in; never shown.

    Attributes:
        row: Its place in the call, from 0; by it the answer speaks of it.
        key: The caller's own name of the message: under one key nothing is ever sent twice.
        address: The surrogate that stands in the address's place.
        texts: The declared members beside it, by path.
    """

    row: int
    key: str
    address: str
    texts: tuple[tuple[str, str], ...]

    @override
    def __repr__(self) -> str:
        return f"<Message {self.row}>"


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One message as the recipient gets it, to one address; never shown.

    Attributes:
        digest: Of the caller's key for it, under a key of ours: the recipient may tell two tries of one message by it.
        member: Where the recipient's body has the address.
    """

    row: int
    digest: bytes
    people: tuple[PersonNumber, ...]
    member: str
    address: str
    texts: tuple[tuple[str, str], ...]

    @override
    def __repr__(self) -> str:
        return f"<Parcel {self.row}>"


class LeftOut(StrEnum):
    """Why a message did not go, or is not known to have gone; the answer tells it with the row's number."""

    CHOICE = "choice"
    AGE = "age"
    TRANSFER = "transfer"
    NOT_RECOGNISED = "not-recognised"
    """The address is no surrogate of the caller's own, or nobody with it is there any more."""
    ERASED = "erased"
    NO_ADDRESS = "no-address"
    """What the store holds there is no single mailbox or phone; nothing is sent to it."""
    SPELLING = "spelling"
    """The store holds, or may hold, the address in another spelling, so nobody knows who else has it."""
    STOPPED = "stopped"
    """The call was not permitted any more when its turn came; it was not sent."""
    FAILED = "failed"
    """It was not sent: the recipient could not take it now, or could not be reached."""
    REFUSED = "refused"
    """It was not sent: the recipient will not take it, however often it is tried."""
    IN_FLIGHT = "in-flight"
    """Another call holds its key right now, and has not begun it."""
    UNKNOWN = "unknown"
    """The recipient may have it. It is not sent again by itself, nor under its key."""
    SENT_BEFORE = "sent-before"
    """It was sent under its key by an earlier call."""


class Fate(StrEnum):
    """What became of a message that was tried."""

    SENT = "sent"
    FAILED = "failed"
    REFUSED = "refused"
    """Failed, and would fail again; kept as failed."""
    UNKNOWN = "unknown"
    CLAIMED = "claimed"
    """Another call has it, and has not begun it."""


class Dispatch(msgspec.Struct, frozen=True, kw_only=True):
    """Where parcels go: which recipient, by which store, and how."""

    recipient: RecipientId
    store: StoreName
    method: str
    path: str
    purpose: PurposeKey
    decision_id: str
