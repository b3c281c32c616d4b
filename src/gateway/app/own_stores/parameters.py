# SPDX-License-Identifier: Apache-2.0
"""Parameters tried on a store that says nothing of them: limits, offsets, pages, cursors, orders, filters, records.

Each is tried with a value that no row has, a number of rows, or what the store says of where it goes on; one by one, until one has a meaning. What has
one is told from the answers (``discover.trials``), here and in the proposal alike.
"""

from collections.abc import Iterable, Mapping

from gateway.app.own_stores.looking import Looker, Query
from gateway.discover.columns import columns_of, rows_in
from gateway.discover.draft import last_of
from gateway.discover.kinship import singular
from gateway.discover.meanings import NAME_IN_QUERY, folded
from gateway.discover.sample import Sample
from gateway.discover.styles import style_in
from gateway.discover.trials import NO_DAY, NO_NUMBER, NO_VALUE, continuation, parameters_tried
from gateway.discover.types import type_of
from gateway.domain.catalog import FieldType

LIMITS = ("limit", "per_page", "page_size", "size", "pageSize", "perPage", "top", "take")
OFFSETS = ("offset", "skip", "start")
PAGES = ("page", "page_number", "pageNumber")
CURSORS = ("cursor", "after", "page_token", "pageToken", "next", "continuation", "starting_after")
SORTS = ("sort", "order_by", "ordering", "sort_by")
MOST_LISTS = 8
MOST_FILTERS = 24

_NONE = {FieldType.INTEGER: NO_NUMBER, FieldType.DATE: NO_DAY, FieldType.TEXT: NO_VALUE}
_KEYS = ("id", "_id", "uid", "uuid", "ID", "Id", "key")


async def try_parameters(looker: Looker) -> None:
    """Try parameters on every list that was seen, the first ones alone if there are many."""
    lists = [one for one in looker.samples if rows_of(one)][:MOST_LISTS]
    for plain in lists:
        if not plain.query and not await _json_server(looker, plain):
            await _try_on(looker, plain)
        await _try_record(looker, plain)


def rows_of(one: Sample) -> tuple[Mapping[str, object], ...]:
    """Return the rows of a list; nothing of a record."""
    found = rows_in(one.body, last_of(one.path))
    return found.rows if found is not None and found.shape.kind != "record" else ()


async def _json_server(looker: Looker, plain: Sample) -> bool:
    """Tell whether the store speaks as json-server does, so that nothing more need be tried."""
    for query in ((("_limit", "100"),), (("_page", "1"), ("_per_page", "100"))):
        one = await looker.sample(plain.path, query, quiet=True)
        if one is not None and style_in(one) is not None:
            return True
        if one is not None:
            looker.samples.remove(one)
    return False


async def _try_on(looker: Looker, plain: Sample) -> None:
    rows = rows_of(plain)
    limit = await _first(looker, plain, [((name, "1"),) for name in LIMITS]) if len(rows) > 1 else None
    if len(rows) > 1:
        await _try_to_go_on(looker, plain, limit)
    columns, _ = columns_of(rows)
    names = [column.name for column in columns if "." not in column.name and len(set(column.texts)) > 1]
    if names:
        await _first(looker, plain, [((name, f"-{names[0]}"),) for name in SORTS])
    for column in columns[:MOST_FILTERS]:
        value = _NONE.get(type_of(column))
        if value is not None and column.values and "." not in column.name and NAME_IN_QUERY.match(column.name):
            await looker.sample(plain.path, ((column.name, value),), quiet=True)


async def _try_to_go_on(looker: Looker, plain: Sample, limit: str | None) -> None:
    """Try by how many rows, by which page, or by which words of its own a list goes on."""
    if await _first(looker, plain, [((name, "1"),) for name in OFFSETS]) is not None:
        return
    if limit and await _first(looker, plain, [((name, "2"), (limit, "1")) for name in PAGES]) is not None:
        return
    told = continuation(plain)
    if told is not None:
        await _first(looker, plain, [((name, told),) for name in CURSORS])


async def _first(looker: Looker, plain: Sample, queries: Iterable[Query]) -> str | None:
    """Return the first parameter of these that means something."""
    for query in queries:
        one = await looker.sample(plain.path, query, quiet=True)
        if one is not None and parameters_tried((plain, one)):
            return query[0][0]
    return None


async def _try_record(looker: Looker, plain: Sample) -> None:
    """See whether the first row has a path of its own."""
    row = rows_of(plain)[0]
    owner = folded(singular(last_of(plain.path).removesuffix(".json")))
    own = [name for name in row if folded(name) in (f"{owner}id", f"{owner}no", f"{owner}key")]
    for name in (*_KEYS, *own):
        key = row.get(name)
        if isinstance(key, str | int) and not isinstance(key, bool) and 0 < len(str(key)) <= 64 and "/" not in str(key):
            end = "/" if plain.path.endswith("/") else ""
            await looker.sample(f"{plain.path.removesuffix('/')}/{key}{end}", quiet=True)
            return
