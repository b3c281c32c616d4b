# SPDX-License-Identifier: Apache-2.0
"""A column whose field is at rest in a vault: values get tokens, durably, before the store hears of one."""

from collections.abc import Sequence
from typing import Protocol

from gateway.domain.catalog import FieldSpec
from gateway.domain.names import JoinDomain, PersonNumber
from gateway.domain.turning import Found, Turned
from gateway.transform.inner import Cell
from gateway.transform.turning import NULL, is_beginning
from gateway.transform.vaulted import spelled, stored_text, token_of

Person = PersonNumber | None


class Vault(Protocol):
    """Values in whose place stores hold tokens."""

    async def tokens(self, domain: JoinDomain, values: Sequence[str], people: Sequence[Person]) -> list[bytes]:
        """Return the token of each value; new ones, and a copy for each person, are durable at the return."""

    async def read(self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[Person]) -> dict[bytes, str]:
        """Return the value of each token that stands for one."""


class VaultColumn:
    """A column of one field; nothing is given a token while it is only looked at."""

    def __init__(self, vault: Vault, spec: FieldSpec) -> None:
        """Keep both."""
        self._vault, self._spec = vault, spec

    async def over(
        self,
        cells: Sequence[Cell],
        countries: Sequence[str | None],
        people: Sequence[Person],
        *,
        make: bool,
        accept: bool,
    ) -> list[Turned]:
        """Return what each cell is, and what is to stand there; see ``SivColumn``.

        Raises:
            StateUnavailable: The vault does not answer.
        """
        known = await self._opened(cells)
        found = [self._found(cell, country, known) for cell, country in zip(cells, countries, strict=True)]
        wanted = [
            (place, value)
            for place, (what, value) in enumerate(found)
            if make and value is not None and (what is not Found.LOSES or accept)
        ]
        if not wanted:
            return [Turned(found=what) for what, _ in found]
        values, whose = [value for _, value in wanted], [people[place] for place, _ in wanted]
        tokens = await self._vault.tokens(self._spec.join_domain, values, whose)
        texts = {place: stored_text(token) for (place, _), token in zip(wanted, tokens, strict=True)}
        return [Turned(found=what, text=texts.get(place)) for place, (what, _) in enumerate(found)]

    async def back(self, cells: Sequence[Cell]) -> list[Turned]:
        """Return what each cell is, and the value that is to stand there again.

        Raises:
            StateUnavailable: The vault does not answer.
        """
        known = await self._opened(cells)
        return [self._back(cell, known) for cell in cells]

    async def _opened(self, cells: Sequence[Cell]) -> dict[bytes, str]:
        tokens = [token for cell in cells if isinstance(cell, str) and (token := token_of(cell))]
        return await self._vault.read(self._spec.join_domain, tokens, [None] * len(tokens)) if tokens else {}

    def _found(self, cell: Cell, country: str | None, known: dict[bytes, str]) -> tuple[Found, str | None]:
        """Return what a cell is, and the value that is to get a token."""
        if not isinstance(cell, str):
            return Found.NULL, None
        token = token_of(cell)
        if token is not None or is_beginning(cell):
            return (Found.OVER if token in known else Found.UNREADABLE), None
        value = spelled(self._spec, cell, country)
        if value is None:
            return Found.TOO_LONG, None
        return (Found.CLEAR if value == cell else Found.LOSES), value

    def _back(self, cell: Cell, known: dict[bytes, str]) -> Turned:
        if not isinstance(cell, str):
            return NULL
        token = token_of(cell)
        if token is None and not is_beginning(cell):
            return Turned(found=Found.CLEAR)
        if token is None or token not in known:
            return Turned(found=Found.UNREADABLE)
        return Turned(found=Found.OVER, text=known[token])
