# SPDX-License-Identifier: Apache-2.0
"""The supervisor over children that do next to nothing; with real doors it is tested in story/test_restart.py."""

import subprocess
import sys
from pathlib import Path

from gateway.app.serving.supervisor import MOST_DELAY_S, delay_s

PREFACE = """
import os, signal, socket, time
from pathlib import Path
from gateway.app.serving import supervisor
from gateway.app.serving.children import signals_let_in
from gateway.app.serving.supervisor import Supervisor
from gateway.domain.errors import LogUnavailable, SettingsError

listening = socket.create_server(("127.0.0.1", 0))
remarks = []

def wait_for(*numbers):
    heard = []
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, lambda number, _: heard.append(number))
    with signals_let_in():
        while not any(number in heard for number in (signal.SIGTERM, signal.SIGUSR1)):
            time.sleep(0.01)
            if signal.SIGHUP in heard:
                heard.remove(signal.SIGHUP)
                os.write(1, b"read rules\\n")

def run(work, on_ready, **more):
    Supervisor(n_doors=2, listening=listening, work=work, on_ready=on_ready, say=remarks.append, **more).run()
"""


def scene(program: str) -> list[str]:
    """Play a scene to its end and return the lines that it printed."""
    told = subprocess.run(
        [sys.executable, "-c", PREFACE + program], capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.splitlines()


def test_delays_grow_and_end_somewhere() -> None:
    """The first failure costs nothing; a door that cannot start does not keep the machine busy."""
    delays = [delay_s(n_failures) for n_failures in range(20)]
    assert delays[:4] == [0.0, 0.0, 0.25, 0.5]
    assert delays == sorted(delays)
    assert delays[-1] == MOST_DELAY_S


def test_it_tells_once_that_all_are_ready_and_ends_when_all_have_ended() -> None:
    """Every door is told to read the rules, the worker is not; the socket is closed before doors end."""
    assert scene("""
def work(slot, tell):
    tell()
    wait_for()
def ready():
    print("ready", flush=True)
    os.kill(os.getpid(), signal.SIGHUP)
    pid = os.fork()
    if not pid:
        time.sleep(0.5)
        os.kill(os.getppid(), signal.SIGTERM)
        os._exit(0)
run(work, ready)
print("ended", listening.fileno(), remarks)
""") == ["ready", "read rules", "read rules", "ended -1 []"]


def test_what_keeps_the_first_start_from_being_ready_ends_it_in_its_words() -> None:
    """Settings that cannot be used are told apart from what may be better later."""
    assert scene("""
for error in (SettingsError("no such folder"), LogUnavailable("another process holds this log")):
    def work(slot, tell):
        if slot == "door-1":
            raise error
        tell()
        wait_for()
    try:
        run(work, lambda: print("never"))
    except Exception as found:
        print(type(found).__name__, found)
""") == ["SettingsError no such folder", "ChildFailed another process holds this log"]


def test_a_child_that_fails_again_and_again_is_tried_until_it_succeeds(tmp_path: Path) -> None:
    """Those beside it are not touched; what it told is passed on."""
    assert scene(f"""
supervisor.FIRST_DELAY_S = 0.05
started, all_ready = Path({str(tmp_path / "started")!r}), Path({str(tmp_path / "ready")!r})
def work(slot, tell):
    if slot == "door-1":
        with started.open("a") as file:
            file.write("x")
        n_starts = len(started.read_text())
        if n_starts in {{2, 3, 4}}:
            raise LogUnavailable("not yet")
    tell()
    if slot == "door-1":
        while not all_ready.exists():
            time.sleep(0.01)
        if n_starts == 1:
            os._exit(9)
        os.kill(os.getppid(), signal.SIGTERM)
    wait_for()
run(work, all_ready.touch)
print([remark.rpartition(" ")[2] for remark in remarks])
""") == ["['again', 'yet', 'yet', 'yet']"]
