# SPDX-License-Identifier: Apache-2.0
"""Lines of nginx and Apache, common and combined, whole or broken."""

import gzip
import io
import random
from typing import Any

import pytest
from typing_extensions import override

from gateway.doors.http.recorded.access_log import MOST_LINE_BYTES, opened, recorded, recorded_in
from gateway.doors.http.recorded.calls import Recorded

COMMON = b'127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326'
COMBINED = COMMON + b' "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"'


def test_the_examples_of_the_two_formats_are_read() -> None:
    """As the manual of Apache has them."""
    one = Recorded(method="GET", target=b"/apache_pb.gif", address="127.0.0.1")
    assert recorded(COMMON) == one
    two = recorded(COMBINED)
    assert two is not None
    assert two.headers == ((b"user-agent", b"Mozilla/4.08 [en] (Win98; I ;Nav)"),)
    assert two.body is None


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (rb'::1 - - [1] "GET /a?b=\x22\xC3\xA9 HTTP/1.1" 200 - "-" "-"', b'/a?b="\xc3\xa9'),
        (rb'::1 - - [1] "GET /a?b=\"c\" HTTP/2.0" 200 - "-" "x \"y\"" "10.0.0.1" 0.003', b'/a?b="c"'),
        (b'h.example.org - a b c [1] "POST http://x.example/a HTTP/1.1" 201 5', b"/a"),
        (b'h - - [1] "OPTIONS https://x.example HTTP/1.1" 201 5', b"/"),
        (b'h - - [1] "GET //a HTTP/3" 200 5 extra', b"//a"),
    ],
)
def test_escapes_absolute_targets_and_more_behind_are_read(line: bytes, target: bytes) -> None:
    """The target is what the caller sent."""
    found = recorded(line)
    assert found is not None
    assert found.target == target


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b'h - - [1] "-" 408 0',
        rb'h - - [1] "\x16\x03\x01" 400 157',
        b'h - - [1] "GET / HTTP/1.1 200 5',
        b'h - - [1] "GET /a b HTTP/1.1" 200 5',
        b'h - - [1] "get / HTTP/1.1" 200 5',
        b'h - - 1 "GET / HTTP/1.1" 200 5',
        b'h - - [1] "GET / HTTP/1.1" two 5',
    ],
)
def test_what_is_no_call_is_none(line: bytes) -> None:
    """It is counted by whoever reads."""
    assert recorded(line) is None


def test_a_line_that_is_too_long_is_one_that_cannot_be_read() -> None:
    """The next one is read from its start, and keeps its number; an empty line is none."""
    lines = io.BytesIO(COMMON + b"\n" + b"x" * (MOST_LINE_BYTES * 3) + b"\n\n" + COMMON + b"\r\n" + COMMON)
    found = list(recorded_in(lines))
    assert [number for number, _ in found] == [1, 2, 4, 5]
    assert [call is None for _, call in found] == [False, True, False, False]


class Pipe(io.RawIOBase):
    """Gives a hundred bytes at a time, as a pipe may."""

    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        content = self._rest.read(min(len(buffer), 100))
        buffer[: len(content)] = content
        return len(content)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_log_is_read_packed_or_not_from_what_is_no_file(pack: type[bytes]) -> None:
    """A pipe can neither seek nor be looked into twice."""
    content = pack((COMBINED + b"\n") * 50)
    assert len(list(recorded_in(opened(io.BufferedReader(Pipe(content)))))) == 50
    assert len(list(recorded_in(opened(io.BytesIO(content))))) == 50


def test_noise_is_read_in_a_moment_and_raises_nothing() -> None:
    """No line makes the reader go back and forth."""
    chance = random.Random(3)
    for _ in range(200):
        content = bytes(chance.choice(b'"\\ []-/x1HTP.') for _ in range(chance.randrange(3000)))
        recorded(content)
    for evil in (b'h - - [1] "' + b"\\" * 50_000, b"h " + b"- " * 30_000, b'h - - [1] "' + b'\\"' * 30_000):
        assert recorded(evil) is None
