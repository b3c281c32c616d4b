# SPDX-License-Identifier: Apache-2.0
"""A look at a store that nobody has declared yet: where it describes itself, what it lists, and how it can be asked.

1 a description at one of the usual places, or the one that was given · 2 without one, what the root, Datasette's and
json-server's own indexes, or the given paths list · 3 a few rows of each list · 4 without a description, parameters
are tried · 5 the proposal.

What is tried has no value of a person in it but these: the key of a first row, to see whether a record has a path of its
own, and what a store itself says of where its list goes on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import msgspec
from typing_extensions import override

from gateway.app.own_stores.looking import Looker, Query, document_in
from gateway.app.own_stores.parameters import try_parameters
from gateway.app.traces import Look, untold
from gateway.discover.columns import is_object_list, rows_in
from gateway.discover.meanings import LIMITS
from gateway.discover.openapi import below, is_openapi, read_openapi
from gateway.discover.propose import propose
from gateway.discover.sample import Sample
from gateway.domain.errors import SettingsError
from gateway.domain.names import StoreName
from gateway.domain.proposal import DatasetProposal
from gateway.forward.addresses import base_url as parsed
from gateway.forward.http import HttpStores
from gateway.forward.roads import Secret, Store

MOST_S = 90.0
MOST_LISTS = 30
ROWS = "100"
"""Rows that are asked for where the store takes a limit."""
_AS_OBJECTS = (("_shape", "objects"), ("_size", ROWS))
DESCRIPTIONS = ("/openapi.json", "/swagger.json", "/v3/api-docs", "/openapi.yaml", "/api-docs", "/")
"""Where a store may describe itself; PostgREST does at its root."""
USUAL = (
    "customers",
    "users",
    "members",
    "contacts",
    "clients",
    "people",
    "subscribers",
    "accounts",
    "orders",
    "products",
    "leads",
    "posts",
)
"""Lists that are asked for where nothing else tells."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at a store gave.

    Attributes:
        samples: Hold values of people: shown at a terminal at most, never written.
        told: What was looked at and could not be used, a sentence each, without any value.
        described_at: Where the OpenAPI document was found, if there was one.
        base_url: Address that all of it lies below; above the one that was given where that was the address of a list.
    """

    proposal: DatasetProposal
    samples: tuple[Sample, ...] = ()
    told: tuple[str, ...] = ()
    described_at: str | None = None
    base_url: str = ""

    @override
    def __repr__(self) -> str:
        return f"<Found {len(self.samples)} samples>"


async def look(
    base_url: str,
    store: StoreName,
    *,
    openapi: Path | str | None = None,
    paths: Sequence[str] = (),
    authorization: str | None = None,
) -> Found:
    """Return what a store seems to be.

    Where there is nothing below an address because it is that of a list, the store is looked for above it.

    Args:
        base_url: What the store's name stands for at the gateway.
        store: That name.
        openapi: A file, or a path below the base URL; left out, the usual places are asked.
        paths: Lists to ask for; with them nothing else is looked for but a description.
        authorization: Value of the Authorization header for the store.

    Raises:
        SettingsError: The URL, or the OpenAPI file, cannot be used.
        StoreUnreachable: Nobody answers there.
    """
    credential = Secret("authorization", authorization) if authorization else None
    at = Store(
        name=store, base_url=base_url, credential=credential, connect_s=3.0, read_s=10.0, total_s=30.0, failures=1000
    )
    above, _, name = base_url.partition("?")[0].rstrip("/").rpartition("/")
    found = None if "?" in base_url else await look_at(at, openapi=openapi, paths=paths)
    if (found is not None and found.proposal.collections) or openapi or paths or "//" not in above:
        return found if found is not None else await look_at(at, openapi=openapi, paths=paths)
    of_list = await look_at(msgspec.structs.replace(at, base_url=above), paths=[f"/{name}"])
    if not of_list.proposal.collections:
        return found if found is not None and not of_list.proposal.unsupported else of_list
    told = f"that is the address of a list; the base address of its API is {above}, which gateway.yaml has to name"
    return msgspec.structs.replace(of_list, told=(told, *of_list.told))


async def look_at(
    store: Store, *, openapi: Path | str | None = None, paths: Sequence[str] = (), trace: Look = untold
) -> Found:
    """Return what a store seems to be that is reached as it is configured; see ``look``."""
    base = parsed(store.base_url)
    async with HttpStores([store]) as stores:
        looker = Looker(stores, store.name, trace)
        document: Mapping[str, object] | None = None
        where: str | None = None
        try:
            async with asyncio.timeout(MOST_S):
                found = await _described(looker, openapi)
                if found is not None:
                    where, document = found[0], below(found[1], base.path)
                if document is not None:
                    await _ask_described(looker, document, paths)
                else:
                    await _ask_listed(looker, paths)
                    await try_parameters(looker)
        except TimeoutError:
            looker.told.append(f"the look ended after {MOST_S:.0f} seconds; what is left was not asked")
    return Found(
        proposal=propose(store.name, document, looker.samples),
        samples=tuple(looker.samples),
        told=tuple(dict.fromkeys(looker.told)),
        described_at=where,
        base_url=store.base_url,
    )


def _file_of(openapi: Path | str | None) -> Path | None:
    if isinstance(openapi, str):
        return Path(openapi) if Path(openapi).is_file() else None
    return openapi


async def _described(looker: Looker, openapi: Path | str | None) -> tuple[str, Mapping[str, object]] | None:
    file = _file_of(openapi)
    if file is not None:
        return str(file), document_in(file)
    for path in (str(openapi),) if openapi else DESCRIPTIONS:
        found = await looker.document(path)
        if is_openapi(found):
            return path, cast("Mapping[str, object]", found)
    if openapi:
        raise SettingsError(f"{openapi} is neither a file nor a path of the store with an OpenAPI document")
    return None


async def _ask_described(looker: Looker, document: Mapping[str, object], paths: Sequence[str]) -> None:
    """Ask for a few rows of every list that needs nothing said in its path."""
    for route in read_openapi(document).routes[: 10 * MOST_LISTS]:
        if route.method != "GET" or "{" in route.path or (paths and route.path not in paths):
            continue
        names = [one.name for one in route.parameters if one.place == "query"]
        limit = next((name for name in names if name.lower().strip("_$") in LIMITS), None)
        await looker.sample(route.path, ((limit, ROWS),) if limit else ())


async def _ask_listed(looker: Looker, paths: Sequence[str]) -> None:
    if paths:
        for path in paths:
            parts = urlsplit(path)
            query = tuple(parse_qsl(parts.query))
            # Datasette's tables end in .json, and another store passes over what it does not know.
            asked = query or (_AS_OBJECTS if parts.path.endswith(".json") else ())
            if not await _sampled(looker, parts.path, asked):
                await looker.sample(parts.path, asked)
        return
    if await _datasette(looker) or await _json_server(looker) or await _linked(looker):
        return
    for name in USUAL:
        await _sampled(looker, f"/{name}")
    if not looker.samples:
        looker.told.append(
            "nothing says what the store lists: name lists with `--path`, or a description with `--openapi`"
        )


async def _sampled(looker: Looker, path: str, query: Query = ()) -> bool:
    """Ask for a list, and where it is not answered, with a slash behind: redirects are not followed."""
    if await looker.sample(path, query, quiet=True) is not None:
        return True
    if path.endswith(("/", ".json")):
        return False
    return await looker.sample(f"{path}/", query, quiet=True) is not None


async def _linked(looker: Looker) -> bool:
    """Ask for what the root has links to."""
    root = await looker.sample("/", quiet=True)
    if root is None:
        return False
    looker.samples.remove(root)
    body = root.body if isinstance(root.body, dict) else {}
    links = [
        urlsplit(link).path
        for link in body.values()
        if isinstance(link, str) and (link.startswith("/") or "://" in link)
    ]
    for path in links[:MOST_LISTS]:
        await looker.sample(path)
    return bool(looker.samples)


async def _datasette(looker: Looker) -> bool:
    """Ask for the tables of every database that Datasette lists."""
    databases = await looker.document("/.json")
    if isinstance(databases, dict) and isinstance(databases.get("databases"), dict | list):
        databases = databases["databases"]
    named = (
        list(databases.values()) if isinstance(databases, dict) else databases if isinstance(databases, list) else []
    )
    for database in named[:MOST_LISTS]:
        name = database.get("name") if isinstance(database, dict) else None
        listed = await looker.document(f"/{name}.json") if isinstance(name, str) and "/" not in name else None
        tables = listed.get("tables") if isinstance(listed, dict) else None
        for table in (tables if isinstance(tables, list) else [])[:MOST_LISTS]:
            if isinstance(table, dict) and not table.get("hidden") and isinstance(table.get("name"), str):
                await looker.sample(f"/{name}/{table['name']}.json", _AS_OBJECTS)
    return bool(looker.samples)


async def _json_server(looker: Looker) -> bool:
    """Ask for every list of json-server's whole database, which it tells at ``/db``."""
    everything = await looker.document("/db")
    if not isinstance(everything, dict):
        return False
    for name in [str(name) for name, rows in everything.items() if is_object_list(rows)][:MOST_LISTS]:
        await looker.sample(f"/{name}", (("_limit", ROWS),))
    return bool(looker.samples) and any(rows_in(one.body) is not None for one in looker.samples)
