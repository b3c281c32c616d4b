# SPDX-License-Identifier: Apache-2.0
"""The review of one store's dataset: what is there to be confirmed, and writing what was.

RULES

1. A file is changed only where it was confirmed, in its text; what does not load is not written.
2. What is written was entered in the log before. A file that somebody else changed meanwhile is left alone.
3. Values of the store come from the store itself, when they are asked for, and are kept by nobody.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from typing_extensions import override

from gateway.app.own_stores.dataset_text import FieldPlace, changed, stores_of
from gateway.app.own_stores.discovering import look_at
from gateway.app.own_stores.showing import member, rows_of
from gateway.app.roads import looks_of, store_of
from gateway.app.rule_files import read_folder, rules_of
from gateway.decide.rules import RuleSet
from gateway.domain.catalog import FieldSpec, Route
from gateway.domain.entry import Changed
from gateway.domain.errors import GatewayError, SettingsError
from gateway.domain.names import CategoryKey, RulesDigest, StoreName
from gateway.domain.own_data import OWN_STORE
from gateway.domain.proposal import FieldProposal
from gateway.flows.access.ports.state import Recorder
from gateway.settings.loading import Settings

MOST_SAMPLES = 3
MOST_TOLD = 2_000
"""Characters of a list in the entry."""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """The file that describes a store, and the rules around it.

    Attributes:
        name: Of the file, below ``policies/``.
        files: Every rule file as it was read.
    """

    store: StoreName
    name: str
    files: Mapping[str, bytes]
    rules: RuleSet

    @property
    def text(self) -> str:
        """The file's text."""
        return self.files[self.name].decode("utf-8")

    @property
    def fields(self) -> tuple[tuple[FieldPlace, FieldSpec], ...]:
        """Every declared field of the store, in the order of the file."""
        return tuple(
            (FieldPlace(dataset=name, field=field.name), field)
            for name, collection in self.rules.catalog.collections.items()
            if name.split(".", 1)[0] == self.store
            for field in collection.fields
        )

    def with_changes(
        self, confirm: Sequence[FieldPlace], categories: Mapping[FieldPlace, CategoryKey]
    ) -> dict[str, bytes]:
        """Return the rule files with these changes.

        Raises:
            SettingsError: The file cannot be changed like this.
        """
        return {**self.files, self.name: changed(self.text, confirm, categories).encode()}


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the store tells of one field now.

    Attributes:
        proposal: What it would be proposed as; ``None`` where no sample has it.
        values: A few of the store's own; never written.
    """

    proposal: FieldProposal | None = None
    values: tuple[object, ...] = ()

    @override
    def __repr__(self) -> str:
        return f"<Known with {len(self.values)} values>"


def open_sheet(settings: Settings, store: str | None) -> Sheet:
    """Return the file of a store.

    Args:
        settings: Of the installation.
        store: Its name; ``None`` where the datasets describe one store alone.

    Raises:
        RulesError: The rules do not load as they are.
        SettingsError: There is no such store.
    """
    files = read_folder(settings.policies_dir)
    rules = rules_of(files)
    names = {
        one: name
        for name, text in files.items()
        if name.startswith("datasets/")
        for one in stores_of(text.decode())
        if one != OWN_STORE  # asked of no store, so there is nothing to look at and nothing to confirm
    }
    if store == OWN_STORE:
        raise SettingsError(
            f"{store} is the name of the gateway itself, whose own data no store tells: nothing to review"
        )
    if store is None and len(names) != 1:
        raise SettingsError(f"which store? There are {', '.join(sorted(names))}")
    chosen = store if store is not None else next(iter(names))
    if chosen not in names:
        raise SettingsError(f"no dataset describes the store {chosen}; there are {', '.join(sorted(names))}")
    return Sheet(store=StoreName(chosen), name=names[chosen], files=files, rules=rules)


async def known_of(settings: Settings, sheet: Sheet) -> tuple[Mapping[FieldPlace, Known], str]:
    """Return what the store tells of its fields now, and why not where it does not."""
    own = settings.stores.get(sheet.store)
    if own is None:
        return {}, f"gateway.yaml has no store {sheet.store}, so no values are shown"
    routes = [one for one in sheet.rules.catalog.routes if one.store == sheet.store and _is_list(one)]
    paths = sorted({_asked(one) for one in routes})
    try:
        found = await look_at(store_of(sheet.store, own), paths=paths, trace=looks_of(settings))
    except GatewayError as error:
        return {}, f"the store tells nothing now, so no values are shown: {error}"
    proposals = {
        (route.template, field.name): field
        for collection in found.proposal.collections
        for route in collection.routes
        for field in collection.fields
    }
    rows = {route.dataset: rows_of(found.samples, routes, route.dataset) for route in routes}
    known: dict[FieldPlace, Known] = {}
    for place, field in sheet.fields:
        values = [member(row, field.name) for row in rows.get(place.dataset, ())]
        own_routes = [route for route in routes if route.dataset == place.dataset]
        proposal = next((one for route in own_routes if (one := proposals.get((route.template, field.name)))), None)
        known[place] = Known(proposal=proposal, values=_some(values))
    return known, ""


def digest_of(files: Mapping[str, bytes]) -> RulesDigest:
    """Return the digest of changed rules.

    Raises:
        RulesError: They cannot be put in force, so they must not be written.
    """
    return rules_of(files).digest


async def write(
    settings: Settings,
    sheet: Sheet,
    confirm: Sequence[FieldPlace],
    categories: Mapping[FieldPlace, CategoryKey],
    log: Recorder,
    *,
    by: str,
) -> RulesDigest:
    """Enter a review and write it; return the digest of the rules that the folder then holds.

    Raises:
        RulesError: The rules would not load; nothing was entered or written.
        SettingsError: The file was changed meanwhile, or cannot be written.
    """
    files = sheet.with_changes(confirm, categories)
    digest = digest_of(files)
    path = settings.policies_dir / sheet.name
    _check_unchanged(path, sheet)
    facts: dict[str, str | int] = {
        "n_confirmed": len(confirm),
        "confirmed": _listed(place.field for place in confirm),
        "categories": _listed(f"{place.field}={category}" for place, category in categories.items()),
        "rules": digest,
    }
    await log.append(Changed(by=by, what="dataset-reviewed", target=sheet.store, facts=facts))
    # Looked at again: the entry took a while, and what somebody wrote meanwhile may be a `reviewed: no`.
    _check_unchanged(path, sheet)
    _replace(path, files[sheet.name])
    return digest


def _check_unchanged(path: Path, sheet: Sheet) -> None:
    if path.read_bytes() != sheet.files[sheet.name]:
        raise SettingsError(f"{path} was changed meanwhile; nothing was written, review it again")


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step, durably, with the mode that it had."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, path.stat().st_mode & 0o777)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _listed(words: Iterable[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= MOST_TOLD else text[: MOST_TOLD - 1] + "…"


def _is_list(route: Route) -> bool:
    return route.method == "GET" and route.operation == "read" and "{" not in route.template


def _asked(route: Route) -> str:
    """Return the path of a route below the store's base address, with what is always said there."""
    below = "/" + route.template.split("/", 2)[2] if route.template.count("/") > 1 else "/"
    return below + ("/" if route.slash else "") + ("?" + urlencode(route.always) if route.always else "")


def _some(values: Sequence[object]) -> tuple[object, ...]:
    """Return a few different values."""
    found: list[object] = []
    for value in values:
        if value is not None and value not in found:
            found.append(value)
        if len(found) == MOST_SAMPLES:
            break
    return tuple(found)
