# SPDX-License-Identifier: Apache-2.0
"""The referee's own reader of HTTP: whole is whole, cut is cut, however the bytes are cut up."""

import pytest

from tests.referee.http1 import Answers, Malformed, Message, Requests

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"
SIZED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"


def read(reader: Requests, *pieces: bytes) -> list[Message]:
    """Return the whole messages of some pieces."""
    return [message for piece in pieces for message in reader.feed(piece)]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_messages_come_out_whole_however_the_bytes_are_cut(step: int) -> None:
    """Two answers behind each other, of both framings."""
    content = CHUNKED + SIZED + CHUNKED
    pieces = [content[start : start + step] for start in range(0, len(content), step)]
    answers = Answers(["GET", "GET", "GET"])
    found = read(answers, *pieces)
    assert [(one.status, bytes(one.body)) for one in found] == [
        (200, b"abc0123456789"),
        (404, b"{}"),
        (200, b"abc0123456789"),
    ]
    assert answers.cut_off() is None
    assert not answers.has_rest


@pytest.mark.parametrize("length", range(len(CHUNKED)))
def test_a_chunked_answer_is_whole_at_its_last_byte_alone(length: int) -> None:
    """Before it, it is cut off."""
    assert read(Answers(["GET"]), CHUNKED[:length]) == []


def test_what_came_of_a_cut_answer_is_told() -> None:
    """Head and body so far."""
    answers = Answers(["GET"])
    assert read(answers, CHUNKED[:-20]) == []
    cut = answers.cut_off()
    assert cut is not None
    assert (bytes(cut.body), cut.is_whole) == (b"abc", False)


def test_an_answer_without_framing_is_never_whole() -> None:
    """Whoever closes could have lost the rest."""
    answers = Answers(["GET"])
    assert read(answers, b"HTTP/1.1 200 OK\r\n\r\nabc") == []
    assert answers.cut_off() is not None


def test_answers_without_a_body_are_followed_by_the_next() -> None:
    """To HEAD, 204 and 100."""
    head = SIZED[:-2]
    found = read(Answers(["HEAD", "POST"]), head + b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert [(one.status, bytes(one.body), one.is_whole) for one in found] == [
        (404, b"", True),
        (100, b"", True),
        (204, b"", True),
    ]


def test_requests_are_read_with_and_without_a_body() -> None:
    """Pipelined ones too."""
    found = read(Requests(), b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nX: 1\r\nx: 2\r\n\r\n")
    assert [(one.method, one.target, bytes(one.body)) for one in found] == [("POST", "/a", b"abc"), ("GET", "/b", b"")]
    assert found[1].headers == {"x": "1, 2"}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ],
)
def test_what_a_careful_client_refuses_is_refused(answer: bytes) -> None:
    """Two framings, a length twice, bad chunks, another version, a header without a name."""
    with pytest.raises(Malformed):
        read(Answers(["GET"]), answer)
