# SPDX-License-Identifier: Apache-2.0
"""A look at a store, and the dataset's file that comes of it: a new one, or what is new added to the one there is.

1 the store, as gateway.yaml has it or by its address · 2 the look · 3 the file's text · 4 the entry in the log ·
5 the file. Until the fourth nothing is changed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import yaml

from gateway.app.own_stores.discovering import Found, look, look_at
from gateway.app.roads import looks_of, store_of
from gateway.discover.dataset_yaml import dataset_yaml
from gateway.discover.merging import CannotMerge, Merged, merged
from gateway.domain.entry import Changed, Looked
from gateway.domain.errors import SettingsError
from gateway.domain.names import StoreName
from gateway.settings.loading import Settings

MOST_TOLD = 2000


class Recorder(Protocol):
    """Where entries go."""

    async def append(self, body: Changed | Looked) -> object:
        """Enter, durably."""


async def find(
    settings: Settings | None,
    store: StoreName,
    *,
    url: str | None,
    openapi: str | None,
    paths: Sequence[str],
    authorization: str | None,
) -> Found:
    """Return what a store seems to be, reached by its address or as the installation reaches it.

    Raises:
        SettingsError: Nothing says where the store is.
        StoreUnreachable: Nobody answers there.
    """
    if url is not None:
        return await look(url, store, openapi=openapi, paths=paths, authorization=authorization)
    own = settings.stores.get(store) if settings is not None else None
    if settings is None or own is None:
        raise SettingsError(f"where is {store}? Give --url, or name it under `stores` in gateway.yaml")
    return await look_at(store_of(store, own), openapi=openapi, paths=paths, trace=looks_of(settings))


def file_for(settings: Settings, store: StoreName) -> Path:
    """Return the file of a store's dataset: the one that describes it, else one of its name."""
    folder = settings.policies_dir / "datasets"
    for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
        try:
            content = yaml.safe_load(path.read_bytes())
        except (yaml.YAMLError, OSError):
            continue
        listed = content.get("dataset") if isinstance(content, dict) else None
        if any(isinstance(one, dict) and one.get("fides_key") == store for one in listed or ()):
            return path
    return folder / f"{store}.yaml"


def text_for(path: Path, found: Found, *, replace: bool) -> Merged:
    """Return the file as it is to be; of one that is there, with what is new.

    Raises:
        SettingsError: The file is written in a way that nothing can be added to.
    """
    if not path.exists() or replace:
        names = tuple(one.name for one in found.proposal.collections)
        return Merged(text=dataset_yaml(found.proposal), collections=names)
    try:
        return merged(path.read_text("utf-8"), found.proposal)
    except (CannotMerge, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, CannotMerge) else "it is no YAML"
        raise SettingsError(f"{path}: {reason}; change it by hand, or give --replace or --out") from None


async def enter(log: Recorder, store: StoreName, found: Found, written: Merged | None, *, by: str) -> None:
    """Enter that rows of a store were looked at and, where a file will be written, what is new in it."""
    n_rows = sum(len(one.body) for one in found.samples if isinstance(one.body, list | dict))
    await log.append(Looked(by=by, what="store-rows", query=store, rows=n_rows))
    if written is not None and written.is_new:
        facts: dict[str, str | int] = {"n_fields": len(written.fields)}
        for key, names in (
            ("collections", written.collections),
            ("fields", written.fields),
            ("routes", written.routes),
        ):
            if names:
                facts[key] = " ".join(names)[:MOST_TOLD]
        await log.append(Changed(by=by, what="dataset-inferred", target=store, facts=facts))


def write(path: Path, text: str) -> None:
    """Write the file in one step.

    Raises:
        SettingsError: It cannot be written.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_text(text, "utf-8")
        fresh.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o600)
        fresh.rename(path)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None


def n_waiting(found: Found) -> int:
    """Return how many fields a proposal has; each of them awaits review."""
    return sum(len(one.fields) for one in found.proposal.collections)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the command answers in JSON: names and evidence, never a value of the store."""

    store: str
    file: str | None
    described_at: str | None
    proposal: object
    new_collections: tuple[str, ...]
    new_fields: tuple[str, ...]
    new_routes: tuple[str, ...]
    notes: tuple[str, ...]
