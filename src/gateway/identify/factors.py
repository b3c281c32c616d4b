# SPDX-License-Identifier: Apache-2.0
"""Signing in by two factors: a password opens a challenge, a code closes it.

RULES

1. A name that nobody has, an account that must wait, and a wrong password all give a challenge, of the same form
   and after the same work. What it is worth (its verdict) is stored beside its digest and told to nobody.
2. A challenge is good for three minutes, for five codes, and for one success.
3. Every try is counted in the database before it is judged, and given back if it was right. So limits hold
   exactly under any number of tries at once, restarts and processes.
4. A code is spent only where the password was right, and once: by a compare-and-set on its step.
5. Failures of both factors count together; only a whole sign-in ends the count.

What is shown here is judged here; accounts, sessions and counts are kept by the store.
Source: NIST SP 800-63B-4 sections 3.1.1, 3.1.2, 3.1.4 and 3.2.2; RFC 6238 section 5.2.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from gateway.domain.errors import Overloaded
from gateway.domain.names import AccountId
from gateway.domain.signin import Account, CodeTry, PasswordTry, Proof, RecoveryCode, Refresh, Session, TotpStep
from gateway.identify.password import Passwords
from gateway.identify.totp import SECRET_BYTES, WINDOW, digits_of, matching_step, recovery_digest

OFFERED: Final = ("totp",)
"""Factors after the password, the same for every account of every installation."""
CHALLENGE_US: Final = 3 * 60 * 1_000_000
CHALLENGE_PREFIX: Final = "gwl_"
TOTP_LABEL: Final = "totp"
NOBODY: Final = AccountId("nobody")

_CHALLENGE = re.compile(r"gwl_[A-Za-z0-9_-]{43}\Z")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?\Z")


class Vault(Protocol):
    """Seals secrets under the installation's keys; ``gateway.keys.keyring.Keyring`` is one."""

    def seal(self, label: str, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext sealed."""
        ...

    def open(self, label: str, sealed: bytes, associated: bytes = b"") -> bytes:
        """Return it again."""
        ...


class FactorStore(Protocol):
    """What signing in needs from the database; each call is one transaction that writes."""

    async def admit_password(self, name: str, *, challenge: bytes, expires_us: int, now_us: int) -> PasswordTry:
        """Count a try, and keep a challenge that is worth nothing yet."""
        ...

    async def settle_password(
        self, challenge: bytes, tried: PasswordTry, *, right: bool, refund: bool, rehashed: str | None
    ) -> None:
        """Write what the challenge is worth, and give the try back if it was right or was not judged."""
        ...

    async def admit_code(self, challenge: bytes, *, recovery: bytes | None, now_us: int) -> CodeTry:
        """Count a try of a code on a challenge."""
        ...

    async def accept(
        self, challenge: bytes, account: AccountId, *, proof: Proof, session: Session, refresh: Refresh, now_us: int
    ) -> bool:
        """Spend the proof and the challenge and keep the session, all or nothing; tell whether it did."""
        ...


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """A password was shown.

    Attributes:
        login: What the caller gets, whatever was shown.
        account: Whose name it was, for the log; empty for nobody's.
        why: What was wrong, for the log; ``None`` if nothing was.
    """

    login: str
    account: str
    why: str | None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A right code was shown; it is not spent yet."""

    challenge: bytes
    account: Account
    proof: Proof


class NotShown(msgspec.Struct, frozen=True, kw_only=True):
    """No right code was shown: whose challenge it was, and what was wrong, both for the log."""

    account: str
    why: str


def account_name(text: str) -> str | None:
    """Return the one spelling of an account's name, or ``None`` for what can be no name."""
    if len(text) > 256:
        return None
    name = unicodedata.normalize("NFKC", text).casefold()
    return name if _NAME.match(name) else None


def sealed_secret(vault: Vault, account: AccountId, secret: bytes) -> bytes:
    """Return an authenticator's secret sealed for one account and no other."""
    return vault.seal(TOTP_LABEL, secret, account.encode())


def opened_secret(vault: Vault, account: AccountId, sealed: bytes) -> bytes:
    """Return what ``sealed_secret`` sealed.

    Raises:
        KeyUnavailable: It was sealed for another account, or its key is gone.
    """
    return vault.open(TOTP_LABEL, sealed, account.encode())


class Factors:
    """Judges passwords and codes."""

    def __init__(
        self, store: FactorStore, passwords: Passwords, vault: Vault, *, window: Iterable[int] = WINDOW
    ) -> None:
        """Seal the secret that stands for accounts that have none.

        Args:
            store: Where tries are counted.
            passwords: Compares hashes.
            vault: Opens the authenticators' secrets.
            window: Steps around the present one whose codes are right.
        """
        self._store = store
        self._passwords = passwords
        self._vault = vault
        self._window = tuple(window)
        self._nobodys = sealed_secret(vault, NOBODY, secrets.token_bytes(SECRET_BYTES))

    async def challenge(self, name: str, password: str, now_us: int) -> Challenge:
        """Judge a password and return a challenge, whatever the judgement.

        Raises:
            Overloaded: Too many passwords are being judged; the try was given back.
        """
        login = CHALLENGE_PREFIX + secrets.token_urlsafe(32)
        digest = _digest(login)
        tried = await self._store.admit_password(
            account_name(name) or "", challenge=digest, expires_us=now_us + CHALLENGE_US, now_us=now_us
        )
        try:
            compared = await self._passwords.compare(tried.password_hash, password)
        except Overloaded:
            await self._store.settle_password(digest, tried, right=False, refund=True, rehashed=None)
            raise
        right = compared.right and tried.admitted
        rehashed = compared.rehashed if right else None
        await self._store.settle_password(digest, tried, right=right, refund=right, rehashed=rehashed)
        return Challenge(login=login, account=tried.account or "", why=_why(tried, right=right))

    async def check_code(self, login: str, code: str, now_us: int) -> Shown | NotShown:
        """Judge a code; the same work is done whether or not any code could be right.

        Raises:
            KeyUnavailable: The key that seals authenticators' secrets is gone.
        """
        digest = _digest(login) if _CHALLENGE.match(login) else b""
        recovery = recovery_digest(code)
        tried = await self._store.admit_code(digest, recovery=recovery, now_us=now_us)
        step = self._step(tried, code, now_us)
        account = tried.account
        if tried.why is not None or account is None:
            return NotShown(account=tried.challenged, why=tried.why or "unknown")
        if step is not None and step > tried.last_step:
            return Shown(challenge=digest, account=account, proof=TotpStep(step))
        if recovery is not None and tried.recovery:
            return Shown(challenge=digest, account=account, proof=RecoveryCode(recovery))
        return NotShown(account=account.id, why="code" if step is None else "replayed")

    async def accept(self, shown: Shown, *, session: Session, refresh: Refresh, now_us: int) -> bool:
        """Spend what was shown and open the session; false if someone else spent it first."""
        return await self._store.accept(
            shown.challenge, shown.account.id, proof=shown.proof, session=session, refresh=refresh, now_us=now_us
        )

    def _step(self, tried: CodeTry, code: str, now_us: int) -> int | None:
        """Return the step of the code, computed with the account's secret or with nobody's."""
        if tried.account is not None and tried.sealed is not None:
            secret = opened_secret(self._vault, tried.account.id, tried.sealed)
        else:
            secret = opened_secret(self._vault, NOBODY, self._nobodys)
        return matching_step(secret, digits_of(code) or "", now_us, window=self._window)


def _why(tried: PasswordTry, *, right: bool) -> str | None:
    if right:
        return None
    if tried.account is None:
        return "unknown"
    return "password" if tried.admitted else "locked"


def _digest(login: str) -> bytes:
    return hashlib.sha256(login.encode("ascii")).digest()
