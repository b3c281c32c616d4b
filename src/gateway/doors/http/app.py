# SPDX-License-Identifier: Apache-2.0
"""The HTTP door: own paths below ``/-/`` and ``/.well-known/``, everything else to a store.

Which of the two it is, is decided on the raw path. An error of ours ends here: the caller got a
refusal or a visibly broken answer from the flow, and the process log gets the kind and the place of
the error, never its message, which could hold a value.
"""

import logging
import traceback

from gateway.doors.http import out as low
from gateway.doors.http.data import UNLOGGED
from gateway.doors.http.own.paths import OwnPaths
from gateway.doors.http.reading.paths import segments_of

_log = logging.getLogger("gateway.door")

OWN = (b"/-/", b"/.well-known/")


class HttpDoor:
    """The ASGI application."""

    def __init__(self, data: low.Answers, own: OwnPaths) -> None:
        """Join both halves."""
        self._data, self._own = data, own

    async def __call__(self, scope: low.Message, receive: low.Receive, send: low.Send) -> None:
        """Answer one call (ASGI); anything but HTTP is not answered."""
        if scope["type"] != "http":
            await _closed(scope, receive, send)
            return
        telling = _Telling(send)
        try:
            segments = segments_of(scope["raw_path"]) if scope["raw_path"].startswith(OWN) else None
            # An own path that does not exist is refused and entered by the data half, like any other.
            if segments is None or not await self._own(scope, receive, telling, segments):
                await self._data(scope, receive, telling)
        except Exception as error:  # noqa: BLE001 - the last resort of the door: nothing is told but that it failed
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error("call failed: %s at %s:%s %s", type(error).__name__, place.filename, place.lineno, place.name)
        finally:
            if not telling.has_started:
                await telling.nothing()


class _Telling:
    """The server's ``send``, and whether an answer has begun: otherwise the server makes one up, with a body."""

    def __init__(self, send: low.Send) -> None:
        self._send = send
        self.has_started = False

    async def __call__(self, message: low.Message) -> None:
        self.has_started = True
        await self._send(message)

    async def nothing(self) -> None:
        """Answer by the bodyless 503; a caller that has gone gets nothing."""
        await self._send({"type": "http.response.start", "status": 503, "headers": UNLOGGED})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _closed(scope: low.Message, receive: low.Receive, send: low.Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
