# SPDX-License-Identifier: Apache-2.0
"""The HTTP door of an open installation, joined from its rooms."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path

import msgspec

from gateway.app.evidence.proofs import LogProofs
from gateway.app.health import health_of
from gateway.app.installation import Rooms, open_keyring
from gateway.app.joins import HttpTarget, IdempotencyKeyring, IdentifyJoin
from gateway.app.metering import MeteredFlow, Signals, noted_decision_id, watchers_token
from gateway.app.own_data import OwnTarget, Targets
from gateway.app.passing import with_passing
from gateway.app.recipients import Recipients
from gateway.app.revealing import approving_of, reveals_of
from gateway.app.signals.exposition import CONTENT_TYPE
from gateway.app.signals.hearing import Hearing
from gateway.app.traces import Look, Traces, untraced
from gateway.domain.decision import Deny, Refusal
from gateway.domain.entry import UNAVAILABLE, End, Facts, Intent, Observed, Passed, Refused, Release
from gateway.domain.errors import KeyUnavailable, SettingsError
from gateway.domain.names import DecisionId, StoreName
from gateway.domain.signin import OAuthError, Origin
from gateway.doors.http.app import HttpDoor
from gateway.doors.http.call import new_decision_id
from gateway.doors.http.connections import Connections
from gateway.doors.http.cursors import Seal
from gateway.doors.http.data import DataDoor
from gateway.doors.http.headers import Network
from gateway.doors.http.own import OwnPaths
from gateway.doors.http.own_call import OwnParts
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.problems import problem_json
from gateway.doors.http.view import stepped
from gateway.doors.http.watching import Watching
from gateway.flows.access.call import Rooms as AccessRooms
from gateway.flows.access.flow import AccessFlow
from gateway.flows.access.releasing import LEAST_COUNTED_ROWS
from gateway.flows.explain import SelfService
from gateway.flows.grant_requests import GrantRequests
from gateway.flows.login import Answer, LoginFlow, SignInFailed, Started, Tokens
from gateway.forward.http import HttpStores
from gateway.forward.mail import Login, MailRoad, MailServer, Tls
from gateway.forward.roads import ClientIdentity, Secret, Store
from gateway.identify.factors import Factors
from gateway.identify.identify import Identify
from gateway.identify.sessions import Lifetimes
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.record.reading.index_rows import call_of
from gateway.record.reading.reader import records
from gateway.settings import Settings, StoreSettings
from gateway.store.approvals import RevealApprovals
from gateway.store.dispatches import Dispatches
from gateway.store.mandates import Mandates

NEWEST = 200_000
"""How far back a caller's own decision is looked for: entries of one slot, newest first."""

FIRST = Release | Refused | Intent | Observed
"""Entries that hold the facts of a call."""

_SECRET_FILES = frozenset({"client_key_file"})
"""Files of a store that must not be open to everyone; a private key never has to be."""

MOST_MAIL_CONNECTIONS = 8
"""To one mail server from one call: servers count connections, and each takes a thread here."""

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


def open_stores(settings: Settings) -> HttpStores:
    """Return the stores of an installation.

    Raises:
        SettingsError: A base address, a credential or a certificate cannot be used.
    """
    return HttpStores([store_of(name, one) for name, one in settings.stores.items() if one.kind == "http"])


def store_of(name: str, one: StoreSettings) -> Store:
    """Return one store as the road to it takes it.

    Raises:
        SettingsError: Its credential or a certificate cannot be used.
    """
    return Store(
        name=StoreName(name),
        base_url=one.base_url,
        credential=_credential(name, one),
        connect_s=one.connect_s,
        read_s=one.read_s,
        total_s=one.total_s,
        least_bytes_s=one.least_bytes_s,
        pace_s=one.pace_s,
        connections=one.connections,
        failures=one.failures,
        pause_s=one.pause_s,
        allowed=_networks(f"stores.{name}.allowed_networks", one.allowed_networks),
        ca_pem=_file(name, "ca_file", one.ca_file),
        identity=_identity(name, one),
    )


def mail_roads(settings: Settings, clock: Callable[[], int]) -> dict[StoreName, MailRoad]:
    """Return the ways to the mail servers of an installation.

    Raises:
        SettingsError: Something of one of them cannot be used.
    """
    return {
        StoreName(name): MailRoad(_mail_server(name, one), clock)
        for name, one in settings.stores.items()
        if one.kind == "smtp"
    }


def _mail_server(name: str, one: StoreSettings) -> MailServer:
    return MailServer(
        name=StoreName(name),
        url=one.base_url,
        tls=Tls(one.tls),
        sender=one.sender,
        login=_login(name, one),
        timeout_s=one.read_s,
        connections=min(one.connections, MOST_MAIL_CONNECTIONS),
        allowed=_networks(f"stores.{name}.allowed_networks", one.allowed_networks),
        ca_pem=_file(name, "ca_file", one.ca_file),
    )


def _login(name: str, one: StoreSettings) -> Login | None:
    credential = _credential(name, one)
    if credential is None:
        return None
    user, colon, password = credential.value.partition(":")
    if not (user and colon and password):
        raise SettingsError(f"stores.{name}.authorization_file: of a mail server it holds user:password")
    return Login(user, password)


def looks_of(settings: Settings) -> Look:
    """Return what the gateway's own looks at stores say of themselves, so that their logs can tell them from calls.

    Raises:
        SettingsError: The keys of the installation cannot be used.
    """
    return Traces(open_keyring(settings)).of_look


def _credential(name: str, one: StoreSettings) -> Secret | None:
    content = _file(name, "authorization_file", one.authorization_file)
    if content is None:
        return None
    value = content.strip().decode("ascii", "replace")
    if not (value.isascii() and value.isprintable() and value):
        raise SettingsError(f"stores.{name}.authorization_file: expected one line of printable ASCII")
    return Secret("authorization", value)


def _identity(name: str, one: StoreSettings) -> ClientIdentity | None:
    certificate = _file(name, "client_certificate_file", one.client_certificate_file)
    key = _file(name, "client_key_file", one.client_key_file)
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise SettingsError(f"stores.{name}: client_certificate_file and client_key_file go together")
    return ClientIdentity(certificate + b"\n" + key)


def _file(name: str, key: str, path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        if key in _SECRET_FILES and path.stat().st_mode & 0o007:
            raise SettingsError(f"stores.{name}.{key}: {path} is open to everyone: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"stores.{name}.{key}: {error.strerror}") from None


def _networks(key: str, texts: Sequence[str]) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingsError(f"{key}: {error}") from None


def connections_of(rooms: Rooms) -> Connections:
    """Return what counts the connections of one serving process."""
    limits = rooms.settings.limits
    return Connections(
        limits.connections,
        limits.connections_per_address,
        _networks("trusted_proxies", rooms.settings.trusted_proxies),
        lambda: rooms.counting.answered("turned-away"),
    )


def http_door(rooms: Rooms, stores: HttpStores, signals: Signals | None = None) -> HttpDoor:
    """Return the ASGI application of an open installation; without signals it counts nothing and has no metrics.

    Raises:
        SettingsError: A network or the watchers' token cannot be used.
    """
    identify = IdentifyJoin(Identify(rooms.bearers, rooms.revocations), rooms.revocations)
    proxies = _networks("trusted_proxies", rooms.settings.trusted_proxies)
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
            mandates=Mandates(rooms.store),
            reveals=reveals_of(rooms),
            tombstones=rooms.tombstones,
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
                decisions=_decisions(rooms.settings.state / "log"),
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
        networks=_networks("metrics.networks", metrics.networks),
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


def _decisions(logs: Path) -> Callable[[str, DecisionId], Awaitable[dict[str, object] | None]]:
    async def decision(account: str, call: DecisionId) -> dict[str, object] | None:
        return await asyncio.to_thread(_looked_up, logs, account, call)

    return decision


def withheld_told(facts: Facts, released: Sequence[Release], withheld: Mapping[str, int]) -> dict[str, int]:
    """Return the stepped counts of withheld rows, where the answer itself would have told them."""
    is_chosen = any(not one.startswith("sort ") for one in facts.filters)
    n_rows = sum(body.rows for body in released) + sum(withheld.values())
    if is_chosen or n_rows < LEAST_COUNTED_ROWS:
        return {}
    return {cause: stepped(n) for cause, n in withheld.items()}


def _looked_up(logs: Path, account: str, call: DecisionId) -> dict[str, object] | None:
    """Return the entries of a call as one outcome, if the call was the account's own."""
    bodies = []
    for slot in sorted(path.parent for path in logs.glob("*/log.pub")):
        for place, record in enumerate(records(slot, newest_first=True)):
            if place >= NEWEST:
                break
            if call_of(record.line.body) == call:
                bodies.append(record.line.body)
    bodies.reverse()
    first = next((body for body in bodies if isinstance(body, FIRST) and body.facts), None)
    facts = None if first is None else first.facts
    if facts is None or facts.account != account:
        return None
    released = [body for body in bodies if isinstance(body, Release)]
    left = [body for body in bodies if isinstance(body, Release | Passed)]
    refused = next((body for body in bodies if isinstance(body, Refused)), None)
    end = next((body for body in bodies if isinstance(body, End)), None)
    withheld: dict[str, int] = {}
    for body in released:
        for cause, n in body.withheld.items():
            withheld[cause] = withheld.get(cause, 0) + n
    return {
        "decision_id": call,
        "decision": "deny" if refused else "permit",
        "reason": refused.reason if refused else None,
        "purpose": facts.purpose,
        "dataset": facts.dataset,
        "fields": facts.fields,
        "rows": sum(body.rows for body in released),
        "bytes": sum(body.bytes for body in left),
        "rows_withheld": withheld_told(facts, released, withheld),
        "end": end.how if end else ("complete" if any(body.last for body in left) else None),
    }
