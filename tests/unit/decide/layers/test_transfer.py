# SPDX-License-Identifier: Apache-2.0
"""Recipient and transfer: contracts that end, and countries from which nothing may go."""

import msgspec
import pytest

from gateway.decide.layers.transfer import ceiling, in_force, transfer_rules
from gateway.decide.rules import Recipient, Regime
from gateway.domain.viewplan import Layer, TransferRule
from tests.fakes.deciding import COLLECTION, TEXT, TOP, recipient


def regime(name: str, *countries: str, restricts: bool = True) -> Regime:
    """Return a regime of these countries."""
    return Regime(id=name, name=name, countries=frozenset(countries), minors_under=None, restricts_transfers=restricts)


REGIMES = (regime("gdpr", "DE", "FR"), regime("pipl", "CN"), regime("ccpa", "US", restricts=False))


@pytest.mark.parametrize(
    ("to", "blocked"),
    [
        (recipient(country="DE"), {"CN"}),
        (recipient(country="US"), {"DE", "FR", "CN"}),
        (recipient(country="US", transfers=(("gdpr", "SCC 2024-1"),)), {"CN"}),
        (recipient(country="CN", transfers=(("gdpr", "SCC 2024-1"),)), set()),
        (recipient(country="US", transfers=(("gdpr", "a"), ("pipl", "b"))), set()),
    ],
)
def test_a_country_is_blocked_whose_law_asks_for_a_mechanism_that_is_missing(to: Recipient, blocked: set[str]) -> None:
    """A recipient under the same law needs none."""
    found = transfer_rules(to, REGIMES, COLLECTION)
    assert found == ((TransferRule(blocked_countries=frozenset(blocked)),) if blocked else ())


def test_rows_about_nobody_are_transferred_freely() -> None:
    """There is no person whose law could ask."""
    assert transfer_rules(recipient(country="US"), REGIMES, msgspec.structs.replace(COLLECTION, subject=None)) == ()


def test_a_contract_ends_at_its_end() -> None:
    """Without an end there is none."""
    ending = recipient(contract_until_us=10)
    assert in_force(ending, 9)
    assert not in_force(ending, 10)
    assert in_force(recipient(), 10)


def test_the_layer_takes_nothing_of_a_field() -> None:
    """What it withholds, it withholds by row; its word names the recipient."""
    found = ceiling(recipient("adnet", "joint"), TEXT)
    assert (found.layer, found.treatment, found.rule) == (Layer.RECIPIENT, TOP, "adnet (joint)")
