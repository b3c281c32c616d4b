# SPDX-License-Identifier: Apache-2.0
"""The word to the service manager."""

import secrets
import socket
from pathlib import Path

import pytest

from gateway.app.serving.notify import READY, VARIABLE, tell_manager


@pytest.mark.parametrize("is_abstract", [False, True])
def test_the_manager_hears_one_word(tmp_path: Path, *, is_abstract: bool) -> None:
    """Over a socket with a path, and over one in the abstract namespace."""
    name = f"@gateway-{secrets.token_hex(8)}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if is_abstract else name)
        manager.settimeout(5)
        tell_manager(READY, {VARIABLE: name})
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("place", [None, "", "vsock:2:1234", "/nonexistent/notify"])
def test_without_a_manager_nothing_happens(place: str | None) -> None:
    """Neither where none is named nor where it does not answer."""
    tell_manager(READY, {} if place is None else {VARIABLE: place})
