# SPDX-License-Identifier: Apache-2.0
"""Counts of a walk, by field and by why, with the places of the first ones."""

from gateway.domain.names import DatasetName, FieldName
from gateway.domain.turning import Found
from gateway.flows.migrating.report import MOST_EXAMPLES, Report, Tally

PHONE = FieldName("phone")


def test_cells_are_counted_by_what_is_to_become_of_them() -> None:
    """Over: values and older ones are written. Back: what stands for a value is."""
    for back, expected in ((False, (3, 1)), (True, (1, 2))):
        tally = Tally([PHONE], back=back)
        for found in (Found.CLEAR, Found.CLEAR, Found.OLDER, Found.OVER, Found.NULL):
            tally.take(PHONE, found)
        (field,) = tally.fields()
        assert (field.to_turn, field.turned) == expected
        assert field.null == 1


def test_no_more_examples_are_told_than_help() -> None:
    """By place, from 1, and never by value."""
    tally = Tally([PHONE], back=False)
    for _ in range(50):
        tally.n_rows += 1
        tally.take(PHONE, Found.UNREADABLE)
    (field,) = tally.fields()
    assert field.unreadable == 50
    assert field.examples == {"unreadable": tuple(range(1, MOST_EXAMPLES + 1))}
    assert field.n_cannot == 50


def test_what_is_left_makes_a_report_wrong() -> None:
    """Though the last walk found nothing to write."""
    right = Report(dataset=DatasetName("a.b"), to="over", is_dry=False, rows=1, fields=(), whole=True)
    assert right.is_right
    for changes in ({"whole": False}, {"malformed": 1}, {"without_key": 1}, {"refused": {409: 1}}):
        wrong = Report(**{**{name: getattr(right, name) for name in right.__struct_fields__}, **changes})
        assert not wrong.is_right
