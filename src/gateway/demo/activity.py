# SPDX-License-Identifier: Apache-2.0
"""What happened with a sample person: contacts, orders, choices, and remarks written down in passing.

Times lie in the two and a half years before the reference day and are texts in UTC as stores send
them; totals are decimals with exact cents.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec

from gateway.demo import words
from gateway.demo.chance import Chance, Deck
from gateway.demo.identities import Identity, card_number
from gateway.demo.words import Language
from gateway.domain.choice import ChoiceState
from gateway.domain.names import PurposeKey

DAY_S = 86_400
EMAIL = PurposeKey("marketing.communications.email")
SMS = PurposeKey("marketing.communications.sms")
MARKETING = PurposeKey("marketing")
PARTNERS = PurposeKey("marketing.advertising.third_party.targeted")
PROFILED = PurposeKey("personalize.content.profiled")
CURRENCIES = {"CN": "CNY", "US": "USD", "PL": "PLN"}


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """One contact of a campaign with a customer."""

    id: str
    customer_id: str
    channel: str
    contacted_at: str
    outcome: str
    duration_s: int
    note: str | None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order; ``items`` is how many things were bought."""

    id: str
    customer_id: str
    placed_at: str
    total: Decimal
    currency: str
    items: int
    status: str
    shipping_city: str
    note: str | None


class PersonChoice(msgspec.Struct, frozen=True, kw_only=True):
    """One act of a customer, as a list of choices to import holds it; ``at_us`` is UTC microseconds."""

    customer_id: str
    purpose: PurposeKey
    state: ChoiceState
    at_us: int


class ChoicePattern(msgspec.Struct, frozen=True, kw_only=True):
    """What a person last said to e-mail and to text messages, and whether it objected to all marketing."""

    email: ChoiceState | None
    sms: ChoiceState | None
    objects: bool = False

    @property
    def consents(self) -> bool:
        """Tell whether a consent to e-mail and to text messages is in force."""
        return self.email is self.sms is ChoiceState.GIVEN and not self.objects


GIVEN, REFUSED, WITHDRAWN = ChoiceState.GIVEN, ChoiceState.REFUSED, ChoiceState.WITHDRAWN
CHOICE_CARDS = (
    *[ChoicePattern(email=GIVEN, sms=GIVEN)] * 88,
    *[ChoicePattern(email=None, sms=None)] * 3,
    *[ChoicePattern(email=REFUSED, sms=REFUSED)] * 2,
    ChoicePattern(email=REFUSED, sms=None),
    *[ChoicePattern(email=WITHDRAWN, sms=WITHDRAWN)] * 2,
    ChoicePattern(email=WITHDRAWN, sms=REFUSED),
    ChoicePattern(email=None, sms=WITHDRAWN),
    *[ChoicePattern(email=GIVEN, sms=GIVEN, objects=True)] * 2,
)
"""Of a hundred people 12 have no consent in force, neither to e-mail nor to text messages."""


class Activity:
    """Makes up what happened with one person after the other; numbers of contacts and orders run on."""

    def __init__(self, chance: Chance, today: date) -> None:
        """Let everything happen before the day."""
        self._chance = chance
        self._today_s = int(datetime(today.year, today.month, today.day, tzinfo=UTC).timestamp())
        self._patterns = Deck(chance, CHOICE_CARDS)
        self._n_contacts = 0
        self._n_orders = 0

    def contacts(self, customer_id: str, identity: Identity) -> tuple[Contact, ...]:
        """Make up none to three contacts."""
        return tuple(
            self._contact(customer_id, identity) for _ in range(self._chance.pick((0, 0, 0, 1, 1, 1, 1, 2, 2, 3)))
        )

    def orders(self, customer_id: str, identity: Identity) -> tuple[Order, ...]:
        """Make up none to three orders."""
        return tuple(
            self._order(customer_id, identity) for _ in range(self._chance.pick((0, 0, 0, 0, 1, 1, 1, 2, 2, 3)))
        )

    def choices(self, customer_id: str) -> tuple[PersonChoice, ...]:
        """Make up what the person chose; a withdrawal and an objection follow an earlier consent."""
        pattern = self._patterns.deal()
        at_us = (self._today_s - self._chance.between(40, 900) * DAY_S) * 1_000_000
        later_us = at_us + self._chance.between(1, 30) * DAY_S * 1_000_000
        acts = [*_acts(EMAIL, pattern.email, at_us, later_us), *_acts(SMS, pattern.sms, at_us, later_us)]
        if pattern.objects:
            acts.append((MARKETING, ChoiceState.OBJECTED, later_us))
        elif pattern.consents:
            # Fewer people agree to advertising by others, and to being profiled.
            number = int(customer_id.partition("-")[2])
            acts += [(PARTNERS, GIVEN, at_us)] * (number % 5 == 0) + [(PROFILED, GIVEN, at_us)] * (number % 3 == 0)
        return tuple(
            PersonChoice(customer_id=customer_id, purpose=purpose, state=state, at_us=time_us)
            for purpose, state, time_us in acts
        )

    def _contact(self, customer_id: str, identity: Identity) -> Contact:
        chance, language = self._chance, language_of(identity)
        self._n_contacts += 1
        return Contact(
            id=f"k-{self._n_contacts:06d}",
            customer_id=customer_id,
            channel=chance.pick(("cellular", "cellular", "telephone", "email", "sms")),
            contacted_at=self._moment(),
            outcome=chance.pick(("no_answer", "no_answer", "reached", "reached", "declined", "subscribed")),
            duration_s=chance.below(900),
            note=remark(chance, identity, language.contact_notes, language.telling_contact_notes)
            if chance.happens(30)
            else None,
        )

    def _order(self, customer_id: str, identity: Identity) -> Order:
        chance, language = self._chance, language_of(identity)
        self._n_orders += 1
        n_items = chance.between(1, 6)
        return Order(
            id=f"o-{self._n_orders:06d}",
            customer_id=customer_id,
            placed_at=self._moment(),
            total=Decimal(sum(chance.between(199, 8999) for _ in range(n_items))).scaleb(-2),
            currency=CURRENCIES.get(identity.country, "EUR"),
            items=n_items,
            status=chance.pick(("delivered", "delivered", "delivered", "shipped", "open", "returned", "cancelled")),
            shipping_city=identity.city,
            note=remark(chance, identity, language.order_notes, language.telling_order_notes)
            if chance.happens(30)
            else None,
        )

    def _moment(self) -> str:
        seconds = self._today_s - 1 - self._chance.below(900 * DAY_S)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _acts(
    purpose: PurposeKey, last: ChoiceState | None, at_us: int, later_us: int
) -> list[tuple[PurposeKey, ChoiceState, int]]:
    if last is None:
        return []
    if last is WITHDRAWN:
        return [(purpose, GIVEN, at_us), (purpose, WITHDRAWN, later_us)]
    return [(purpose, last, at_us)]


def language_of(identity: Identity) -> Language:
    """Return the language in which remarks about the person are written."""
    return words.CHINESE if identity.country == "CN" else words.ENGLISH


def remark(chance: Chance, identity: Identity, plain: Sequence[str], telling: Sequence[str]) -> str:
    """Draw a remark; four of ten tell a phone number, a mail, an ID or a card inside the sentence."""
    if not chance.happens(40):
        return chance.pick(plain)
    return chance.pick(telling).format(
        phone=identity.phone,
        spoken=spoken(identity.phone),
        email=identity.email,
        id=identity.national_id,
        card=card_number(chance),
    )


def spoken(phone: str) -> str:
    """Write a number in groups, as people note it down."""
    if not phone.startswith("+"):
        return f"{phone[:3]}-{phone[3:7]}-{phone[7:]}"
    if phone.startswith("+1"):
        return f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}"
    return f"{phone[:3]} {phone[3:6]} {phone[6:]}"
