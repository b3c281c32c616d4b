# SPDX-License-Identifier: Apache-2.0
"""Accounts and clients come, prove themselves for the first time, and go; for the command line and the console.

Every change is entered in the log with who made it. Secrets are returned once, to be shown once; they are in no
entry and in no error.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
from typing_extensions import override

from gateway.domain.entry import Changed, Entry, Part
from gateway.domain.errors import GatewayError
from gateway.domain.names import AccountId, ClientId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import PrincipalKind
from gateway.domain.signin import Account, AccountRecord, Authenticator, Client
from gateway.identify.blocklist import Blocklist
from gateway.identify.clients import is_client_id, new_client_secret
from gateway.identify.factors import Vault, account_name, opened_secret, sealed_secret
from gateway.identify.password import PasswordProblem, Passwords, problem_of
from gateway.identify.totp import (
    base32,
    digits_of,
    matching_step,
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    recovery_digest,
    skew_steps,
)


class EnrolmentRefused(GatewayError):
    """Something cannot be enrolled as asked; the message says why, without what was secret in it."""


class Recorder(Protocol):
    """Enters what happened in the access log; durable when the call returns."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return the entry's place in the log, or raise ``LogUnavailable``."""


class AccountStore(Protocol):
    """Where accounts and their factors are kept; each call is one transaction."""

    async def add(self, added: Account, *, name: str, password_hash: str | None, now_us: int) -> bool:
        """Keep a new account; false if the name is taken."""

    async def get(self, account_id: str) -> AccountRecord | None:
        """Return the account of an identifier."""

    async def set_password(self, account_id: AccountId, password_hash: str, *, now_us: int) -> bool:
        """Replace the password and end what stands on the old one."""

    async def set_totp(self, account_id: AccountId, sealed: bytes, *, now_us: int) -> None:
        """Put an authenticator in place that has yet to be confirmed."""

    async def totp_of(self, account_id: AccountId) -> Authenticator | None:
        """Return the authenticator of an account."""

    async def confirm_totp(
        self, account_id: AccountId, *, sealed: bytes, step: int, recovery: tuple[bytes, ...], now_us: int
    ) -> bool:
        """Confirm an authenticator, spending the code's step, and keep recovery codes."""

    async def reset_factors(self, account_id: AccountId, *, now_us: int) -> None:
        """Take authenticator and recovery codes away and end every session."""

    async def unlock(self, account_id: AccountId) -> None:
        """Forget failures."""

    async def disable(self, account_id: AccountId, *, now_us: int) -> bool:
        """Put an account out of force; false if it was already."""


class ClientStore(Protocol):
    """Where clients are kept; each call is one transaction."""

    async def add(self, added: Client, *, digest: bytes) -> bool:
        """Keep a new client and its account; false if the identifier is taken."""

    async def set_secret(self, client_id: ClientId, digest: bytes, *, now_us: int) -> bool:
        """Replace the secret and end what stands on the old one."""

    async def disable(self, client_id: ClientId, *, now_us: int) -> bool:
        """Put a client out of force; false if it was already."""


class NewAuthenticator(msgspec.Struct, frozen=True):
    """What a person's app needs, to be shown once: the secret in base 32, and the address for a QR code."""

    secret: str
    uri: str

    @override
    def __repr__(self) -> str:
        return "<a new authenticator>"


class Confirmed(msgspec.Struct, frozen=True):
    """The authenticator works; these codes stand in for it once each and are shown once."""

    recovery_codes: tuple[str, ...]

    @override
    def __repr__(self) -> str:
        return f"<{len(self.recovery_codes)} recovery codes>"


class NotConfirmed(msgspec.Struct, frozen=True):
    """The code was wrong.

    Attributes:
        skew_steps: By how many steps of 30 s the authenticator's clock is off, if that explains it.
    """

    skew_steps: int | None


class Enrolment:
    """Brings accounts and clients in, and takes them out."""

    def __init__(
        self,
        *,
        accounts: AccountStore,
        clients: ClientStore,
        passwords: Passwords,
        blocklist: Blocklist,
        vault: Vault,
        recorder: Recorder,
        clock: Callable[[], int],
        issuer: str,
        digest: Callable[[bytes], str],
    ) -> None:
        """Take what enrolment stands on.

        Args:
            issuer: The name that authenticator apps show.
            digest: Of a credential under a key; the log tells by it whether a database has the newest.
        """
        self._accounts, self._clients = accounts, clients
        self._passwords, self._blocklist, self._vault = passwords, blocklist, vault
        self._recorder, self._clock, self._issuer, self._digest = recorder, clock, issuer, digest

    def password_problem(self, password: str, *, name: str) -> PasswordProblem | None:
        """Return why a password would not be taken, to be told before anything is asked for."""
        return problem_of(password, self._blocklist, names=(name, self._issuer))

    async def add_person(self, name: str, password: str, *, roles: Sequence[str], recipient: str, by: str) -> AccountId:
        """Make a person's account, which can sign in once its authenticator is confirmed.

        Raises:
            EnrolmentRefused: The name or the password cannot be taken.
        """
        spelled = account_name(name)
        if spelled is None:
            raise EnrolmentRefused("a name has 1 to 64 small letters, digits and . _ @ + - inside")
        account = _new_account(PrincipalKind.PERSON, roles, recipient)
        hashed = await self._hashed(password, spelled)
        if not await self._accounts.add(account, name=spelled, password_hash=hashed, now_us=self._clock()):
            raise EnrolmentRefused(f"the name {spelled} is taken")
        await self._enter(by, "account-added", account.id, {"roles": " ".join(roles), "recipient": recipient})
        return account.id

    async def set_password(self, account: AccountId, password: str, *, by: str) -> None:
        """Replace a password; every session of the account ends.

        Raises:
            EnrolmentRefused: There is no such account, or the password cannot be taken.
        """
        record = await self._existing(account)
        hashed = await self._hashed(password, record.name)
        await self._accounts.set_password(account, hashed, now_us=self._clock())
        await self._enter(by, "password-changed", account, {"credential": self._digest(hashed.encode())})

    async def enrol_totp(self, account: AccountId, *, by: str) -> NewAuthenticator:
        """Give an account a new authenticator; the one before and all sessions end.

        Raises:
            EnrolmentRefused: There is no such account.
        """
        record = await self._existing(account)
        secret = new_secret()
        sealed = sealed_secret(self._vault, account, secret)
        await self._accounts.set_totp(account, sealed, now_us=self._clock())
        await self._enter(by, "authenticator-set", account, {"credential": self._digest(sealed)})
        uri = provisioning_uri(secret, name=record.name, issuer=self._issuer)
        return NewAuthenticator(base32(secret), uri)

    async def confirm_totp(self, account: AccountId, code: str, *, by: str) -> Confirmed | NotConfirmed:
        """Take the first code of a new authenticator, which is spent by that.

        Raises:
            EnrolmentRefused: The account has no authenticator that waits for its first code.
        """
        found = await self._accounts.totp_of(account)
        if found is None or found.confirmed_us is not None:
            raise EnrolmentRefused("the account has no authenticator that waits for its first code")
        now_us, digits = self._clock(), digits_of(code) or ""
        secret = opened_secret(self._vault, account, found.sealed)
        step = matching_step(secret, digits, now_us)
        if step is None or step <= found.last_step:
            return NotConfirmed(skew_steps(secret, digits, now_us) if step is None else None)
        codes = new_recovery_codes()
        digests = tuple(digest for digest in map(recovery_digest, codes) if digest is not None)
        confirm = self._accounts.confirm_totp
        if not await confirm(account, sealed=found.sealed, step=step, recovery=digests, now_us=now_us):
            return NotConfirmed(None)
        await self._enter(by, "authenticator-confirmed", account, {"recovery_codes": len(digests), "spent": step})
        return Confirmed(codes)

    async def reset_factors(self, account: AccountId, *, by: str) -> None:
        """Take authenticator and recovery codes away; every session ends, and sign-in needs a new enrolment."""
        await self._existing(account)
        await self._accounts.reset_factors(account, now_us=self._clock())
        await self._enter(by, "factors-reset", account)

    async def unlock(self, account: AccountId, *, by: str) -> None:
        """Forget the failures of an account, so that it need not wait."""
        await self._existing(account)
        await self._accounts.unlock(account)
        await self._enter(by, "account-unlocked", account)

    async def disable(self, account: AccountId, *, by: str) -> None:
        """Put an account out of force, with everything that it has open."""
        await self._existing(account)
        await self._accounts.disable(account, now_us=self._clock())
        await self._enter(by, "account-disabled", account)

    async def add_client(
        self, client_id: str, *, name: str, roles: Sequence[str], recipient: str, scopes: Sequence[PurposeKey], by: str
    ) -> tuple[ClientId, str]:
        """Make a client app with its service account; return its identifier and its secret, to be shown once.

        Raises:
            EnrolmentRefused: The identifier cannot be taken.
        """
        if not is_client_id(client_id):
            raise EnrolmentRefused("a client's identifier has 1 to 64 small letters, digits and . _ - inside")
        client = Client(
            id=ClientId(client_id),
            account=_new_account(PrincipalKind.SERVICE, roles, recipient),
            name=name,
            recipient=RecipientId(recipient),
            scopes=tuple(scopes),
            created_us=self._clock(),
            disabled_us=None,
        )
        secret, digest = new_client_secret()
        if not await self._clients.add(client, digest=digest):
            raise EnrolmentRefused(f"the client {client_id} is there already")
        facts = {"account": client.account.id, "recipient": recipient, "scopes": " ".join(scopes)}
        await self._enter(by, "client-added", client.id, facts)
        return client.id, secret

    async def renew_secret(self, client: ClientId, *, by: str) -> str:
        """Give a client that is there a new secret; the old one and all that stands on it end at once."""
        secret, digest = new_client_secret()
        if not await self._clients.set_secret(client, digest, now_us=self._clock()):
            raise EnrolmentRefused("there is no such client")
        await self._enter(by, "client-secret-changed", client, {"credential": self._digest(digest)})
        return secret

    async def disable_client(self, client: ClientId, *, by: str) -> None:
        """Put a client out of force, with everything that it has open."""
        await self._clients.disable(client, now_us=self._clock())
        await self._enter(by, "client-disabled", client)

    async def _existing(self, account: AccountId) -> AccountRecord:
        record = await self._accounts.get(account)
        if record is None:
            raise EnrolmentRefused("there is no such account")
        return record

    async def _hashed(self, password: str, name: str) -> str:
        problem = self.password_problem(password, name=name)
        if problem is not None:
            raise EnrolmentRefused(f"the password cannot be taken: {problem.value}")
        return await self._passwords.hash(password)

    async def _enter(self, by: str, what: str, target: str, facts: Mapping[str, str | int] | None = None) -> None:
        await self._recorder.append(Changed(by=by, what=what, target=target, facts=dict(facts or {})))


def _new_account(kind: PrincipalKind, roles: Sequence[str], recipient: str) -> Account:
    return Account(
        id=AccountId(f"a_{secrets.token_hex(8)}"),
        kind=kind,
        roles=tuple(RoleName(role) for role in roles),
        recipient=RecipientId(recipient),
    )
