# SPDX-License-Identifier: Apache-2.0
"""What rules in force declared of columns at rest, so that no later rules forget it.

RULES

1. From the moment that rules are in force which declare a field ``at_rest``, records are written sealed, so its column
   may hold surrogates. Its kind and its join domain are remembered from then on.
2. Rules that would read such a column in another way cannot be put in force: nobody could tell any more that what
   stands in a row is a surrogate, and it would leave as it stands.
3. A column is let go when a whole walk has turned it back. While it goes back, records are written in clear.
4. What is remembered lies in the database. In one that was put back, what its rules in force declare is remembered anew.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

from gateway.app.columns import KnownColumns
from gateway.domain.catalog import AtRest, Catalog, FieldSpec
from gateway.domain.errors import RuleProblem
from gateway.domain.names import DatasetName, FieldName
from gateway.domain.turning import Turn
from gateway.store.meta import Meta

DECLARED = "at-rest"
"""Fact that holds the columns which may hold surrogates."""


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a column may hold.

    Attributes:
        domain: Join domain of the field.
    """

    kind: AtRest
    domain: str


_Columns = dict[str, dict[str, Declared]]


class DeclaredColumns:
    """The columns that may hold surrogates, whatever the rules say today."""

    def __init__(self, meta: Meta, known: KnownColumns) -> None:
        """Keep where it is remembered, and what is known of the columns besides."""
        self._meta, self._known = meta, known

    async def forgotten(self, catalog: Catalog, files: Mapping[str, bytes]) -> tuple[RuleProblem, ...]:
        """Return a problem for each column that rules would take for another than it is.

        Args:
            catalog: Of rules that are about to be put in force.
            files: That they were read from, to say where the field stands.
        """
        found = []
        columns = await self._read()
        for dataset, field, spec in _fields(catalog):
            declared = columns.get(dataset, {}).get(field)
            if declared is not None and declared != _declared(spec):
                file, line = place_of(files, dataset, field)
                found.append(RuleProblem(file, line, _sentence(dataset, field, declared)))
        return tuple(found)

    async def remember(self, catalog: Catalog) -> None:
        """Remember what rules in force declare, but of columns that are being turned back."""
        await self._known.refresh()
        columns = await self._read()
        more = {
            (dataset, field): found
            for dataset, field, spec in _fields(catalog)
            if (found := _declared(spec)) is not None and self._known.of(dataset, field).turn is not Turn.BACK
        }
        await self._write(columns, more)

    async def hold(self, dataset: DatasetName, fields: Iterable[FieldSpec]) -> None:
        """Remember fields whose column is about to be turned over."""
        more = {(dataset, spec.name): found for spec in fields if (found := _declared(spec)) is not None}
        await self._write(await self._read(), more)

    async def let_go(self, dataset: DatasetName, fields: Iterable[FieldName]) -> None:
        """Forget fields whose column was turned back by a whole walk."""
        columns = await self._read()
        gone = set(map(str, fields))
        columns[dataset] = {field: one for field, one in columns.get(dataset, {}).items() if field not in gone}
        await self._meta.write(DECLARED, msgspec.json.encode(columns).decode())

    async def _read(self) -> _Columns:
        text = await self._meta.read(DECLARED)
        return {} if text is None else msgspec.json.decode(text, type=_Columns)

    async def _write(self, columns: _Columns, more: Mapping[tuple[DatasetName, FieldName], Declared]) -> None:
        new = {place: found for place, found in more.items() if columns.get(place[0], {}).get(place[1]) != found}
        if not new:
            return
        for (dataset, field), found in new.items():
            columns.setdefault(dataset, {})[field] = found
        await self._meta.write(DECLARED, msgspec.json.encode(columns).decode())


def place_of(files: Mapping[str, bytes], dataset: DatasetName, field: FieldName) -> tuple[str, int]:
    """Return the file and the line where a collection declares a field, as well as its text tells."""
    store, _, collection = dataset.partition(".")
    for name, content in sorted(files.items()):
        lines = content.decode("utf-8", "replace").splitlines()
        if not name.startswith("datasets/") or not any(_says(line, "fides_key", store) for line in lines):
            continue
        begins = next((n for n, line in enumerate(lines) if _says(line, "name", collection)), None)
        if begins is None:
            continue
        last = field.rpartition(".")[2]
        return name, next(
            (n for n, line in enumerate(lines[begins:], begins + 1) if _says(line, "name", last)), begins + 1
        )
    return "datasets", 1


def _says(line: str, key: str, value: str) -> bool:
    return re.search(rf"\b{key}:\s*[\"']?{re.escape(value)}[\"']?\s*([,}}#]|$)", line) is not None


def _fields(catalog: Catalog) -> Iterable[tuple[DatasetName, FieldName, FieldSpec]]:
    for collection in catalog.collections.values():
        for spec in collection.fields:
            yield collection.dataset, spec.name, spec


def _declared(spec: FieldSpec) -> Declared | None:
    return None if spec.at_rest is None else Declared(spec.at_rest, str(spec.join_domain))


def _sentence(dataset: DatasetName, field: FieldName, declared: Declared) -> str:
    return (
        f"the store may hold surrogates in {dataset}.{field}, which was declared at_rest: {{domain: {declared.domain}, "
        f"kind: {declared.kind}}}; leave that in, turn the column back with `gateway surrogate migrate {dataset} "
        f"--field {field} --back`, and take it out when that has ended"
    )
