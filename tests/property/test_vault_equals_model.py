# SPDX-License-Identifier: Apache-2.0
"""The vault equals a dictionary of values and owners, on both engines, whatever is done to it in whatever order."""

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from gateway.domain.names import IdentityKind, JoinDomain, PersonNumber
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from gateway.store.people import People
from gateway.store.schema import vault_token, vault_value
from gateway.store.sealed_rows import rows_of
from gateway.store.vault import Vault
from gateway.store.vault_copies import label_of
from tests.fakes.clock import FakeClock

DOMAINS = (JoinDomain("phones"), JoinDomain("mails"))
VALUES = ("1", "2", "王", "half \ud800", "")
N_PEOPLE = 3


class Keep(msgspec.Struct, frozen=True):
    """Ask for tokens of values, each somebody's or nobody's."""

    domain: JoinDomain
    told: tuple[tuple[str, int | None], ...]


class Adopt(msgspec.Struct, frozen=True):
    """Let somebody have a copy of a value that has a token."""

    domain: JoinDomain
    value: str
    person: int


class Forget(msgspec.Struct, frozen=True):
    """Forget somebody."""

    person: int


class Rotate(msgspec.Struct, frozen=True):
    """Rotate the key of nobody's copies and seal them anew."""

    domain: JoinDomain


PERSON = st.integers(0, N_PEOPLE - 1)
DOMAIN, VALUE = st.sampled_from(DOMAINS), st.sampled_from(VALUES)
STEPS = st.one_of(
    st.builds(Keep, DOMAIN, st.lists(st.tuples(VALUE, st.none() | PERSON), max_size=6).map(tuple)),
    st.builds(Adopt, DOMAIN, VALUE, PERSON),
    st.builds(Forget, PERSON),
    st.builds(Rotate, DOMAIN),
)

Model = dict[tuple[JoinDomain, str], tuple[bytes, set[int | None]]]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=10))
async def test_the_vault_equals_a_dictionary(
    store: Store, keyring: Keyring, clock: FakeClock, steps: list[Keep | Adopt | Forget | Rotate]
) -> None:
    """Same values, same owners, nothing beside them, after every step; to forget one leaves the others'."""
    async with store.begin() as connection:
        await connection.execute(delete(vault_token))
        await connection.execute(delete(vault_value))
    vault, model = Vault(store, keyring, envelope), Model()
    kind = IdentityKind("crm.id")
    numbers = await People(store, keyring, envelope, clock).numbers(kind, [str(n) for n in range(N_PEOPLE)])
    for step in steps:
        await act(vault, store, keyring, model, numbers, step)
        await same(vault, store, model, numbers)


async def act(
    vault: Vault,
    store: Store,
    keyring: Keyring,
    model: Model,
    numbers: list[PersonNumber],
    step: Keep | Adopt | Forget | Rotate,
) -> None:
    """Do a step to the vault and to the model."""
    match step:
        case Keep(domain, told):
            people = [None if one is None else numbers[one] for _, one in told]
            tokens = await vault.tokens(domain, [value for value, _ in told], people)
            named = {value for value, one in told if one is not None}
            for (value, one), token in zip(told, tokens, strict=True):
                token_before, owners = model.setdefault((domain, value), (token, set()))
                assert token_before == token
                if one is not None:
                    owners.add(one)
                    owners.discard(None)
                elif not owners and value not in named:
                    owners.add(None)
        case Adopt(domain, value, person):
            known = model.get((domain, value))
            await vault.adopt(domain, [known[0] if known else bytes(16)], [numbers[person]])
            if known:
                known[1].add(person)
                known[1].discard(None)
        case Forget(person):
            await vault.forget([numbers[person]])
            for key, (_, owners) in list(model.items()):
                owners.discard(person)
                if not owners:
                    del model[key]
        case Rotate(domain):
            await vault.tokens(domain, ["to have a key"], [numbers[0]])
            model.setdefault((domain, "to have a key"), ((await vault.find(domain, ["to have a key"]))[0] or b"", {0}))
            model[domain, "to have a key"][1].add(0)
            await vault.tokens(domain, ["nobody's"], [None])
            model.setdefault((domain, "nobody's"), ((await vault.find(domain, ["nobody's"]))[0] or b"", {None}))
            keyring.rotate(label_of(domain))
            rows = rows_of(store, keyring, label_of(domain))
            assert rows is not None
            assert (await rows.rewrap(keyring.current(label_of(domain)).version, None, 1_000)).n_unreadable == 0


async def same(vault: Vault, store: Store, model: Model, numbers: list[PersonNumber]) -> None:
    """Compare all that can be seen."""
    for domain in DOMAINS:
        own = {value: held for (of, value), held in model.items() if of == domain}
        tokens = [token for token, _ in own.values()]
        assert await vault.find(domain, list(own)) == tokens
        assert await vault.opened(domain, tokens) == {token: value for value, (token, _) in own.items()}
        people = {token: {numbers[one] for one in owners if one is not None} for token, owners in own.values()}
        assert await vault.people_of(domain, tokens) == people
        flipped = [bytes((token[0] ^ 1,)) + token[1:] for token in tokens]
        assert await vault.opened(domain, flipped) == {}
    async with store.connect() as connection:
        n_copies = len((await connection.execute(select(vault_value.c.token))).all())
        n_tokens = len((await connection.execute(select(vault_token.c.token))).all())
    assert n_copies == sum(len(owners) for _, owners in model.values())
    assert n_tokens == len(model)
