# SPDX-License-Identifier: Apache-2.0
"""Tracing joined to an installation: every scope that its rules, past and present, its keys and its log know.

Rules are read for what tracing needs of them and nothing else: what was put in force once was checked then, and
need not pass the checks of a newer program.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

import msgspec
import yaml

from gateway.app.evidence.incidents import people_behind, people_index
from gateway.app.installation import Rooms
from gateway.app.joins import SurrogateKeyring
from gateway.app.rule_files import read_folder
from gateway.domain.errors import SettingsError
from gateway.domain.log_index import Use
from gateway.domain.log_query import LogQuery
from gateway.domain.names import IdentityKind, JoinDomain
from gateway.domain.wording import counted
from gateway.flows.tracing.flow import Tracing
from gateway.flows.tracing.ports import Tokens
from gateway.flows.tracing.values import Known
from gateway.keys import envelope
from gateway.keys.keyring import KeyState
from gateway.store.vault import Vault
from gateway.transform.tracing import MOST_TRIES, Tracer

OUTGOING, STORED = "surrogate/", "at-rest/"
LINKING = JoinDomain("devices")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Gathered(msgspec.Struct, kw_only=True):
    """What files of rules say of scopes, over all of them."""

    classes: dict[str, set[str]] = {}
    recipients: dict[str, None] = {}
    subjects: dict[JoinDomain, set[IdentityKind]] = {}
    fields: dict[JoinDomain, set[tuple[str, str]]] = {}
    n_rule_sets_unread: int = 0
    n_files_unread: int = 0

    def remarks(self) -> tuple[str, ...]:
        """Return what was passed over, as sentences."""
        passed = ((self.n_rule_sets_unread, "rule set"), (self.n_files_unread, "rule file"))
        return tuple(
            f"{counted(n, what)} of this installation could not be read: scopes that stand there alone were not tried"
            for n, what in passed
            if n
        )

    def take(self, files: Mapping[str, bytes]) -> None:
        """Take the files of one rule set; what cannot be read says nothing, and is counted."""
        for one in _tables(self._yaml(files, "purposes.yaml").get("purposes")):
            key = str(one.get("key", ""))
            self.classes.setdefault(str(one.get("key_class") or key), set()).add(key)
        for one in _tables(self._yaml(files, "organisation.yaml").get("recipients")):
            self.recipients[str(one.get("id", ""))] = None
        for name in files:
            if name.startswith("datasets/"):
                for dataset in _tables(self._yaml(files, name).get("dataset")):
                    for collection in _tables(dataset.get("collections")):
                        self._collection(f"{dataset.get('fides_key')}.{collection.get('name')}", collection)

    def _yaml(self, files: Mapping[str, bytes], name: str) -> Mapping[str, Any]:
        try:
            return _table(yaml.load(files.get(name, b""), Loader=_LOADER))  # noqa: S506 - a safe one
        except (yaml.YAMLError, ValueError):
            self.n_files_unread += 1
            return {}

    def _collection(self, dataset: str, collection: Mapping[str, Any]) -> None:
        subject = _table(_table(collection.get("gateway")).get("subject"))
        for name, field in _named(collection, ""):
            ours = _table(field.get("gateway"))
            said = ours.get("join_domain") or _table(ours.get("at_rest")).get("domain")
            domain = JoinDomain(str(said or (LINKING if ours.get("links") else f"{dataset}.{name}")))
            self.fields.setdefault(domain, set()).add((dataset, name))
            if subject.get("field") == name and subject.get("identity"):
                self.subjects.setdefault(domain, set()).add(IdentityKind(str(subject["identity"])))


@asynccontextmanager
async def tracing(rooms: Rooms, *, is_thorough: bool, from_files: bool) -> AsyncIterator[Tracing]:
    """Yield what traces lists in an installation.

    Args:
        is_thorough: Try every scope for every cell.
        from_files: Use no index of the log.
    """
    gathered = Gathered()
    for files in _every_rules(rooms, gathered):
        gathered.take(files)
    async with people_index(rooms.settings, is_used=not from_files) as index:
        uses = [] if index is None else list((await index.uses(LogQuery())).values())
        outgoing = _versions(rooms, OUTGOING)
        yield Tracing(
            tracer=Tracer(
                SurrogateKeyring(rooms.keyring),
                outgoing,
                _versions(rooms, STORED),
                scopes_of(gathered, uses),
                most_tries=None if is_thorough else MOST_TRIES,
            ),
            known=known_of(gathered, _made_us(rooms)),
            people=rooms.people,
            tokens=_vault(rooms),
            merges=people_behind(rooms),
            index=index,
            logs=rooms.settings.state / "log",
            recorder=rooms.log,
            clock=rooms.clock,
            remarks=gathered.remarks(),
        )


def scopes_of(gathered: Gathered, uses: list[Use]) -> Iterator[tuple[str, str]]:
    """Yield key class and recipient of every scope: those that the log knows first, then all that rules allow."""
    class_of: dict[str, set[str]] = {}
    for key_class, purposes in gathered.classes.items():
        for purpose in purposes:
            class_of.setdefault(purpose, set()).add(key_class)
    recipients = dict.fromkeys([*gathered.recipients, *(use.recipient for use in uses if use.recipient)])
    for use in uses:
        for key_class in sorted({*class_of.get(use.purpose, ()), use.purpose} - {""}):
            yield key_class, use.recipient
    yield from product(gathered.classes, recipients)


def known_of(gathered: Gathered, made_us: Mapping[JoinDomain, Mapping[int, int]]) -> Known:
    """Return the same as a value."""
    return Known(
        classes={key: frozenset(those) for key, those in gathered.classes.items()},
        subjects={key: frozenset(those) for key, those in gathered.subjects.items()},
        fields={key: frozenset(those) for key, those in gathered.fields.items()},
        made_us=made_us,
    )


def _every_rules(rooms: Rooms, gathered: Gathered) -> Iterator[Mapping[str, bytes]]:
    """Yield the files of every rule set that is kept, newest first, then those of the folder; count what cannot be."""
    kept = sorted((rooms.settings.state / "rules").glob("*.tar"), key=lambda path: -path.stat().st_mtime_ns)
    for path in kept:
        try:
            yield rooms.archive.read(path.stem)
        except (SettingsError, OSError):
            gathered.n_rule_sets_unread += 1
    try:
        yield read_folder(rooms.settings.policies_dir)
    except SettingsError:
        gathered.n_rule_sets_unread += 1


def _versions(rooms: Rooms, prefix: str) -> dict[JoinDomain, tuple[int, ...]]:
    """Return by join domain the versions of its key that are not shredded."""
    return {
        JoinDomain(label.removeprefix(prefix)): tuple(
            one.version for one in rooms.keyring.versions(label) if one.state is not KeyState.SHREDDED
        )
        for label in rooms.keyring.labels()
        if label.startswith(prefix)
    }


def _made_us(rooms: Rooms) -> dict[JoinDomain, dict[int, int]]:
    return {
        JoinDomain(label.removeprefix(OUTGOING)): {one.version: one.created_us for one in rooms.keyring.versions(label)}
        for label in rooms.keyring.labels()
        if label.startswith(OUTGOING)
    }


def _vault(rooms: Rooms) -> Tokens:
    return Vault(rooms.store, rooms.keyring, envelope)


def _named(collection: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for field in _tables(collection.get("fields")):
        name = f"{prefix}{field.get('name')}"
        if field.get("fields"):
            yield from _named(field, f"{name}.")
        else:
            yield name, field


def _table(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _tables(found: Any) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
