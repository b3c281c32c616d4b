# SPDX-License-Identifier: Apache-2.0
"""How collections belong together: which field points at which collection, and whom rows are about."""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.discover.columns import Column
from gateway.discover.meanings import Fields, field_named, key_field
from gateway.discover.words import owner_of_key
from gateway.domain.catalog import FieldType
from gateway.domain.names import DatasetName, FieldName, IdentityKind, is_under
from gateway.domain.proposal import Evidence, FieldProposal

OF_PEOPLE = (
    "user.name", "user.contact.email", "user.contact.phone_number", "user.government_id", "user.demographic", "user.health_and_medical",
    "user.contact.address.street", "user.account.username",
)  # fmt: skip
"""A collection with a field of these is about people."""
PEOPLE = frozenset({
    "customer", "user", "member", "contact", "person", "client", "patient", "subscriber", "employee", "lead", "recipient", "student", "guest", "visitor", "buyer", "owner",
    "profile", "account", "donor", "applicant", "participant", "kunde", "cliente",
})  # fmt: skip
"""Whose keys point at people, where no collection tells more."""

SUBJECT_TYPES = (FieldType.TEXT, FieldType.INTEGER)


class Kin(msgspec.Struct, frozen=True, kw_only=True):
    """One collection among its like; columns hold values and are never shown."""

    name: str
    fields: Fields
    columns: Mapping[str, Column]

    @property
    def owner(self) -> str:
        """What one row is: ``customer`` of ``customers``."""
        return singular(self.name)

    @property
    def key(self) -> FieldName | None:
        """The field that is the key of its rows, if it can be one of a person."""
        found = key_field(self.fields, self.owner)
        return found if found is not None and self.fields[found].type in SUBJECT_TYPES else None

    @property
    def is_of_people(self) -> bool:
        """Whether its rows seem to be people."""
        return any(
            is_under(category, key) for one in self.fields.values() for category in one.categories for key in OF_PEOPLE
        )


def singular(name: str) -> str:
    """Return one of what a collection's name says, in lower case."""
    word = name.lower().replace("-", "_")
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 2 else word


def related(store: str, kin: Sequence[Kin]) -> dict[str, dict[FieldName, FieldProposal]]:
    """Return the fields of every collection, with those that point at another one marked."""
    found = {one.name: dict(one.fields) for one in kin}
    pointed: set[str] = set()
    for one in kin:
        for name, field in one.fields.items():
            target, evidence = _target(one, name, field, kin)
            if target is None or target.key is None or evidence is None:
                continue
            pointed.add(target.name)
            found[one.name][name] = msgspec.structs.replace(
                field,
                references=(DatasetName(f"{store}.{target.name}"), target.key),
                join_domain=f"{store}.{target.owner}_id",
                evidence=(*field.evidence, evidence),
                identifies=target.is_of_people,
            )
    for one in kin:
        if one.name in pointed and one.key is not None:
            marked = msgspec.structs.replace(found[one.name][one.key], join_domain=f"{store}.{one.owner}_id")
            found[one.name][one.key] = marked
    return found


def subject_of(store: str, one: Kin, fields: Fields, kin: Sequence[Kin]) -> tuple[FieldName, IdentityKind] | None:
    """Return the field and the kind of identity of whom rows are about, ``None`` where nothing tells."""
    people = {DatasetName(f"{store}.{other.name}"): other for other in kin if other.is_of_people}
    for name, field in fields.items():
        target = people.get(field.references[0]) if field.references else None
        if target is not None and field.type in SUBJECT_TYPES and (not one.is_of_people or _points_at_person(name)):
            return name, IdentityKind(f"{store}.{target.owner}_id")
    if one.is_of_people and one.key is not None and (one.owner in PEOPLE or not _person_key(fields)):
        return one.key, IdentityKind(f"{store}.{one.owner}_id")
    key = _person_key(fields)
    return (key, IdentityKind(f"{store}.{owner_of_key(key)}_id")) if key is not None else None


def _points_at_person(name: str) -> bool:
    return owner_of_key(name).rpartition("_")[2] in PEOPLE


def _person_key(fields: Fields) -> FieldName | None:
    return next(
        (
            name
            for name, one in fields.items()
            if _points_at_person(name) and one.type in SUBJECT_TYPES and "." not in name
        ),
        None,
    )


def _target(one: Kin, name: FieldName, field: FieldProposal, kin: Sequence[Kin]) -> tuple[Kin | None, Evidence | None]:
    """Return the collection that a field points at: by its name, or because all its values are keys there."""
    if field.type not in SUBJECT_TYPES or name == one.key:
        return None, None
    owner = owner_of_key(name)
    named = next(
        (other for other in kin if other is not one and owner and other.owner in (owner, owner.rpartition("_")[2])),
        None,
    )
    if named is not None and named.key is not None and named.fields[named.key].type is field.type:
        n, of = _overlap(one, name, named)
        says = f"its values occur in `{named.name}.{named.key}`" if n else f"its name speaks of `{named.name}`"
        return named, Evidence(by="values" if n else "name", says=says, n_matching=n, n_seen=of if n else 0)
    for other in kin:
        if other is one or other.key is None or other.fields[other.key].type is not field.type:
            continue
        n, of = _overlap(one, name, other)
        # Small whole numbers are keys of everything: without a name they point nowhere.
        if n == of and of >= 3 and field.type is FieldType.TEXT and field_named(other.key, other.fields) is not None:
            return other, Evidence(
                by="values", says=f"its values occur in `{other.name}.{other.key}`", n_matching=n, n_seen=of
            )
    return None, None


def _overlap(one: Kin, name: str, other: Kin) -> tuple[int, int]:
    """Return how many distinct values of a field are keys of another collection."""
    column, keys = one.columns.get(name), other.columns.get(str(other.key))
    if column is None or keys is None:
        return 0, 0
    values, known = set(column.texts), set(keys.texts)
    return len(values & known), len(values)
