# SPDX-License-Identifier: Apache-2.0
"""HTTP archives: every request, with its body and its headers, and entries that are none."""

import json
from pathlib import Path

import pytest

from gateway.doors.http.recorded.har import HarUnreadable, recorded_in


def written(path: Path, *requests: object) -> Path:
    path.write_text(
        json.dumps({"log": {"version": "1.2", "entries": [{"request": one, "time": 1} for one in requests]}})
    )
    return path


def request(url: str = "https://a.example/x", **more: object) -> dict[str, object]:
    return {"method": "GET", "url": url, "headers": [], **more}


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.example/x?y=1#z", b"/x?y=1"),
        ("http://a.example:8080", b"/"),
        ("http://a.example?y=1", b"/?y=1"),
        ("https://user@a.example/x//y", b"/x//y"),
        ("/x?y=http://b/", b"/x?y=http://b/"),
    ],
)
def test_the_target_is_path_and_query(tmp_path: Path, url: str, target: bytes) -> None:
    """Without origin and fragment, and changed in nothing."""
    ((number, call),) = recorded_in(written(tmp_path / "a.har", request(url)))
    assert call is not None
    assert (number, call.target) == (1, target)


def test_headers_come_in_lower_case_without_the_names_of_http_2_and_lengths_are_those_of_the_body(
    tmp_path: Path,
) -> None:
    """A body is text, base64, or the fields of a form."""
    headers = [
        {"name": ":path", "value": "/"},
        {"name": "X-A", "value": "é"},
        {"name": "Content-Length", "value": "999"},
    ]
    posts: list[object] = [
        {"mimeType": "application/json", "text": '{"a": "é"}'},
        {"mimeType": "x", "text": "AAEC", "encoding": "base64"},
        {
            "mimeType": "application/x-www-form-urlencoded",
            "params": [{"name": "a b", "value": "1"}, {"name": "c", "value": "&"}],
        },
    ]
    file = written(tmp_path / "a.har", *(request(headers=headers, postData=one) for one in posts))
    found = [call for _, call in recorded_in(file)]
    assert [call.body for call in found if call] == ['{"a": "é"}'.encode(), b"\x00\x01\x02", b"a%20b=1&c=%26"]
    assert found[0] is not None
    assert found[0].headers == ((b"x-a", b"\xe9"), (b"content-length", b"11"))


def test_an_entry_that_is_none_is_told_by_its_number(tmp_path: Path) -> None:
    """The others are read."""
    bad = request(postData={"text": "!!!", "encoding": "base64"})
    file = written(
        tmp_path / "a.har", request(), {"method": 3}, bad, request(headers=[{"name": "陈", "value": "x"}]), request()
    )
    assert [(number, call is not None) for number, call in recorded_in(file)] == [
        (1, True), (2, False), (3, False), (4, False), (5, True),
    ]  # fmt: skip


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """Some programs write one."""
    file = written(tmp_path / "a.har", request())
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert len(list(recorded_in(file))) == 1


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"log": {"entries": [', b'{"log": {"entries": 3}}', b"\xff\xfe"]
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    """With a sentence that shows nothing of it."""
    (tmp_path / "a.har").write_bytes(content)
    with pytest.raises(HarUnreadable):
        list(recorded_in(tmp_path / "a.har"))
