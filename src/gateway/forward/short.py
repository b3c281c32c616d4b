# SPDX-License-Identifier: Apache-2.0
"""Short questions to servers that are no stores: one request, one small answer, nothing of it believed here.

The road is that of stores: an address that was judged, no redirects, no proxy of the environment, TLS 1.2 or newer.
"""

import msgspec
from pyreqwest import exceptions as broken
from pyreqwest.client import Client
from pyreqwest.http import Url
from pyreqwest.request import StreamRequest
from pyreqwest.response import ResponseBodyReader

from gateway.domain.errors import GatewayError, SettingsError, StoreMisbehaved
from gateway.domain.names import StoreName
from gateway.forward.addresses import resolve
from gateway.forward.http import headers_of, problem_of, sent
from gateway.forward.roads import Road, Store

MOST_ANSWER_BYTES = 64 << 10
CONNECT_S, TOTAL_S = 2.0, 10.0


class ShortAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered.

    Attributes:
        content_type: Empty where it said none.
    """

    status: int
    content_type: str
    body: bytes


class ShortRoad:
    """The way to one server."""

    def __init__(self, name: str, url: str, *, setting: str, ca_pem: bytes | None = None) -> None:
        """Judge the address.

        Args:
            name: For messages.
            url: In front of every target, ``http`` or ``https``.
            setting: Where the address was said, for messages.
            ca_pem: Certificates to trust beside the system's.

        Raises:
            SettingsError: The address or the certificates cannot be used.
        """
        place = StoreName(name)
        try:
            self._road = Road(
                Store(name=place, base_url=url, ca_pem=ca_pem, connect_s=CONNECT_S, read_s=TOTAL_S, total_s=TOTAL_S),
                resolve,
            )
        except SettingsError as error:
            raise SettingsError(f"{setting}: {name}: {error}".replace("a store's base URL", "its address")) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._road.close()

    async def asked(
        self, method: str, target: str, body: bytes | None = None, content_type: str = ""
    ) -> ShortAnswer | None:
        """Return the answer to one request; ``None`` if there is none that is whole, short and in time."""
        try:
            async with self._road.client() as client:
                request = self._request(client, method, target, body, content_type)
                response = await sent(request)
                try:
                    headers = {name.lower(): value for name, value in headers_of(response)}
                    content = await _read(response.body_reader)
                finally:
                    await request.__aexit__(None, None, None)
                return ShortAnswer(status=response.status, content_type=headers.get("content-type", ""), body=content)
        except GatewayError:
            return None

    def _request(
        self, client: Client, method: str, target: str, body: bytes | None, content_type: str
    ) -> StreamRequest:
        builder = client.request(method, Url(f"{self._road.base.origin}{self._road.base.path}{target}"))
        builder = builder.header("accept-encoding", "identity")
        if body is not None:
            builder = builder.header("content-type", content_type).body_bytes(body)
        return builder.streamed_read_buffer_limit(0).build_streamed()


async def _read(reader: ResponseBodyReader) -> bytes:
    """Return the whole body of an answer, which is short."""
    raw = bytearray()
    while True:
        try:
            chunk = await reader.read_chunk()
            problem = None
        except broken.PyreqwestError as error:
            chunk, problem = None, problem_of(error, in_body=True)
        if problem:
            raise problem
        if chunk is None:
            return bytes(raw)
        raw += bytes(chunk)
        if len(raw) > MOST_ANSWER_BYTES:
            raise StoreMisbehaved("the answer is not short")
