# SPDX-License-Identifier: Apache-2.0
"""A column of a vault: values get tokens, of whose row they are, and come back from what the vault has."""

from collections.abc import Sequence

from gateway.domain.catalog import AtRest, Form
from gateway.domain.names import JoinDomain, PersonNumber
from gateway.domain.turning import Found, Turned
from gateway.flows.migrating.vaulted import VaultColumn
from tests.fakes.migrating import spec

Person = PersonNumber | None


class MemoryVault:
    """Values by token, in memory, with whose they are."""

    def __init__(self) -> None:
        """Begin empty."""
        self.values: dict[bytes, str] = {}
        self.people: dict[bytes, set[Person]] = {}

    async def tokens(self, domain: JoinDomain, values: Sequence[str], people: Sequence[Person]) -> list[bytes]:
        """Return a token for each."""
        del domain
        found = []
        for value, person in zip(values, people, strict=True):
            token = next((one for one, known in self.values.items() if known == value), bytes([len(self.values)]) * 16)
            self.values[token] = value
            self.people.setdefault(token, set()).add(person)
            found.append(token)
        return found

    async def read(self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[Person]) -> dict[bytes, str]:
        """Return what is known."""
        del domain, people
        return {token: self.values[token] for token in tokens if token in self.values}


PHONE = spec("phone", Form.PHONE, at_rest="phones", kind=AtRest.VAULT)
ANNA, BERT = PersonNumber(1), PersonNumber(2)


async def test_a_look_gives_no_token() -> None:
    """And tells what there is: a value, one that loses its spelling, null, and what is too long."""
    vault = MemoryVault()
    cells = ["+4930901820", "030 901820", None, "x" * 2000]
    found = await VaultColumn(vault, PHONE).over(cells, ["DE"] * 4, [None] * 4, make=False, accept=True)
    assert [one.found for one in found] == [Found.CLEAR, Found.LOSES, Found.NULL, Found.TOO_LONG]
    assert not any(one.text for one in found)
    assert vault.values == {}


async def test_a_family_has_one_token_with_a_copy_for_each_and_the_value_comes_back() -> None:
    """What is over already is left alone."""
    vault = MemoryVault()
    column = VaultColumn(vault, PHONE)
    cells = ["+4930901820", "+4930901820", "030 901820"]
    over = await column.over(cells, ["DE"] * 3, [ANNA, BERT, None], make=True, accept=False)
    assert over[0].text is not None
    assert over[0].text == over[1].text
    assert over[2] == Turned(found=Found.LOSES)
    assert list(vault.people.values()) == [{ANNA, BERT}]
    again = await column.over([over[0].text], [None], [ANNA], make=True, accept=True)
    assert again == [Turned(found=Found.OVER)]
    assert await column.back([over[0].text, "+49301", None]) == [
        Turned(found=Found.OVER, text="+4930901820"),
        Turned(found=Found.CLEAR),
        Turned(found=Found.NULL),
    ]


async def test_a_token_that_stands_for_nothing_is_left_alone() -> None:
    """Forgotten, cut off, or of another kind; in either direction."""
    column = VaultColumn(MemoryVault(), PHONE)
    for text in ("av1_" + "0" * 32, "av1_00", "av2_" + "0" * 32, "as1_" + "0" * 96):
        assert await column.back([text]) == [Turned(found=Found.UNREADABLE)]
        assert await column.over([text], [None], [None], make=True, accept=True) == [Turned(found=Found.UNREADABLE)]
