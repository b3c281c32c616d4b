# SPDX-License-Identifier: Apache-2.0
"""What a caller can read: JSON or a page, English or Chinese."""

import pytest

from gateway.doors.http.negotiation import accepts_json, is_json, language_of, prefers_page

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "json"),
    [(None, True), ("*/*", True), ("application/*", True), ("application/json", True), (BROWSER, True),
     ("APPLICATION/JSON; q=0.1", True), ("text/csv", False), ("", False), ("application/json;q=0, */*", False),
     ("application/*;q=0, application/json", True), ("application/json;q=2", False), ("application/json;q=x", False),
     ("text/html;q=1.000, application/json;q=0.001", True), ("application/json;charset=utf-8", True)],
)  # fmt: skip
def test_json_is_acceptable_where_the_most_specific_range_says_so(accept: str | None, *, json: bool) -> None:
    """RFC 9110 section 12.5.1."""
    assert accepts_json(accept) is json


@pytest.mark.parametrize(
    ("accept", "page"),
    [(None, False), ("*/*", False), (BROWSER, True), ("application/json", False), ("text/html;q=0", False),
     ("application/problem+json, text/html;q=0.5", False), ("TEXT/HTML", True)],
)  # fmt: skip
def test_a_page_is_for_whoever_asks_for_one(accept: str | None, *, page: bool) -> None:
    """A client app that takes anything gets JSON."""
    assert prefers_page(accept) is page


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [(None, "en"), ("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB, zh;q=0.5", "en"), ("zh-Hant", "zh"),
     ("de", "en"), ("de, zh;q=0.1", "zh"), ("zh;q=0", "en"), ("zhx", "en"), ("zh;q=broken", "en")],
)  # fmt: skip
def test_the_language_is_the_one_ranked_higher(accept_language: str | None, language: str) -> None:
    """English if neither is asked for."""
    assert language_of(accept_language) == language


@pytest.mark.parametrize(
    ("content_type", "json"),
    [("application/json", True), ("Application/JSON;charset=UTF-8", True), ('application/json; charset="utf-8"', True),
     (None, False), ("", False), ("text/json", False), ("application/json;charset=utf-16", False),
     ("application/ld+json", False), ("application/json, text/plain", False), ("application/json;", False),
     ("multipart/form-data", False), ("application/x-www-form-urlencoded", False)],
)  # fmt: skip
def test_a_body_is_json_by_exactly_its_type(content_type: str | None, *, json: bool) -> None:
    """No suffix, no other charset."""
    assert is_json(content_type) is json
