# SPDX-License-Identifier: Apache-2.0
"""One call on the wire, sent once: an answer, a refusal with its reasons, or an end before the end."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from gateway_client.answers import Row, decision_of, read_json
from gateway_client.errors import CutStream, NotTheGateway, Refused, SignInFailed, StepUpNeeded, Unreachable

JSON = "application/json"

Content = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Wire:
    """Sends calls; knows nothing of bearers."""

    def __init__(self, http: httpx.Client) -> None:
        """Keep the connections."""
        self.http = http

    def once(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        content: Content | None,
        media: str,
        stream: bool,
        writes: bool,
    ) -> httpx.Response:
        """Return the answer to a call that was permitted; read to its end, unless it is to be streamed.

        Raises:
            Refused / CutStream / Unreachable / NotTheGateway: There is none.
        """
        request = self.http.build_request(method, target, headers=dict(headers), json=content)
        if content is not None:
            request.headers["content-type"] = media
        return self._sent(request, stream=stream, writes=writes)

    def _sent(self, request: httpx.Request, *, stream: bool = False, writes: bool = False) -> httpx.Response:
        """Return an answer that is no refusal, read to its end unless it is to be streamed."""
        try:
            answer = self.http.send(request, stream=True)
        except httpx.ConnectError as error:
            raise Unreachable(f"no connection to {self.http.base_url.host}") from error
        except httpx.TransportError as error:
            raise Unreachable(f"no answer: {type(error).__name__}", may_be_written=writes) from error
        if not _has_an_end(answer):
            answer.close()
            why = "the end of the answer could not be told from a cut, or it is not as it was sent"
            raise Unreachable(why, may_be_written=True) if writes else NotTheGateway(why)
        if stream and answer.status_code == 200:
            return answer
        try:
            answer.read()
        except httpx.TransportError as error:
            if writes:
                raise Unreachable("the answer was cut", may_be_written=True) from error
            raise CutStream(0, "", decision_of(answer)) from error
        finally:
            answer.close()
        if answer.is_success:
            return answer
        raise refusal_of(answer)

    def json(self, path: str, body: dict[str, str]) -> dict[str, object]:
        """Return the answer to a step of a sign-in; without a bearer, and never repeated."""
        return object_of(self._sent(self.http.build_request("POST", path, json=body)))

    def form(self, path: str, body: dict[str, str]) -> dict[str, object]:
        """Return the answer to a form; without a bearer, and never repeated."""
        return object_of(self._sent(self.http.build_request("POST", path, data=body)))


def _has_an_end(answer: httpx.Response) -> bool:
    """Tell whether an answer is framed and coded as the gateway's are.

    What ends with its connection, a part, or another's version of it comes from a machine in between.
    """
    framed = answer.headers.get("transfer-encoding", "").lower() == "chunked" or "content-length" in answer.headers
    told = framed or answer.status_code == 204 or answer.http_version == "HTTP/2"
    return told and answer.status_code not in (203, 206) and "content-encoding" not in answer.headers


def object_of(answer: httpx.Response) -> Row:
    """Return the JSON object of an answer, or raise ``NotTheGateway``."""
    told = read_json(answer.content)
    if not isinstance(told, dict):
        raise NotTheGateway("the answer is no object")
    return told


def refusal_of(answer: httpx.Response) -> Exception:
    """Return the exception of an answer that is none of the wished ones."""
    media = answer.headers.get("content-type", "").partition(";")[0]
    after = answer.headers.get("retry-after", "")
    after_s = int(after) if after.isascii() and after.isdigit() else None
    decision = decision_of(answer)
    if media == "application/problem+json":
        refused = _KINDS.get(_reason(answer), Refused)
        return refused(answer.status_code, object_of(answer), decision_id=decision, retry_after_s=after_s)
    if media == JSON and answer.status_code in (400, 401):
        # The token endpoint speaks RFC 6749, section 5.2.
        told = {"reason": "sign-in-failed", "title": f"The client was not signed in: {object_of(answer).get('error', '')}", "retry": "never", "who": "caller"}  # fmt: skip
        return SignInFailed(answer.status_code, told, decision_id=decision)
    if answer.status_code == 503 and not answer.content:
        told = {"reason": "log-unavailable", "title": "The gateway can answer nothing now", "retry": "after"}
        return Refused(503, told, decision_id=decision, retry_after_s=after_s)
    return NotTheGateway(f"{answer.status_code} with {media or 'no body'} is no answer of the gateway")


def _reason(answer: httpx.Response) -> str:
    return str(object_of(answer).get("reason", ""))


_KINDS: Mapping[str, type[Refused]] = {"sign-in-failed": SignInFailed, "step-up-required": StepUpNeeded}
