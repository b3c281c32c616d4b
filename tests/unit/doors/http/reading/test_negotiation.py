# SPDX-License-Identifier: Apache-2.0
"""What a caller can read: JSON or a page, English or Chinese."""

import pytest

from gateway.domain.inquiry import Form
from gateway.doors.http.reading.negotiation import (
    accepts_json,
    accepts_some_form,
    form_of,
    is_json,
    language_of,
    prefers_page,
)

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


JSON, LINES, CSV, PEOPLE = Form.JSON, Form.NDJSON, Form.CSV, Form.CSV_FOR_PEOPLE


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, JSON),
        ("*/*", JSON),
        (BROWSER, JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/json;charset=utf-8", JSON),
        ("application/x-ndjson", LINES),
        ("Application/NDJSON", LINES),
        ("application/jsonl;q=0.1", LINES),
        ("application/json;q=0.9, application/x-ndjson", LINES),
        ("application/json, application/x-ndjson", JSON),
        ("text/csv", CSV),
        ("text/*", CSV),
        ("text/csv, */*;q=0.1", CSV),
        ("text/csv; charset=utf-8; header=present", CSV),
        ('text/csv; charset="UTF-8"', CSV),
        ("text/csv;header=absent", None),
        ("text/csv;charset=gbk", None),
        ("text/csv;header=absent, application/json;q=0.1", JSON),
        ("text/csv; formulas=escaped", PEOPLE),
        ("text/csv ; Formulas = escaped ; q=0.5, application/json;q=0.4", PEOPLE),
        ("text/csv;header=present;formulas=escaped", PEOPLE),
        ("text/csv;formulas=escaped, text/csv;q=0.5", PEOPLE),
        ("text/csv;formulas=escaped, text/csv", CSV),
        ("text/csv;formulas=escaped;q=0, text/csv;q=0.1", CSV),
        ("text/csv;q=0, */*", JSON),
        ("text/csv;q=0", None),
        ("application/json;q=0, */*", LINES),
        ("application/json;q=0, application/x-ndjson;q=0, */*", CSV),
        ("text/html", None),
        ("", None),
        ("text/csv;q=2", None),
    ],
)
def test_a_list_goes_out_in_the_form_that_the_caller_ranks_highest(accept: str | None, form: Form | None) -> None:
    """JSON where it ranks several alike; for people only where that is named."""
    assert form_of(accept, "array") is form_of(accept, "object") is form
    assert accepts_some_form(accept) is (form is not None)


@pytest.mark.parametrize(
    ("accept", "kind", "form"),
    [
        (None, "ndjson", LINES),
        ("*/*", "ndjson", LINES),
        ("application/json", "ndjson", JSON),
        ("text/csv, application/x-ndjson", "ndjson", LINES),
        (None, "csv", CSV),
        ("*/*", "csv", CSV),
        ("application/*", "csv", JSON),
        ("text/csv, application/json", "csv", CSV),
        ("text/csv;formulas=escaped", "csv", PEOPLE),
    ],
)
def test_a_store_of_lines_goes_out_as_it_is_unless_something_else_is_preferred(
    accept: str | None, kind: str, form: Form
) -> None:
    """Its own form is the first of those that rank alike."""
    assert form_of(accept, kind) is form


@pytest.mark.parametrize("kind", ["record", "nothing"])
def test_single_records_are_json(kind: str) -> None:
    """A caller that takes no JSON takes none of them."""
    assert form_of(None, kind) is form_of("text/csv, */*;q=0.1", kind) is JSON
    assert form_of("text/csv", kind) is None


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, Form.JSON),
        ("application/json", Form.JSON),
        ("application/x-ndjson", Form.NDJSON),
        ("text/csv", Form.CSV_FOR_PEOPLE),
        ("text/csv; header=present", Form.CSV_FOR_PEOPLE),
        ("text/csv; formulas=escaped", Form.CSV_FOR_PEOPLE),
        ("text/html", None),
    ],
)
def test_what_people_alone_ask_for_is_csv_without_formulas(accept: str | None, form: Form | None) -> None:
    """Though the caller does not say so; other forms stay exact."""
    assert form_of(accept, "object", for_people=True) is form
