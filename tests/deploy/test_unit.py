# SPDX-License-Identifier: Apache-2.0
"""The systemd unit that is shipped: as systemd reads it, and the gateway under its restrictions.

No service manager runs where these tests do; ``tests/servers/restricted.py`` says what stands for it.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.app.making import make_installation
from gateway.app.serving.notify import VARIABLE
from gateway.settings.loading import Settings
from tests.fakes.processes import installed_environment
from tests.fakes.wire import called, request
from tests.servers.nginx import wait_until
from tests.servers.restricted import allowed_calls, restrictions_of

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "gateway.service"
MOST_EXPOSURE = 1.1
"""Of 10. What is left: sockets to callers and stores, the host's root, and addresses that only an operator knows."""
PATIENCE_S = 60

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd: apt-get install systemd"
)


def analyzed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False)


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """No unknown setting and no program that is not there; paths of the machine are put in the place of /opt/gateway."""
    text = UNIT.read_text("utf-8")
    command = re.findall(r"^ExecStart=(\S+) serve --state /var/lib/gateway$", text, re.MULTILINE)
    assert command == ["/opt/gateway/.venv/bin/gateway"]
    unit = tmp_path / "gateway.service"
    unit.write_text(text.replace(command[0], sys.executable).replace("file:///opt/gateway/docs", "https://example.org"))
    told = analyzed("verify", "--man=no", str(unit))
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


@needs_systemd
def test_the_exposure_that_systemd_computes_is_low() -> None:
    """A restriction that is taken away is seen here."""
    told = analyzed("security", "--offline=true", str(UNIT))
    found = re.search(r"Overall exposure level for gateway.service: ([0-9.]+) ", told.stdout)
    assert found is not None, told.stderr
    assert float(found[1]) <= MOST_EXPOSURE


def test_the_unit_says_what_it_must() -> None:
    """What no figure counts: where the key comes from, what may be written, and how it is restarted."""
    unit = restrictions_of(UNIT.read_text("utf-8"))
    said = {
        name: unit[name] for name in ("Type", "LoadCredential", "StateDirectory", "StateDirectoryMode", "LimitCORE")
    }
    assert said == {
        "Type": ["notify"],
        "LoadCredential": ["kek:/etc/gateway/kek"],
        "StateDirectory": ["gateway"],
        "StateDirectoryMode": ["0700"],
        "LimitCORE": ["0"],
    }
    assert unit["Environment"] == ["GATEWAY_KEK_FILE=%d/kek"]
    assert unit["ExecReload"] == ["/bin/kill -USR1 $MAINPID"]
    assert not {"ReadWritePaths", "BindPaths", "EnvironmentFile", "PassEnvironment"} & unit.keys()


@needs_systemd
def test_dangerous_system_calls_are_not_left() -> None:
    """The filter is an allow list, and these are not on it."""
    calls = allowed_calls(restrictions_of(UNIT.read_text("utf-8"))["SystemCallFilter"])
    assert {"read", "openat", "execve", "accept4", "fdatasync"} <= calls
    assert not {"ptrace", "mount", "bpf", "kexec_load", "init_module", "setuid", "chown", "reboot", "swapon"} & calls


@pytest.fixture
def installed(tmp_path: Path) -> Settings:
    """A new installation, its key outside of the state folder."""
    settings = make_installation(
        tmp_path / "state", {"listen": {"port": 0}, "log": {"least_free_bytes": 0, "least_free_percent": 0}}
    )
    (settings.state / "keys" / "kek").rename(tmp_path / "kek")
    return settings


@contextmanager
def under_the_unit(settings: Settings, folder: str) -> Iterator[tuple["subprocess.Popen[str]", socket.socket, Path]]:
    """Start the gateway under the restrictions; yield it, the manager's socket, and where its remarks go."""
    home = settings.state.parent
    environment = {
        **installed_environment(),
        "GATEWAY_KEK_FILE": str(home / "kek"),
        VARIABLE: str(settings.state / "sd"),
    }
    command = [sys.executable, "-m", "tests.servers.restricted", str(UNIT), folder]
    command += [sys.executable, "-m", "gateway", "serve", "--state", str(settings.state), "--workers", "2"]
    remarks = home / "remarks.txt"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, remarks.open("w") as stderr:
        manager.bind(environment[VARIABLE])
        manager.settimeout(PATIENCE_S)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=ROOT, env=environment
        ) as process:
            try:
                yield process, manager, remarks
            finally:
                process.kill()


def lived(settings: Settings, folder: str) -> Path:
    """Take the gateway through its life: ready, a call, rules anew, a restart, a call, an end; return its remarks."""
    with under_the_unit(settings, folder) as (process, manager, remarks):
        try:
            assert manager.recv(100) == b"READY=1"
        except TimeoutError:
            pytest.fail(remarks.read_text())
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        assert asyncio.run(called(port, request("/-/readyz", {}))).status == 200
        for number in (signal.SIGHUP, signal.SIGUSR1):
            os.kill(process.pid, number)
        wait_until(lambda: ": restarted\n" in remarks.read_text(), timeout_s=PATIENCE_S)
        assert asyncio.run(called(port, request("/-/readyz", {}))).status == 200
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0, remarks.read_text()
    return remarks


@needs_systemd
def test_the_gateway_lives_under_the_restrictions(installed: Settings) -> None:
    """It tells that it is ready, answers, restarts without a new start, and ends in order; it writes to its state alone.

    Where nobody may have mounts of its own, all but the last.
    """
    lived(installed, str(installed.state) if may_mount() else "-")


def may_mount() -> bool:
    """Tell whether a process can have a tree of mounts of its own here."""
    command = ["unshare", "--mount", "--propagation", "private", "true"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


FORBIDDEN = """
import ctypes, mmap, os, socket, sys
def told(what):
    try:
        what()
    except OSError as error:
        return error.errno
print(*map(told, (
    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    lambda: os.chown(sys.argv[1], 1, 1),
    lambda: os.setuid(1),
    lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    lambda: socket.socket(socket.AF_INET).close(),
    lambda: open(sys.argv[1] + "-beside", "w").close(),
)))
"""


@needs_systemd
def test_what_stands_for_systemd_restricts(tmp_path: Path) -> None:
    """Otherwise the test above would say nothing: other sockets, owners, users and memory are refused."""
    folder = str(tmp_path) if may_mount() else "-"
    command = [sys.executable, "-m", "tests.servers.restricted", str(UNIT), folder, sys.executable, "-c", FORBIDDEN]
    told = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    *refused, elsewhere = told.split()
    assert refused == ["1", "1", "1", "13", "None"]
    assert elsewhere == ("None" if folder == "-" else "30")
