# SPDX-License-Identifier: Apache-2.0
"""Identifiers of the domain, and the one rule by which dotted keys form trees.

Purposes, categories and datasets are keys such as ``user.contact.email``: dots are the tree, and a
rule that names a key speaks of that key and of everything below it. There is no other wildcard.

Source of the key syntax: fideslang 3.1, FidesKey (without its ``<`` and ``>``).
"""

import re
from typing import NewType
from unicodedata import is_normalized

AccountId = NewType("AccountId", str)
ClientId = NewType("ClientId", str)
RoleName = NewType("RoleName", str)
RecipientId = NewType("RecipientId", str)
StoreName = NewType("StoreName", str)
DatasetName = NewType("DatasetName", str)
"""``store.collection``, for example ``crm.customers``."""
FieldName = NewType("FieldName", str)
"""Name of a field inside its collection; nested fields are joined by dots."""
PurposeKey = NewType("PurposeKey", str)
CategoryKey = NewType("CategoryKey", str)
IdentityKind = NewType("IdentityKind", str)
"""Kind of an identity of a person, for example ``crm.customer_id``."""
JoinDomain = NewType("JoinDomain", str)
GrantId = NewType("GrantId", str)
"""``g:`` and the first 12 hexadecimal digits of the SHA-256 of the grant's line."""
DecisionId = NewType("DecisionId", str)
RulesDigest = NewType("RulesDigest", str)
PersonNumber = NewType("PersonNumber", int)
"""Unsigned 32-bit number that stands for a person in the log and in sets of people."""

_FIELD = re.compile(r"[\w-]+(\.[\w-]+)*\Z")
_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\Z")


def is_key(text: str) -> bool:
    """Tell whether the text is a dotted key."""
    return len(text) <= 200 and _KEY.match(text) is not None


def is_field_name(text: str) -> bool:
    """Tell whether the text can name a field: dotted, in letters and digits of any script (``手机号``), NFC."""
    return len(text) <= 200 and _FIELD.match(text) is not None and is_normalized("NFC", text)


def is_under(key: str, ancestor: str) -> bool:
    """Tell whether ``key`` is ``ancestor`` or lies below it in the tree."""
    return key == ancestor or key.startswith(ancestor + ".")


def ancestors(key: str) -> tuple[str, ...]:
    """Return the key and all keys above it, nearest first: ``a.b.c`` gives ``a.b.c, a.b, a``."""
    parts = key.split(".")
    return tuple(".".join(parts[:n]) for n in range(len(parts), 0, -1))
