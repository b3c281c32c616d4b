# SPDX-License-Identifier: Apache-2.0
"""The door of a witness: two paths, small bodies, plain text.

``POST /add-checkpoint`` as C2SP tlog-witness has it, and ``GET /checkpoint?origin=<name>``, our own, for whoever wants
to know what was co-signed last. Who asks does not matter: what counts is signed. Whoever can reach the door can
ask; a proxy in front may add TLS.
"""

import asyncio
import logging

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.flows.witnessing import MOST_BODY_BYTES, Answer, Witnessing

BODY_WITHIN_S = 10.0
MOST_ORIGIN = 512
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

_log = logging.getLogger("gateway.witness")


def witness_door(witnessing: Witnessing) -> Starlette:
    """Return the ASGI application of a witness."""

    async def add_checkpoint(request: Request) -> Response:
        body = await _body(request)
        if isinstance(body, Answer):
            return _response(body)
        # Off the loop: the answer waits for the disk.
        answer = await asyncio.to_thread(witnessing.add_checkpoint, body)
        if answer.status not in {200, 409}:
            _log.warning("add-checkpoint was answered with %s", answer.status)
        return _response(answer)

    async def checkpoint(request: Request) -> Response:
        origins = request.query_params.getlist("origin")
        if len(origins) != 1 or len(origins[0]) > MOST_ORIGIN or len(request.query_params.multi_items()) != 1:
            return _response(Answer(400, "expected one parameter, origin\n"))
        return _response(await asyncio.to_thread(witnessing.newest, origins[0]))

    routes = [
        Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
        Route("/checkpoint", checkpoint, methods=["GET"]),
    ]
    return Starlette(routes=routes)


async def _body(request: Request) -> bytes | Answer:
    """Return the body, of bounded size and within a bounded time, or what is answered in its place."""
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                raw += chunk
                if len(raw) > MOST_BODY_BYTES:
                    return Answer(413, f"a request has at most {MOST_BODY_BYTES} bytes\n")
    except TimeoutError:
        return Answer(408, "the request did not arrive in time\n")
    except ClientDisconnect:
        return Answer(400, "the request broke off\n")
    return bytes(raw)


def _response(answer: Answer) -> Response:
    return Response(answer.body.encode(), answer.status, {**_HEADERS, "content-type": answer.content_type})
