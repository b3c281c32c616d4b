# SPDX-License-Identifier: Apache-2.0
"""From what a store says of itself, and from sample answers, to a dataset as it is proposed. Pure.

RULES

1. Calls come from the document; what it does not describe comes from the samples. Calls on one list are one collection.
2. What cannot be declared is told and left out, so the gateway refuses or drops it. Nothing is made up to fit.
3. Nothing proposed is reviewed: no value leaves on the strength of a guess.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gateway.discover.categorise import Described, field_of
from gateway.discover.columns import Column, columns_of, rows_too_deep
from gateway.discover.draft import DraftRoute, collection_name, fits, list_path, template_of
from gateway.discover.kinship import Kin, related, subject_of
from gateway.discover.openapi import Document, read_openapi
from gateway.discover.presidio import observed
from gateway.discover.routing import routes_of
from gateway.discover.sample import Sample
from gateway.domain.catalog import FieldType, Route
from gateway.domain.names import DatasetName, FieldName, StoreName
from gateway.domain.proposal import CollectionProposal, DatasetProposal, FieldProposal

MOST_COLLECTIONS = 100


class _Draft(msgspec.Struct, kw_only=True):
    """One collection in the making."""

    name: str
    calls: list[DraftRoute]
    columns: dict[str, Column] = {}
    described: dict[str, Described] = {}
    problems: list[str] = []


def propose(store: StoreName, openapi: Mapping[str, object] | None, samples: Sequence[Sample]) -> DatasetProposal:
    """Return what the store seems to hold and how it seems to be asked; nothing of it is reviewed.

    Args:
        store: Its name at the gateway: the first segment of its paths.
        openapi: Decoded document (2.0, 3.0, 3.1) whose ``paths`` are below the store's base URL.
        samples: Answers of it; without a document, routes are found in them alone.
    """
    document = read_openapi(openapi) if openapi is not None else Document(title="", routes=())
    problems = list(document.unsupported)
    calls = _calls(store, document, samples, problems)
    drafts = [draft for draft in _drafts(calls) if _fill(draft, problems)]
    kin = [_kin(draft) for draft in drafts]
    fields = related(store, kin)
    collections: list[CollectionProposal] = []
    for draft, one in zip(drafts, kin, strict=True):
        others = [route for other in collections for route in other.routes]
        collections.append(_collection(store, draft, one, fields[one.name], kin, others))
    return DatasetProposal(
        store=store,
        title=document.title or str(store),
        collections=tuple(one for one in collections if one.routes),
        unsupported=tuple(dict.fromkeys([*problems, *_without_routes(collections)])),
    )


def _calls(store: StoreName, document: Document, samples: Sequence[Sample], problems: list[str]) -> list[DraftRoute]:
    """Return the calls that the document describes and, behind them, those that samples alone show."""
    found = []
    left = list(samples)
    for one in document.routes:
        template = template_of(store, one.path)
        if template is None:
            problems.append(f"`{one.method} {one.path[:80]}`: its path is not canonical, so no route can name it")
            continue
        asked = [sample for sample in left if one.method == "GET" and fits(one.path, sample.path)]
        left = [sample for sample in left if sample not in asked]
        found.append(
            DraftRoute(
                method=one.method,
                template=template[0],
                braces=template[1],
                path=one.path,
                answer=one.answer,
                described=one,
                asked=tuple(asked),
            )
        )
    return [*found, *_sampled(store, left, problems)]


def _sampled(store: StoreName, samples: Sequence[Sample], problems: list[str]) -> Iterable[DraftRoute]:
    by_path: dict[str, list[Sample]] = {}
    for sample in samples:
        by_path.setdefault(sample.path, []).append(sample)
    for path, asked in by_path.items():
        end = "/" if path.endswith("/") else ""
        parent, _, last = path.removesuffix("/").rpartition("/")
        is_record = parent + end in by_path and isinstance(asked[0].body, dict) and last in _keys_of(asked[0].body)
        template = template_of(store, f"{parent}/{{id}}{end}" if is_record else path)
        if template is None:
            problems.append(f"`GET {path[:80]}`: its path is not canonical, so no route can name it")
            continue
        call = DraftRoute(
            method="GET",
            template=template[0],
            braces=template[1],
            path=f"{parent}/{{id}}{end}" if is_record else path,
            answer=None,
            asked=tuple(asked),
        )
        rows = call.rows
        if rows:
            yield msgspec.structs.replace(call, answer=rows[0].shape)
        else:
            problems.append(f"`GET {path[:80]}`: {_no_rows(asked)}")


def _no_rows(asked: Sequence[Sample]) -> str:
    deep = next((found for one in asked if (found := rows_too_deep(one.body)) is not None), None)
    if deep is None:
        return "where the rows stand in its answer cannot be told"
    return f"its rows stand in `{deep}`, and only the answer itself or one member of it can hold rows"


def _keys_of(record: Mapping[str, object]) -> frozenset[str]:
    return frozenset(
        str(value) for value in record.values() if isinstance(value, str | int) and not isinstance(value, bool)
    )


def _drafts(calls: Sequence[DraftRoute]) -> list[_Draft]:
    by_list: dict[str, _Draft] = {}
    for call in calls:
        key = list_path(call.path)
        if key not in by_list:
            if len(by_list) >= MOST_COLLECTIONS:
                continue
            taken = [draft.name for draft in by_list.values()]
            by_list[key] = _Draft(
                name=collection_name(call.path, taken), calls=[], columns={}, described={}, problems=[]
            )
        by_list[key].calls.append(call)
    return list(by_list.values())


def _fill(draft: _Draft, problems: list[str]) -> bool:
    """Gather the fields of a collection; false where it has none."""
    reading = [call for call in draft.calls if call.method == "GET" or call.is_search]
    for call in sorted(reading, key=lambda call: call.answer is not None and call.answer.kind == "record"):
        described = call.described
        for field in described.fields if described else ():
            draft.described.setdefault(field.name, field)
        draft.problems += described.unsupported if described else ()
        # Trials ask for the same rows again: the longest answer alone counts, or keys would seem to come twice.
        rows = max((found.rows for found in call.rows), key=len, default=())
        columns, told = columns_of(rows)
        draft.problems += told
        for column in columns:
            if column.name not in draft.columns or not draft.columns[column.name].values:
                draft.columns[column.name] = column
    if not draft.described and not draft.columns:
        paths = ", ".join(f"`{call.method} {call.path[:60]}`" for call in draft.calls[:3])
        problems.append(f"{paths}: nothing is known of its rows, so it is left out")
        return False
    return True


def _kin(draft: _Draft) -> Kin:
    names = list(dict.fromkeys([*draft.described, *draft.columns]))
    # A name may be a value in one place and an object in another.
    names = [name for name in names if not any(other.startswith(name + ".") for other in names)]
    fields: dict[FieldName, FieldProposal] = {}
    for name in names:
        column = draft.columns.get(name)
        extra = observed(column) if column is not None else ()
        fields[FieldName(name)] = field_of(column, draft.described.get(name), extra)
    return Kin(name=draft.name, fields=fields, columns=draft.columns)


def _collection(
    store: StoreName,
    draft: _Draft,
    one: Kin,
    fields: dict[FieldName, FieldProposal],
    kin: Sequence[Kin],
    others: Sequence[Route],
) -> CollectionProposal:
    subject = subject_of(store, one, fields, kin)
    if subject is not None:
        name, kind = subject
        fields[name] = msgspec.structs.replace(
            fields[name], identifies=True, join_domain=fields[name].join_domain or str(kind)
        )
    told: list[str] = list(draft.problems)
    routes = routes_of(draft.calls, DatasetName(f"{store}.{draft.name}"), fields, others, told)
    return CollectionProposal(
        name=draft.name,
        fields=tuple(fields.values()),
        routes=tuple(routes),
        subject=subject,
        birth_date=_first(fields, "user.demographic.date_of_birth", FieldType.DATE),
        region=_first(fields, "user.contact.address.country", FieldType.TEXT),
        unsupported=tuple(dict.fromkeys(told)),
    )


def _first(fields: Mapping[FieldName, FieldProposal], category: str, type_: FieldType) -> FieldName | None:
    return next((name for name, one in fields.items() if category in one.categories and one.type is type_), None)


def _without_routes(collections: Iterable[CollectionProposal]) -> list[str]:
    return [
        f"`{one.name}` has no call that can be declared: {'; '.join(one.unsupported[:3])}"
        for one in collections
        if not one.routes
    ]
