# SPDX-License-Identifier: Apache-2.0
"""Which fields a row is read for and which leave, and as what."""

import pytest

from gateway.domain.catalog import FieldType, Form
from gateway.domain.names import FieldName
from gateway.domain.treatment import NOTHING, Treatment
from gateway.transform.view_fields import left_kind, read_fields, spec_of, view_words
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec

ID = spec("id", FieldType.INTEGER)
EMAIL = spec("email", form=Form.EMAIL)
BORN = spec("birth_date", FieldType.DATE, Form.DATE)
AMOUNT = spec("amount", FieldType.DECIMAL)


def test_view_words_tell_what_left_by_family_and_never_what_was_dropped() -> None:
    """For the header and for the log."""
    of = plan(
        (ID, CHAINS["word"], REVEALED),
        (EMAIL, CHAINS["email"], SURROGATE),
        (BORN, CHAINS["date"], Treatment(2, link=False)),
        (AMOUNT, CHAINS["money"], NOTHING),
    )
    assert view_words(of) == {"reveal": ("id",), "surrogate": ("email",), "generalise": ("birth_date",)}


def test_a_row_is_read_for_what_leaves_and_for_what_rules_look_at() -> None:
    """Once each, what leaves first."""
    of = plan((ID, CHAINS["word"], NOTHING), (EMAIL, CHAINS["email"], REVEALED), subject="id", region="email")
    leaving = [view for view in of.views if view.treatment != NOTHING]
    assert [one.name for one in read_fields(of, leaving)] == ["email", "id"]


def test_a_field_leaves_in_its_own_kind_only_where_it_is_revealed() -> None:
    """A surrogate, a mask and a band are text."""
    of = plan((ID, CHAINS["word"], REVEALED), (AMOUNT, CHAINS["money"], Treatment(1, link=True)))
    linked = plan((ID, CHAINS["word"], SURROGATE))
    assert [left_kind(of, view) for view in of.views] == [int, str]
    assert left_kind(linked, linked.views[0]) is str


def test_a_field_that_there_is_not_has_no_spec() -> None:
    """It is named."""
    of = plan((ID, CHAINS["word"], REVEALED))
    assert spec_of(of, FieldName("id")) == ID
    with pytest.raises(ValueError, match="no field other"):
        spec_of(of, FieldName("other"))
