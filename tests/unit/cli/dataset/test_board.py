# SPDX-License-Identifier: Apache-2.0
"""What each key does to the table of a review; nothing is saved that was not confirmed."""

from gateway.cli.dataset.board import PAGE, Board, Line
from gateway.domain.names import CategoryKey
from gateway.domain.proposal import Confidence

VOCABULARY = tuple(
    map(CategoryKey, ("user", "user.name", "user.contact.email", "user.contact.phone_number", "user.behavior"))
)


def line(key: str, confidence: Confidence | None = None, **more: bool) -> Line:
    """Return a line of text."""
    return Line(key=key, type="text", categories=(CategoryKey("user"),), confidence=confidence, **more)  # type: ignore[arg-type]


def board(*lines: Line) -> Board:
    """Return a table of these lines, or of three."""
    return Board(lines or (line("m.a"), line("m.b", Confidence.CERTAIN), line("m.c", Confidence.LIKELY)), VOCABULARY)


def press(table: Board, *keys: str) -> Board:
    """Press keys, one after the other."""
    for key in keys:
        table.press(key)
    return table


def test_a_line_is_confirmed_and_the_next_one_follows() -> None:
    """So that somebody who agrees presses one key for each."""
    table = press(board(), "enter", "enter")
    assert (table.confirmed, table.at, table.n_left) == ({0, 1}, 2, 1)


def test_one_moves_within_the_table_alone() -> None:
    """By arrows, letters and pages."""
    assert [press(board(), key).at for key in ("up", "k", "down", "j", "G", "end", "page-down")] == [
        0,
        0,
        1,
        1,
        2,
        2,
        2,
    ]
    many = board(*(line(f"m.f{place}") for place in range(30)))
    assert press(many, "page-down").at == PAGE
    assert press(many, "G", "page-up", "g").at == 0


def test_a_look_begins_at_the_first_line_that_nobody_reviewed() -> None:
    """What is done is passed over."""
    assert board(line("m.a", is_reviewed=True), line("m.b"), line("m.c")).at == 1


def test_a_line_can_be_left_unreviewed_again() -> None:
    """With the category that it had."""
    table = press(board(), "enter", "up", "d")
    assert (table.confirmed, table.n_left) == (set(), 3)
    table = press(board(), "e", *"name", "enter", "d")
    assert (table.confirmed, table.chosen) == (set(), {})


def test_all_certain_ones_are_confirmed_at_once() -> None:
    """But for one that was given another category: of that one nothing is certain."""
    assert press(board(), "a").confirmed == {1}
    table = press(board(), "j", "e", *"behavior", "enter", "d", "a")
    assert table.confirmed == {1}
    table = board()
    table.chosen[1] = VOCABULARY[1]
    assert press(table, "a").confirmed == set()


def test_a_category_is_found_by_words_of_it() -> None:
    """In any order; the shortest that fits comes first, and arrows choose."""
    table = press(board(), "e", *"contact")
    assert table.found() == ("user.contact.email", "user.contact.phone_number")
    press(table, "down", "down", "enter")
    assert (table.chosen, table.confirmed, table.searched) == ({0: "user.contact.phone_number"}, {0}, None)
    assert table.categories(0) == ("user.contact.phone_number",)


def test_a_search_can_be_mended_and_left() -> None:
    """Keys that mean something in the table are letters in it."""
    table = press(board(), "e", *"sqad", "backspace", "backspace", "backspace", "backspace", *"name")
    assert table.outcome is None
    assert table.found() == ("user.name",)
    assert press(table, "escape").chosen == {}
    assert press(board(), "e", *"nothing fits", "enter").chosen == {}


def test_saving_and_leaving_are_told_apart() -> None:
    """Whoever confirmed something is asked once before it is thrown away."""
    assert press(board(), "s").outcome == "save"
    assert press(board(), "q").outcome == "leave"
    table = press(board(), "enter", "q")
    assert table.outcome is None
    assert "q again" in table.said
    assert press(table, "q").outcome == "leave"
    assert press(board(), "enter", "interrupt").outcome == "leave"


def test_what_cannot_be_saved_is_not_lost() -> None:
    """The table stays, with what was confirmed and why it stays."""
    table = press(board(), "enter", "s")
    table.stay("the rules would not load")
    assert (table.outcome, table.said, table.confirmed) == (None, "the rules would not load", {0})


def test_a_field_that_nobody_declared_cannot_be_confirmed() -> None:
    """There is no line in the file that could lose its mark."""
    table = board(line("m.a", is_reviewed=True), line("m.b", is_new=True))
    press(table, "j", "enter", "e")
    assert (table.confirmed, table.searched, table.n_left) == (set(), None, 0)
    assert "stays dropped" in table.said


def test_help_is_shown_until_the_next_key() -> None:
    """And taken away by the same one."""
    table = press(board(), "?")
    assert table.is_helping
    assert not press(table, "j").is_helping
    assert not press(table, "?", "?").is_helping


def test_an_empty_table_breaks_nothing() -> None:
    """A file may hold no field of the store."""
    table = Board((), VOCABULARY)
    press(table, "enter", "e", "d", "a", "j", "s")
    assert table.outcome == "save"
