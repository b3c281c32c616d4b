# SPDX-License-Identifier: Apache-2.0
"""Values of signing in: accounts, sessions, tries and what became of them.

What proves an account is never in these values in clear: passwords are hashes, bearers and recovery codes are
digests, secrets are sealed.
"""

import msgspec

from gateway.domain.names import AccountId, ClientId, DecisionId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import PrincipalKind

AMR_TOTP = ("pwd", "otp", "mfa")
AMR_RECOVERY = ("pwd", "recovery", "mfa")
"""RFC 8176 has no word for a code on paper; it is not ``otp``, which a step-up may ask for."""

_US = 1_000_000


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a step of a sign-in came from: the door's number for the call, and what the part of its entry keeps."""

    call: DecisionId
    ip: str = ""
    user_agent: str = ""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What bearers say of an account."""

    id: AccountId
    kind: PrincipalKind
    roles: tuple[RoleName, ...]
    recipient: RecipientId


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An account as those see it who look after accounts.

    Attributes:
        enrolled: Its authenticator was confirmed, so it can sign in.
        locked_until_us: Tries before this fail whatever is shown.
        has_password: A service has none, and a person whose password a restore took away.
    """

    account: Account
    name: str
    created_us: int
    disabled_us: int | None
    locked_until_us: int | None
    failures: int
    enrolled: bool
    has_password: bool = True


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client app: it acts by a service account, for one recipient.

    Attributes:
        recipient: Who the data goes to through this client.
        scopes: Purposes that its bearers may be for, each with all below it.
        disabled_us: When it, or its account, was switched off.
    """

    id: ClientId
    account: Account
    name: str
    recipient: RecipientId
    scopes: tuple[PurposeKey, ...]
    created_us: int
    disabled_us: int | None


class OAuthError(msgspec.Struct, frozen=True, kw_only=True):
    """Why no bearer is issued, in a code of RFC 6749 section 5.2.

    Attributes:
        basic: The client tried HTTP Basic, so the answer is 401 with a challenge for it.
        client / account: Which client it was, for the log; empty if it does not exist.
    """

    error: str
    basic: bool = False
    client: str = ""
    account: str = ""


class Lockout(msgspec.Struct, frozen=True, kw_only=True):
    """How often an account may fail.

    A try is counted before it is judged and given back if it was right, so no number of tries at once gets more
    than these.

    Attributes:
        failures: Consecutive failures, of both factors together, after which tries have to wait.
        first_s / most_s: The first wait; each further failure doubles it, up to the last.
        tries: Codes for one challenge.
        codes_a_day: Wrong codes in any 24 hours, whatever succeeds in between: with two codes right at a time,
            33 guesses find one with a chance below 1e-4.
    """

    failures: int = 10
    first_s: int = 30
    most_s: int = 3600
    tries: int = 5
    codes_a_day: int = 33

    def waits_us(self) -> tuple[int, ...]:
        """Return the wait after the failure that reaches the limit, and after each one more; the last stays."""
        waits = [min(self.first_s, self.most_s)]
        while waits[-1] < self.most_s:
            waits.append(min(waits[-1] * 2, self.most_s))
        return tuple(wait * _US for wait in waits)


class PasswordTry(msgspec.Struct, frozen=True, kw_only=True):
    """A try of a password, counted but not yet judged.

    Attributes:
        account: ``None`` if no enabled person has the name.
        password_hash: What to compare with.
        admitted: The account is not waiting after failures; otherwise nothing shown is right.
        lock_us: The wait that this try began, if it did; given back if the password was right.
    """

    account: AccountId | None
    password_hash: str | None
    admitted: bool
    lock_us: int | None


class CodeTry(msgspec.Struct, frozen=True, kw_only=True):
    """A try of a code, counted but not yet judged.

    Attributes:
        why: Why no code is right now (``unknown``, ``password``, ``locked``, ``codes-spent``, ``not-enrolled``);
            ``None`` if a right code will do.
        challenged: Whose name the challenge was asked for, for the log; empty for nobody's.
        account: Whose challenge it is, if the password was right.
        sealed: Secret of the authenticator.
        last_step: The newest step that was spent.
        recovery: The recovery code that was shown is one of the account's and unused.
    """

    why: str | None
    challenged: str
    account: Account | None
    sealed: bytes | None
    last_step: int
    recovery: bool


class TotpStep(msgspec.Struct, frozen=True):
    """Proof by an authenticator: the step whose code was shown."""

    step: int


class RecoveryCode(msgspec.Struct, frozen=True):
    """Proof by a recovery code: its digest."""

    digest: bytes


Proof = TotpStep | RecoveryCode


class Authenticator(msgspec.Struct, frozen=True, kw_only=True):
    """The authenticator of an account: its sealed secret and what was spent of it."""

    sealed: bytes
    confirmed_us: int | None
    last_step: int


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in and the bearers that descend from it; the unit of revocation.

    Attributes:
        auth_time_us: When the factors were shown; a refresh does not change it.
        amr: How they were shown (RFC 8176).
        scopes: Purposes of its bearers; for people they follow from the roles at each refresh.
    """

    id: str
    account: AccountId
    client: ClientId
    created_us: int
    auth_time_us: int
    amr: tuple[str, ...]
    scopes: tuple[PurposeKey, ...]
    expires_us: int


class Refresh(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a refresh bearer."""

    digest: bytes
    issued_us: int
    expires_us: int


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh bearer was good, and the next one is stored."""

    session: Session
    account: Account


class NotRotated(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh bearer was not good.

    Attributes:
        why: ``unknown``, ``reused``, ``expired``, ``revoked`` or ``disabled``.
        account: Whose it was; empty if unknown.
        session: Which session it was of; after ``reused`` that session is revoked.
    """

    why: str
    account: str = ""
    session: str = ""


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """What access bearers may not outlive."""

    sessions: frozenset[str]
    accounts: frozenset[str]
