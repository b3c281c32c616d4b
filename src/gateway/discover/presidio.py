# SPDX-License-Identifier: Apache-2.0
"""A second opinion, where ``presidio-analyzer`` is installed (extra ``[discover]``): its recognisers of patterns.

Never needed: everything that a proposal promises holds without it. Its language models are not used, so that
nothing is downloaded and a look takes no minutes; nor is its recogniser of mail, which asks a server on the internet
for a list of domains.
"""

from collections.abc import Callable
from functools import cache

from gateway.discover.columns import Column
from gateway.discover.looks import Look, Strength
from gateway.domain.proposal import Evidence

MOST_TEXTS = 40
CATEGORIES = {
    "CREDIT_CARD": "user.financial.credit_card",
    "IBAN_CODE": "user.financial.bank_account",
    "IP_ADDRESS": "user.device.ip_address",
    "PHONE_NUMBER": "user.contact.phone_number",
    "US_SSN": "user.government_id.national_identification_number",
    "US_PASSPORT": "user.government_id.passport_number",
    "MEDICAL_LICENSE": "user.unique_id",
}
"""Kinds of presidio that are asked for, and what they speak of."""
_RECOGNISERS = (
    "CreditCardRecognizer", "IbanRecognizer", "IpRecognizer", "PhoneRecognizer", "UsSsnRecognizer", "UsPassportRecognizer",
)  # fmt: skip

Kinds = Callable[[str], tuple[str, ...]]


def observed(column: Column, kinds: Kinds | None = None) -> tuple[Look, ...]:
    """Return what presidio says of a column's texts; nothing where it is not installed.

    Args:
        column: A field and its values.
        kinds: Names the kinds found in a text; presidio's own where it is left out.
    """
    ask = kinds if kinds is not None else installed()
    texts = [value.strip() for value in column.values if isinstance(value, str) and value.strip()][:MOST_TEXTS]
    if ask is None or not texts:
        return ()
    counts: dict[str, int] = {}
    for text in texts:
        for kind in set(ask(text)):
            counts[kind] = counts.get(kind, 0) + 1
    return tuple(
        Look(
            category=CATEGORIES[kind],
            strength=Strength.HINT,
            evidence=Evidence(by="presidio", says=f"its recogniser of {kind}", n_matching=n, n_seen=len(texts)),
        )
        for kind, n in sorted(counts.items())
        if kind in CATEGORIES and n * 10 >= len(texts) * 6
    )


@cache
def installed() -> Kinds | None:
    """Return presidio's recognisers of patterns as one function, ``None`` where there is no presidio."""
    try:
        from presidio_analyzer import predefined_recognizers as known
    except ImportError:
        return None
    recognisers = [getattr(known, name)() for name in _RECOGNISERS if hasattr(known, name)]

    def kinds(text: str) -> tuple[str, ...]:
        found = [
            str(one.entity_type)
            for each in recognisers
            for one in each.analyze(text, each.supported_entities, None) or ()
            if one.score >= 0.4 and one.end - one.start >= len(text) * 0.8
        ]
        return tuple(found)

    return kinds
