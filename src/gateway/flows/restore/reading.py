# SPDX-License-Identifier: Apache-2.0
"""What an entry of the log means for a database that is older: the closed list of everything that changes state.

An entry of a kind that is not listed here was written by a newer version and cannot be replayed, so
nothing that changes state is ever passed over in silence.
"""

from collections.abc import Callable, Mapping

from gateway.domain.choice import Choice, ChoiceState, unpacked
from gateway.domain.entry import Changed, Numbered
from gateway.domain.errors import StateBehind
from gateway.domain.mandate import mandate_of
from gateway.domain.names import AccountId, CategoryKey, IdentityKind, PersonNumber, PurposeKey
from gateway.domain.replay import (
    ApprovalRefused,
    ApprovalSpent,
    ChoicesMade,
    HoldsLifted,
    HoldsSet,
    ListOpened,
    MandateApproved,
    MandateAsked,
    MandateRevoked,
    NumbersGiven,
    PeopleMerged,
    PersonErased,
    PersonShredded,
    Replayed,
    TombstoneLifted,
)
from gateway.domain.treatment import Rung
from gateway.domain.viewplan import Hold
from gateway.record.reading.reader import Record

NUMBERED_BYTES = 36
BEATS = frozenset({"database-marked", "state-replayed"})
"""Changes whose fact ``beat`` says how new the database was."""

HARMLESS = BEATS | {
    "choices-import-ended",
    "column-turned",
    "column-turning",
    "database-backed-up",
    "database-restored",
    "database-upgraded",
    "dataset-inferred",
    "dataset-reviewed",
    "demo-bearer-issued",
    "field-appeared",
    "grant-request-approved",
    "grant-request-refused",
    "grant-requested",
    "incident-list-approved",
    "incident-list-refused",
    "incident-list-sealed",
    "kek-change-begun",
    "kek-change-undone",
    "kek-changed",
    "key-rewrap-begun",
    "key-rewrapped",
    "key-rotated",
    "mandate-refused",
    "log-hold-added",
    "log-hold-lifted",
    "log-sink-back",
    "log-sink-completed",
    "log-sink-lost",
    "parts-deleted",
    "person-forgotten",
    "reveal-approved",
    "reveal-asked",
    "rules-reloaded",
    "segments-archived",
}
"""Changes that the database holds nothing of, or that the next start makes again by itself."""

KEYS = frozenset({"key-retired", "key-shredded"})
FOLDED = frozenset(
    {
        "account-added",
        "account-disabled",
        "account-roles-changed",
        "account-unlocked",
        "authenticator-confirmed",
        "authenticator-set",
        "client-added",
        "client-disabled",
        "client-secret-changed",
        "factors-reset",
        "password-changed",
    }
)
"""Changes of accounts and clients, of which the last state counts."""


def is_first(what: str) -> bool:
    """Tell whether a change is entered before it is made, so that a crash may have kept it from being made."""
    return what in APPLIED or what in KEYS


def applied(record: Record) -> Replayed | None:
    """Return what a change or new numbers mean; ``None`` for what is folded, or harmless.

    Raises:
        StateBehind: The entry cannot be replayed.
    """
    body = record.line.body
    try:
        if isinstance(body, Numbered):
            return _numbered(record, body)
        if isinstance(body, Changed) and body.what in APPLIED:
            return APPLIED[body.what](record, body)
    except (KeyError, ValueError) as error:
        raise cannot(record, "it does not say all that is needed") from error
    if isinstance(body, Changed) and body.what not in HARMLESS | KEYS | FOLDED:
        raise cannot(record, f"this version does not know {body.what}")
    return None


def cannot(record: Record, why: str) -> StateBehind:
    """Return the error that names an entry which cannot be replayed."""
    return StateBehind(f"entry {record.line.seq} of {record.line.log} cannot be replayed: {why}")


def _numbered(record: Record, body: Numbered) -> NumbersGiven:
    if record.part is None:
        raise cannot(record, "its part was deleted")
    held = record.part.numbered
    # Fewer where people were taken out of the part since.
    if not body.identity or len(held) > body.people * NUMBERED_BYTES or len(held) % NUMBERED_BYTES:
        raise ValueError(f"{len(held)} bytes for {body.people} people")
    pieces = [held[first : first + NUMBERED_BYTES] for first in range(0, len(held), NUMBERED_BYTES)]
    numbers = tuple((piece[:32], PersonNumber(int.from_bytes(piece[32:], "big"))) for piece in pieces)
    return NumbersGiven(kind=IdentityKind(body.identity), numbers=numbers, at_us=record.line.at_us)


def _recorded(record: Record, body: Changed) -> ChoicesMade:
    facts = body.facts
    one = Choice(
        person=_person(body.target),
        purpose=PurposeKey(str(facts["purpose"])),
        state=ChoiceState(str(facts["state"])),
        at_us=int(facts["at_us"]),
    )
    return ChoicesMade(choices=(one,), source=str(facts["source"]), at_us=record.line.at_us)


def _imported(record: Record, body: Changed) -> ChoicesMade:
    if record.part is None:
        raise cannot(record, "its part was deleted")
    return ChoicesMade(choices=unpacked(record.part.choices), source=body.target, at_us=record.line.at_us)


def _locked(record: Record, body: Changed) -> HoldsSet:
    facts = body.facts
    until_us = facts.get("until_us")
    cap = {"rung": Rung(str(facts["rung"])), "link": bool(facts["link"]), "reason": str(facts["said"])}
    pairs = zip(str(facts["holds"]).split(), str(facts["categories"]).split(), strict=True)
    return HoldsSet(
        account=AccountId(body.target),
        holds=tuple((hold_id, Hold(category=CategoryKey(key), **cap)) for hold_id, key in pairs),  # type: ignore[arg-type]
        until_us=None if until_us is None else int(until_us),
        at_us=record.line.at_us,
    )


def _lifted(record: Record, body: Changed) -> HoldsLifted:
    return HoldsLifted(ids=tuple(str(body.facts["holds"]).split()), at_us=record.line.at_us)


def _merged(record: Record, body: Changed) -> PeopleMerged:
    return PeopleMerged(source=_person(body.target), target=_person(body.facts["into"]), at_us=record.line.at_us)


def _list_opened(record: Record, body: Changed) -> ListOpened:
    return ListOpened(list_id=body.target, at_us=record.line.at_us)


def _approval_spent(record: Record, body: Changed) -> ApprovalSpent:
    return ApprovalSpent(approval=body.target, at_us=record.line.at_us)


def _approval_refused(record: Record, body: Changed) -> ApprovalRefused:
    return ApprovalRefused(approval=body.target, by=AccountId(body.by), at_us=record.line.at_us)


def _mandate_asked(record: Record, body: Changed) -> MandateAsked:
    return MandateAsked(mandate=mandate_of(body.target, body.by, body.facts, record.line.at_us))


def _mandate_approved(record: Record, body: Changed) -> MandateApproved:
    return MandateApproved(mandate=body.target, account=AccountId(body.by), at_us=record.line.at_us)


def _mandate_revoked(record: Record, body: Changed) -> MandateRevoked:
    return MandateRevoked(mandate=body.target, by=body.by, at_us=record.line.at_us)


def _shredded(record: Record, body: Changed) -> PersonShredded:
    del record
    return PersonShredded(person=_person(body.target))


def _erased(record: Record, body: Changed) -> PersonErased:
    numbers = (body.target, *str(body.facts["merged"]).split())
    return PersonErased(
        people=tuple(map(_person, numbers)),
        tombstone=str(body.facts["tombstone"]),
        digests=tuple(str(body.facts["digests"]).split()),
        at_us=record.line.at_us,
    )


def _tombstone_lifted(record: Record, body: Changed) -> TombstoneLifted:
    return TombstoneLifted(tombstone=body.target, at_us=record.line.at_us)


def _person(said: str | int) -> PersonNumber:
    return PersonNumber(int(said))


APPLIED: Mapping[str, Callable[[Record, Changed], Replayed]] = {
    "account-locked": _locked,
    "account-lock-lifted": _lifted,
    "choice-recorded": _recorded,
    "choices-imported": _imported,
    "incident-list-opened": _list_opened,
    "mandate-approved": _mandate_approved,
    "mandate-asked": _mandate_asked,
    "mandate-revoked": _mandate_revoked,
    "person-merged": _merged,
    "person-erased": _erased,
    "person-shredded": _shredded,
    "reveal-approval-spent": _approval_spent,
    "reveal-refused": _approval_refused,
    "tombstone-lifted": _tombstone_lifted,
}
"""Changes that are made again one by one, in order."""
