# SPDX-License-Identifier: Apache-2.0
"""The body of a write: records of the collection, taken apart into values by field.

RULES

1. Every member is a field of the collection. A nested field is a member of an object inside, so a
   member whose own name has a dot is none.
2. A value is null, or of the JSON kind of its field's type, or a text: a surrogate that the caller got
   is a text whatever it stands for, and only who holds the keys can tell it from another.
3. One bad member refuses the whole body. It names the members that are wrong if they look like names,
   and no value.
"""

from collections.abc import Iterator
from decimal import Decimal

from gateway.domain.catalog import BodyKind, BodyShape, Collection, FieldType
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Scalar, Written
from gateway.domain.names import FieldName
from gateway.doors.http.reading.query import told_name

MAX_DEPTH = 16
"""Objects inside each other in a record; the array of a bulk body is one more."""
MOST_TOLD = 20
"""Members that a refusal names."""


def written_of(value: object, shape: BodyShape, collection: Collection) -> tuple[Written, ...] | Deny:
    """Return the records that a body writes, or why it is not what the route takes.

    Args:
        value: Of the strict reader.
        shape: As the route declares it.
        collection: Whose fields the members are.
    """
    records = value if shape.kind is BodyKind.RECORDS else [value]
    if not isinstance(records, list) or not 0 < len(records) <= shape.most:
        return _invalid(f"The body must be an array of 1 to {shape.most} records.")
    written, told = [], dict[str, None]()
    for place, record in enumerate(records):
        wrong: dict[str, None] = {}
        written.append(Written(tuple(_values(record, collection, "", wrong))))
        before = f"[{place}]." if shape.kind is BodyKind.RECORDS else ""
        told |= dict.fromkeys(before + told_name(name) for name in wrong)
        if not isinstance(record, dict) and before:
            told[before.rstrip(".")] = None
    if told:
        sentence = "Each member must be a field of the collection, and of the kind of its field."
        return _invalid(sentence, *list(told)[:MOST_TOLD])
    if not all(isinstance(record, dict) and record for record in records) or not all(one.values for one in written):
        return _invalid("A record must be a JSON object that names a field.")
    return tuple(written)


def _values(
    record: object, collection: Collection, above: str, wrong: dict[str, None]
) -> Iterator[tuple[FieldName, Scalar]]:
    """Yield the values of an object and of those inside it; what is wrong is kept."""
    for name, value in record.items() if isinstance(record, dict) else ():
        path = above + name
        spec = None if "." in name else collection.field(path)
        if spec is None and isinstance(value, dict) and "." not in name and _is_object(path, collection):
            yield from _values(value, collection, path + ".", wrong)
        elif spec is None or not _fits(value, spec.type):
            wrong[path] = None
        else:
            yield spec.name, value


def _is_object(path: str, collection: Collection) -> bool:
    return any(spec.name.startswith(path + ".") for spec in collection.fields)


def _fits(value: object, type_: FieldType) -> bool:
    """Tell whether a value can be of a field's type, as far as that can be told without a key."""
    match value:
        case None | str():
            return True
        case bool():
            return type_ is FieldType.BOOLEAN
        case int():
            return type_ in (FieldType.INTEGER, FieldType.DECIMAL)
        case Decimal():
            return type_ is FieldType.DECIMAL
        case _:
            return False


def _invalid(sentence: str, *names: str) -> Deny:
    return Deny(reason=Reason.BODY_INVALID, fields=names, title=sentence)
