# SPDX-License-Identifier: Apache-2.0
"""The words of OCSF 1.8.0 that entries of the log are told in: class, activity, status, severity, kinds of users.

``docs/reference/ocsf.md`` is the same as tables; a test holds the two equal.
"""

from collections.abc import Mapping

import msgspec

from gateway.domain.entry import (
    Amended,
    Changed,
    End,
    Entry,
    Intent,
    Looked,
    Observed,
    Passed,
    RefusalsCounted,
    Refused,
    Release,
    RulesInForce,
    RulesRefused,
    SignIn,
)
from gateway.domain.log_query import LogRow

OTHER = 99
LOGON_TYPE_NETWORK = 3
HTTP_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
"""Of other methods, which only refused calls can have, nothing is told."""


class EventClass(msgspec.Struct, frozen=True):
    """A class of events."""

    uid: int
    name: str
    category_uid: int
    category: str


API_ACTIVITY = EventClass(6003, "API Activity", 6, "Application Activity")
AUTHENTICATION = EventClass(3002, "Authentication", 3, "Identity & Access Management")


class Activity(msgspec.Struct, frozen=True):
    """What was done, by the numbers of its class."""

    id: int
    name: str


CREATE, READ, UPDATE, DELETE = Activity(1, "Create"), Activity(2, "Read"), Activity(3, "Update"), Activity(4, "Delete")
OTHER_ACTIVITY = Activity(OTHER, "Other")
LOGON, LOGOFF, RENEWED, PREAUTH = (
    Activity(1, "Logon"),
    Activity(2, "Logoff"),
    Activity(5, "Service Ticket Renew"),
    Activity(6, "Preauth"),
)

OPERATIONS: Mapping[str, Activity] = {"read": READ, "create": CREATE, "update": UPDATE, "delete": DELETE}
"""Activity by the operation of a call; a call that got no route has none and is Other."""

CHANGES: Mapping[str, Activity] = {
    "added": CREATE,
    "issued": CREATE,
    "requested": CREATE,
    "backed-up": CREATE,
    "lifted": DELETE,
    "retired": DELETE,
    "shredded": DELETE,
    "deleted": DELETE,
}
"""Activity of a change by how its word ends; any other change is an Update."""

STEPS: Mapping[str, Activity] = {
    "password": PREAUTH,
    "totp": LOGON,
    "recovery": LOGON,
    "client": LOGON,
    "refresh": RENEWED,
    "revoked": LOGOFF,
}
"""Activity by the step of a sign-in."""


class SignInWords(msgspec.Struct, frozen=True, kw_only=True):
    """How a step of a sign-in is told.

    Attributes:
        is_mfa: Whether the sign-in rests on two factors by then; ``None`` where the step does not say.
    """

    protocol_id: int
    protocol: str
    factor_id: int | None = None
    factor: str = ""
    is_mfa: bool | None = None


_TWO_FACTORS = "password and one-time code"
_WORDS: Mapping[str, SignInWords] = {
    "password": SignInWords(protocol_id=OTHER, protocol=_TWO_FACTORS, factor_id=11, factor="Password", is_mfa=False),
    "totp": SignInWords(protocol_id=OTHER, protocol=_TWO_FACTORS, factor_id=7, factor="OTP", is_mfa=True),
    "recovery": SignInWords(
        protocol_id=OTHER, protocol=_TWO_FACTORS, factor_id=OTHER, factor="Recovery code", is_mfa=True
    ),
    "client": SignInWords(protocol_id=6, protocol="OAUTH 2.0", is_mfa=False),
    "refresh": SignInWords(protocol_id=6, protocol="OAUTH 2.0"),
}


def sign_in_words(step: str) -> SignInWords:
    """Return how a step is told; one that is not known says nothing of how it was proved."""
    return _WORDS.get(step, SignInWords(protocol_id=OTHER, protocol=step))


class Severity(msgspec.Struct, frozen=True):
    """How much it matters, by the numbers of OCSF."""

    id: int
    name: str


INFORMATIONAL, LOW, MEDIUM = Severity(1, "Informational"), Severity(2, "Low"), Severity(3, "Medium")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        code / detail: Status of the answer and the reason for it; empty where there is none.
    """

    status_id: int = 1
    status: str = "Success"
    severity: Severity = INFORMATIONAL
    code: str = ""
    detail: str = ""


def _failed(severity: Severity, code: str = "", detail: str = "") -> Outcome:
    return Outcome(status_id=2, status="Failure", severity=severity, code=code, detail=detail)


ENDS: Mapping[str, Outcome] = {
    "hang-up": Outcome(status_id=OTHER, status="Hang-up"),
    "cut": _failed(LOW),
    "store-failed": _failed(LOW),
    "failed": _failed(MEDIUM),
    "unknown": Outcome(status_id=0, status="Unknown", severity=MEDIUM),
}
"""By how a call ended that did not end as authorised."""


def activity_of(body: Entry, row: LogRow) -> Activity:
    """Return what was done, in the words of the entry's class."""
    match body:
        case SignIn():
            return STEPS.get(body.step, OTHER_ACTIVITY)
        case Changed():
            return next((each for end, each in CHANGES.items() if body.what.endswith(f"-{end}")), UPDATE)
        case Looked():
            return READ
        case RulesInForce() | RulesRefused():
            return UPDATE
        case Amended():
            return DELETE
        case _:
            return OPERATIONS.get(row.operation, OTHER_ACTIVITY)


def outcome_of(body: Entry) -> Outcome:
    """Return what came of it."""
    match body:
        case Refused():
            return _failed(LOW, str(body.status), body.reason)
        case Release() | Passed():
            code = str(body.status)
            return Outcome(code=code) if body.status < 400 else _failed(INFORMATIONAL, code)
        case Intent():
            return Outcome(status_id=OTHER, status="Intended")
        case Observed():
            return Outcome(status_id=OTHER, status="Not enforced", detail=body.reason or "")
        case End():
            known = ENDS.get(body.how, Outcome(status_id=OTHER, status=body.how))
            return msgspec.structs.replace(known, detail=body.reason or "")
        case SignIn():
            return Outcome() if body.ok else _failed(LOW, detail=body.reason or "")
        case RefusalsCounted():
            return _failed(LOW)
        case RulesRefused():
            return _failed(MEDIUM)
        case _:
            return Outcome()


class UserType(msgspec.Struct, frozen=True):
    """Kind of an actor."""

    id: int
    name: str


PERSON_CLIENT = "gateway:login"
"""The client of people who sign in themselves; whoever acts through another is a service."""


def user_type(who: str, client: str) -> UserType:
    """Return the kind of an actor by its identifier and client."""
    if not who:
        return UserType(0, "Unknown")
    if who.startswith("local:"):
        # Whoever may run commands on an installation is trusted like its administrator.
        return UserType(2, "Admin")
    if who == "gateway" or who.startswith("gateway:"):
        return UserType(3, "System")
    return UserType(4, "Service") if client and client != PERSON_CLIENT else UserType(1, "User")
