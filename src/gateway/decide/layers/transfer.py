# SPDX-License-Identifier: Apache-2.0
"""Recipient and transfer: who the data goes to, and from which countries it may go there.

Source: GDPR Art. 28, 44-49; PIPL Art. 21, 23, 38.
"""

from collections.abc import Iterable

from gateway.decide.rules import Recipient, Regime
from gateway.domain.catalog import Collection
from gateway.domain.treatment import Chain
from gateway.domain.viewplan import Ceiling, Layer, TransferRule


def in_force(recipient: Recipient, now_us: int) -> bool:
    """Tell whether the contract with the recipient, where one is needed, has not ended."""
    return recipient.contract_until_us is None or now_us < recipient.contract_until_us


def ceiling(recipient: Recipient, chain: Chain) -> Ceiling:
    """Return what the recipient layer lets leave of any field; what it withholds, it withholds by row."""
    return Ceiling(Layer.RECIPIENT, chain.top, f"{recipient.id} ({recipient.role})")


def transfer_rules(recipient: Recipient, regimes: Iterable[Regime], collection: Collection) -> tuple[TransferRule, ...]:
    """Return the rule on rows of people whose law asks for a mechanism that the recipient lacks.

    A collection whose rows do not tell the country cannot be judged row by row, so all its rows
    count as of unknown country and are withheld whenever any country is blocked.
    """
    if collection.subject is None:
        return ()
    mechanisms = {regime for regime, _ in recipient.transfers}
    blocked = frozenset(
        country
        for regime in regimes
        if regime.restricts_transfers and recipient.country not in regime.countries and regime.id not in mechanisms
        for country in regime.countries
    )
    return (TransferRule(blocked_countries=blocked),) if blocked else ()
