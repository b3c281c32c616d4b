# SPDX-License-Identifier: Apache-2.0
"""Whom and what a word on the command line means; a word that means nothing stops the command.

Sentences tell what there is instead, so that a typing mistake costs one look.
"""

import ipaddress
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gateway.cli.desk.desk import Desk, Stop
from gateway.domain.names import PurposeKey, RoleName, is_under

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.decide.rules import RuleSet
    from gateway.domain.signin import AccountRecord, Client

ADMIN = RoleName("admin")
"""The role of who looks after the gateway itself; no grant needs to know it, and by itself it opens no data."""

OFFICER = RoleName("officer")
"""The role of who answers for the protection of data: two of them open the list of the people of an incident."""


def address(word: str, what: str) -> str:
    """Return an address as the log spells it: as the system spells the other end of a connection.

    An IPv4 address inside IPv6, as a listener for both has it, stays as it was typed: Pythons before 3.13 would write
    it without dots, and the system does not.

    Args:
        word: What was typed.
        what: Where it stands, for the message.
    """
    try:
        found = ipaddress.ip_address(word)
    except ValueError:
        raise Stop(f"{what} is followed by an address, such as 192.0.2.7") from None
    is_inside = isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None
    return word.lower() if is_inside else str(found)


def rules_of(desk: Desk) -> "RuleSet":
    """Return the rules in the folder of the installation, without opening it.

    Raises:
        RulesError: They cannot be put in force.
    """
    from gateway.app.rule_files import read_folder, rules_of

    return rules_of(read_folder(desk.settings.policies_dir))


async def person(rooms: "Rooms", word: str) -> "AccountRecord":
    """Return the account of a person by name or identifier."""
    found = await rooms.accounts.get(word) or await rooms.accounts.named(word)
    if found is None or found.name.startswith("client:"):
        people = [one.name for one in await rooms.accounts.all() if not one.name.startswith("client:")]
        raise Stop(f"there is no user {word}{_nearest(word, people)}; `gateway user list` shows them")
    return found


async def client(rooms: "Rooms", word: str) -> "Client":
    """Return a client by its identifier."""
    clients = await rooms.clients.all()
    found = next((one for one in clients if one.id == word), None)
    if found is None:
        raise Stop(
            f"there is no client {word}{_nearest(word, [one.id for one in clients])}; `gateway client list` shows them"
        )
    return found


async def anybody(rooms: "Rooms", word: str) -> "AccountRecord | Client":
    """Return whom a name, an account's identifier or a client's identifier means.

    A client comes as such also where its account is named, since it is the client that acts.
    """
    clients = await rooms.clients.all()
    as_client = next((one for one in clients if word in (one.id, one.account.id)), None)
    as_account = await rooms.accounts.get(word) or await rooms.accounts.named(word)
    if as_client is not None:
        if as_account is not None and as_account.account.id != as_client.account.id:
            raise Stop(
                f"{word} is a user and a client; say {as_account.account.id} (user) or {as_client.account.id} (client)"
            )
        return as_client
    if as_account is None:
        known = [one.name for one in await rooms.accounts.all()] + [one.id for one in clients]
        raise Stop(f"there is no user, account or client {word}{_nearest(word, known)}")
    return as_account


def roles(rules: "RuleSet", words: Iterable[str]) -> tuple[str, ...]:
    """Return the roles, each known to the rules, or ``admin`` or ``officer``."""
    known = {ADMIN, OFFICER, *rules.roles, *(grant.role for grant in rules.grants)}
    for word in words:
        if word not in known:
            raise Stop(f"the rules know no role {word}{_nearest(word, known)}; there are {', '.join(sorted(known))}")
    return tuple(words)


def recipient(rules: "RuleSet", word: str) -> str:
    """Return a recipient that organisation.yaml has."""
    if word not in rules.recipients:
        known = sorted(rules.recipients)
        raise Stop(f"organisation.yaml has no recipient {word}{_nearest(word, known)}; there are {', '.join(known)}")
    return word


def insist_on_field(rules: "RuleSet", dataset: str, word: str) -> None:
    """Stop unless a dataset is declared and has a field of that name."""
    collections = rules.catalog.collections
    found = next((one for name, one in collections.items() if name == dataset), None)
    if found is None:
        near = _nearest(dataset, collections)
        raise Stop(f"there is no dataset {dataset}{near}; `gateway dataset list` shows them")
    names = [spec.name for spec in found.fields]
    if word not in names:
        raise Stop(f"{dataset} has no field {word}{_nearest(word, names)}; there are {', '.join(names)}")


def purpose(rules: "RuleSet", word: str) -> PurposeKey:
    """Return a declared purpose, or a key above one."""
    if not any(is_under(key, word) for key in rules.purposes):
        raise Stop(f"no declared purpose is {word} or below it{_nearest(word, rules.purposes)}")
    return PurposeKey(word)


def insist_on_kind(desk: Desk, kind: str) -> None:
    """Stop unless a dataset knows people by this kind of identity: a mistyped one would read as a person not known."""
    subjects = (one.subject for one in rules_of(desk).catalog.collections.values())
    known = sorted({str(one.identity) for one in subjects if one is not None})
    if kind not in known:
        raise Stop(f"no dataset knows people by {kind}{_nearest(kind, known)}; there are {', '.join(known)}")


async def unknown(desk: Desk, rooms: "Rooms", *, client: str | None, store: str | None) -> list[str]:
    """Return a sentence for each word that means nothing today; the log may hold it all the same."""
    told = []
    if client is not None and not client.startswith("gateway:"):
        clients = [one.id for one in await rooms.clients.all()]
        told += [] if client in clients else [f"there is no client {client}{_nearest(client, clients)} today"]
    if store is not None:
        datasets = rules_of(desk).catalog.collections
        names = {*desk.settings.stores, *datasets, *(name.partition(".")[0] for name in datasets)}
        is_known = any(is_under(name, store) for name in names)
        told += [] if is_known else [f"there is no store or dataset {store}{_nearest(store, names)} today"]
    return told


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""
