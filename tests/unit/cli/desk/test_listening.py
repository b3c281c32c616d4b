# SPDX-License-Identifier: Apache-2.0
"""Whose process a command would tell a password to."""

import os
import socket
from pathlib import Path

import pytest

from gateway.cli.desk.desk import Stop
from gateway.cli.desk.listening import check_listener

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
SOCKET = (
    "   0: 0100007F:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 {uid:5}        0 12 1 0\n"
)
STRANGER = 64_123


def table(folder: Path, *rows: tuple[int, str, int]) -> tuple[Path, ...]:
    """Return a table of sockets as the kernel writes it, and one that is not there."""
    file = folder / "tcp"
    file.write_text(HEAD + "".join(SOCKET.format(port=port, state=state, uid=uid) for port, state, uid in rows))
    return file, folder / "tcp6"


def test_a_port_that_somebody_else_holds_is_told_nothing(tmp_path: Path) -> None:
    """By the number of the account; what is only connected to the port, or is another port, is nobody's business."""
    with pytest.raises(Stop, match=f"port 8080 is held by account {STRANGER}"):
        check_listener(8080, tmp_path, table(tmp_path, (8080, "0A", STRANGER)))
    check_listener(8080, tmp_path, table(tmp_path, (8080, "01", STRANGER), (8081, "0A", STRANGER)))


@pytest.mark.parametrize("uid", [os.geteuid(), 0])
def test_the_accounts_of_the_folder_of_the_command_and_of_root_are_trusted(tmp_path: Path, uid: int) -> None:
    """Whoever they are could read the password in other ways."""
    check_listener(8080, tmp_path, table(tmp_path, (8080, "0A", uid)))


def test_a_real_socket_of_ours_is_ours(tmp_path: Path) -> None:
    """By the table of this machine, where there is one; where there is none, nothing is concluded."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        check_listener(listening.getsockname()[1], tmp_path)
    check_listener(8080, tmp_path, (tmp_path / "none",))
