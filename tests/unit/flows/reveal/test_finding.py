# SPDX-License-Identifier: Apache-2.0
"""Whose a surrogate is: by the vault, by the identity itself, or nobody's; and what there is of it still."""

from collections.abc import Iterable, Sequence

import msgspec
import pytest

from gateway.domain.catalog import AtRest
from gateway.domain.names import IdentityKind, JoinDomain, PersonNumber
from gateway.domain.revealed import Found
from gateway.flows.reveal.finding import NOTHING, Finding
from gateway.transform.inner import NORMAL, PERSON, RAW, TOKEN
from tests.fakes.deciding import COLLECTION

ID, EMAIL = (next(spec for spec in COLLECTION.fields if spec.name == name) for name in ("id", "email"))
VAULTED = msgspec.structs.replace(EMAIL, at_rest=AtRest.VAULT, domain_at_rest=AtRest.VAULT)
ONE, TWO, GONE = (bytes([n]) * 16 for n in (1, 2, 3))


class People:
    """Knows one identity, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def find_each(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber | None]:
        """Return the number of c1."""
        self.asked += values
        return [PersonNumber(7) if value == "c1" else None for value in values]


class Vault:
    """Knows two tokens, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def found(
        self, domain: JoinDomain, tokens: Iterable[bytes]
    ) -> dict[bytes, tuple[str, tuple[PersonNumber, ...]]]:
        """Return what there is, and whose."""
        self.asked += tokens
        return {ONE: ("one", (PersonNumber(8), PersonNumber(9))), TWO: ("two", ())}


@pytest.fixture
def people() -> People:
    """Who numbers people."""
    return People()


@pytest.fixture
def vault() -> Vault:
    """The vault."""
    return Vault()


async def test_of_the_field_that_says_whom_a_row_is_about_it_is_that_person(people: People, vault: Vault) -> None:
    """One without a number had one once: of it there is nothing any more."""
    forms = [NORMAL + b"c1", NORMAL + b"c2", b""]
    assert await Finding(people, vault).found(COLLECTION, ID, forms) == [
        Found(value="c1", people=(PersonNumber(7),)), NOTHING, NOTHING,
    ]  # fmt: skip


async def test_what_is_no_surrogate_is_looked_for_like_any_other(people: People, vault: Vault) -> None:
    """By chance, so that it takes the same steps: as many look-ups as there are surrogates."""
    await Finding(people, vault).found(COLLECTION, ID, [b"", b"", NORMAL + b"c1"])
    assert len(set(people.asked)) == 3
    await Finding(people, vault).found(COLLECTION, VAULTED, [b"", TOKEN + ONE])
    assert len(set(vault.asked)) == 2
    assert all(len(token) == 16 for token in vault.asked)


async def test_of_the_vault_it_is_whoever_has_a_copy(people: People, vault: Vault) -> None:
    """Of several people in order; of nobody's; of what is gone; of what is no token."""
    forms = [TOKEN + ONE, TOKEN + TWO, TOKEN + GONE, NORMAL + b"one", b""]
    assert await Finding(people, vault).found(COLLECTION, VAULTED, forms) == [
        Found(value="one", people=(PersonNumber(8), PersonNumber(9))), Found(value="two"), NOTHING, NOTHING, NOTHING,
    ]  # fmt: skip


async def test_of_any_other_field_it_is_nobodys_who_is_known(people: People, vault: Vault) -> None:
    """A token of before, and what links devices, stand for nothing."""
    forms = [NORMAL + b"a@x.org", RAW + "ü".encode(), TOKEN + bytes([255]) * 16, PERSON + b"\x00\x00\x00\x07", b""]
    found = await Finding(people, vault).found(COLLECTION, EMAIL, forms)
    assert found == [Found(value="a@x.org"), Found(value="ü"), NOTHING, NOTHING, NOTHING]
    assert people.asked == []
    assert vault.asked == []
