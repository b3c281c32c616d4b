# SPDX-License-Identifier: Apache-2.0
"""What a supervisor leaves to the program that takes its place: the socket it listens on and its children.

The process stays the same, and so do its children and what it has open; only the program is new. The note
lies in the environment, names the process that it is meant for, and is taken away when it is read, so no
process that inherits the environment can take it for its own.
"""

import os
import socket
import sys
from collections.abc import Mapping, MutableMapping
from typing import NoReturn

import msgspec

from gateway.app.serving.children import signals_held

VARIABLE = "SUPERVISOR_HANDOVER"


class Handover(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The note.

    Attributes:
        pid: The process that it is meant for.
        listening: Descriptor of the socket.
        children: Process by slot; all of them were ready.
    """

    pid: int
    listening: int
    children: dict[str, int]

    def socket(self) -> socket.socket:
        """Return the socket, which programs started from here do not inherit."""
        found = socket.socket(fileno=self.listening)
        found.set_inheritable(False)
        return found


def taken_over(environment: MutableMapping[str, str] = os.environ) -> Handover | None:
    """Return the note that was left to this process, and take it away; ``None`` for a start of its own."""
    content = environment.pop(VARIABLE, None)
    if content is None:
        return None
    try:
        note = msgspec.json.decode(content, type=Handover)
    except msgspec.DecodeError:
        return None
    return note if note.pid == os.getpid() else None


def become_new(listening: socket.socket, children: Mapping[str, int]) -> NoReturn:
    """Go on as the program that is installed now, under the command that this one was started with.

    Raises:
        OSError: It cannot be started; this one goes on.
    """
    note = Handover(pid=os.getpid(), listening=listening.fileno(), children=dict(children))
    listening.set_inheritable(True)
    environment = {**os.environ, VARIABLE: msgspec.json.encode(note).decode()}
    try:
        # A signal that comes before the new program has handlers waits for them.
        with signals_held():
            os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606 - our own command, as it was given
    finally:
        listening.set_inheritable(False)
