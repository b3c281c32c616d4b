# SPDX-License-Identifier: Apache-2.0
"""What a log tells a database that is older than it: changes to people, choices and holds, and what became of accounts.

Everything in here is true of the moment when its entry was made. To apply it twice changes no more than
to apply it once, so a replay that was broken off is begun again.
"""

from collections.abc import Mapping

import msgspec

from gateway.domain.budget import BudgetKey
from gateway.domain.choice import Choice
from gateway.domain.mandate import Mandate
from gateway.domain.names import AccountId, ClientId, IdentityKind, PersonNumber
from gateway.domain.viewplan import Hold


class NumbersGiven(msgspec.Struct, frozen=True, kw_only=True):
    """Identities of one kind got these numbers, by their digest under the key of look-ups."""

    kind: IdentityKind
    numbers: tuple[tuple[bytes, PersonNumber], ...]
    at_us: int


class PeopleMerged(msgspec.Struct, frozen=True, kw_only=True):
    """One number turned out to be the person of another."""

    source: PersonNumber
    target: PersonNumber
    at_us: int


class PersonShredded(msgspec.Struct, frozen=True, kw_only=True):
    """A person's key and identities were deleted; the number stands for nobody."""

    person: PersonNumber


class PersonErased(msgspec.Struct, frozen=True, kw_only=True):
    """A person was erased: shredded under every number, and kept from coming back.

    Attributes:
        people: The number, and every number that was merged into it.
        tombstone: Its id; empty where nothing was known that somebody could be known by.
    """

    people: tuple[PersonNumber, ...]
    tombstone: str
    digests: tuple[str, ...]
    at_us: int


class TombstoneLifted(msgspec.Struct, frozen=True, kw_only=True):
    """A person who was erased came back by themselves."""

    tombstone: str
    at_us: int


class ChoicesMade(msgspec.Struct, frozen=True, kw_only=True):
    """Choices were recorded, at once and from one source."""

    choices: tuple[Choice, ...]
    source: str
    at_us: int


class HoldsSet(msgspec.Struct, frozen=True, kw_only=True):
    """Holds with these ids were put on an account."""

    account: AccountId
    holds: tuple[tuple[str, Hold], ...]
    until_us: int | None
    at_us: int


class HoldsLifted(msgspec.Struct, frozen=True, kw_only=True):
    """Holds were lifted."""

    ids: tuple[str, ...]
    at_us: int


class ListOpened(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed list of an incident was opened; the words that had been said for it were spent by that."""

    list_id: str
    at_us: int


class ApprovalSpent(msgspec.Struct, frozen=True, kw_only=True):
    """An approval was used for the one call that it was for."""

    approval: str
    at_us: int


class ApprovalRefused(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody refused what was asked for; nobody else's word counts for it any more."""

    approval: str
    by: AccountId
    at_us: int


class MandateAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody asked for a mandate."""

    mandate: Mandate


class MandateApproved(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody approved a mandate."""

    mandate: str
    account: AccountId
    at_us: int


class MandateRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate was put out of force."""

    mandate: str
    by: str
    at_us: int


class MessagesIntended(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a call were about to be sent; under these keys none may be sent again."""

    call: str
    keys: tuple[bytes, ...]
    at_us: int


Replayed = (
    NumbersGiven
    | PeopleMerged
    | PersonShredded
    | PersonErased
    | TombstoneLifted
    | ChoicesMade
    | HoldsSet
    | HoldsLifted
    | ListOpened
    | ApprovalSpent
    | ApprovalRefused
    | MandateAsked
    | MandateApproved
    | MandateRevoked
    | MessagesIntended
)


class BlockReleased(msgspec.Struct, frozen=True, kw_only=True):
    """A block left that a budget counts.

    Attributes:
        people: Set of the entry's part, a serialised roaring bitmap; empty if nobody is in it.
    """

    call: str
    n: int
    key: BudgetKey
    people: bytes
    rows: int
    at_us: int


class AccountSince(msgspec.Struct, kw_only=True):
    """What became of one account since some place in the log.

    Digests are under the installation's key for them, so the log tells of a credential whether it is
    the same and nothing else.

    Attributes:
        added: The account is younger than that: its kind and recipient.
        roles: The newest that an entry says; ``None`` if none does.
        password / authenticator: Digest of what is in force now, or empty where it was taken away;
            ``None`` if nothing changed.
        confirmed: The authenticator in force was confirmed since.
        step: The newest time step that was spent; -1 for none.
        recovery: Digests of the recovery codes that were spent.
        failures_ended: The count of failures began anew.
        failures_us: Times of the failed tries since then.
        wrong_codes_us: Times of the wrong codes, whatever came between.
        sessions: Sign-ins by session, with their times.
    """

    added: tuple[str, str] | None = None
    added_us: int = 0
    roles: tuple[str, ...] | None = None
    disabled_us: int | None = None
    password: str | None = None
    authenticator: str | None = None
    confirmed: bool = False
    step: int = -1
    recovery: set[str] = msgspec.field(default_factory=set)
    failures_ended: bool = False
    failures_us: list[int] = msgspec.field(default_factory=list)
    wrong_codes_us: list[int] = msgspec.field(default_factory=list)
    sessions: dict[str, tuple[str, int]] = msgspec.field(default_factory=dict)


class ClientSince(msgspec.Struct, kw_only=True):
    """What became of one client app: when it went out of force, and the digest of its newest secret."""

    disabled_us: int | None = None
    secret: str | None = None


class Since(msgspec.Struct, kw_only=True):
    """What became of everything that a replay settles in one step at its end.

    Attributes:
        rules: Digest of the rules that were put in force last, if any were.
        highest: The highest number of a person that the log names; -1 for none.
    """

    accounts: dict[AccountId, AccountSince] = msgspec.field(default_factory=dict)
    clients: dict[ClientId, ClientSince] = msgspec.field(default_factory=dict)
    rules: str | None = None
    highest: int = -1


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What settling found to be so, for whoever looks after the installation.

    Attributes:
        counts: How many of what was changed.
        lost: Accounts that came after the backup; they are out of force.
        without: What accounts and clients have to be given anew: ``password``, ``authenticator``, ``secret``.
    """

    counts: Mapping[str, int]
    lost: tuple[str, ...]
    without: tuple[tuple[str, str], ...]
