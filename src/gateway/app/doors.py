# SPDX-License-Identifier: Apache-2.0
"""The HTTP door of an open installation, joined from its rooms."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from gateway.app.evidence.proofs import LogProofs
from gateway.app.health import health_of
from gateway.app.installation import Rooms
from gateway.app.joins import HttpTarget, IdempotencyKeyring, IdentifyJoin
from gateway.app.locking import Locks
from gateway.app.own_data import OwnTarget, Targets
from gateway.app.own_decisions import own_decisions, withheld_told
from gateway.app.passing import with_passing
from gateway.app.roads import mail_roads, networks_of
from gateway.app.signals.exposition import CONTENT_TYPE
from gateway.app.signals.hearing import Hearing
from gateway.app.signals.metering import MeteredFlow, Signals, noted_decision_id, watchers_token
from gateway.app.surrogates.mandating import InForce
from gateway.app.surrogates.recipients import Recipients
from gateway.app.surrogates.revealing import approving_of, reveals_of
from gateway.app.traces import Traces, untraced
from gateway.domain.decision import Deny, Refusal
from gateway.domain.entry import UNAVAILABLE
from gateway.domain.errors import KeyUnavailable
from gateway.domain.signin import OAuthError, Origin
from gateway.doors.http.app import HttpDoor
from gateway.doors.http.call import new_decision_id
from gateway.doors.http.connections import Connections
from gateway.doors.http.data import DataDoor
from gateway.doors.http.own.call import OwnParts
from gateway.doors.http.own.paths import OwnPaths
from gateway.doors.http.own.watching import Watching
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.problems import problem_json
from gateway.doors.http.reading.cursors import Seal
from gateway.doors.http.reading.headers import Network
from gateway.flows.access.call import Rooms as AccessRooms
from gateway.flows.access.flow import AccessFlow
from gateway.flows.explain import SelfService
from gateway.flows.grant_requests import GrantRequests
from gateway.flows.login.answers import Answer, SignInFailed, Started, Tokens
from gateway.flows.login.flow import LoginFlow
from gateway.forward.http import HttpStores
from gateway.identify.factors import Factors
from gateway.identify.identify import Identify
from gateway.identify.sessions import Lifetimes
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.store.approvals import RevealApprovals
from gateway.store.dispatches import Dispatches

CURSOR_KEY = "cursor"


class CursorSeal:
    """Seals cursors under a key that never leaves the keyring."""

    def __init__(self, keyring: Keyring) -> None:
        """Make the key if there is none."""
        keyring.ensure(CURSOR_KEY)
        self._keyring = keyring

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Return the sealed bytes."""
        # Asked for each time: a rotated key counts at once, and cursors under the one before end.
        return envelope.seal(self._keyring.ensure(CURSOR_KEY).secret, plain, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes | None:
        """Return what was sealed; ``None`` if it was changed or bound to something else."""
        try:
            return envelope.open_sealed(self._keyring.ensure(CURSOR_KEY).secret, sealed, bound_to)
        except KeyUnavailable:
            return None


def connections_of(rooms: Rooms) -> Connections:
    """Return what counts the connections of one serving process."""
    limits = rooms.settings.limits
    return Connections(
        limits.connections,
        limits.connections_per_address,
        networks_of("trusted_proxies", rooms.settings.trusted_proxies),
        lambda: rooms.counting.answered("turned-away"),
    )


def http_door(rooms: Rooms, stores: HttpStores, signals: Signals | None = None) -> HttpDoor:
    """Return the ASGI application of an open installation; without signals it counts nothing and has no metrics.

    Raises:
        SettingsError: A network or the watchers' token cannot be used.
    """
    identify = IdentifyJoin(Identify(rooms.bearers, rooms.revocations), rooms.revocations)
    proxies = networks_of("trusted_proxies", rooms.settings.trusted_proxies)
    traces = Traces(rooms.keyring, untraced(rooms.settings))
    kind = AccessFlow if signals is None else MeteredFlow
    if signals is not None:
        rooms.log.heard = Hearing(signals.meters, withheld_told)
    access = kind(
        AccessRooms(
            rules=rooms.policy,
            identify=identify,
            people=rooms.people,
            choices=rooms.choices,
            holds=rooms.holds,
            budgets=rooms.budgets,
            target=Targets(
                HttpTarget(stores, traces) if signals is None else HttpTarget(stores, traces, signals.store_took),
                OwnTarget(rooms.log_questions, lambda: RevealApprovals(rooms.store).waiting(rooms.clock())),
            ),
            recorder=rooms.log,
            early=rooms.counting,
            is_current=rooms.changes.is_current,
            codec_of=rooms.codecs,
            idempotency=IdempotencyKeyring(rooms.keyring),
            status_of=lambda reason: PROBLEMS[reason].status,
            clock=rooms.clock,
            samples=rooms.new_fields,
            recipients=Recipients(stores, mail_roads(rooms.settings, rooms.clock), traces),
            dispatches=Dispatches(rooms.store),
            mandates=InForce(rooms),
            reveals=reveals_of(rooms),
            tombstones=rooms.tombstones,
            locks=Locks(rooms),
            most_erased_told=rooms.settings.limits.erased_told,
            vault=rooms.vault,
            columns=rooms.columns,
        )
    )
    login = _login_flow(rooms)
    seal: Seal = CursorSeal(rooms.keyring)
    own = OwnPaths(
        OwnParts(
            login=login,
            self_service=SelfService(
                rules=rooms.policy,
                identify=identify,
                holds=rooms.holds,
                recorder=rooms.log,
                decisions=own_decisions(rooms.settings.state / "log"),
                clock=rooms.clock,
            ),
            grant_requests=GrantRequests(
                rules=rooms.policy,
                identify=identify,
                requests=rooms.grant_requests,
                recorder=rooms.log,
                clock=rooms.clock,
            ),
            approving=approving_of(rooms, identify),
            logout=_logout(identify, login, rooms.clock),
            jwks=rooms.bearers.jwks,
            is_current=rooms.changes.is_current,
            is_ready=lambda: rooms.changes.is_current() and rooms.log.trouble is None and rooms.log.room_left(),
            log_proofs=LogProofs(rooms.settings.state / "log"),
            counting=rooms.counting,
            new_id=new_decision_id if signals is None else noted_decision_id,
            proxies=proxies,
            watching=None if signals is None else _watching(rooms, stores, signals, proxies),
        )
    )
    data = DataDoor(access, seal, proxies, lambda: rooms.counting.answered(UNAVAILABLE))
    return HttpDoor(with_passing(data, rooms, stores, identify, traces, seal=seal, proxies=proxies), own)


def _watching(rooms: Rooms, stores: HttpStores, signals: Signals, proxies: Sequence[Network]) -> Watching:
    metrics = rooms.settings.metrics
    return Watching(
        networks=networks_of("metrics.networks", metrics.networks),
        proxies=proxies,
        token=watchers_token(metrics),
        metrics=signals.text,
        content_type=CONTENT_TYPE,
        health=lambda: health_of(rooms, stores.health()),
    )


def _login_flow(rooms: Rooms) -> LoginFlow:
    return LoginFlow(
        factors=Factors(rooms.tries, rooms.passwords, rooms.keyring),
        sessions=rooms.sessions,
        clients=rooms.clients,
        bearers=rooms.bearers,
        revocations=rooms.revocations,
        recorder=rooms.counting.thinned(),
        clock=rooms.clock,
        purposes_of=rooms.purposes_of,
        digest=rooms.credentials,
        size_of=_size_of,
        lifetimes=Lifetimes(session_s=rooms.settings.sessions.refresh_s, idle_s=rooms.settings.sessions.idle_s),
    )


def _size_of(answer: Answer) -> int:
    """Return the bytes of the body that the door sends for an answer of a sign-in."""
    match answer:
        case None:
            return 0
        case SignInFailed():
            return len(problem_json(Refusal(decision_id=new_decision_id(), reason=answer.reason)))
        case OAuthError():
            return len(msgspec.json.encode({"error": answer.error}))
        case Started() | Tokens():
            return len(msgspec.json.encode(answer))


def _logout(
    identify: IdentifyJoin, login: LoginFlow, clock: Callable[[], int]
) -> Callable[[str | None, Origin], Awaitable[Deny | None]]:
    async def logout(authorization: str | None, origin: Origin) -> Deny | None:
        who = identify.principal(authorization, clock())
        if isinstance(who, Deny):
            return who
        await login.logout(who, origin)
        return None

    return logout
