# SPDX-License-Identifier: Apache-2.0
"""What a supervisor leaves to its successor is for that process alone, and read once."""

import os
import subprocess
import sys

import msgspec
import pytest

from gateway.app.serving.handover import VARIABLE, Handover, taken_over


def note(pid: int) -> str:
    """Return a note for a process."""
    return msgspec.json.encode(Handover(pid=pid, listening=7, children={"door-0": 42})).decode()


def test_a_note_is_taken_once() -> None:
    """Children of the successor do not find it."""
    environment = {VARIABLE: note(os.getpid())}
    found = taken_over(environment)
    assert found is not None
    assert found.children == {"door-0": 42}
    assert taken_over(environment) is None


@pytest.mark.parametrize("content", [note(1), "", "nonsense", '{"pid": 1}'])
def test_a_note_for_another_process_is_none(content: str) -> None:
    """Nor is anything else under its name."""
    environment = {VARIABLE: content}
    assert taken_over(environment) is None
    assert environment == {}


def test_the_program_that_takes_over_has_the_socket_and_no_signal_is_lost() -> None:
    """The same process, with the same command, listening on the same port."""
    program = """
import os, signal, socket, sys
from gateway.app.serving.handover import become_new, taken_over
left = taken_over()
if left is None:
    listening = socket.create_server(("127.0.0.1", 0))
    print(os.getpid(), listening.getsockname()[1], flush=True)
    become_new(listening, {"door-0": 42})
listening = left.socket()
assert not listening.get_inheritable()
assert signal.SIGHUP in signal.pthread_sigmask(signal.SIG_BLOCK, [])
with socket.create_connection(listening.getsockname()):
    print(os.getpid(), listening.getsockname()[1], flush=True)
"""
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    ).stdout.splitlines()
    assert len(told) == 2
    assert told[0] == told[1]
