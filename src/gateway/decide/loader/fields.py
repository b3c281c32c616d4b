# SPDX-License-Identifier: Apache-2.0
"""Names of fields in rule files, looked up in the collection they must belong to."""

from collections.abc import Mapping

from gateway.decide.loader.grammar.problems import Problems, Said, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.domain.catalog import FieldSpec, FieldType
from gateway.domain.names import FieldName

Fields = Mapping[FieldName, FieldSpec]


def read_field(reader: Reader, key: str, fields: Fields, type_: FieldType | None = None) -> FieldName:
    """Return the name of a field that the collection has, of the type if one is asked."""
    name = reader.text(key)
    return check_field(Said(name, reader.place(key)), fields, reader.problems, type_)


def check_field(said: Said, fields: Fields, problems: Problems, type_: FieldType | None = None) -> FieldName:
    """Return the field's name, or an empty one after telling why it cannot be used."""
    name = FieldName(said.text)
    if name and name not in fields:
        problems.tell(said.place, f"unknown field {quoted(said.text)}{suggestion(said.text, fields)}")
        return FieldName("")
    if name and type_ is not None and fields[name].type is not type_:
        problems.tell(said.place, f"field {quoted(name)} is {fields[name].type}, expected {type_}")
        return FieldName("")
    return name
