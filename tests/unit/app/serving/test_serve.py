# SPDX-License-Identifier: Apache-2.0
"""One serving process: its socket, its server's settings, its signals, and its orderly end."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from gateway.app.index.building import opened_index
from gateway.app.installation import reload_rules
from gateway.app.making import make_installation
from gateway.app.serving import serve as module
from gateway.app.serving.serve import bound_socket, serve, server_config
from gateway.app.slots import DOOR_SLOT
from gateway.domain.entry import Answered, Changed, Closed, RulesInForce, RulesRefused
from gateway.domain.errors import SettingsError, StateUnavailable
from gateway.flows.policy_change import PolicyChange
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from tests.fakes.wire import called, request, until


def test_a_port_that_is_taken_is_named() -> None:
    """With what to do about it."""
    with bound_socket("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"{port}.*listen.port of gateway.yaml"):
            bound_socket("127.0.0.1", port)


def test_an_address_of_ipv6_is_listened_on_as_such() -> None:
    """By the form of the host."""
    with bound_socket("::1", 0) as listening:
        assert listening.family == socket.AF_INET6


def test_nothing_of_the_server_lets_a_caller_set_what_is_believed() -> None:
    """Proxy headers, root path, access log and server header are off."""
    config = server_config(lambda: None)
    told = (config.proxy_headers, config.root_path, config.access_log, config.server_header, config.ws)
    assert told == (False, "", False, False, "none")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a new installation on a free port."""
    content = {"listen": {"port": 0}, "log": {"least_free_bytes": 0, "least_free_percent": 0}}
    return make_installation(tmp_path / "state", content)


def kinds(settings: Settings) -> list[type]:
    """Return the kinds of entries of the door's log."""
    return [type(record.line.body) for record in records(settings.state / "log" / DOOR_SLOT)]


async def test_a_process_alone_keeps_the_index_of_the_log(settings: Settings) -> None:
    """Nobody else would: there is no worker beside it."""
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        group.create_task(serve(settings, on_ready=ready.set_result))
        await ready
        async with opened_index(settings) as index:
            while not (await index.positions()).get(DOOR_SLOT):  # noqa: ASYNC110 - a file that another task fills
                await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)


async def test_a_process_reads_rules_again_on_sighup_and_ends_in_order_on_sigterm(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad rules and a full archive change nothing; what was counted and the close are entered."""
    outcomes: list[str] = []

    async def noted(policy: PolicyChange, folder: Path) -> None:
        try:
            await reload_rules(policy, folder)
        except StateUnavailable:
            outcomes.append("not kept")
            raise
        outcomes.append("read")

    monkeypatch.setattr(module, "reload_rules", noted)
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    grants = settings.policies_dir / "grants.csv"
    good = grants.read_text()
    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        group.create_task(serve(settings, on_ready=ready.set_result))
        port = await ready
        assert (await called(port, request("/-/livez", {}))).body == b"live\n"
        grants.write_text("nonsense")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: RulesRefused in kinds(settings))
        grants.write_text(good + "# unreadable\n")
        (settings.state / "rules").chmod(0o700)
        (settings.state / "rules").rename(settings.state / "rules-elsewhere")
        (settings.state / "rules").write_text("in the way")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: outcomes == ["read", "not kept"])
        assert (await called(port, request("/-/livez", {}))).status == 200
        (settings.state / "rules").unlink()
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: kinds(settings).count(RulesInForce) == 2)
        os.kill(os.getpid(), signal.SIGTERM)

    assert kinds(settings)[-3:] == [Answered, Changed, Closed]
