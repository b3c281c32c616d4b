# SPDX-License-Identifier: Apache-2.0
"""A change of one field changes nothing else, in whatever way the file is spelled."""

import pytest
import yaml

from gateway.app.own_stores.dataset_text import FieldPlace, changed, stores_of, unreviewed
from gateway.domain.errors import SettingsError
from gateway.domain.names import CategoryKey, DatasetName

FILE = """\
# Who is who.
dataset:
  - fides_key: club
    collections:
      - name: members   # all of them
        gateway:
          subject: {identity: club.member_id, field: id}
        fields:
          # certain: every value is a number of its own
          - {name: id, data_categories: [user.unique_id], gateway: {type: text, identifies: yes, reviewed: no}}
          - {name: 'mail', gateway: {reviewed: no, type: text}, data_categories: [user.contact.email, user.name]}  # guess
          - {name: note, fides_meta: {data_type: string}, gateway: {reviewed: no}, data_categories: [user.content]}
          - name: tier
            data_categories: [user.behavior]
            gateway:
              # looked like a word
              type: text
              reviewed: no   # 3 of 4 values
              chain: word
          - name: points
            data_categories:
              - user.behavior   # first
              - user.financial
            fides_meta:
              data_type: integer
            gateway:
              reviewed: no
          - gateway:
              reviewed: no
              type: date
            name: born
            data_categories:
            - user.demographic.date_of_birth
          - name: address
            fields:
              - {name: city, data_categories: [user.contact.address.city], gateway: {type: text, reviewed: no}}
"""
FIELDS = ("id", "mail", "note", "tier", "points", "born", "address.city")


def place(field: str) -> FieldPlace:
    """Return the place of a field."""
    return FieldPlace(dataset=DatasetName("club.members"), field=field)


def confirmed(text: str, where: FieldPlace) -> str:
    """Confirm one field."""
    return changed(text, [where])


def recategorised(text: str, where: FieldPlace, category: CategoryKey) -> str:
    """Give one field a category."""
    return changed(text, categories={where: category})


def comments(text: str) -> list[str]:
    """Return the comments of a file, in order."""
    return [token.rstrip() for line in text.splitlines() if (token := line.partition("#")[2])]


def test_the_unreviewed_fields_are_told_in_order() -> None:
    """With nested ones by their path."""
    assert [each.field for each in unreviewed(FILE)] == list(FIELDS)
    assert stores_of(FILE) == ("club",)


@pytest.mark.parametrize("field", FIELDS)
def test_a_confirmed_field_loses_its_mark_alone(field: str) -> None:
    """All other lines stay byte for byte, comments included."""
    after = confirmed(FILE, place(field))
    assert [each.field for each in unreviewed(after)] == [name for name in FIELDS if name != field]
    assert comments(after) == comments(FILE)
    kept = set(FILE.splitlines()) - set(after.splitlines())
    assert len(kept) <= 2, kept
    assert confirmed(after, place(field)) == after


def test_all_fields_can_be_confirmed_one_after_the_other() -> None:
    """In either order the same is left."""
    forwards = backwards = FILE
    for field in FIELDS:
        forwards = confirmed(forwards, place(field))
    for field in reversed(FIELDS):
        backwards = confirmed(backwards, place(field))
    assert forwards == backwards == changed(FILE, map(place, FIELDS))
    assert unreviewed(forwards) == ()
    assert "reviewed" not in forwards


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_gets_another_category(field: str) -> None:
    """It has that one alone then; nothing else changes."""
    after = recategorised(FILE, place(field), CategoryKey("user.name"))
    assert [each.field for each in unreviewed(after)] == list(FIELDS)
    assert yaml.safe_load(after) != yaml.safe_load(FILE)
    assert recategorised(after, place(field), CategoryKey("user.name")) == after
    assert set(comments(after)) <= set(comments(FILE))


def test_categories_and_marks_change_at_once() -> None:
    """As one after the other would."""
    names = {place(field): CategoryKey("user.name") for field in FIELDS}
    at_once = changed(FILE, names, names)
    assert at_once == changed(changed(FILE, categories=names), names)
    assert unreviewed(at_once) == ()


def test_a_comment_behind_the_first_category_stays() -> None:
    """It may say why."""
    assert "- user.job_title   # first\n" in recategorised(FILE, place("points"), CategoryKey("user.job_title"))


def test_a_field_that_is_not_there_is_an_error() -> None:
    """So a mistyped name confirms nothing."""
    with pytest.raises(SettingsError, match=r"club\.members has no field age"):
        confirmed(FILE, place("age"))


def test_categories_of_the_collection_are_not_changed_for_one_field() -> None:
    """That would change all its fields."""
    shared = FILE.replace(", data_categories: [user.content]", "")
    with pytest.raises(SettingsError, match="takes its categories from its collection"):
        recategorised(shared, place("note"), CategoryKey("user.name"))


def test_a_spelling_that_cannot_be_changed_is_told() -> None:
    """An alias stands for two places, of which one was meant."""
    aliased = FILE.replace(
        "gateway: {type: text, identifies: yes, reviewed: no}", "gateway: &ours {type: text, reviewed: no}"
    )
    aliased = aliased.replace("gateway: {reviewed: no, type: text}", "gateway: *ours")
    with pytest.raises(SettingsError, match="by hand"):
        confirmed(aliased, place("id"))
