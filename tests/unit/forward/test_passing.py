# SPDX-License-Identifier: Apache-2.0
"""What goes on to a store goes on byte for byte, and what comes back has one framing."""

import pytest

from gateway.domain.errors import StoreMisbehaved
from gateway.domain.names import StoreName
from gateway.forward.addresses import base_url
from gateway.forward.passing import RawCall, judged_length, passed_on, raw_target

BASE = base_url("http://crm.example/api")
ROOT = base_url("https://crm.example:8443")


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/a%20b/c,d:e@f", "", "http://crm.example/api/a%20b/c,d:e@f"),
        ("/a", "x=1&x=2&y=a+b&z=%2f&e=&{}|^`[]\\", "http://crm.example/api/a?x=1&x=2&y=a+b&z=%2f&e=&{}|^`[]\\"),
        ("/o'clock", "x=o'clock", "http://crm.example/api/o'clock?x=o%27clock"),
        ("", "", "http://crm.example/api"),
    ],
)
def test_the_target_is_sent_as_it_came(path: str, query: str, target: str) -> None:
    """But for the apostrophe in a query, which every reader takes for the same."""
    assert str(raw_target(BASE, path, query)) == target


def test_a_base_without_a_path_stands_for_its_root() -> None:
    """A target is never empty."""
    assert str(raw_target(ROOT, "", "")) == "https://crm.example:8443/"
    assert str(raw_target(ROOT, "/a", "")) == "https://crm.example:8443/a"


@pytest.mark.parametrize(
    ("path", "query"), [("/../x", ""), ("/%2e%2e/x", ""), ("/a b", ""), ("/a", 'x="'), ("/a#b", ""), ("/é", "")]
)
def test_what_would_be_sent_in_another_way_is_not_sent(path: str, query: str) -> None:
    """The library mends targets; a mended one is not the caller's."""
    with pytest.raises(ValueError, match="another way"):
        raw_target(BASE, path, query)


@pytest.mark.parametrize(
    ("status", "headers", "method", "length"),
    [
        (200, [("Content-Length", "5")], "GET", 5),
        (200, [("Transfer-Encoding", "chunked")], "GET", None),
        (200, [("Content-Length", "5")], "HEAD", 0),
        (304, [("Content-Length", "5")], "GET", 0),
        (204, [], "GET", 0),
        (599, [("Content-Length", "0")], "POST", 0),
    ],
)
def test_the_length_of_a_body_is_what_its_head_says(
    status: int, headers: list[tuple[str, str]], method: str, length: int | None
) -> None:
    """Nothing where there is no body."""
    assert judged_length(status, headers, method=method) == length


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (101, [("Content-Length", "5")]),
        (199, []),
        (600, [("Content-Length", "5")]),
        (200, []),
        (200, [("Content-Length", "5"), ("content-length", "5")]),
        (200, [("Content-Length", "5"), ("Transfer-Encoding", "chunked")]),
        (200, [("Transfer-Encoding", "gzip")]),
        (200, [("Content-Length", "+5")]),
        (200, [("Content-Length", "5"), ("X", "x" * 40_000)]),
    ],
)
def test_a_head_that_is_no_answer_or_two_is_refused(status: int, headers: list[tuple[str, str]]) -> None:
    """It is the store's fault, whatever comes behind."""
    with pytest.raises(StoreMisbehaved):
        judged_length(status, headers, method="GET")


def test_headers_of_one_hop_end_here() -> None:
    """Also those that Connection names; all others go on, in order and as often as they came."""
    headers = [
        ("Set-Cookie", "a"),
        ("Connection", "close, X-Mine"),
        ("x-mine", "1"),
        ("Set-Cookie", "b"),
        ("Upgrade", "h2c"),
    ]
    assert passed_on(headers, 200) == (("Set-Cookie", "a"), ("Set-Cookie", "b"))
    assert passed_on([("Content-Length", "3"), ("ETag", "x")], 304) == (("ETag", "x"),)


def test_a_call_shows_nothing_of_itself() -> None:
    """Its repr is for messages."""
    call = RawCall(store=StoreName("crm"), method="GET", path="/secret", query="secret", headers=(), body=b"secret")
    assert "secret" not in repr(call)
