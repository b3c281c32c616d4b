# SPDX-License-Identifier: Apache-2.0
"""A caller cannot write a trace into a store's log: the store gets the gateway's, on either road, or none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app.traces import Traces
from gateway.demo.people import Customer
from gateway.domain.trace import parsed
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.fakes.raw_store import RawStore, Reply
from tests.fakes.serving import exchange, request
from tests.story.conftest import ANALYST, World, fill, opened

OK = Reply(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"items":[]}')
MADE_UP = b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"
TRICKS: tuple[tuple[tuple[bytes, bytes], ...], ...] = (
    ((b"traceparent", MADE_UP),),
    ((b"TraceParent", MADE_UP), (b"tracestate", b"a=b")),
    ((b"traceparent", MADE_UP), (b"traceparent", MADE_UP.replace(b"ab", b"ba"))),
    ((b"traceparent", b""), (b"tracestate", b"x" * 400)),
    ((b"traceparent", MADE_UP + b", " + MADE_UP),),
)


@pytest.fixture
def place(tmp_path: Path, sqlite_template: Path) -> str:
    """Which database is behind it makes no difference here."""
    import shutil

    return str(shutil.copytree(sqlite_template, tmp_path / "state"))


class Stores:
    """Three stores behind one gateway: enforced, not enforced, and not enforced and without traces."""

    def __init__(self, world: World, heads: dict[str, RawStore]) -> None:
        """Keep them."""
        self.world, self.heads = world, heads

    def traces(self, store: str) -> list[bytes]:
        """Return every trace that a store was sent, of every call."""
        lines = [line for head in self.heads[store].heads for line in head.split(b"\r\n")]
        return [line.partition(b":")[2].strip() for line in lines if line.lower().startswith(b"traceparent:")]

    def names(self, store: str) -> set[bytes]:
        """Return the names of all headers that a store was sent."""
        lines = [line for head in self.heads[store].heads for line in head.split(b"\r\n")[1:]]
        return {line.partition(b":")[0].lower() for line in lines}


@pytest.fixture
async def stores(settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path) -> AsyncIterator[Stores]:
    """That world."""
    async with RawStore(lambda _: OK) as crm, RawStore(lambda _: OK) as raw, RawStore(lambda _: OK) as bare:
        told = {
            "crm": StoreSettings(base_url=f"http://127.0.0.1:{crm.port}", read_s=5),
            "raw": StoreSettings(base_url=f"http://127.0.0.1:{raw.port}", read_s=5, enforced=False),
            "bare": StoreSettings(base_url=f"http://127.0.0.1:{bare.port}", enforced=False, traceparent=False),
        }
        update = settings.model_copy(update={"stores": told})
        async with opened(update, store_port, crowd, tmp_path / "wire") as world:
            await fill(world.rooms, crowd)
            yield Stores(world, {"crm": crm, "raw": raw, "bare": bare})


@pytest.mark.parametrize("trick", TRICKS)
async def test_a_store_never_gets_the_callers_trace(stores: Stores, trick: tuple[tuple[bytes, bytes], ...]) -> None:
    """However it is spelled, doubled or emptied; what the store gets is of this call and of the gateway's key."""
    world = stores.world
    bearer = ("Bearer " + await world.bearer("analyst")).encode()
    ids: dict[str, str] = {}
    for store in ("crm", "raw", "bare"):
        headers = [(b"data-purpose", ANALYST.encode()), (b"data-reference", b"r"), *trick]
        headers += [(b"authorization", bearer)] if store == "crm" else []
        lines = [name + b": " + value for name, value in headers]
        raw = request(b"/" + store.encode() + b"/customers?limit=25", *lines)
        reply = await exchange(world.port, raw)
        found = [line for line in reply.split(b"\r\n") if line.lower().startswith(b"decision-id:")]
        ids[store] = found[0].partition(b":")[2].strip().decode() if found else ""
    traces = Traces(world.rooms.keyring)
    for store in ("crm", "raw"):
        for text in stores.traces(store):
            trace = parsed(text.decode())
            assert trace is not None
            assert trace.trace_id == ids[store]
            assert traces.is_call(trace)
        assert b"tracestate" not in stores.names(store)
    assert len(stores.traces("raw")) == len(stores.heads["raw"].heads) == 1
    assert not {b"traceparent", b"tracestate"} & stores.names("bare")
