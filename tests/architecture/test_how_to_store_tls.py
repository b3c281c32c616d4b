# SPDX-License-Identifier: Apache-2.0
"""The page on TLS with a client certificate is run as a reader would, and the settings on it are used."""

import asyncio
import re
import shutil
import ssl
from pathlib import Path

import msgspec
import pytest

from gateway.app.roads import store_of
from gateway.domain.errors import SettingsError, StoreUnreachable
from gateway.forward.http import HttpStores
from gateway.forward.roads import Store
from gateway.settings.loading import FILE_NAME, load
from tests.fakes.certificates import TlsServer, serving_tls
from tests.fakes.store_calls import a_call, body_of

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "store-tls.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: title=\"[^\"]+\")?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the page uses openssl, which is not installed")


@pytest.fixture
async def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which every command of the page was run, and which is the working directory."""
    script = "set -eu\n" + "".join(content for language, content in BLOCKS if language == "sh")
    process = await asyncio.create_subprocess_exec("bash", "-c", script, cwd=tmp_path, stderr=asyncio.subprocess.PIPE)
    _, stderr = await process.communicate()
    assert process.returncode == 0, stderr.decode()
    [settings] = [content for language, content in BLOCKS if language == "yaml"]
    (tmp_path / FILE_NAME).write_text(settings)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def demanding(made: Path) -> ssl.SSLContext:
    """Return what step 3 asks of the store."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(made / "store-ca.pem"))
    context.load_cert_chain(made / "crm.pem", made / "crm.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def of_the_page(made: Path, server: TlsServer) -> Store:
    """Return the store of the settings on the page, at the port of the server."""
    one = load(state=made).stores["crm"]
    here = one.model_copy(update={"base_url": one.base_url.replace("9443", str(server.port))})
    return store_of("crm", here)


async def here(host: str, port: int) -> tuple[str, ...]:
    assert host == "crm.internal.example"
    return ("127.0.0.1",)


async def test_the_gateway_of_the_page_is_answered_and_nobody_else(made: Path) -> None:
    """The store answers whoever shows the certificate; without it, or without the authority, nobody is."""
    async with serving_tls(demanding(made)) as server:
        store = of_the_page(made, server)
        async with HttpStores([store], resolve=here) as stores:
            assert await body_of(stores, a_call()) == b'"over tls"'
        for lack in ({"identity": None}, {"ca_pem": None}):
            async with HttpStores([msgspec.structs.replace(store, **lack)], resolve=here) as stores:
                with pytest.raises(StoreUnreachable):
                    await body_of(stores, a_call())
    assert len(server.heads) == 1


async def test_a_key_that_is_open_to_everyone_or_alone_ends_the_start(made: Path) -> None:
    """As the page says."""
    one = load(state=made).stores["crm"]
    with pytest.raises(SettingsError, match="go together"):
        store_of("crm", one.model_copy(update={"client_key_file": None}))
    (made / "gateway.key").chmod(0o644)
    with pytest.raises(SettingsError, match=r"stores\.crm\.client_key_file: .*chmod 600"):
        store_of("crm", one)
    (made / "gateway.key").unlink()
    with pytest.raises(SettingsError, match=r"stores\.crm\.client_key_file: No such file"):
        store_of("crm", one)
