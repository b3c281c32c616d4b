# SPDX-License-Identifier: Apache-2.0
"""One call of an own path: how its headers and its body are read, and how its refusals are entered."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.requests import Request

from gateway.domain.decision import Deny, Reason
from gateway.domain.entry import Part, Refused
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import DecisionId
from gateway.doors.http.own import call as own_call
from gateway.doors.http.own.call import MOST_BODY_BYTES, BadCall, Own, OwnParts
from gateway.flows.login.answers import SignInFailed, Started


class Entering:
    """Keeps refusals, or refuses to."""

    def __init__(self) -> None:
        self.entries: list[Refused] = []
        self.is_full = False

    def answered(self, what: str) -> None:
        """Count nothing."""

    async def refused(self, entry: Refused, part: Part) -> None:
        """Keep a refusal."""
        if self.is_full:
            raise LogUnavailable("full")
        self.entries.append(entry)


@pytest.fixture
def entering() -> Entering:
    """Where refusals are entered."""
    return Entering()


def own(
    entering: Entering,
    *pieces: bytes,
    headers: Sequence[tuple[bytes, bytes]] = ((b"content-type", b"application/json"),),
    method: str = "POST",
    query: bytes = b"",
    hangs: bool = False,
) -> Own:
    """Return a call whose body comes in pieces."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "http_version": "1.1",
        "path": "/-/x",
        "query_string": query,
        "headers": [(b"host", b"a"), *headers],
        "client": ("192.0.2.7", 1),
    }
    told = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]

    async def receive() -> dict[str, Any]:
        if told:
            return told.pop(0)
        if hangs:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    parts = OwnParts(
        login=None,  # type: ignore[arg-type]
        self_service=None,  # type: ignore[arg-type]
        grant_requests=None,  # type: ignore[arg-type]
        approving=None,  # type: ignore[arg-type]
        logout=None,  # type: ignore[arg-type]
        jwks=dict,
        is_ready=lambda: True,
        is_current=lambda: True,
        log_proofs=None,  # type: ignore[arg-type]
        counting=entering,
        new_id=lambda: DecisionId("d" * 32),
        proxies=(),
    )
    return Own(Request(scope, receive), parts)


async def refused(call: Own, *names: str) -> Reason:
    """Return why the members of a body are refused."""
    with pytest.raises(BadCall) as caught:
        await call.members(*names)
    return caught.value.deny.reason


async def test_members_of_a_body_in_pieces_are_read(entering: Entering) -> None:
    """Exactly those that are asked for."""
    call = own(entering, b'{"a":"1",', b'"b":"2"}')
    assert await call.members("a", "b") == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"a"', b'{"a":1}', b'{"a":"1","b":"2"}', b"{}", b'{"a":"1","a":"2"}', b'{"a":NaN}', b'{"a":"\xff"}'],
)  # fmt: skip
async def test_any_other_body_is_malformed(entering: Entering, body: bytes) -> None:
    """No member more, none twice, none that is no text."""
    assert await refused(own(entering, body), "a") is Reason.MALFORMED


async def test_a_body_that_is_too_long_is_not_read_to_its_end(entering: Entering) -> None:
    """64 KiB are enough for everything."""
    pieces = [b" " * 1024] * (MOST_BODY_BYTES // 1024)
    assert await own(entering, *pieces).body() == b"".join(pieces)
    assert await refused(own(entering, *pieces, b" ", hangs=True), "a") is Reason.BODY_TOO_LARGE


async def test_a_body_that_does_not_come_is_not_waited_for(entering: Entering, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds at most."""
    monkeypatch.setattr(own_call, "BODY_WITHIN_S", 0.01)
    assert await refused(own(entering, b"{", hangs=True), "a") is Reason.MALFORMED


async def test_a_body_of_another_type_is_not_looked_at(entering: Entering) -> None:
    """Whatever is in it."""
    call = own(entering, b'{"a":"1"}', headers=((b"content-type", b"text/plain"),))
    assert await refused(call, "a") is Reason.CONTENT_TYPE_NOT_SUPPORTED


def test_headers_and_parameters_are_judged_as_for_a_store(entering: Entering) -> None:
    """A range is refused, and so is a query, since no own path has parameters."""
    with pytest.raises(BadCall):
        own(entering, headers=((b"range", b"bytes=0-1"),)).check_framing()
    with pytest.raises(BadCall):
        own(entering, query=b"a=1").check_query()
    own(entering).check_framing()
    own(entering).check_query()


async def test_a_refusal_is_entered_with_the_bytes_that_are_sent(entering: Entering) -> None:
    """One of an identified caller was entered by its flow."""
    call = own(entering)
    response = await call.refused(Deny(reason=Reason.MALFORMED, rule="r"))
    again = await call.refused(Deny(reason=Reason.NOT_FOUND), identified=True)
    [entry] = entering.entries
    assert (entry.call, entry.reason, entry.bytes, entry.rule) == ("d" * 32, "malformed", len(response.body), "r")
    assert again.status_code == 404


async def test_the_refusal_of_a_head_has_no_body(entering: Entering) -> None:
    """And its entry says so."""
    response = await own(entering, method="HEAD").refused(Deny(reason=Reason.METHOD_NOT_ALLOWED))
    assert (response.body, entering.entries[0].bytes) == (b"", 0)


async def test_what_cannot_be_entered_is_not_told(entering: Entering) -> None:
    """503 without a body."""
    entering.is_full = True
    response = await own(entering).refused(Deny(reason=Reason.MALFORMED))
    assert (response.status_code, response.body, response.headers["content-length"]) == (503, b"", "0")


@pytest.mark.parametrize(
    ("answer", "status", "n_entries"),
    [
        (Started(login="x"), 200, 0),
        (SignInFailed(), 401, 0),
        (Deny(reason=Reason.NOT_FOUND), 404, 0),
        (Deny(reason=Reason.SIGN_IN_REQUIRED), 401, 1),
    ],
)
async def test_answers_of_flows_are_told_and_those_that_were_not_entered_are(
    entering: Entering, answer: object, status: int, n_entries: int
) -> None:
    """A refusal to somebody unknown is the door's to enter."""
    call = own(entering, headers=((b"authorization", b"Bearer x"), (b"accept-language", b"zh")))
    response = await call.told(answer)
    assert (response.status_code, len(entering.entries)) == (status, n_entries)
    if status == 401:
        assert "www-authenticate" in response.headers


async def test_a_failed_sign_in_is_told_in_one_language(entering: Entering) -> None:
    """Its entry was made before, and counts the bytes of that body."""
    told = [
        await own(entering, headers=((b"accept-language", language),)).told(SignInFailed())
        for language in (b"zh", b"en")
    ]
    assert told[0].body == told[1].body
