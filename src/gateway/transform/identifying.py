# SPDX-License-Identifier: Apache-2.0
"""By which values of a record a person is known, in a spelling that outlives how it was typed.

RULES

1. What a field is for is known from its declaration: the subject's identity, then its form, then for birth dates its
   category or the row condition. A field that is about no person (a category outside ``user``) is none.
2. Spelling is wider than that of surrogates, because two values have to meet here and nothing is shown of them:

   =================  ==================================================================================
   phone              the last seven digits, whatever stands between or before them
   email              as surrogates spell it, without what follows a ``+`` in the mailbox
   name, birth date   words of all names in any order, without accents and case; with the day, else nothing
   national id        without separators, in upper case
   identity           as people are looked up: NFC, white space evened
   =================  ==================================================================================

3. A value that has no such spelling is none to be known by.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from gateway.domain.catalog import AtRest, Collection, FieldSpec, Form
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.identifier import Identifier, IdentifierForm, identity_value
from gateway.domain.names import FieldName, JoinDomain, is_under
from gateway.transform.generalise import parse_day
from gateway.transform.normalise import SPELLINGS
from gateway.transform.shape import KINDS, RowShape

PHONE_DIGITS = 7
"""What every spelling of one phone ends with, with or without area and country."""
LEAST_PHONE_DIGITS = 6
LEAST_ID = 5
"""Characters of a national id; what is shorter could be anybody's."""

NAME, BIRTH = "name", "birth_date"
STATED = (NAME, BIRTH, *(str(one) for one in (IdentifierForm.PHONE, IdentifierForm.EMAIL, IdentifierForm.NATIONAL_ID)))
"""Words by which whoever erases states identifiers beside those that the gateway knows."""

_OF_FORM = {Form.PHONE: "phone", Form.EMAIL: "email", Form.NATIONAL_ID: "national_id", Form.NAME: NAME}
_WORD = re.compile(r"\w+")
_SEPARATORS = re.compile(r"[\s./\-\u2010-\u2015]")


def use_of(spec: FieldSpec, collection: Collection) -> str | None:
    """Return which of ``STATED`` a field's values are; ``None`` for a field that nobody is known by."""
    if not any(is_under(key, "user") for key in spec.categories):
        return None
    is_birth = any(is_under(key, "user.demographic.date_of_birth") for key in spec.categories)
    if is_birth or spec.name == collection.birth_date:
        return BIRTH
    return _OF_FORM.get(spec.form)


def uses_of(collection: Collection) -> dict[FieldName, str]:
    """Return the fields that people are known by, the subject's identity apart."""
    found = {spec.name: use_of(spec, collection) for spec in collection.fields}
    return {name: use for name, use in found.items() if use is not None}


def uses_in_vault(collections: Iterable[Collection]) -> dict[JoinDomain, str]:
    """Return by join domain what values of the vault are, where people are known by them."""
    found = dict[JoinDomain, str]()
    for collection in collections:
        for spec in collection.fields:
            use = use_of(spec, collection) if spec.at_rest is AtRest.VAULT else None
            if use is not None:
                found.setdefault(spec.join_domain, use)
    return found


def uses_of_identities(collections: Iterable[Collection]) -> dict[str, str]:
    """Return by kind of identity what its values are beside being an identity, such as mail addresses."""
    found = dict[str, str]()
    for collection in collections:
        subject = collection.subject
        spec = None if subject is None else collection.field(subject.field)
        use = None if spec is None else use_of(spec, collection)
        if subject is not None and use is not None:
            found.setdefault(str(subject.identity), use)
    return found


def identifiers_of(collection: Collection, values: Mapping[FieldName, str]) -> tuple[Identifier, ...]:
    """Return what a record's person is known by.

    Args:
        collection: Of the record.
        values: In clear, by field; only what is there.
    """
    stated = [(use, values[name]) for name, use in uses_of(collection).items() if name in values]
    found = list(identified(stated))
    subject = collection.subject
    if subject is not None and subject.field in values:
        found += filter(None, [identity_of(subject.identity, values[subject.field])])
    return tuple(found)


def identity_of(kind: str, value: str) -> Identifier | None:
    """Return a store's name of a person as an identifier; ``None`` for a blank one."""
    plain = SPELLINGS[Form.TEXT](value, None)
    return Identifier(IdentifierForm.IDENTITY, identity_value(kind, plain)) if plain else None


def identified(stated: Iterable[tuple[str, str]]) -> tuple[Identifier, ...]:
    """Return the identifiers that stated values make; a value without a spelling makes none.

    Args:
        stated: One of ``STATED`` and a value, each.
    """
    pairs = list(stated)
    found = [_single(use, text) for use, text in pairs if use not in (NAME, BIRTH)]
    names = _name(text for use, text in pairs if use == NAME)
    births = dict.fromkeys(parse_day(text) for use, text in pairs if use == BIRTH)
    found += [Identifier(IdentifierForm.NAME_AND_BIRTH, f"{names}\x00{born}") for born in births if names and born]
    return tuple(dict.fromkeys(one for one in found if one is not None))


class RecordReader:
    """Reads of a record of a store nothing but what its person is known by.

    Raises:
        ValueError: The collection contradicts itself.
    """

    def __init__(self, collection: Collection) -> None:
        """Make the type of a row."""
        uses = uses_of(collection)
        subject = collection.subject.field if collection.subject is not None else None
        self._fields = [spec for spec in collection.fields if spec.name in uses or spec.name == subject]
        self._shape = RowShape("Identified", [(spec.name, KINDS[spec.type]) for spec in self._fields])
        self._decoder = msgspec.json.Decoder(list.__class_getitem__(self._shape.type))

    def values(self, array: bytes) -> dict[FieldName, str]:
        """Return the values of the one record of an array, as the store holds them.

        Raises:
            StoreMisbehaved: It is not as the dataset declares.
        """
        try:
            rows = self._decoder.decode(array)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise StoreMisbehaved("a record is not as the dataset declares") from None
        if not rows or not self._fields:
            return {}
        columns = self._shape.columns(rows)
        there = {spec.name: self._shape.column(columns, spec.name)[0] for spec in self._fields}
        return {name: str(value) for name, value in there.items() if isinstance(value, str | int)}


@lru_cache(maxsize=64)
def reader_of(collection: Collection) -> RecordReader:
    """Return the reader of a collection; making its type costs some milliseconds."""
    return RecordReader(collection)


def _single(use: str, text: str) -> Identifier | None:
    spell = {"phone": _phone, "email": _email, "national_id": _national_id}[use]
    value = spell(text)
    return Identifier(IdentifierForm(use), value) if value else None


def _phone(text: str) -> str:
    digits = "".join(str(unicodedata.decimal(one)) for one in text if unicodedata.decimal(one, None) is not None)
    return digits[-PHONE_DIGITS:] if len(digits) >= LEAST_PHONE_DIGITS else ""


def _email(text: str) -> str:
    known = SPELLINGS[Form.EMAIL](unicodedata.normalize("NFKC", text), None)
    mailbox, _, domain = known.rpartition("@")
    plain = mailbox.partition("+")[0] or mailbox
    return f"{plain}@{domain}" if known else ""


def _national_id(text: str) -> str:
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()
    return plain if len(plain) >= LEAST_ID else ""


def _name(texts: Iterable[str]) -> str:
    """Return the words of names, each once, in the order of the alphabet."""
    plain = unicodedata.normalize("NFKD", " ".join(texts)).casefold()
    bare = "".join(one for one in plain if not unicodedata.combining(one))
    return " ".join(sorted(set(_WORD.findall(bare))))
