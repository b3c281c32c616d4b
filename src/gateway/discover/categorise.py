# SPDX-License-Identifier: Apache-2.0
"""From a field's name, its values and what a document says of it, to the categories that are proposed for it.

RULES

1. What checks is believed over any name: a column of addresses of mail is mail, however it is called.
2. What is only telling is believed, unless the name speaks plainly of something that is no person's; names of people
   and postal addresses are proposed beside it even then.
3. A name alone is believed where it speaks of people. To guess too much is safe: what is guessed is dropped
   until somebody has looked.
4. Where name and values speak of two things, both are proposed, and each must be covered for the field to leave.
"""

from collections.abc import Sequence

import msgspec

from gateway.discover.columns import Column
from gateway.discover.looks import Look, Strength, looks_of
from gateway.discover.types import type_of
from gateway.discover.words import category_by_name, is_plain
from gateway.domain.catalog import FieldType
from gateway.domain.names import CategoryKey, FieldName, is_under
from gateway.domain.proposal import Confidence, Evidence, FieldProposal

SENSITIVE = (
    "user.name", "user.contact.email", "user.contact.phone_number", "user.contact.fax_number", "user.contact.address.street",
    "user.government_id", "user.demographic.date_of_birth", "user.demographic.religious_belief", "user.demographic.race_ethnicity",
    "user.demographic.political_opinion", "user.demographic.sexual_orientation", "user.health_and_medical", "user.biometric",
    "user.criminal_history", "user.childrens", "user.financial.bank_account", "user.financial.credit_card", "user.payment",
    "user.location.precise", "user.content.private", "user.content.self_image", "user.authorization", "user.device.ip_address",
)  # fmt: skip
"""What identifies a person or is specially protected: a reviewer looks twice."""

IDENTIFYING = (
    "user.name", "user.contact.email", "user.contact.phone_number", "user.contact.fax_number", "user.contact.address.street",
    "user.government_id", "user.account.username", "user.device", "user.financial.credit_card",
)  # fmt: skip
AGAINST_PLAIN = ("user.name", "user.contact.address.street")
"""What most values may be although the name speaks of deeds: ``contact_person`` is nobody's behaviour. Numbers and dates
are not among it: an order number looks like a telephone's, and what was done long ago like a birth."""
NOTHING_KNOWN = CategoryKey("user")

_FORMATS = {
    "email": "user.contact.email",
    "idn-email": "user.contact.email",
    "phone": "user.contact.phone_number",
    "password": "user.authorization.password",
    "ipv4": "user.device.ip_address",
    "ipv6": "user.device.ip_address",
}
"""What a ``format`` of OpenAPI says by itself."""


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """One field as a document describes it."""

    name: str
    type: FieldType
    format: str = ""
    description: str = ""


def field_of(column: Column | None, described: Described | None, extra: Sequence[Look] = ()) -> FieldProposal:
    """Return the proposal for one field, of which a column of values, a description, or both are known.

    Args:
        column: Its values.
        described: What the document says.
        extra: Observations by others, such as presidio.
    """
    name = column.name if column is not None else described.name if described is not None else ""
    type_ = _type(column, described)
    by_name = category_by_name(name) or _by_description(described)
    looks = (*(looks_of(column, type_) if column is not None else ()), *extra)
    looks = tuple(sorted(looks, key=lambda look: -look.strength))
    evidence = [*_of_name(by_name), *_of_document(described), *(look.evidence for look in looks), *_of_nulls(column)]
    stated = _FORMATS.get(described.format) if described is not None else None
    categories, confidence = _settled(by_name or stated, looks)
    return FieldProposal(
        name=FieldName(name),
        type=_for_category(type_, categories[0], column),
        categories=categories,
        confidence=confidence,
        evidence=tuple(evidence) or (Evidence(by="name", says="nothing is known of it"),),
        identifies=any(is_under(categories[0], key) for key in IDENTIFYING),
        sensitive=any(is_under(category, key) for category in categories for key in SENSITIVE),
    )


def _settled(by_name: str | None, looks: Sequence[Look]) -> tuple[tuple[CategoryKey, ...], Confidence]:
    best = looks[0] if looks else None
    if best is None:
        return (CategoryKey(by_name) if by_name else NOTHING_KNOWN,), Confidence.GUESS
    agrees = by_name is not None and any(_agree(by_name, look.category) for look in looks)
    if best.strength is Strength.CHECKED:
        return _both(best.category, by_name if by_name and not is_plain(by_name) else None), Confidence.CERTAIN
    if by_name is None:
        return (CategoryKey(best.category),), Confidence.GUESS
    if agrees:
        return (CategoryKey(by_name),), Confidence.LIKELY
    if is_plain(by_name) and best.strength is Strength.TELLING and best.category in AGAINST_PLAIN:
        return _both(best.category, by_name), Confidence.GUESS
    if is_plain(by_name) or best.strength is Strength.HINT:
        return (CategoryKey(by_name),), Confidence.GUESS
    return _both(by_name, best.category if _is_sensitive(best.category) else None), Confidence.GUESS


def _both(first: str, second: str | None) -> tuple[CategoryKey, ...]:
    if second is None or is_under(first, second):
        return (CategoryKey(first),)
    return (CategoryKey(second),) if is_under(second, first) else (CategoryKey(first), CategoryKey(second))


def _agree(one: str, other: str) -> bool:
    return is_under(one, other) or is_under(other, one)


def _is_sensitive(category: str) -> bool:
    return any(is_under(category, key) for key in SENSITIVE)


def _type(column: Column | None, described: Described | None) -> FieldType:
    if column is None or not column.values:
        return described.type if described is not None else FieldType.TEXT
    seen = type_of(column)
    if described is not None and described.type is FieldType.DECIMAL and seen is FieldType.INTEGER:
        return FieldType.DECIMAL
    return seen


def _for_category(type_: FieldType, category: str, column: Column | None) -> FieldType:
    """Return free text for what is written by hand, so that numbers and addresses inside it are masked."""
    is_text = type_ is FieldType.TEXT and (
        column is None or any(isinstance(value, str) for value in column.values) or not column.values
    )
    written = any(is_under(category, key) for key in ("user.content.private", "user.health_and_medical"))
    if type_ is FieldType.FREE_TEXT and not written and category != NOTHING_KNOWN:
        return FieldType.TEXT
    return FieldType.FREE_TEXT if is_text and written else type_


def _by_description(described: Described | None) -> str | None:
    text = described.description if described is not None else ""
    return category_by_name(text.replace(" ", "_")[:80]) if 0 < len(text) <= 80 and len(text.split()) <= 4 else None


def _of_name(category: str | None) -> tuple[Evidence, ...]:
    return (Evidence(by="name", says=f"the name speaks of {category}"),) if category else ()


def _of_document(described: Described | None) -> tuple[Evidence, ...]:
    if described is None:
        return ()
    says = f"declared as {described.type}" + (
        f" of format {described.format}" if described.format.isidentifier() else ""
    )
    return (Evidence(by="openapi", says=says),)


def _of_nulls(column: Column | None) -> tuple[Evidence, ...]:
    if column is None or column.values:
        return ()
    return (Evidence(by="values", says="never a value in the rows that were seen", n_matching=0, n_seen=0),)
