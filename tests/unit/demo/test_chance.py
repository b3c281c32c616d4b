# SPDX-License-Identifier: Apache-2.0
"""Claims about chance that repeats."""

from collections import Counter

from gateway.demo.chance import Chance, Deck


def test_a_seed_gives_the_same_draws_on_every_python() -> None:
    """These figures were drawn once and must never change."""
    chance = Chance(7)

    drawn = (
        chance.below(1000),
        chance.between(5, 9),
        chance.pick("abcdef"),
        chance.digits(8),
        chance.happens(50),
        chance.shuffled("abcdef"),
    )

    assert drawn == (323, 5, "d", "07243628", False, ["b", "d", "e", "f", "a", "c"])


def test_every_number_of_a_range_is_drawn_and_none_beside_it() -> None:
    """Both ends of ``between`` count; the end of ``below`` does not."""
    chance = Chance(1)

    assert {chance.between(3, 6) for _ in range(200)} == {3, 4, 5, 6}
    assert {chance.below(3) for _ in range(200)} == {0, 1, 2}


def test_digits_keep_their_leading_zeros() -> None:
    """A number of two digits has two characters, always."""
    chance = Chance(1)

    assert {len(chance.digits(2)) for _ in range(200)} == {2}


def test_what_happens_in_no_case_and_in_every_case() -> None:
    """Nothing happens at 0 per cent, all at 100."""
    chance = Chance(1)

    assert not any(chance.happens(0) for _ in range(100))
    assert all(chance.happens(100) for _ in range(100))


def test_a_full_deck_deals_each_card_once() -> None:
    """Shares are exact over every full deck, and the order differs between two decks."""
    deck = Deck(Chance(3), "aabcdefghij")

    first, second = [deck.deal() for _ in range(11)], [deck.deal() for _ in range(11)]

    assert Counter(first) == Counter(second) == Counter("aabcdefghij")
    assert first != second
