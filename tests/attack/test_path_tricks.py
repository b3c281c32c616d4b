# SPDX-License-Identifier: Apache-2.0
"""Attack: a path that is judged as one resource and served as another."""

import itertools

import pytest

from gateway.doors.http.reading.paths import segments_of
from gateway.doors.http.reading.router import Matched, Router
from gateway.doors.http.wire import WireProtocol
from tests.fakes.serving import exchange, request, served

DOTS = ["..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e%252e", "%c0%ae%c0%ae", "%C0%AE.", "..;", "..;a=b", "..%3B", "..%00", "..%0a",
        "..%20", " ..", "...", "..%c0%af", "%EF%BC%8E%EF%BC%8E", "%u002e%u002e", "..%ff", "..%5c", "%E2%80%A5", "..%09", "..%0d"]  # fmt: skip
SLASHES = ["/", "//", "%2f", "%2F", "%252f", "%5c", "%5C", "\\", "/./", "/.", "%c0%af", "%EF%BC%8F", "%E2%88%95x/..", ";/", "%00/", "/%20/", "%u2215"]  # fmt: skip
TRICKS = [
    f"/crm/public{before}{dots}{after}secret" for dots, before, after in itertools.product(DOTS, SLASHES, SLASHES)
]
SINGLE = [
    "/crm//secret", "//crm/secret", "/crm/./secret", "/./crm/secret", "/crm/secret/", "/crm/secret/.", "/crm/secret/..",
    "/crm/secret;x=y", "/crm;/secret", "/crm/secret%00", "/crm/secret%00.css", "/crm/secret%0a", "/crm/secret%20", "/crm/secret.",
    "/crm/secret..", "/crm/%73ecret", "/crm/secre%74", "/%63rm/secret", "/crm/secret%3f", "/crm/secret%23", "/crm/secret#x",
    "/crm%2fsecret", "/crm%2Fsecret", "/crm%5csecret", "/crm\\secret", "/crm/secret%e2%80%8b", "/crm/secret%EF%BB%BF",
    "http://other/crm/secret", "http:/crm/secret", "///crm/secret", "*", "crm/secret", "/crm/secret%", "/crm/secret%2", "/crm/sécret",
]  # fmt: skip
ROUTER = Router(
    [("GET", "/crm/public/{id}", "public"), ("GET", "/crm/secret", "secret"), ("GET", "/crm/{x}/{y}/{z}", "any")]
)


def test_no_combination_of_dots_and_slashes_is_a_path() -> None:
    """Thousands of spellings of going up, none accepted."""
    assert len(TRICKS) > 6000
    assert [trick for trick in TRICKS if segments_of(trick.encode()) is not None] == []


@pytest.mark.parametrize("trick", SINGLE)
def test_no_other_spelling_of_a_path_is_a_path(trick: str) -> None:
    """Doubled, encoded, decorated or absolute."""
    assert segments_of(trick.encode()) is None


def test_the_plain_path_is_one() -> None:
    """The tricks fail for what they are, not because everything fails."""
    segments = segments_of(b"/crm/secret")
    assert segments is not None
    assert ROUTER.match("GET", segments) == Matched("secret")


async def test_no_trick_reaches_a_route_over_a_connection() -> None:
    """What the server hands on is still refused; what it hands on is what was sent."""
    accepted: list[bytes] = []

    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        if segments_of(scope["raw_path"]) is not None:
            accepted.append(scope["raw_path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with served(app, WireProtocol) as port:
        for trick in [*SINGLE, *TRICKS[::97]]:
            await exchange(port, request(trick.encode()))
        assert accepted == []
        await exchange(port, request(b"/crm/secret"))
    assert accepted == [b"/crm/secret"]
