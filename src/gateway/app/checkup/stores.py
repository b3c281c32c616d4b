# SPDX-License-Identifier: Apache-2.0
"""Stores: whether each answers from here, with which certificate, and what time it has.

One HEAD request goes to the base address of each, with the gateway's own credentials and to a judged address,
as calls go. Of the answer its status and its date are looked at, and nothing is told of anything else.
"""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from ipaddress import ip_network

import msgspec

from gateway.app.checkup.database import skew
from gateway.app.checkup.findings import DAY_US, Finding, Patient, days, ok, problem, warning
from gateway.app.clock import now_us
from gateway.app.keyring import open_keyring
from gateway.app.traces import LABEL, Headers, Traces
from gateway.domain.errors import GatewayError, SettingsError, StoreUnreachable
from gateway.domain.wording import counted
from gateway.forward.addresses import BaseUrl, base_url, judged_addresses, resolve
from gateway.forward.mail import MAIL_URL, Tls
from gateway.forward.mail import PORTS as MAIL_PORTS
from gateway.keys.certificates import ends_us
from gateway.settings.sections import StoreSettings

MOST_HEAD_BYTES = 1 << 16
PATIENCE_S = 5.0
_US = 1_000_000


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a store.

    Attributes:
        skew_us: Its clock minus this machine's; dates are told in whole seconds.
        ends_us: When its certificate ends.
    """

    status: int
    skew_us: int | None = None
    ends_us: int | None = None


async def stores(patient: Patient) -> Iterable[Finding]:
    """Ask every store, all at the same time."""
    known = patient.settings.stores
    if not known:
        return [warning("stores", "no store is configured", "write stores.<name>.base_url into gateway.yaml")]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_of_one(patient, name, one) if one.kind == "http" else _of_mail(name, one))
            for name, one in known.items()
        ]
    return [finding for task in tasks for finding in task.result()]


async def _of_one(patient: Patient, name: str, one: StoreSettings) -> list[Finding]:
    check = f"store:{name}"
    found = [*_own_certificates(patient, check, name, one)]
    try:
        base = base_url(one.base_url)
        seen = await asyncio.wait_for(_asked(base, one, _trace(patient)), min(PATIENCE_S, one.connect_s + one.read_s))
    except SettingsError as error:
        return [*found, problem(check, str(error), f"correct stores.{name}.base_url in gateway.yaml")]
    except StoreUnreachable as error:
        return [*found, problem(check, str(error), f"correct stores.{name}.base_url, or the name service")]
    except ssl.SSLCertVerificationError as error:
        told = f"its certificate is not accepted: {error.verify_message}"
        return [
            *found,
            problem(check, told, f"renew the certificate of the store, or set stores.{name}.ca_file to its authority"),
        ]
    except (ssl.SSLError, ValueError):
        fix = f"compare the scheme of stores.{name}.base_url and client_certificate_file with what the store wants"
        return [*found, problem(check, "TLS with it fails, or it does not speak HTTP/1.1", fix)]
    except (OSError, TimeoutError, EOFError):
        fix = f"start the store, or correct stores.{name}.base_url; its network may need allowed_networks"
        return [*found, problem(check, "it does not answer", fix)]
    return [*found, *_seen(patient, check, name, seen)]


async def _of_mail(name: str, one: StoreSettings) -> list[Finding]:
    """Look whether a mail server takes a connection; nothing is said to it."""
    check = f"store:{name}"
    found = MAIL_URL.fullmatch(one.base_url)
    if found is None:
        return [problem(check, "a mail server is smtp://host or smtp://host:port", f"correct stores.{name}.base_url")]
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(found[1].strip("[]"), int(found[2] or MAIL_PORTS[Tls(one.tls)]))
        writer.close()
    except (OSError, TimeoutError, ValueError):
        return [problem(check, "it does not answer", f"start the mail server, or correct stores.{name}.base_url")]
    return [ok(check, "it takes a connection")]


def _seen(patient: Patient, check: str, name: str, seen: Seen) -> Iterable[Finding]:
    if seen.status in {401, 407}:
        fix = f"put the value that the store wants into stores.{name}.authorization_file"
        yield warning(check, f"it answers, and refuses the gateway's credential ({seen.status})", fix)
    else:
        yield ok(check, f"it answers (status {seen.status} at its base address)")
    if seen.skew_us is not None:
        finding = skew(check, "the store", seen.skew_us)
        if finding.fix:
            yield finding
    if seen.ends_us is not None:
        yield from _ends(patient, check, "its certificate", seen.ends_us, "renew the certificate of the store")


def _own_certificates(patient: Patient, check: str, name: str, one: StoreSettings) -> Iterable[Finding]:
    for key, path in (("ca_file", one.ca_file), ("client_certificate_file", one.client_certificate_file)):
        if path is None:
            continue
        if not path.is_file():
            yield problem(check, f"stores.{name}.{key}: {path} does not exist", f"write {path}, or take the line away")
            continue
        end_us = ends_us(path.read_bytes())
        if end_us is None:
            yield problem(
                check, f"stores.{name}.{key}: {path} holds no certificate", f"write a PEM certificate into {path}"
            )
        else:
            yield from _ends(patient, check, f"stores.{name}.{key}", end_us, f"put a newer certificate into {path}")


def _ends(patient: Patient, check: str, what: str, end_us: int, fix: str) -> Iterable[Finding]:
    left_us = end_us - patient.now_us
    if left_us <= 0:
        yield problem(check, f"{what} has ended", fix)
    elif left_us < patient.settings.doctor.certificate_days * DAY_US:
        yield warning(check, f"{what} ends in {counted(days(left_us), 'day')}", fix)
    else:
        yield ok(check, f"{what} is good for {counted(days(left_us), 'day')} more")


async def _asked(base: BaseUrl, one: StoreSettings, headers: Headers) -> Seen:
    """Return what was seen of a store.

    Raises:
        StoreUnreachable: Its name has no address that a store can be at.
        OSError / EOFError / ValueError: It cannot be reached, or what it says is no HTTP/1.1.
    """
    allowed = tuple(ip_network(text) for text in one.allowed_networks)
    address = (await judged_addresses(base, resolve, allowed=allowed))[0]
    context = _context(one) if base.scheme == "https" else None
    name = base.host if context else None
    reader, writer = await asyncio.open_connection(
        address, base.port, ssl=context, server_hostname=name, limit=MOST_HEAD_BYTES
    )
    try:
        writer.write(_head_request(base, one, headers))
        asked_us = now_us()
        head = await reader.readuntil(b"\r\n\r\n")
        middle_us = (asked_us + now_us()) // 2
        tls = writer.get_extra_info("ssl_object")
        end_us = ssl.cert_time_to_seconds(tls.getpeercert()["notAfter"]) * _US if tls else None
        return Seen(status=_status(head), skew_us=_skew_us(head, middle_us), ends_us=end_us)
    except asyncio.LimitOverrunError:
        raise ValueError("the head is too long") from None
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _trace(patient: Patient) -> Headers:
    """Return what tells the look from a call; nothing where the keys cannot be used, which another finding says."""
    try:
        keyring = open_keyring(patient.settings)
        # A check-up makes nothing, so no key either.
        return Traces(keyring).of_look() if LABEL in keyring.labels() else ()
    except GatewayError:
        return ()


def _context(one: StoreSettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if one.ca_file is not None:
        context.load_verify_locations(cafile=one.ca_file)
    if one.client_certificate_file is not None and one.client_key_file is not None:
        context.load_cert_chain(one.client_certificate_file, one.client_key_file)
    return context


def _head_request(base: BaseUrl, one: StoreSettings, headers: Headers) -> bytes:
    host = base.origin.partition("://")[2]
    lines = [
        f"HEAD {base.path or '/'} HTTP/1.1",
        f"host: {host}",
        "user-agent: compliance-gateway",
        "connection: close",
        *(f"{name}: {value}" for name, value in headers),
    ]
    if one.authorization_file is not None:
        lines.append(f"authorization: {one.authorization_file.read_text('ascii').strip()}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _status(head: bytes) -> int:
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError("this is no HTTP/1.1")
    return int(rest[:3])


def _skew_us(head: bytes, at_us: int) -> int | None:
    """Return how far a date is off; its second may have been any part of it, so half a second is taken."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"date":
            with suppress(ValueError):
                told = parsedate_to_datetime(value.strip().decode("ascii", "replace"))
                return round((told.timestamp() + 0.5) * _US) - at_us
    return None
