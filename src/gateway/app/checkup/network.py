# SPDX-License-Identifier: Apache-2.0
"""The gateway on its network: what it listens on, whom it believes, how it is, and what its system lets it have."""

import asyncio
import ctypes
import resource
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address, ip_network

import msgspec

from gateway.app.checkup.findings import Finding, Patient, note, ok, problem, warning
from gateway.settings.loading import Settings

PATIENCE_S = 3.0
MOST_ANSWER_BYTES = 1 << 14
SPARE_HANDLES = 256
"""Beside those of callers: log, database and change feed."""
MANY = {4: 8, 6: 16}
"""Length of the prefix of a network, by version, below which it is more than an operator's own."""
MENDED_BY = {
    "log-unavailable": "look at the disk of STATE/log and at stderr of the gateway",
    "disk": "free space on the disk of STATE/log",
    "database": "start the database",
    "change-feed": "look at the database; a door that cannot read it refuses calls",
    "clock": "let the machine keep time by NTP: timedatectl set-ntp true",
    "rules": "gateway check",
}
_TIME_ERROR = 5


async def listening(patient: Patient) -> Iterable[Finding]:
    """Look at who can reach the gateway and whom it believes about addresses."""
    return [*_address(patient.settings), *_proxies(patient.settings), *_watchers(patient.settings)]


async def handles(patient: Patient) -> Iterable[Finding]:
    """Compare the file handles that a process may have with what a door needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    settings = patient.settings
    needed = settings.limits.connections + sum(one.connections for one in settings.stores.values()) + SPARE_HANDLES
    if soft >= needed:
        return [ok("handles", f"{soft} file handles are allowed, {needed} may be needed by a door")]
    fix = f"ulimit -n {needed} before gateway serve (systemd: LimitNOFILE={needed}), or lower limits.connections"
    told = f"{soft} file handles are allowed here (at most {hard}), and a door may need {needed}"
    return [warning("handles", told, fix)]


async def serving(patient: Patient) -> Iterable[Finding]:
    """Ask the running gateway how it is; one of its doors answers."""
    listen = patient.settings.listen
    if listen.port == 0:
        return [note("serving", "listen.port is 0, so it is not known where the gateway answers")]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 - it is compared, not bound
    try:
        status, body = await asyncio.wait_for(_asked(host, listen.port, patient.settings), PATIENCE_S)
    except (OSError, EOFError, ValueError, TimeoutError):
        fix = f"gateway serve --state {patient.settings.state}"
        return [note("serving", f"no gateway answers on port {listen.port}", fix)]
    return _health(status, body)


def _health(status: int, body: bytes) -> list[Finding]:
    told: dict[str, object] = {}
    with suppress(msgspec.DecodeError):
        told = msgspec.json.decode(body, type=dict[str, object])
    reasons, degraded = (
        [one for one in _texts(told.get(key)) if one in MENDED_BY or one.startswith("store:")]
        for key in ("reasons", "degraded")
    )
    found = [problem("serving", f"a door is not ready: {one}", _mended_by(one)) for one in reasons]
    found += [warning("serving", f"a door answers, but not all is well: {one}", _mended_by(one)) for one in degraded]
    if found:
        return found
    if status == 200:
        return [ok("serving", "the gateway answers and is ready")]
    if status == 503:
        return [problem("serving", "a door is not ready", "look at stderr of the gateway")]
    return [warning("serving", "something else than this gateway answers on its port", "change listen.port")]


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _mended_by(reason: str) -> str:
    if reason.startswith("store:"):
        return f"start the store {reason.removeprefix('store:')}; calls go to it again by themselves"
    return MENDED_BY[reason]


async def _asked(host: str, port: int, settings: Settings) -> tuple[int, bytes]:
    lines = ["GET /-/readyz HTTP/1.1", "host: localhost", "accept: application/json", "connection: close"]
    token = settings.metrics.token_file
    if token is not None and token.is_file():
        lines.append(f"authorization: Bearer {token.read_text('ascii').strip()}")
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode("ascii"))
        answer = await reader.read(MOST_ANSWER_BYTES)
        while answer and not reader.at_eof() and len(answer) < MOST_ANSWER_BYTES:
            answer += await reader.read(MOST_ANSWER_BYTES)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1] if head.count(b" ") else b"0"), body


async def kernel_clock(patient: Patient) -> Iterable[Finding]:
    """Ask the kernel whether something keeps its clock right."""
    del patient
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
    if state == _TIME_ERROR:
        return [note("clock", "nothing tells the kernel that its clock is right", "timedatectl set-ntp true")]
    if state < 0:
        return [note("clock", "the kernel does not tell here whether its clock is right")]
    return [ok("clock", "the kernel's clock is kept right")]


def _address(settings: Settings) -> Iterator[Finding]:
    host = settings.listen.host
    try:
        address = ip_address(host)
    except ValueError:
        return
    fix = "listen.host: 127.0.0.1 in gateway.yaml, with a proxy that speaks TLS before it: deploy/README.md"
    if address.is_loopback:
        yield ok("listening", f"it listens on {host}, so TLS is the business of what stands before it")
    elif settings.trusted_proxies:
        yield note("listening", f"it listens on {host} without TLS, also for others than the trusted proxies", fix)
    else:
        yield warning("listening", f"it listens on {host} without TLS, and no proxy of the operator's is known", fix)


def _proxies(settings: Settings) -> Iterator[Finding]:
    for text in settings.trusted_proxies:
        yield from _network("trusted_proxies", text, "everybody in it can say to be at another address")


def _watchers(settings: Settings) -> Iterator[Finding]:
    for text in settings.metrics.networks:
        if settings.metrics.token_file is None and text != "127.0.0.0/8":
            yield from _network("metrics.networks", text, "everybody in it can read the metrics without a token")


def _network(key: str, text: str, so: str) -> Iterator[Finding]:
    try:
        network = ip_network(text)
    except ValueError:
        yield problem("listening", f"{key}: {text} is no network", f"write it as 10.0.0.0/24 in {key}")
        return
    if network.prefixlen == 0:
        yield problem(
            "listening", f"{key} holds {text}: {so}", f"name the proxies' or watchers' own addresses in {key}"
        )
    elif network.prefixlen <= MANY[network.version] or (network.is_global and network.num_addresses > 256):
        yield warning("listening", f"{key} holds the wide network {text}: {so}", f"name single addresses in {key}")
