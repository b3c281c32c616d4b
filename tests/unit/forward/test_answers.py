# SPDX-License-Identifier: Apache-2.0
"""Which heads of answers are acceptable, as a table."""

import pytest

from gateway.domain.errors import StoreMisbehaved
from gateway.forward.answers import MAX_HEAD_BYTES, check_answer

JSON = ("Content-Type", "application/json")
LENGTH = ("Content-Length", "2")


@pytest.mark.parametrize(
    "headers",
    [
        [JSON, LENGTH],
        [("content-type", "APPLICATION/JSON; Charset=UTF-8"), LENGTH],
        [("content-type", 'application/json;charset="utf-8"'), ("transfer-encoding", "Chunked")],
        [JSON, LENGTH, ("Content-Encoding", "identity"), ("ETag", "x"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")],
    ],
)
def test_json_in_utf_8_with_a_visible_end_is_acceptable(headers: list[tuple[str, str]]) -> None:
    """What it says beside that does not matter."""
    assert check_answer(200, headers) == "application/json"


def test_absent_is_absent_whatever_the_store_says_about_it() -> None:
    """A 404 has no content type for us."""
    assert check_answer(404, [("content-type", "text/html"), ("content-encoding", "gzip")]) is None


TYPES = [
    "", "text/json", "application/vnd.api+json", "application/problem+json", "application/x-ndjson", "text/csv",
    "application/json, text/html", "application/json;charset=utf-16", "application/json;charset=gbk",
    "application/json;charset=utf-7", "application/json; charset=utf-8; x=y", "application/json;x=y", "application/json;",
    "multipart/form-data; boundary=x", "text/event-stream", "application/xml",
]  # fmt: skip


@pytest.mark.parametrize("text", TYPES)
def test_any_other_type_is_misbehaviour(text: str) -> None:
    """Content is not guessed."""
    with pytest.raises(StoreMisbehaved):
        check_answer(200, [("content-type", text), LENGTH])


@pytest.mark.parametrize(
    "headers",
    [
        [JSON, JSON, LENGTH],
        [LENGTH],
        [JSON],
        [JSON, LENGTH, LENGTH],
        [JSON, LENGTH, ("transfer-encoding", "chunked")],
        [JSON, ("content-length", "+2")],
        [JSON, ("content-length", "2, 2")],
        [JSON, ("content-length", "٢")],
        [JSON, ("transfer-encoding", "gzip, chunked")],
        [JSON, ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        [JSON, LENGTH, ("content-encoding", "br")],
        [JSON, LENGTH, ("content-encoding", "identity"), ("content-encoding", "identity")],
        [JSON, LENGTH, ("content-encoding", "")],
        [JSON, LENGTH, ("x", "a" * MAX_HEAD_BYTES)],
    ],
)
def test_a_doubtful_head_is_misbehaviour(headers: list[tuple[str, str]]) -> None:
    """Two readings are one too many."""
    with pytest.raises(StoreMisbehaved):
        check_answer(200, headers)
