# SPDX-License-Identifier: Apache-2.0
"""The client of one store: which certificates it trusts, what it shows, and how it is replaced."""

import contextlib
import datetime as dt
import ssl
import warnings
from pathlib import Path

import pytest

from gateway.domain.errors import SettingsError, StoreUnreachable
from gateway.domain.names import StoreName
from gateway.forward.calls import StoreCall
from gateway.forward.http import HttpStores
from gateway.forward.roads import ClientIdentity, Road, Secret, Store
from tests.fakes.certificates import START, Authority, Issued, server_context, serving_tls
from tests.fakes.raw_store import RawStore, json_reply

CRM = StoreName("crm")


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Vouches for the store."""
    return Authority("authority.test")


@pytest.fixture(scope="module")
def stranger() -> Authority:
    """Nobody trusts it."""
    return Authority("stranger.test")


@pytest.fixture
def pem(authority: Authority, tmp_path: Path) -> Path:
    """The store's key and certificate."""
    return authority.issue("crm.test").file(tmp_path / "crm.pem")


async def here(host: str, port: int) -> tuple[str, ...]:
    return ("127.0.0.1",)


def shown(one: Issued) -> ClientIdentity:
    return ClientIdentity(one.certificate + one.key)


async def asked(
    context: ssl.SSLContext, ca_pem: bytes | None, host: str = "crm.test", identity: ClientIdentity | None = None
) -> bytes:
    """Return what a call over TLS gets; a call that is refused has shown nothing of the request."""
    async with serving_tls(context) as server:
        url = f"https://{host}:{server.port}"
        store = Store(name=CRM, base_url=url, ca_pem=ca_pem, identity=identity, connect_s=5.0, read_s=5.0)
        call = StoreCall(store=CRM, method="GET", path="/x")
        try:
            async with HttpStores([store], resolve=here) as stores, stores.call(call) as answer:
                return b"".join([chunk async for chunk in answer.chunks()])
        except StoreUnreachable:
            assert server.heads == []
            raise


async def test_a_certificate_that_nobody_vouches_for_is_refused(pem: Path) -> None:
    """TLS verifies by default, and the request is known not to have left."""
    with pytest.raises(StoreUnreachable) as caught:
        await asked(server_context(pem), None)
    assert caught.value.not_sent


async def test_a_certificate_of_a_trusted_authority_is_accepted_for_its_name(pem: Path, authority: Authority) -> None:
    """The name is verified although the connection goes to a pinned address."""
    assert await asked(server_context(pem), authority.pem) == b'"over tls"'


async def test_a_trusted_certificate_for_another_name_is_refused(pem: Path, authority: Authority) -> None:
    """Trust in an authority is not trust in every name."""
    with pytest.raises(StoreUnreachable):
        await asked(server_context(pem), authority.pem, "shop.test")


async def test_an_address_needs_a_certificate_for_the_address(pem: Path, authority: Authority, tmp_path: Path) -> None:
    """A base URL with an address is verified as one."""
    with pytest.raises(StoreUnreachable):
        await asked(server_context(pem), authority.pem, "127.0.0.1")
    right = server_context(authority.issue("127.0.0.1").file(tmp_path / "address.pem"))
    assert await asked(right, authority.pem, "127.0.0.1") == b'"over tls"'


async def test_a_certificate_of_the_past_is_refused(authority: Authority, tmp_path: Path) -> None:
    """Its time is over."""
    old = authority.issue("crm.test", end=START + dt.timedelta(days=1)).file(tmp_path / "old.pem")
    with pytest.raises(StoreUnreachable):
        await asked(server_context(old), authority.pem)


async def test_several_authorities_in_one_file_are_all_trusted(
    pem: Path, authority: Authority, stranger: Authority
) -> None:
    """As when one takes the place of another."""
    assert await asked(server_context(pem), stranger.pem + authority.pem) == b'"over tls"'


async def test_a_store_that_asks_for_a_certificate_gets_ours(pem: Path, authority: Authority) -> None:
    """Without it, or with a stranger's, there is no answer."""
    context = server_context(pem, asks_for=authority.pem)
    assert await asked(context, authority.pem, identity=shown(authority.issue("gateway"))) == b'"over tls"'


@pytest.mark.parametrize("who", ["nobody", "stranger"])
async def test_a_store_that_asks_for_a_certificate_refuses_others(
    pem: Path, authority: Authority, stranger: Authority, who: str
) -> None:
    """It is the store that refuses; the request is not read."""
    identity = shown(stranger.issue("gateway")) if who == "stranger" else None
    with pytest.raises(StoreUnreachable):
        await asked(server_context(pem, asks_for=authority.pem), authority.pem, identity=identity)


async def test_nothing_older_than_tls_1_2_is_spoken(pem: Path, authority: Authority) -> None:
    """A server of 1.2 is answered, one of 1.1 is not, although others still speak with it."""
    modern = server_context(pem)
    modern.maximum_version = ssl.TLSVersion.TLSv1_2
    assert await asked(modern, authority.pem) == b'"over tls"'
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old = server_context(pem)
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(StoreUnreachable) as caught:
            await asked(old, authority.pem)
    assert caught.value.not_sent


@pytest.mark.parametrize("url", ["http://crm.test", "https://crm.test"])
def test_certificates_that_are_of_no_use_are_refused_at_the_start(url: str, authority: Authority) -> None:
    """Junk, a file without a certificate, a key of another certificate, any of them without TLS."""
    one, other = authority.issue("gateway"), authority.issue("gateway")
    identities = [b"s3cret", one.certificate, one.key, one.certificate + other.key]
    stores = [Store(name=CRM, base_url=url, ca_pem=content) for content in (b"", b"s3cret", one.key, b"\xff")]
    stores += [Store(name=CRM, base_url=url, identity=ClientIdentity(content)) for content in identities]
    if url.startswith("http:"):
        stores = [
            Store(name=CRM, base_url=url, ca_pem=authority.pem),
            Store(name=CRM, base_url=url, identity=shown(one)),
        ]
    for store in stores:
        with pytest.raises(SettingsError, match=r"stores\.crm") as caught:
            HttpStores([store])
        assert "s3cret" not in str(caught.value)


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


async def test_calls_that_fail_together_turn_the_road_by_one_address() -> None:
    """Two failures at once on the first of two addresses lead to the second, not back to the first."""

    async def two(host: str, port: int) -> tuple[str, ...]:
        return ("127.0.0.1", "127.0.0.2")

    road = Road(Store(name=CRM, base_url="http://crm.test"), two)
    async with contextlib.AsyncExitStack() as both:
        first = await both.enter_async_context(road.client())
        with contextlib.suppress(StoreUnreachable):
            async with road.client() as second:
                assert second is first
                await fail(road)
                raise StoreUnreachable("no connection")
        assert await both.enter_async_context(road.client()) is not first
        assert road._line is not None
        assert road._line.address == "127.0.0.2"
    await road.close()


async def test_a_failure_on_the_only_address_keeps_the_client() -> None:
    """There is nothing to turn to, so connections that work are kept."""
    road = Road(Store(name=CRM, base_url="http://crm.test"), here)
    async with road.client() as first:
        await fail(road)
    async with road.client() as second:
        assert second is first
    await road.close()


def test_a_credential_is_not_shown() -> None:
    """Neither the header nor the store that holds it prints its value, nor the private key."""
    secrets = {"credential": Secret("x-key", "s3cret"), "identity": ClientIdentity(b"s3cret")}
    store = Store(name=CRM, base_url="http://crm", **secrets)  # type: ignore[arg-type]
    assert "s3cret" not in repr(store) + str(store)
    assert "x-key" in repr(store)
