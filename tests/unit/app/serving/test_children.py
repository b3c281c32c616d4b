# SPDX-License-Identifier: Apache-2.0
"""Forked processes: what they tell, that no signal is lost, and that none outlives its parent.

Each scene runs in a program of its own: a test process has threads, and is no good parent.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from gateway.app.serving.children import ChildFailed, Told, first_named
from gateway.domain.errors import LogUnavailable, SettingsError
from tests.fakes.wire import until

PREFACE = """
import os, select, signal, sys, time
from gateway.app.serving.children import fork, signals_let_in
from gateway.domain.errors import LogUnavailable, SettingsError

def told(child):
    select.select([child.fileno()], [], [], 20)
    child.listen()
    while not child.is_gone():
        time.sleep(0.01)
    return child.told
"""


def scene(program: str) -> subprocess.CompletedProcess[str]:
    """Play a scene to its end."""
    return subprocess.run(
        [sys.executable, "-c", PREFACE + program], capture_output=True, text=True, timeout=30, check=False
    )


def test_a_child_tells_that_it_is_ready_or_in_words_why_it_is_not() -> None:
    """An error of ours keeps its sentence; of any other only kind and place are told, never its message."""
    seen = scene("""
def ready(slot, tell):
    tell()
def misconfigured(slot, tell):
    raise ExceptionGroup("tasks", [SettingsError(f"{slot}: choose another port")])
def broken(slot, tell):
    raise ValueError("a value of a person")
for work in (ready, misconfigured, broken):
    one = told(fork("door-0", work))
    print(one.ready, one.kind, one.sentence)
""")
    lines = seen.stdout.splitlines()
    assert lines[0] == "True  "
    assert lines[1] == "False SettingsError door-0: choose another port"
    assert lines[2].startswith("False ValueError ValueError at <string>:")
    assert "person" not in seen.stdout + seen.stderr


def test_what_happens_to_a_child_that_was_ready_is_said_on_stderr() -> None:
    """The pipe is gone by then, and its number may be another file's."""
    seen = scene("""
def work(slot, tell):
    tell()
    raise LogUnavailable("the disk refused")
print(told(fork("door-0", work)).ready)
""")
    assert (seen.stdout, seen.stderr) == ("True\n", "the disk refused\n")


def test_a_signal_before_the_handlers_stand_is_delivered_to_them() -> None:
    """Neither lost nor the end of a child that is half open."""
    seen = scene("""
def work(slot, tell):
    heard = []
    signal.signal(signal.SIGTERM, lambda *_: heard.append("heard"))
    time.sleep(0.2)
    with signals_let_in():
        raise SettingsError(" ".join(heard))
child = fork("door-0", work)
child.send(signal.SIGTERM)
print(told(child).sentence)
""")
    assert seen.stdout == "heard\n"


async def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    """Whatever ends the parent, and whatever the child does."""
    program = f"""
from pathlib import Path
def work(slot, tell):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
    tell()
    time.sleep(60)
child = fork("door-0", work)
select.select([child.fileno()], [], [], 20)
os.kill(os.getpid(), signal.SIGKILL)
"""
    await asyncio.to_thread(scene, program)
    pid = (tmp_path / "pid").read_text()
    await until(lambda: not Path(f"/proc/{pid}").exists() or "State:\tZ" in Path(f"/proc/{pid}/status").read_text())


def test_an_error_keeps_the_name_that_decides_how_a_command_ends() -> None:
    """What to change in the settings is one thing, everything else another."""
    assert isinstance(Told(ready=False, kind="SettingsError", sentence="x").error(), SettingsError)
    assert isinstance(Told(ready=False, kind="RulesError", sentence="x").error(), ChildFailed)


def test_the_first_error_of_ours_is_found_in_any_depth_of_groups() -> None:
    """Tasks put errors into groups, and groups into groups."""
    inner = ExceptionGroup("inner", [ValueError(), LogUnavailable("held")])
    assert str(first_named(BaseExceptionGroup("outer", [KeyboardInterrupt(), inner]))) == "held"
    assert first_named(ValueError()) is None
