# SPDX-License-Identifier: Apache-2.0
"""The page that processes share: a count survives whoever counted it, and is never counted twice."""

import os
import signal
from math import isnan
from pathlib import Path

import msgspec
import pytest

from gateway.app.signals.page import LAYOUT, MOST_VALUES, N_REGIONS, VARIABLE, Note, Page, Region


def forked(work: object) -> int:
    """Do work in a process of its own and return how it ended."""
    pid = os.fork()
    if not pid:
        try:
            work()  # type: ignore[operator]
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_count_outlives_the_process_that_was_killed() -> None:
    """The next process of the slot goes on with it."""
    page = Page.new()

    def count_and_die() -> None:
        region = page.region(3)
        region.begin(frozenset())
        place = region.add("a_total", ("x",), 1)
        assert place is not None
        region.values[place] += 41
        os.kill(os.getpid(), signal.SIGKILL)

    assert forked(count_and_die) == -signal.SIGKILL
    region = page.region(3)
    places = region.begin(frozenset())
    region.values[places["a_total", ("x",), 1]] += 1
    assert list(region.values[:2]) == [42.0, 0.0]
    assert region.add("b_total", (), 1) == 1


def test_a_gauge_is_forgotten_by_the_next_process() -> None:
    """It told of another one."""
    page = Page.new()
    before = page.region(0)
    before.begin(frozenset())
    place = before.add("g", (), 1, gauge=True)
    assert place is not None
    before.values[place] = 7
    page.region(0).begin(frozenset({"g"}))
    assert isnan(before.values[place])


def test_a_new_gauge_says_nothing_until_it_is_set() -> None:
    """Zero would be a claim."""
    region = Region.alone()
    region.begin(frozenset())
    place = region.add("g", (), 1, gauge=True)
    assert place is not None
    assert isnan(region.values[place])


def test_regions_do_not_touch() -> None:
    """The last float of one is not the first of the next."""
    page = Page.new()
    first, second = page.region(N_REGIONS - 2), page.region(N_REGIONS - 1)
    first.values[MOST_VALUES - 1] = 1
    second.begin(frozenset())
    assert list(second.series()) == []
    assert second.values[0] == 0


def test_a_full_region_takes_nothing_more_and_keeps_what_it_has() -> None:
    """Labels that are not bounded cannot run over into another region."""
    region = Region.alone()
    region.begin(frozenset())
    assert region.add("big", (), MOST_VALUES - 1) == 0
    assert region.add("h", (), 2) is None
    assert region.add("one", (), 1) == MOST_VALUES - 1
    assert region.add("two", (), 1) is None
    assert [one.metric for one in region.series()] == ["big", "one"]


def test_names_that_do_not_fit_are_refused() -> None:
    """However few floats they ask for."""
    region = Region.alone()
    region.begin(frozenset())
    names = [region.add("m", ("x" * 60_000, str(number)), 1) for number in range(10)]
    assert names[0] == 0
    assert names[-1] is None


def test_whether_its_process_lives_is_known() -> None:
    """Of a region that nobody took there is none."""
    page = Page.new()
    assert not page.region(0).is_alive()
    page.region(0).begin(frozenset())
    assert page.region(0).is_alive()
    forked(lambda: page.region(1).begin(frozenset()))
    assert not page.region(1).is_alive()


def test_the_program_that_takes_the_place_of_another_takes_its_page() -> None:
    """With every count in it; the note is renewed for the next."""
    environment: dict[str, str] = {}
    page = Page.of_supervisor(environment)
    region = page.region(1)
    region.begin(frozenset())
    region.add("a_total", (), 1)
    assert os.get_inheritable(page.descriptor)
    again = Page.of_supervisor(environment)
    assert again.descriptor == page.descriptor
    assert [one.metric for one in again.region(1).series()] == ["a_total"]
    assert VARIABLE in environment


@pytest.mark.parametrize("change", ["another process", "another layout", "a closed descriptor", "no note"])
def test_a_note_that_is_not_for_us_is_passed_over(change: str, tmp_path: Path) -> None:
    """A new page begins, empty."""
    environment: dict[str, str] = {}
    page = Page.of_supervisor(environment)
    note = msgspec.json.decode(environment[VARIABLE], type=Note)
    note = {
        "another process": msgspec.structs.replace(note, pid=note.pid + 1),
        "another layout": msgspec.structs.replace(note, layout=LAYOUT + 1),
        "a closed descriptor": msgspec.structs.replace(note, descriptor=1_000_000),
        "no note": note,
    }[change]
    environment[VARIABLE] = "{" if change == "no note" else msgspec.json.encode(note).decode()
    assert Page.of_supervisor(environment).descriptor != page.descriptor
