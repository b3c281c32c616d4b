# SPDX-License-Identifier: Apache-2.0
"""Types of fields: from the values of a column, or from what an OpenAPI document says."""

import re
from collections.abc import Sequence

from gateway.discover.columns import Column
from gateway.domain.catalog import FieldType

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?\s?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)

_OPENAPI = {
    ("string", "date"): FieldType.DATE,
    ("string", "date-time"): FieldType.TIMESTAMP,
    ("string", "timestamp with time zone"): FieldType.TIMESTAMP,
    ("string", "timestamp without time zone"): FieldType.TIMESTAMP,
    ("string", "timestamptz"): FieldType.TIMESTAMP,
    ("string", "timestamp"): FieldType.TIMESTAMP,
}
_KINDS = {
    "string": FieldType.TEXT,
    "integer": FieldType.INTEGER,
    "number": FieldType.DECIMAL,
    "boolean": FieldType.BOOLEAN,
}
FREE_TEXT_MEAN = 24
"""Characters that a text has on average before it is taken for a sentence; one of Chinese counts two."""


def type_of(column: Column) -> FieldType:
    """Return the type of a column's values; text where there are none."""
    values = column.values
    if not values:
        return FieldType.TEXT
    if all(isinstance(value, bool) for value in values):
        return FieldType.BOOLEAN
    if all(isinstance(value, int) for value in values):
        return FieldType.INTEGER
    if not any(isinstance(value, str) for value in values):
        return FieldType.DECIMAL
    texts = [text for text in column.texts if text]
    if texts and all(_DATE.fullmatch(text) for text in texts):
        return FieldType.DATE
    if texts and all(_TIMESTAMP.fullmatch(text) for text in texts):
        return FieldType.TIMESTAMP
    return FieldType.FREE_TEXT if is_free_text(texts) else FieldType.TEXT


def is_free_text(texts: Sequence[str]) -> bool:
    """Tell whether texts read like sentences: long, of several words, and few of them twice."""
    if not texts:
        return False
    lengths = [sum(2 if ord(one) > 0x2E7F else 1 for one in text) for text in texts]
    wordy = sum(len(text.split()) >= 4 or any(one in text for one in "，。；！？") for text in texts)
    if max(lengths) >= 200 and any(" " in text or "。" in text for text in texts):
        return True
    return sum(lengths) / len(lengths) >= FREE_TEXT_MEAN and wordy * 2 >= len(texts)


def openapi_type(kind: str, form: str) -> FieldType | None:
    """Return the type that a schema's ``type`` and ``format`` mean, ``None`` for what is no single value."""
    return _OPENAPI.get((kind, form), _KINDS.get(kind))
