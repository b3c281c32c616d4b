# SPDX-License-Identifier: Apache-2.0
"""What a reveal says of itself: which field it is of, what an approval of it is bound to, and its values in their kinds."""

import hashlib
from decimal import Decimal

import msgspec

from gateway.domain.approval import Bound
from gateway.domain.catalog import FieldSpec, FieldType
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import PurposeKey
from gateway.domain.viewplan import ViewPlan

Value = str | int | Decimal | bool


def bound_of(inquiry: Inquiry) -> Bound:
    """Return what an approval of a reveal is bound to."""
    who, distinct = inquiry.principal, sorted(set(inquiry.surrogates.texts))
    return Bound(
        account=who.account,
        client=who.client,
        recipient=who.recipient,
        purpose=inquiry.purpose or PurposeKey(""),
        reference=inquiry.reference or "",
        dataset=inquiry.dataset,
        field=(inquiry.fields or ())[0],
        digest=hashlib.sha256(msgspec.json.encode(distinct)).hexdigest(),
    )


def typed(field: FieldSpec, text: str) -> Value:
    """Return a value in the kind of its field; as text where it was never of that kind."""
    try:
        match field.type:
            case FieldType.INTEGER:
                return int(text)
            case FieldType.DECIMAL:
                return Decimal(text)
            case FieldType.BOOLEAN:
                return {"true": True, "false": False}[text]
            case _:
                return text
    except (ArithmeticError, KeyError, ValueError):
        return text


def field_of(plan: ViewPlan, inquiry: Inquiry) -> FieldSpec:
    """Return the one field that a reveal names.

    Raises:
        ValueError: It names none, or several.
    """
    named = inquiry.fields or ()
    spec = plan.collection.field(named[0]) if len(named) == 1 else None
    if spec is None:
        raise ValueError("a reveal names one field of its dataset")
    return spec
