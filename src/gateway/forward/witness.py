# SPDX-License-Identifier: Apache-2.0
"""Others who vouch for the log, asked over HTTP: witnesses that co-sign checkpoints, authorities that stamp the time.

What is sent are names, sizes and hashes. What comes back is looked at by whoever asks, signature by signature.

Source: C2SP tlog-witness; RFC 3161 section 3.4.
"""

from typing import Self

import msgspec

from gateway.domain.errors import WitnessSilent
from gateway.forward.short import MOST_ANSWER_BYTES, ShortRoad

__all__ = ["MOST_ANSWER_BYTES", "HttpWitness", "TimeAuthority", "WitnessAnswer"]


class WitnessAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a witness answered.

    Attributes:
        content_type: Empty where it said none.
    """

    status: int
    content_type: str
    body: str


class HttpWitness:
    """One witness; use it as an async context manager."""

    def __init__(self, name: str, url: str, *, ca_pem: bytes | None = None) -> None:
        """Judge the address.

        Args:
            name: Of the witness, as its key has it.
            url: Under which ``/add-checkpoint`` is, ``http`` or ``https``.
            ca_pem: Certificates to trust beside the system's.

        Raises:
            SettingsError: The address or the certificates cannot be used.
        """
        self.name = name
        self._road = ShortRoad(name, url, setting="log.witnesses", ca_pem=ca_pem)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._road.close()

    async def add_checkpoint(self, request: bytes) -> WitnessAnswer:
        """Ask for a cosignature.

        Raises:
            WitnessSilent: There is no answer.
        """
        return await self._asked("POST", "/add-checkpoint", request)

    async def newest(self, origin: str) -> WitnessAnswer:
        """Ask for the newest checkpoint that was co-signed of a log; names of logs need no escape.

        Raises:
            WitnessSilent: There is no answer.
        """
        return await self._asked("GET", f"/checkpoint?origin={origin}")

    async def _asked(self, method: str, target: str, body: bytes | None = None) -> WitnessAnswer:
        answer = await self._road.asked(method, target, body, "text/plain; charset=utf-8")
        text = None if answer is None else _text(answer.body)
        if answer is None or text is None:
            raise WitnessSilent(f"the witness {self.name} does not answer now")
        return WitnessAnswer(status=answer.status, content_type=answer.content_type, body=text)


class TimeAuthority:
    """One authority that stamps the time of a digest; use it as an async context manager."""

    def __init__(self, url: str, *, ca_pem: bytes | None = None) -> None:
        """Judge the address.

        Raises:
            SettingsError: It cannot be used.
        """
        self._road = ShortRoad("time authority", url, setting="--tsa", ca_pem=ca_pem)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._road.close()

    async def stamp(self, query: bytes) -> bytes:
        """Return the answer to a query, DER, nothing of it checked.

        Raises:
            WitnessSilent: There is no answer, or none that says that it is one.
        """
        answer = await self._road.asked("POST", "", query, "application/timestamp-query")
        if answer is None or answer.status != 200 or answer.content_type != "application/timestamp-reply":
            raise WitnessSilent("the time authority does not answer, or not with a time stamp")
        return answer.body


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
