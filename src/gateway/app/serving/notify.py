# SPDX-License-Identifier: Apache-2.0
"""Telling the service manager that the gateway is ready: one datagram to the socket that it names.

Where no manager waits for it, nothing is sent. A word that cannot be sent is not worth an end: a manager that hears
nothing does what its unit says.

Source: sd_notify(3), "Standalone Implementations".
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

VARIABLE = "NOTIFY_SOCKET"
READY = b"READY=1"


def tell_manager(word: bytes, environment: Mapping[str, str] = os.environ) -> None:
    """Send one word to the service manager that started this process, if one did."""
    place = environment.get(VARIABLE, "")
    if not place.startswith(("/", "@")):
        return
    # A name that begins with @ is in Linux's abstract namespace.
    address = "\0" + place[1:] if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending, suppress(OSError):
        sending.sendto(word, address)
