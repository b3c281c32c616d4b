# SPDX-License-Identifier: Apache-2.0
"""What rules that were once in force said of recipients and purposes, from the archive.

Only names, titles, grounds and owners are read of them: what was put in force once was checked then, and
need not pass the checks of a newer program to be told of.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from gateway.app.rule_files import RulesArchive
from gateway.domain.errors import SettingsError
from gateway.flows.accesses.ports import PurposeWords, RecipientWords, RuleWords

OWN = "own"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class PastRules:
    """The archive, read once for each digest; satisfies ``flows.accesses.ports.PastRules``."""

    def __init__(self, archive: RulesArchive) -> None:
        """Keep the archive; nothing is read yet."""
        self._archive = archive
        self._read: dict[str, RuleWords | None] = {}

    def words(self, digest: str) -> RuleWords | None:
        """Return what the rules of a digest said; ``None`` where the archive does not have them."""
        if digest not in self._read:
            self._read[digest] = self._words(digest)
        return self._read[digest]

    def _words(self, digest: str) -> RuleWords | None:
        if not digest:
            return None
        try:
            return words_of(self._archive.read(digest))
        except (SettingsError, OSError):
            return None


def words_of(files: Mapping[str, bytes]) -> RuleWords | None:
    """Return what files of rules say of recipients and purposes; ``None`` where they cannot be read."""
    try:
        organisation, purposes = _yaml(files, "organisation.yaml"), _yaml(files, "purposes.yaml")
    except (yaml.YAMLError, ValueError):
        return None
    return RuleWords(
        organisation=str(_table(organisation.get("controller")).get("name", "")),
        recipients={str(one.get("id", "")): _recipient(one) for one in _tables(organisation.get("recipients"))},
        purposes={str(one.get("key", "")): _purpose(one) for one in _tables(purposes.get("purposes"))},
    )


def _recipient(one: Mapping[str, Any]) -> RecipientWords:
    return RecipientWords(legal_name=str(one.get("legal_name", "")), is_own=one.get("role") == OWN)


def _purpose(one: Mapping[str, Any]) -> PurposeWords:
    title = {str(language): str(sentence) for language, sentence in _table(one.get("title")).items()}
    return PurposeWords(title=title, ground=str(one.get("ground", "")), owner=str(one.get("owner", "")))


def _yaml(files: Mapping[str, bytes], name: str) -> Mapping[str, Any]:
    return _table(yaml.load(files.get(name, b""), Loader=_LOADER))  # noqa: S506 - a safe one


def _table(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _tables(found: Any) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
