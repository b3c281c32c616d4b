# SPDX-License-Identifier: Apache-2.0
"""What a store holds where values stand, in one call: of a vault's fields the vault is asked for all at once.

RULES

1. A value by which the store is asked gets no token by that. One that the vault does not know stands as a token
   of chance, which no store holds: the store is asked all the same, so that neither answer nor time tells whether
   the value is known.
2. A value that is written gets its token, durably, before the store is asked: with a copy of the person whose the
   record is known to be, else with nobody's.
3. Once the store has said that it has written, and the person is known, the person has a copy of everything that
   the record names, and nobody has one any more.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from gateway.domain.inquiry import Scalar, Written
from gateway.domain.names import FieldName, JoinDomain, PersonNumber
from gateway.flows.access.ports.at_rest import Vault
from gateway.transform.codec import Codec
from gateway.transform.vaulted import NOTHING_KNOWN, TOKEN_BYTES, Known, Wanted, spelled, stored_text, token_of

T = TypeVar("T")

Person = PersonNumber | None


class Holding:
    """What the store of one call holds; whoever asks for it twice is told the same."""

    def __init__(self, codec: Codec, vault: Vault) -> None:
        """Begin knowing nothing."""
        self.codec, self._vault = codec, vault
        self._texts: dict[tuple[JoinDomain, str], str] = {}
        """What the store holds where a value stands, or would not hold."""
        self._values: dict[str, tuple[JoinDomain, str]] = {}
        self._unasked: dict[tuple[JoinDomain, str], None] = {}

    async def made(self, make: Callable[[], T]) -> T:
        """Return what a function makes that asks here; it is called again once the vault has said what it asked for."""
        found = make()
        while self._unasked:
            await self._ask()
            found = make()
        return found

    def held(self, field: FieldName, text: str, country: str | None = None) -> str | None:
        """Return what the store holds where a clear value of a field stands; ``None`` if it can hold none."""
        spec = self.codec.in_vault(field)
        if spec is None:
            return self.codec.held(field, text, country)
        value = spelled(spec, text, country)
        return None if value is None else self.token_text(spec.join_domain, value)

    def token_text(self, domain: JoinDomain, value: str) -> str:
        """Return what a store holds where a value stands that the vault knows in this spelling, or would know."""
        known = self._texts.get((domain, value))
        if known is None:
            self._unasked[domain, value] = None
        return known or ""

    def resolve(self, field: FieldName, text: str) -> str | None:
        """Return what the store holds where an outgoing surrogate of a field stands; ``None`` if it is none."""
        spec = self.codec.in_vault(field)
        if spec is None:
            return self.codec.resolve(field, text)
        token, value = self.codec.token_or_value(field, text)
        if token is not None:
            return stored_text(token)
        # A surrogate that was made before the column was turned over; of a value in the one spelling that it has.
        return None if value is None else self.token_text(spec.join_domain, value)

    async def kept(self, records: Sequence[Written], people: Sequence[Person]) -> tuple[Written, ...]:
        """Return records as the store is to get them: every value of a vault's field has a token, durably.

        Args:
            records: As they were judged, with what ``held`` said.
            people: Of each record, if known.

        Raises:
            StateUnavailable: The vault does not answer; nothing may be sent.
        """
        found: dict[tuple[str, Person], str] = {}
        wanted: dict[JoinDomain, dict[tuple[str, Person], str]] = {}
        for person, _, text in self._told(records, people):
            if text in self._values:
                domain, value = self._values[text]
                wanted.setdefault(domain, {})[value, person] = text
        for domain, each in wanted.items():
            tokens = await self._vault.tokens(domain, [value for value, _ in each], [person for _, person in each])
            for ((_, person), text), token in zip(each.items(), tokens, strict=True):
                found[text, person] = stored_text(token)
        if not found:
            return tuple(records)
        return tuple(self._with(one, person, found) for one, person in zip(records, people, strict=True))

    async def adopted(self, records: Sequence[Written], people: Sequence[Person]) -> None:
        """Let the people of records have a copy of each value of a vault that the records name.

        Raises:
            StateUnavailable: The vault does not answer; nobody's copies are as they were.
        """
        wanted: dict[JoinDomain, list[tuple[bytes, PersonNumber]]] = {}
        for person, field, text in self._told(records, people):
            token, spec = token_of(text), self.codec.in_vault(field)
            if token and person is not None and spec is not None:
                wanted.setdefault(spec.join_domain, []).append((token, person))
        for domain, pairs in wanted.items():
            await self._vault.adopt(domain, [token for token, _ in pairs], [person for _, person in pairs])

    def _told(self, records: Sequence[Written], people: Sequence[Person]) -> Iterable[tuple[Person, FieldName, str]]:
        """Yield every text in a vault's field, with whose it is."""
        for record, person in zip(records, people, strict=True):
            for name, value in record.values:
                if isinstance(value, str) and self.codec.in_vault(name) is not None:
                    yield person, name, value

    def _with(self, record: Written, person: Person, found: Mapping[tuple[str, Person], str]) -> Written:
        def text(name: FieldName, value: Scalar) -> Scalar:
            if not isinstance(value, str) or self.codec.in_vault(name) is None:
                return value
            return found.get((value, person), value)

        return Written(tuple((name, text(name, value)) for name, value in record.values))

    async def _ask(self) -> None:
        """Ask the vault for everything that was asked for here."""
        by_domain: dict[JoinDomain, list[str]] = {}
        for domain, value in self._unasked:
            by_domain.setdefault(domain, []).append(value)
        self._unasked = {}
        for domain, values in by_domain.items():
            for value, token in zip(values, await self._vault.find(domain, values), strict=True):
                text = stored_text(token or secrets.token_bytes(TOKEN_BYTES))
                self._texts[domain, value] = text
                self._values[text] = (domain, value)


async def known_of(vault: Vault, wanted: Wanted, whose: Callable[[int], Person]) -> Known:
    """Return what the vault says to what a block needs; values that were not turned over yet have their token then.

    Args:
        vault: Asked once for each join domain.
        wanted: By the codec.
        whose: Returns the person of the row at a place, if that can be read.

    Raises:
        StateUnavailable: The vault does not answer; the block may not leave.
    """
    if not wanted:
        return NOTHING_KNOWN
    values = {
        domain: await vault.read(domain, [token for token, _ in told], [whose(place) for _, place in told])
        for domain, told in wanted.opened.items()
    }
    tokens: dict[tuple[JoinDomain, str], bytes] = {}
    for domain in dict.fromkeys(one.domain for one in wanted.unturned):
        own = [one for one in wanted.unturned if one.domain == domain]
        made = await vault.tokens(domain, [one.value for one in own], [whose(one.place) for one in own])
        tokens.update(((domain, one.value), token) for one, token in zip(own, made, strict=True))
    return Known(values=values, tokens=tokens)
