# SPDX-License-Identifier: Apache-2.0
"""How many fields of people a proposal knows, and how often it takes something else for one: counted."""

from collections.abc import Mapping, Sequence

import pytest

from gateway.discover.categorise import Described, field_of
from gateway.discover.columns import Column
from gateway.domain.catalog import FieldType
from gateway.domain.proposal import Confidence
from tests.fakes.proposals import CHINESE, SENSITIVE, Row, crowd, hostile_rows, nameless, proposed, renamed

OWN = {name: name for name in crowd()[0]}


def known(rows: Sequence[Row], names: Mapping[str, str]) -> set[str]:
    """Return which of the eight fields are proposed with their category, and as sensitive."""
    found = proposed(rows)
    return {
        field
        for field, category in SENSITIVE.items()
        if found[names[field]].categories[0] == category and found[names[field]].sensitive
    }


@pytest.mark.parametrize(
    ("names", "n"), [(OWN, 200), (OWN, 5), (nameless(), 200), (nameless(), 20), (CHINESE, 200), (CHINESE, 10)]
)
def test_all_eight_fields_of_mixed_chinese_and_western_people_are_known(names: Mapping[str, str], n: int) -> None:
    """By their names and values, by values under names that say nothing, and under Chinese names."""
    assert known(renamed(crowd()[:n], names), names) == set(SENSITIVE)


def test_of_five_rows_without_telling_names_seven_of_eight_are_known() -> None:
    """The eighth is null in all five."""
    assert known(renamed(crowd()[:5], nameless()), nameless()) == set(SENSITIVE) - {"health_note"}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_seven_of_eight_are_known_whoever_the_people_are(seed: int) -> None:
    """Other people, and no telling names; all eight as it stands."""
    assert len(known(renamed(crowd(60, seed), nameless()), nameless())) == 8


def test_three_of_twenty_one_other_fields_of_the_sample_store_are_taken_for_sensitive() -> None:
    """Whether a loan is in default, the balance, and whether there is a loan: money of a person, which somebody looks at."""
    found = proposed(crowd())
    others = {name for name, one in found.items() if one.sensitive} - set(SENSITIVE) - {"notes"}
    assert others == {"default", "balance", "loan"}


def test_one_of_eighteen_fields_that_hold_nothing_of_people_is_taken_for_sensitive() -> None:
    """A protocol whose name speaks of internet addresses; prices, times, keys, goods and order numbers that rise are not."""
    rows = hostile_rows()
    assert {name for name, one in proposed(rows).items() if one.sensitive} == {"ip_protocol"}


def test_numbers_that_are_mobile_numbers_by_their_form_are_taken_for_them_unless_their_name_says_otherwise() -> None:
    """Nobody can tell them apart, so the guess is the one that protects."""
    numbers = tuple(row["order_no"] for row in hostile_rows())
    texts = tuple(value for value in numbers if isinstance(value, str))
    unnamed = field_of(Column(name="f1", values=texts, n_rows=60), None)
    assert unnamed.categories == ("user.contact.phone_number",)
    assert unnamed.confidence is Confidence.GUESS
    assert not field_of(Column(name="order_no", values=texts, n_rows=60), None).sensitive


def test_names_of_people_count_although_the_name_of_the_field_speaks_of_deeds() -> None:
    """``contact`` is something that was done, and somebody; dates of what was done are no dates of birth."""
    names = ("陈浩然", "Ben Costa", "王秀英", "Eva Novak", "李娜", "Oliver Smith")
    proposed = field_of(Column(name="contact_person", values=names, n_rows=6), None)
    assert proposed.categories[0] == "user.name"
    assert proposed.sensitive
    days = tuple(f"{year}-03-04" for year in range(1960, 2000))
    assert field_of(Column(name="joined_at", values=days, n_rows=40), None).categories == ("user.behavior",)


def test_what_checks_is_believed_over_the_name() -> None:
    """A column called points that holds addresses of mail is mail."""
    column = Column(name="points", values=("a@example.com", "b@example.org", "c@example.net"), n_rows=3)
    found = field_of(column, None)
    assert found.categories == ("user.contact.email",)
    assert found.confidence is Confidence.CERTAIN


def test_free_text_with_a_mail_inside_is_private() -> None:
    """One of many is enough."""
    texts = (
        "Called back on Monday, no answer.",
        "Write to ann.other@example.com instead, please.",
        "已回电，客户表示满意，下周再联系。",
    )
    found = field_of(Column(name="f9", values=texts, n_rows=3), None)
    assert (found.type, found.categories) == (FieldType.FREE_TEXT, ("user.content.private",))
    assert found.sensitive


def test_a_column_of_nulls_goes_by_its_name_alone() -> None:
    """A guess, and told to be one without a value seen."""
    found = field_of(Column(name="手机号", values=(), n_rows=5), None)
    assert (found.categories, found.confidence) == (("user.contact.phone_number",), Confidence.GUESS)
    assert field_of(Column(name="x", values=(), n_rows=5), None).categories == ("user",)


def test_a_described_field_without_values_goes_by_its_format() -> None:
    """``format: email`` says what the name does not."""
    found = field_of(None, Described(name="x", type=FieldType.TEXT, format="email"))
    assert found.categories == ("user.contact.email",)


def test_no_evidence_repeats_a_value() -> None:
    """Of no field of the sample store."""
    said = " ".join(each.says for one in proposed(crowd(40)).values() for each in one.evidence)
    values = {str(row[field]) for row in crowd(40) for field in SENSITIVE if row[field] is not None}
    assert not [value for value in values if value in said]
