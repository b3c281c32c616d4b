# SPDX-License-Identifier: Apache-2.0
"""Whose process listens on a port of this machine: secrets go to nobody else's.

While the gateway is down any account of the machine can listen on its port and take what commands send there. The
kernel says which account a listening socket belongs to. It has to be that which owns the installation's folder, that
of the command, or root. Where the kernel does not say it (no ``/proc/net``), nothing is concluded.

Source: proc_pid_net(5), the columns ``local_address``, ``st`` and ``uid``.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gateway.cli.desk.desk import Exit, Stop

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTENING = "0A"


def check_listener(port: int, state: Path, tables: tuple[Path, ...] = TABLES) -> None:
    """Return if nobody but the installation's own account listens on a port.

    Args:
        port: Of the door.
        state: Folder of the installation.
        tables: Where the kernel tells of sockets.

    Raises:
        Stop: Somebody else does.
    """
    own = {state.stat().st_uid, os.geteuid(), 0}
    strangers = {uid for uid in _owners(port, tables) if uid not in own}
    if strangers:
        told = ", ".join(map(str, sorted(strangers)))
        raise Stop(
            f"port {port} is held by account {told} of this machine and not by the gateway of {state}: nothing was sent",
            Exit.FAILED,
        )


def _owners(port: int, tables: tuple[Path, ...]) -> Iterator[int]:
    """Yield the account of each socket that listens on a port, whichever address of the machine it is of."""
    for table in tables:
        with suppress(OSError):
            for line in table.read_text("ascii").splitlines()[1:]:
                _, local, _, state, _, _, _, uid, *_ = line.split()
                if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                    yield int(uid)
