# SPDX-License-Identifier: Apache-2.0
"""The life of a sign-in: password, code, refresh, client secret, sign-out.

RULES

1. Each step, right or wrong, is entered in the log before its answer is returned; the entry authorises the bytes
   of the answer. When nothing can be entered, ``LogUnavailable`` goes to the door and no bearer leaves: a session
   that was opened for nobody is ended, and a refresh bearer that was spent for nothing is good again. A code stays
   spent, since once means once, and the next one comes in half a minute.
2. Whatever is wrong, the caller gets one answer, ``SignInFailed``. What was wrong is in the log.
3. Nothing is decided here: factors and clients are judged in ``identify``, and who came first in the database.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.domain.entry import Entry, Part, SignIn
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import PurposeKey, RoleName
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.domain.signin import (
    AMR_RECOVERY,
    AMR_TOTP,
    Account,
    NotRotated,
    OAuthError,
    Origin,
    RecoveryCode,
    Refresh,
    Session,
    TotpStep,
)
from gateway.flows.login.answers import Answer, SignInFailed, Started, Tokens, body_bytes
from gateway.identify.bearers import SCOPE_PREFIX, Bearers
from gateway.identify.clients import AMR, ClientStore, granted, service_principal, token_request
from gateway.identify.factors import Factors, NotShown, Shown
from gateway.identify.sessions import (
    PERSON_CLIENT,
    Lifetimes,
    Revocations,
    SessionStore,
    new_refresh,
    new_session_id,
    refresh_digest,
)

_US = 1_000_000


class Recorder(Protocol):
    """Enters what happened in the access log; durable when the call returns."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return the entry's place in the log, or raise ``LogUnavailable``."""


class LoginFlow:
    """Signs people and services in."""

    def __init__(
        self,
        *,
        factors: Factors,
        sessions: SessionStore,
        clients: ClientStore,
        bearers: Bearers,
        revocations: Revocations,
        recorder: Recorder,
        clock: Callable[[], int],
        purposes_of: Callable[[tuple[RoleName, ...]], Sequence[PurposeKey]],
        digest: Callable[[bytes], str],
        size_of: Callable[[Answer], int] = body_bytes,
        lifetimes: Lifetimes | None = None,
    ) -> None:
        """Take what the steps stand on.

        Args:
            factors / sessions / clients / bearers: Judge, keep, know and sign.
            revocations / recorder / clock: Told at once of sessions that end here; the log; UTC microseconds.
            purposes_of: Purposes that roles give a person, which become the scopes of bearers.
            digest: Of what was spent, under a key: once it is in the log no restore makes it good again.
            size_of / lifetimes: Bytes of the body that the door sends for an answer; of people's sessions.
        """
        self._factors, self._sessions, self._clients = factors, sessions, clients
        self._bearers, self._revocations, self._recorder = bearers, revocations, recorder
        self._clock, self._purposes_of, self._size_of, self._digest = clock, purposes_of, size_of, digest
        self._lifetimes = lifetimes or Lifetimes()

    async def start(self, username: str, password: str, origin: Origin) -> Started:
        """Take a password and return a challenge, whatever the password was.

        Raises:
            Overloaded / LogUnavailable: Nothing was returned.
        """
        challenge = await self._factors.challenge(username, password, self._clock())
        answer = Started(login=challenge.login)
        await self._enter(origin, answer, step="password", account=challenge.account, reason=challenge.why)
        return answer

    async def finish_totp(self, login: str, code: str, origin: Origin) -> Tokens | SignInFailed:
        """Take a code, or a recovery code, and return bearers if password and code were right.

        Raises:
            LogUnavailable: Nothing was returned; the code is spent and no session is open.
        """
        now_us = self._clock()
        shown = await self._factors.check_code(login, code, now_us)
        if isinstance(shown, NotShown):
            return await self._failed(origin, step="totp", reason=shown.why, account=shown.account)
        step = "recovery" if isinstance(shown.proof, RecoveryCode) else "totp"
        session = self._new_session(shown, now_us)
        bearer, digest = new_refresh()
        idle_us = min(now_us + self._lifetimes.idle_s * _US, session.expires_us)
        refresh = Refresh(digest=digest, issued_us=now_us, expires_us=idle_us)
        if not await self._factors.accept(shown, session=session, refresh=refresh, now_us=now_us):
            return await self._failed(origin, step=step, reason="spent", account=shown.account.id)
        answer = self._tokens(session, shown.account, bearer, now_us)
        try:
            spent = str(proof.step) if isinstance(proof := shown.proof, TotpStep) else self._digest(proof.digest)
            await self._enter(origin, answer, step=step, account=shown.account.id, session=session.id, spent=spent)
        except LogUnavailable:
            await self._sessions.revoke(session.id, why="never-issued", now_us=now_us)
            raise
        return answer

    async def refresh(self, bearer: str, origin: Origin) -> Tokens | SignInFailed:
        """Take a refresh bearer and return the next pair; one that was used before ends its session.

        Raises:
            LogUnavailable: Nothing was returned, and the bearer is good again.
        """
        now_us = self._clock()
        digest = refresh_digest(bearer)
        if digest is None:
            return await self._failed(origin, step="refresh", reason="form")
        following, fresh = new_refresh()
        idle_us = self._lifetimes.idle_s * _US
        turned = await self._sessions.rotate(digest, idle_us=idle_us, fresh=fresh, now_us=now_us)
        if isinstance(turned, NotRotated):
            if turned.why == "reused":
                self._revocations.note((turned.session,), now_us)
            why, whose = turned.why, turned.account
            return await self._failed(origin, step="refresh", reason=why, account=whose, session=turned.session)
        account, session = turned.account, turned.session
        answer = self._tokens(session, account, following, now_us)
        try:
            spent = self._digest(digest)
            await self._enter(origin, answer, step="refresh", account=account.id, session=session.id, spent=spent)
        except LogUnavailable:
            await self._sessions.unrotate(digest, fresh=fresh)
            raise
        return answer

    async def client_token(self, authorization: str | None, body: bytes, origin: Origin) -> Tokens | OAuthError:
        """Take a request of the client credentials grant and return an access bearer.

        Raises:
            LogUnavailable: Nothing was returned, and no session is open.
        """
        now_us = self._clock()
        request = token_request(authorization, body)
        found = request if isinstance(request, OAuthError) else await granted(request, self._clients)
        if isinstance(found, OAuthError):
            return await self._not_granted(found, origin)
        client, scopes = found
        principal = service_principal(client, scopes, session=new_session_id(), now_us=now_us)
        if not await self._sessions.open(_session_of(principal, self._bearers.lifetime_s)):
            gone = OAuthError(error="invalid_client", client=client.id, account=client.account.id)
            return await self._not_granted(gone, origin)
        token, told = self._bearers.issue(principal, amr=AMR, now_us=now_us), (SCOPE_PREFIX + one for one in scopes)
        answer = Tokens(access_token=token, expires_in=self._bearers.lifetime_s, scope=" ".join(told))
        who, session = principal.account, principal.session
        try:
            await self._enter(origin, answer, step="client", account=who, session=session, client=client.id)
        except LogUnavailable:
            await self._sessions.revoke(session, why="never-issued", now_us=now_us)
            raise
        return answer

    async def logout(self, principal: Principal, origin: Origin) -> None:
        """End the session of a principal, everywhere; also when that cannot be entered."""
        now_us = self._clock()
        await self._sessions.revoke(principal.session, why="signed-out", now_us=now_us)
        self._revocations.note((principal.session,), now_us)
        await self._enter(origin, None, step="revoked", account=principal.account, session=principal.session)

    def _new_session(self, shown: Shown, now_us: int) -> Session:
        return Session(
            id=new_session_id(),
            account=shown.account.id,
            client=PERSON_CLIENT,
            created_us=now_us,
            auth_time_us=now_us,
            amr=AMR_TOTP if isinstance(shown.proof, TotpStep) else AMR_RECOVERY,
            scopes=self._scopes_of(shown.account),
            expires_us=now_us + self._lifetimes.session_s * _US,
        )

    def _tokens(self, session: Session, account: Account, refresh: str, now_us: int) -> Tokens:
        """Make a person's pair; roles and scopes are those of this moment, the sign-in is as old as it is."""
        principal = Principal(
            account=account.id,
            kind=PrincipalKind.PERSON,
            roles=account.roles,
            client=session.client,
            recipient=account.recipient,
            proof=Assurance.PERSON,
            signed_in_us=session.auth_time_us,
            scopes=self._scopes_of(account),
            session=session.id,
        )
        return Tokens(
            access_token=self._bearers.issue(principal, amr=session.amr, now_us=now_us),
            expires_in=self._bearers.lifetime_s,
            refresh_token=refresh,
        )

    def _scopes_of(self, account: Account) -> tuple[PurposeKey, ...]:
        """Return the purposes of an account: those of its roles, and what ``g`` lines give it by its identifier."""
        return tuple(self._purposes_of((RoleName(account.id), *account.roles)))

    async def _not_granted(self, error: OAuthError, origin: Origin) -> OAuthError:
        await self._enter(origin, error, step="client", account=error.account, client=error.client, reason=error.error)
        return error

    async def _failed(
        self, origin: Origin, *, step: str, reason: str, account: str = "", session: str = ""
    ) -> SignInFailed:
        answer = SignInFailed()
        await self._enter(origin, answer, step=step, account=account, session=session, reason=reason)
        return answer

    async def _enter(
        self,
        origin: Origin,
        answer: Answer,
        *,
        step: str,
        account: str,
        session: str = "",
        client: str = "",
        reason: str | None = None,
        spent: str = "",
    ) -> None:
        """Enter a step; without a reason against it, it went well."""
        entry = SignIn(
            call=origin.call,
            step=step,
            account=account,
            ok=reason is None,
            reason=reason,
            client=client,
            session=session,
            bytes=self._size_of(answer),
            spent=spent,
        )
        await self._recorder.append(entry, Part(ip=origin.ip, user_agent=origin.user_agent))


def _session_of(principal: Principal, lifetime_s: int) -> Session:
    """Return the session of a service, which lasts as long as its one bearer."""
    return Session(
        id=principal.session,
        account=principal.account,
        client=principal.client,
        created_us=principal.signed_in_us,
        auth_time_us=principal.signed_in_us,
        amr=AMR,
        scopes=principal.scopes,
        expires_us=principal.signed_in_us + lifetime_s * _US,
    )
