# SPDX-License-Identifier: Apache-2.0
"""Claims about contacts, orders, choices and remarks of sample people."""

import re
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import phonenumbers
import pytest

from gateway.demo.activity import CHOICE_CARDS, EMAIL, MARKETING, SMS, spoken
from gateway.demo.people import Customer
from gateway.domain.choice import ChoiceState


def _last(one: Customer, purpose: str) -> ChoiceState | None:
    latest = max(
        (choice for choice in one.choices if choice.purpose == purpose), key=lambda choice: choice.at_us, default=None
    )
    return latest.state if latest else None


def test_exactly_12_of_a_hundred_have_no_consent_in_force(crowd: tuple[Customer, ...]) -> None:
    """Neither to e-mail nor to text messages; an objection to all marketing outweighs a consent."""
    consenting = [
        one
        for one in crowd
        if _last(one, EMAIL) is _last(one, SMS) is ChoiceState.GIVEN and _last(one, MARKETING) is None
    ]
    without = [
        one
        for one in crowd
        if _last(one, MARKETING) is ChoiceState.OBJECTED
        or not {_last(one, EMAIL), _last(one, SMS)} & {ChoiceState.GIVEN}
    ]

    assert (len(consenting), len(without)) == (2_640, 360)


def test_every_way_to_be_without_consent_occurs(crowd: tuple[Customer, ...]) -> None:
    """No record, refused, withdrawn, objected, in these exact numbers."""
    ways = Counter((_last(one, EMAIL), _last(one, MARKETING)) for one in crowd)

    assert ways == {
        (ChoiceState.GIVEN, None): 2_640,
        (None, None): 120,
        (ChoiceState.REFUSED, None): 90,
        (ChoiceState.WITHDRAWN, None): 90,
        (ChoiceState.GIVEN, ChoiceState.OBJECTED): 60,
    }


def test_the_cards_say_themselves_how_many_consent() -> None:
    """A hundred cards, 88 of consent."""
    assert (len(CHOICE_CARDS), sum(card.consents for card in CHOICE_CARDS)) == (100, 88)


def test_withdrawals_and_objections_follow_a_consent(crowd: tuple[Customer, ...]) -> None:
    """Nobody takes back what was not given."""
    for one in crowd:
        for choice in one.choices:
            if choice.state in (ChoiceState.WITHDRAWN, ChoiceState.OBJECTED):
                assert any(
                    earlier.state is ChoiceState.GIVEN and earlier.at_us < choice.at_us for earlier in one.choices
                )


def test_everything_happened_before_the_reference_day(crowd: tuple[Customer, ...], today: date) -> None:
    """Times are UTC, in microseconds for choices and in ISO texts for the rest."""
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    moments = [contact.contacted_at for one in crowd for contact in one.contacts] + [
        order.placed_at for one in crowd for order in one.orders
    ]

    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment) and datetime.fromisoformat(moment) < midnight
        for moment in moments
    )
    assert all(choice.at_us < midnight.timestamp() * 1_000_000 for one in crowd for choice in one.choices)


def test_numbers_of_contacts_and_orders_run_on(crowd: tuple[Customer, ...]) -> None:
    """So ids are unique, and each names its customer."""
    contacts, orders = (
        [contact for one in crowd for contact in one.contacts],
        [order for one in crowd for order in one.orders],
    )

    assert [contact.id for contact in contacts] == [f"k-{n:06d}" for n in range(1, len(contacts) + 1)]
    assert [order.id for order in orders] == [f"o-{n:06d}" for n in range(1, len(orders) + 1)]
    assert all(contact.customer_id == one.id for one in crowd for contact in one.contacts)
    assert all(order.customer_id == one.id for one in crowd for order in one.orders)


def test_totals_have_exact_cents_and_the_money_of_the_country(crowd: tuple[Customer, ...]) -> None:
    """Decimals with two digits; euros where nothing else is used."""
    for one in crowd:
        for order in one.orders:
            assert order.total > 0
            assert order.total == order.total.quantize(Decimal("0.01"))
            assert order.total.as_tuple().exponent == -2
            assert order.currency == {"CN": "CNY", "US": "USD", "PL": "PLN"}.get(one.country, "EUR")
            assert order.shipping_city == one.city


def test_notes_tell_phones_mails_ids_and_cards_inside_sentences(crowd: tuple[Customer, ...]) -> None:
    """Free text holds what the columns beside it hold, so masking it can be shown."""
    notes = [(one, one.notes) for one in crowd if one.notes]

    assert {
        "phone": sum(one.phone in note for one, note in notes) > 50,
        "mail": sum(one.email in note for one, note in notes) > 50,
    } == {"phone": True, "mail": True}
    assert sum(one.national_id in note for one, note in notes) > 50
    assert sum(bool(re.search(r"\d{4} \d{4} \d{4} \d{4}", note)) for _, note in notes) > 50
    assert not any("{" in note for _, note in notes)


@pytest.mark.parametrize(
    ("number", "written"),
    [("13812345678", "138-1234-5678"), ("+14155550123", "(415) 555-0123"), ("+4915112345678", "+49 151 12345678")],
)
def test_a_number_in_groups_is_still_the_number(number: str, written: str) -> None:
    """Written as people note it down, it still reads as the same number."""
    country = {"1": "CN", "+1": "US", "+4": "DE"}[number[:1] if number[0] != "+" else number[:2]]

    assert spoken(number) == written
    assert phonenumbers.parse(written, country) == phonenumbers.parse(number, country)
