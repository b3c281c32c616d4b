# SPDX-License-Identifier: Apache-2.0
"""Attack: an environment that leads calls to stores through a proxy, or has keys of TLS written down."""

from pathlib import Path

import pytest

from gateway.domain.errors import StoreUnreachable
from gateway.forward.http import HttpStores
from tests.fakes.certificates import Authority, server_context, serving_tls
from tests.fakes.raw_store import RawStore, json_reply
from tests.fakes.store_calls import body_of, store_at

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "PROXY", "CGI_HTTP_PROXY")


@pytest.fixture
async def proxied(monkeypatch: pytest.MonkeyPatch) -> RawStore:
    """A proxy that every variable names, in both cases."""
    proxy = RawStore(lambda _: json_reply(b'"proxy"'))
    await proxy.__aenter__()
    for name in NAMES:
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv(name.lower(), proxy.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return proxy


async def test_no_proxy_of_the_environment_is_used(proxied: RawStore) -> None:
    """Neither for an answer, nor when the store is not there."""
    async with RawStore(lambda _: json_reply()) as crm, HttpStores([store_at(crm.url)]) as stores:
        assert await body_of(stores) == b"[]"
    async with HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(StoreUnreachable):
            await body_of(stores)
    await proxied.__aexit__()
    assert (crm.n_connections, proxied.n_connections) == (1, 0)


async def test_no_proxy_and_no_file_of_keys_is_used_for_tls(
    proxied: RawStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A CONNECT never leaves; with a file of keys whoever recorded the traffic could read it."""
    authority = Authority("authority.test")
    context = server_context(authority.issue("127.0.0.1").file(tmp_path / "crm.pem"))
    # Set when the server has its context, which would write the file as well.
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    async with serving_tls(context) as server:
        store = store_at(f"https://127.0.0.1:{server.port}", ca_pem=authority.pem)
        async with HttpStores([store]) as stores:
            assert await body_of(stores) == b'"over tls"'
    await proxied.__aexit__()
    assert proxied.n_connections == 0
    assert not (tmp_path / "keys.log").exists()
