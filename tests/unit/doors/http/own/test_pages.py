# SPDX-License-Identifier: Apache-2.0
"""Pages about reasons: readable, in two languages, and nothing in them that runs."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from typing_extensions import override

from gateway.domain.decision import Reason
from gateway.doors.http.own.pages import PAGE_HEADERS, STYLE_PATH, Pages, style
from gateway.doors.http.problem_table import PROBLEMS
from gateway.doors.http.reading.paths import segments_of

PAGES = Pages()


class Tags(HTMLParser):
    """All tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_page(reason: Reason, language: str) -> None:
    """With its title, its remedy and its code."""
    page = PAGES.problem(reason, language).decode()
    title, remedy = PROBLEMS[reason].told(language)
    assert f"<h1>{title}</h1>" in unescape(page)
    assert remedy in unescape(page)
    assert f"<code>{reason.value}</code>" in page
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}">' in page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_hold_no_script_and_no_style_of_their_own(language: str) -> None:
    """One sheet of our own, no other request, no handler."""
    for page in (PAGES.problem(Reason.HELD, language).decode(), PAGES.problems(language).decode()):
        for tag, attributes in Tags(page).found:
            assert tag not in {"script", "style", "iframe", "img", "object", "form"}
            assert not any(name == "style" or name.startswith("on") for name in attributes)
            if tag == "link":
                assert attributes["href"] == STYLE_PATH


def test_every_link_is_a_path_that_the_door_accepts() -> None:
    """Links that we write are in normal form themselves."""
    for page in (PAGES.problem(Reason.HELD, "en").decode(), PAGES.problems("en").decode()):
        for link in re.findall(r'href="([^"]*)"', page):
            assert segments_of(link.encode())


def test_the_list_names_every_reason() -> None:
    """One row each."""
    page = PAGES.problems("en").decode()
    assert all(f"/-/problems/{reason.value}" in page for reason in Reason)


def test_the_style_sheet_asks_nobody_for_anything() -> None:
    """Colours for light and dark, no address."""
    sheet = style().decode()
    assert "prefers-color-scheme: dark" in sheet
    assert not re.search(r"url\(|@import|http", sheet.replace("https://", "http"))


def test_pages_may_not_be_framed_stored_or_extended() -> None:
    """The policy forbids what the pages do not need."""
    headers = dict(PAGE_HEADERS)
    assert b"default-src 'none'" in headers[b"content-security-policy"]
    assert b"unsafe" not in headers[b"content-security-policy"]
    assert headers[b"cache-control"] == b"no-store"
