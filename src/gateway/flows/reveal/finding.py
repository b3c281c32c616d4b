# SPDX-License-Identifier: Apache-2.0
"""Whose a surrogate is: of a vault, of whoever has a copy; of a field that says whom a row is about, of that person.

RULES

1. Of any other field nobody is known. It counts as one new person, and whoever looks at choices withholds it.
2. Nobody gets a number by being asked for. An identity without one had one when its surrogate was made, since
   surrogates leave only in rows of people who have: it was erased.
3. An empty form, which is no surrogate of the caller's, is looked up like the others, by chance, and finds nothing.
4. A surrogate of before the field was in a vault, or of after, stands for nothing any more; so does one that links
   somebody's devices, of which nobody has a value.
"""

import secrets
from collections.abc import Sequence

from gateway.domain.catalog import AtRest, Collection, FieldSpec
from gateway.domain.names import IdentityKind, JoinDomain, PersonNumber
from gateway.domain.revealed import Found
from gateway.flows.reveal import ports
from gateway.transform.inner import NORMAL, RAW, TOKEN, text_of

TOKEN_BYTES = 16
NOTHING = Found(value=None)


class Finding:
    """Finds what stands behind inner forms."""

    def __init__(self, people: ports.People, vault: ports.Vault) -> None:
        """Keep who knows."""
        self._people, self._vault = people, vault

    async def found(self, collection: Collection, field: FieldSpec, forms: Sequence[bytes]) -> Sequence[Found]:
        """Return what stands behind each form, in order.

        Raises:
            StateUnavailable: The database does not answer.
        """
        if field.at_rest is AtRest.VAULT or field.domain_at_rest is AtRest.VAULT:
            return await self._in_vault(field.join_domain, forms)
        forms = [form if form[:1] in (NORMAL, RAW) else b"" for form in forms]
        values = [text_of(form) if form else secrets.token_hex(TOKEN_BYTES) for form in forms]
        if collection.subject is not None and collection.subject.field == field.name:
            return await self._of_subjects(collection.subject.identity, forms, values)
        return [Found(value=value) if form else NOTHING for form, value in zip(forms, values, strict=True)]

    async def _in_vault(self, domain: JoinDomain, forms: Sequence[bytes]) -> list[Found]:
        tokens = [form[1:] if form[:1] == TOKEN else secrets.token_bytes(TOKEN_BYTES) for form in forms]
        known = await self._vault.found(domain, tokens)
        return [
            _told(known.get(token)) if form[:1] == TOKEN else NOTHING for form, token in zip(forms, tokens, strict=True)
        ]

    async def _of_subjects(self, kind: IdentityKind, forms: Sequence[bytes], values: Sequence[str]) -> list[Found]:
        numbers = await self._people.find_each(kind, values)
        return [
            NOTHING if not form or number is None else Found(value=value, people=(number,))
            for form, value, number in zip(forms, values, numbers, strict=True)
        ]


def _told(known: tuple[str, tuple[PersonNumber, ...]] | None) -> Found:
    return NOTHING if known is None else Found(value=known[0], people=known[1])
