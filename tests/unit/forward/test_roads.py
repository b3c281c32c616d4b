# SPDX-License-Identifier: Apache-2.0
"""The client of one store: which certificates it trusts, what it shows, and how it is replaced."""

import asyncio
import contextlib
import datetime as dt
import ssl
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.domain.errors import StoreUnreachable
from gateway.domain.names import StoreName
from gateway.forward.http import HttpStores, StoreCall
from gateway.forward.roads import Road, Secret, Store
from tests.fakes.raw_store import RawStore, json_reply

CRM = StoreName("crm")


def certificate(name: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a certificate for the name's key in PEM; one that its own key signed is an authority."""
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=key is by, path_length=None), critical=True)
        .sign(by, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


class Pki(msgspec.Struct, frozen=True):
    """A file with a server's key and certificate for ``crm.test``, and the authority behind it."""

    server: Path
    authority: bytes


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    private = theirs.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("tls") / "crm.pem"
    file.write_bytes(private + certificate("crm.test", theirs, "authority.test", ours))
    return Pki(file, certificate("authority.test", ours, "authority.test", ours))


async def here(host: str, port: int) -> tuple[str, ...]:
    return ("127.0.0.1",)


async def answer_over_tls(pem: Path, host: str, ca_pem: bytes | None) -> bytes:
    """Return what a call over TLS gets from a server that shows the certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(json_reply(b'"over tls"').content)
            await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    store = Store(name=CRM, base_url=f"https://{host}:{port}", ca_pem=ca_pem, connect_s=2.0, read_s=2.0)
    call = StoreCall(store=CRM, method="GET", path="/x")
    async with server, HttpStores([store], resolve=here) as stores, stores.call(call) as answer:
        return b"".join([chunk async for chunk in answer.chunks()])


async def test_a_certificate_that_nobody_vouches_for_is_refused(pki: Pki) -> None:
    """TLS verifies by default."""
    with pytest.raises(StoreUnreachable):
        await answer_over_tls(pki.server, "crm.test", None)


async def test_a_certificate_of_a_trusted_authority_is_accepted_for_its_name(pki: Pki) -> None:
    """The name is verified although the connection goes to a pinned address."""
    assert await answer_over_tls(pki.server, "crm.test", pki.authority) == b'"over tls"'


async def test_a_trusted_certificate_for_another_name_is_refused(pki: Pki) -> None:
    """Trust in an authority is not trust in every name."""
    with pytest.raises(StoreUnreachable):
        await answer_over_tls(pki.server, "shop.test", pki.authority)


async def fail(road: Road) -> None:
    """Let one call on the road not reach its store."""
    with contextlib.suppress(StoreUnreachable):
        async with road.client():
            raise StoreUnreachable("no connection")


async def test_a_replaced_client_serves_its_calls_to_the_end() -> None:
    """A road that turns to another address does not cut the calls that are under way."""
    rounds = iter([("127.0.0.1",), ("127.0.0.3",)])

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return next(rounds)

    async with RawStore(lambda _: json_reply()) as crm:
        url = f"http://crm.test:{crm.port}"
        road = Road(Store(name=CRM, base_url=url), resolve)
        async with road.client() as first:
            await fail(road)
            async with road.client() as second:
                assert second is not first
            assert (await first.get(url).build().send()).status == 200
        await road.close()
    assert road.pinned == ("127.0.0.3",)


async def test_a_failure_on_the_only_address_keeps_the_client() -> None:
    """There is nothing to turn to, so connections that work are kept."""
    road = Road(Store(name=CRM, base_url="http://crm.test"), here)
    async with road.client() as first:
        await fail(road)
    async with road.client() as second:
        assert second is first
    await road.close()


def test_a_credential_is_not_shown() -> None:
    """Neither the header nor the store that holds it prints its value."""
    store = Store(name=CRM, base_url="http://crm", credential=Secret("x-key", "s3cret"))
    assert "s3cret" not in repr(store) + str(store)
    assert "x-key" in repr(store)
