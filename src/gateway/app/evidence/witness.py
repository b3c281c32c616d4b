# SPDX-License-Identifier: Apache-2.0
"""A witness at work: its folder, its rule and its door, on a machine that has no installation.

One process serves a folder. It has no database and no settings, and needs to be reached by gateways alone.
"""

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from gateway.app.clock import now_us
from gateway.app.signals.remarks import remark_on_stderr
from gateway.domain.errors import SettingsError
from gateway.doors.http.connections import Connections
from gateway.doors.http.wire import counted_by
from gateway.doors.witness.app import witness_door
from gateway.flows.witnessing import Witnessing
from gateway.record.proof.witness_folder import WitnessFolder

MOST_AT_ONCE = 256
MOST_AN_ADDRESS = 64
"""Connections; a gateway needs a few. Their heads are bounded in bytes and time as those of the gateway's own door."""
KEEP_ALIVE_S = 30
"""Longer than gateways wait between two checkpoints, so that they need not connect each time."""


def serve_witness(folder: Path, host: str, port: int, on_ready: Callable[[str, int], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        folder: Of a witness that was made.
        host / port: Where to listen; port 0 takes a free one.
        on_ready: Called with the witness's verifier key and the port, once requests are answered.

    Raises:
        SettingsError: The folder or the address cannot be used.
    """
    remark_on_stderr("witness")
    held = WitnessFolder(folder)
    held.hold()
    with _listening(host, port) as listening:
        config = uvicorn.Config(
            witness_door(Witnessing(held, lambda text: held.cosign(text, now_us() // 1_000_000))),
            http=counted_by(Connections(MOST_AT_ONCE, MOST_AN_ADDRESS)),
            ws="none",
            lifespan="off",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            log_config=None,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=5,
        )
        # The socket listens already: what comes before the loop turns is kept by the kernel.
        on_ready(held.key.text(), listening.getsockname()[1])
        uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(MOST_AT_ONCE)
    except OSError as error:
        listening.close()
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}; say another with --listen") from None
    listening.setblocking(False)
    return listening
