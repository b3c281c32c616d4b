# SPDX-License-Identifier: Apache-2.0
"""Sample people: campaign attributes from a file or by chance, identities beside them from a seed.

Shares are dealt from decks, so they are exact over every hundred people: 3 under age, 5 without birth
date, 2 who share a phone, 12 without consent; a third lives in Europe, in China, in California. The
same seed, rows and ``today`` give the same people on every Python from 3.11 on.

Of a person under age only ``age`` differs from the row of the file: it follows the birth date. A
person without birth date still has the age of the row, and a number that may tell the date: sample
stores are as inconsistent as real ones.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

import msgspec

from gateway.demo.activity import Activity, Contact, Order, PersonChoice, language_of, remark
from gateway.demo.campaign import Campaign, campaign_from, made_up_campaign
from gateway.demo.chance import Chance, Deck
from gateway.demo.identities import Identities, Region

N_MADE_UP = 5_000
"""How many people there are without a file."""
SEED = 20_080_501

AGE_CARDS = ("minor",) * 3 + ("unknown",) * 5 + ("adult",) * 92
SHARING_CARDS = (True,) + (False,) * 99
"""One of a hundred has the phone of somebody else, so two of a hundred share one."""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """One person, with all that the sample stores know and what the person chose.

    The names from ``id`` to ``notes`` and those of ``campaign`` are the columns of the store's table.
    """

    id: str
    name: str
    email: str
    phone: str
    national_id: str
    birth_date: str | None
    address: str
    city: str
    state: str | None
    country: str
    religion: str | None
    health_note: str | None
    notes: str | None
    campaign: Campaign
    contacts: tuple[Contact, ...]
    orders: tuple[Order, ...]
    choices: tuple[PersonChoice, ...]


def people(
    rows: Iterable[Mapping[str, str]] | None, n: int = N_MADE_UP, seed: int = SEED, *, today: date
) -> Iterator[Customer]:
    """Yield sample people, numbered from ``c-000001`` in the order of the rows.

    Args:
        rows: Rows of the campaign file, one for each person; ``None`` makes up ``n`` people instead.
        n: How many people to make up; not used with rows.
        seed: Settles everything that the rows do not.
        today: Reference day of ages, contacts, orders and choices.

    Raises:
        SettingsError: A row does not fit the campaign data.
    """
    crowd = _Crowd(Chance(seed), today)
    if rows is None:
        for number in range(1, n + 1):
            yield crowd.customer(number, made_up_campaign(crowd.chance))
    else:
        for number, row in enumerate(rows, start=1):
            yield crowd.customer(number, campaign_from(row, number))


class _Crowd:
    """The decks and what was given out so far; one for each run through the people."""

    def __init__(self, chance: Chance, today: date) -> None:
        self.chance = chance
        self._today = today
        self._identities = Identities(chance)
        self._activity = Activity(chance, today)
        self._regions = Deck(chance, tuple(Region))
        self._ages = Deck(chance, AGE_CARDS)
        self._phones = _Phones(Deck(chance, SHARING_CARDS))

    def customer(self, number: int, campaign: Campaign) -> Customer:
        chance = self.chance
        age_card = self._ages.deal()
        if age_card == "minor":
            campaign = msgspec.structs.replace(campaign, age=chance.between(8, 17))
        birth = born(chance, campaign.age, self._today)
        identity = self._identities.draw(self._regions.deal(), birth)
        identity = msgspec.structs.replace(identity, phone=self._phones.of(identity.country, identity.phone))
        language = language_of(identity)
        customer_id = f"c-{number:06d}"
        return Customer(
            id=customer_id,
            name=identity.name,
            email=identity.email,
            phone=identity.phone,
            national_id=identity.national_id,
            birth_date=None if age_card == "unknown" else birth.isoformat(),
            address=identity.address,
            city=identity.city,
            state=identity.state,
            country=identity.country,
            religion=chance.pick(language.religions) if chance.happens(35) else None,
            health_note=chance.pick(language.health_notes) if chance.happens(12) else None,
            notes=remark(chance, identity, language.notes, language.telling_notes) if chance.happens(60) else None,
            campaign=campaign,
            contacts=self._activity.contacts(customer_id, identity),
            orders=self._activity.orders(customer_id, identity),
            choices=self._activity.choices(customer_id),
        )


class _Phones:
    """Lets some people have the phone of the last person of their country who shares with nobody yet."""

    def __init__(self, sharing: Deck[bool]) -> None:
        self._sharing = sharing
        self._n_owed = 0
        self._free: dict[str, str] = {}

    def of(self, country: str, own: str) -> str:
        self._n_owed += self._sharing.deal()
        if self._n_owed and country in self._free:
            self._n_owed -= 1
            return self._free.pop(country)
        self._free[country] = own
        return own


def born(chance: Chance, age: int, today: date) -> date:
    """Draw a birth date of somebody who is ``age`` full years old on that day."""
    try:
        latest = today.replace(year=today.year - age)
    except ValueError:
        latest = date(today.year - age, 2, 28)
    return latest - timedelta(days=chance.below(364))
