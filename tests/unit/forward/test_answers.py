# SPDX-License-Identifier: Apache-2.0
"""Which heads of answers are acceptable, as a table."""

import pytest

from gateway.domain.errors import StoreMisbehaved
from gateway.forward.answers import MAX_HEAD_BYTES, WRITE_STATUSES, check_answer, entity_tag

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


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("object", "application/json"),
        ("record", "application/json"),
        ("ndjson", "application/x-ndjson; charset=utf-8"),
        ("ndjson", "application/ndjson"),
        ("ndjson", "application/jsonl"),
        ("csv", "text/csv"),
        ("csv", 'text/csv; charset="utf-8"; header=present'),
        ("csv", "TEXT/CSV;Header=Present"),
    ],
)
def test_each_kind_of_route_has_its_types(kind: str, text: str) -> None:
    """The type is told without its parameters."""
    assert check_answer(200, [("content-type", text), LENGTH], kind=kind) == text.partition(";")[0].lower()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("array", "text/csv"), ("csv", "application/json"), ("ndjson", "application/json"), ("csv", "application/x-ndjson"),
        ("csv", "text/csv; header=absent"), ("csv", "text/csv; charset=gbk"), ("csv", "text/csv; charset=utf-8; charset=utf-8"),
        ("ndjson", "application/x-ndjson; header=present"), ("csv", "text/tab-separated-values"), ("nothing", "text/html"),
    ],
)  # fmt: skip
def test_the_type_of_another_kind_is_misbehaviour(kind: str, text: str) -> None:
    """Also where its bytes would decode."""
    with pytest.raises(StoreMisbehaved):
        check_answer(200, [("content-type", text), LENGTH], kind=kind, writes=True)


def test_a_write_may_be_refused_in_so_many_words() -> None:
    """Whatever type the words have; of 200 and 201 the body must be as declared, of the rest none is looked at."""
    page = [("content-type", "text/html"), ("content-encoding", "gzip")]
    for status in range(100, 1000):
        if status in (200, 201):
            assert check_answer(status, [JSON, LENGTH], kind="record", writes=True) == "application/json"
        if status not in WRITE_STATUSES or status in (200, 201):
            with pytest.raises(StoreMisbehaved):
                check_answer(status, page, kind="record", writes=True)
        else:
            assert check_answer(status, page, kind="record", writes=True) is None


def test_an_answer_of_nothing_is_empty_or_of_the_declared_type() -> None:
    """A page where nothing was to come says that something else happened."""
    assert check_answer(200, [("content-length", "0")], kind="nothing", writes=True) is None
    assert (
        check_answer(200, [("content-length", "0"), ("content-type", "text/html")], kind="nothing", writes=True) is None
    )
    assert check_answer(200, [JSON, LENGTH], kind="nothing", writes=True) == "application/json"
    for headers in ([], [LENGTH], [("content-length", "0"), ("transfer-encoding", "chunked")]):
        with pytest.raises(StoreMisbehaved):
            check_answer(200, headers, kind="nothing", writes=True)


@pytest.mark.parametrize(
    ("values", "tag"),
    [
        ([], None), (['"v1"'], '"v1"'), (['W/"v1"'], 'W/"v1"'), (['""'], '""'), (['"a"', '"b"'], None), (["v1"], None),
        (['"a b"'], None), (['"a""b"'], None), (['"ü"'], None), (['"' + "x" * 257 + '"'], None), (['w/"v1"'], None),
    ],
)  # fmt: skip
def test_an_entity_tag_is_one_or_none(values: list[str], tag: str | None) -> None:
    """What is no tag of RFC 9110 section 8.8.3 is not handed on."""
    assert entity_tag([("ETag", value) for value in values]) == tag


def test_a_write_may_be_answered_by_an_empty_body_where_a_record_was_declared() -> None:
    """It was done, and nothing of it is told; a read has to be answered by something."""
    empty = [("content-length", "0")]
    assert check_answer(201, empty, kind="record", writes=True) is None
    with pytest.raises(StoreMisbehaved):
        check_answer(200, empty, kind="record")


def test_a_part_of_a_list_is_an_answer_only_where_it_is_declared() -> None:
    """Elsewhere it is something else than was asked for."""
    head = [("content-type", "application/json"), ("content-length", "2"), ("content-range", "0-1/9")]
    with pytest.raises(StoreMisbehaved):
        check_answer(206, head)
    assert check_answer(206, head, partial=True) == "application/json"
    with pytest.raises(StoreMisbehaved):
        check_answer(206, [("content-type", "multipart/byteranges"), ("content-length", "2")], partial=True)
    with pytest.raises(StoreMisbehaved):
        check_answer(416, head, partial=True)
