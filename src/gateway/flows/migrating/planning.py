# SPDX-License-Identifier: Apache-2.0
"""By which declared routes a dataset can be turned over: a list, an update of one record, and its reading.

RULES

1. No road but declared routes is taken. What they do not allow is said, with what to declare.
2. A record is addressed by fields that are not turned over, and written to by some of its fields alone: a route
   that takes whole records would write what a migration has not read.
3. Of several lists the one is taken on which rows cannot be skipped while others change them: by a filter on the
   key in its order, then by the store's own continuation, then by offset, then by page.
"""

from collections.abc import Iterable, Sequence

import msgspec

from gateway.domain.catalog import BodyKind, Catalog, Collection, FieldSpec, Honoured, Route
from gateway.domain.errors import SettingsError
from gateway.domain.names import DatasetName, FieldName
from gateway.domain.parameters import (
    Comparison,
    CursorParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    PageParameter,
    SortParameter,
    SortStyle,
    filters_of,
)

SOME_FIELDS = (BodyKind.FIELDS, BodyKind.MERGE_PATCH)
LISTS = ("array", "object", "ndjson", "csv")


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """How a list is gone through.

    Attributes:
        kind: ``keyset``, ``cursor``, ``offset``, ``page`` or ``whole``.
        limit / place: Parameters with the length and the beginning of a page.
        sort: Parameter that orders by the key, with what it says.
        most: Rows of a page at most.
        repeats: Of a keyset: the row that the page begins behind comes once more.
    """

    kind: str
    route: Route
    limit: str = ""
    place: FieldName | str = ""
    sort: tuple[str, str] | None = None
    most: int = 1000
    spelling: str = "{}"
    repeats: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is turned over, and by which routes.

    Attributes:
        keys: Fields that the path of a record is made of, in its order.
        record: Reads one record; ``None`` where nothing is declared that does.
    """

    collection: Collection
    fields: tuple[FieldSpec, ...]
    keys: tuple[FieldName, ...]
    walk: Walk
    update: Route
    record: Route | None

    @property
    def dataset(self) -> DatasetName:
        """The dataset."""
        return self.collection.dataset

    @property
    def names(self) -> tuple[FieldName, ...]:
        """Names of the fields."""
        return tuple(spec.name for spec in self.fields)

    @property
    def is_conditional(self) -> bool:
        """Tell whether a change that somebody else makes meanwhile cannot be lost."""
        return self.record is not None and Honoured.IF_MATCH in self.update.honours


def plan_of(catalog: Catalog, dataset: str, fields: Sequence[str] = ()) -> Plan:
    """Return how a dataset is turned over.

    Args:
        catalog: The rules' own.
        dataset: Its name.
        fields: Names of fields; all that are at rest if there are none.

    Raises:
        SettingsError: It cannot be, with what is missing.
    """
    collection = catalog.collections.get(DatasetName(dataset))
    if collection is None:
        raise SettingsError(f"there is no dataset {dataset}; `gateway dataset list` shows them")
    specs = _fields(collection, fields)
    routes = [route for route in catalog.routes if route.dataset == dataset]
    update, keys = _update(dataset, routes, specs)
    return Plan(
        collection=collection,
        fields=specs,
        keys=keys,
        walk=_walk(dataset, routes, keys),
        update=update,
        record=_record(routes, update),
    )


def _fields(collection: Collection, names: Sequence[str]) -> tuple[FieldSpec, ...]:
    at_rest = {spec.name: spec for spec in collection.fields if spec.at_rest is not None}
    if not at_rest:
        raise SettingsError(f"no field of {collection.dataset} is declared `at_rest`, so there is nothing to turn over")
    for name in names:
        if FieldName(name) not in at_rest:
            raise SettingsError(f"{name} is not declared `at_rest` in {collection.dataset}; {', '.join(at_rest)} are")
    return tuple(spec for name, spec in at_rest.items() if not names or name in names)


def _update(dataset: str, routes: Iterable[Route], specs: Sequence[FieldSpec]) -> tuple[Route, tuple[FieldName, ...]]:
    """Return the route that changes some fields of one record, and the fields that its path is made of."""
    nested = any("." in spec.name for spec in specs)
    for route in routes:
        keys = _path_fields(route)
        kind = None if route.body is None else route.body.kind
        if route.operation != "update" or kind not in SOME_FIELDS or not keys:
            continue
        if nested and kind is not BodyKind.MERGE_PATCH:
            continue
        if not set(keys) & {spec.name for spec in specs}:
            return route, keys
    merge = "of body kind `merge-patch`" if nested else "of body kind `fields` or `merge-patch`"
    raise SettingsError(
        f"{dataset} has no route with operation `update` {merge} whose path names a record by fields that are not "
        "turned over; declare one, such as `PATCH /store/people/{id}`"
    )


def _path_fields(route: Route) -> tuple[FieldName, ...]:
    """Return the fields of a path in its order; nothing where one of them is no equality."""
    found: list[FieldName] = []
    for segment in route.template.split("/"):
        if segment.startswith("{"):
            parameter = route.parameters.get(segment[1:-1])
            if not isinstance(parameter, FilterParameter) or parameter.comparison is not Comparison.EQUAL:
                return ()
            found.append(parameter.field)
    return tuple(found)


def _record(routes: Iterable[Route], update: Route) -> Route | None:
    for route in routes:
        if (route.method, route.template, route.answer.kind) == ("GET", update.template, "record"):
            return route
    return None


def _walk(dataset: str, routes: Sequence[Route], keys: Sequence[FieldName]) -> Walk:
    lists = [
        route for route in routes if route.method == "GET" and route.answer.kind in LISTS and "{" not in route.template
    ]
    found = [walk for route in lists for walk in _walks(route, keys)]
    order = ("keyset", "cursor", "offset", "page", "whole")
    if not found:
        posted = [route.template for route in routes if route.method == "POST" and route.answer.kind in LISTS]
        behind = f" but by `POST {posted[0]}`, whose pages nobody can be sure to have seen all of" if posted else ""
        raise SettingsError(
            f"{dataset} has no route that lists its rows{behind}; declare one, such as `GET /store/people`"
        )
    return min(found, key=lambda walk: (order.index(walk.kind), walk.sort is None))


def _walks(route: Route, keys: Sequence[FieldName]) -> Iterable[Walk]:
    limit = next(
        ((name, one) for name, one in route.parameters.items() if isinstance(one, LimitParameter)),
        ("", LimitParameter()),
    )
    base = Walk(kind="whole", route=route, limit=limit[0], most=limit[1].most)
    order = _order(route, keys[0]) if len(keys) == 1 else None
    if order is not None and limit[0]:
        sorted_ = msgspec.structs.replace(base, sort=order)
        for name, parameter in route.parameters.items():
            for one in filters_of(parameter):
                if one.field == keys[0] and not one.bands and one.comparison in (Comparison.MORE, Comparison.AT_LEAST):
                    repeats = one.comparison is Comparison.AT_LEAST
                    yield msgspec.structs.replace(
                        sorted_, kind="keyset", place=name, spelling=one.value, repeats=repeats
                    )
        base = sorted_
    for name, parameter in route.parameters.items():
        if isinstance(parameter, CursorParameter) and route.answer.next is not None:
            yield msgspec.structs.replace(base, kind="cursor", place=name)
        elif isinstance(parameter, OffsetParameter) and limit[0]:
            yield msgspec.structs.replace(base, kind="offset", place=name)
        elif isinstance(parameter, PageParameter) and limit[0]:
            yield msgspec.structs.replace(base, kind="page", place=name)
    yield base


def _order(route: Route, key: FieldName) -> tuple[str, str] | None:
    """Return the parameter that orders rows by the key, upwards, and what it says."""
    for name, parameter in route.parameters.items():
        if isinstance(parameter, SortParameter) and key in parameter.fields:
            if parameter.style is SortStyle.DOT:
                return name, f"{key}.asc"
            if parameter.style in (SortStyle.MINUS, SortStyle.ASCENDING, SortStyle.APART):
                return name, str(key)
    return None
