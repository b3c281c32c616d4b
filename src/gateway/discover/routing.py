# SPDX-License-Identifier: Apache-2.0
"""From a call in the making to the route that a catalogue holds, or to the sentence that says why there is none."""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.discover.draft import DraftRoute, collection_name
from gateway.discover.kinship import singular
from gateway.discover.meanings import body_parameters, brace_field, query_parameters
from gateway.discover.openapi import DescribedParameter
from gateway.discover.styles import spoken, style_of
from gateway.discover.trials import parameters_tried
from gateway.domain.catalog import AnswerShape, BodyKind, BodyShape, Route
from gateway.domain.names import DatasetName, FieldName
from gateway.domain.parameters import FieldsParameter, FilterParameter, Parameter
from gateway.domain.proposal import FieldProposal

Fields = Mapping[FieldName, FieldProposal]


def routes_of(
    calls: Sequence[DraftRoute], dataset: DatasetName, fields: Fields, others: Sequence[Route], told: list[str]
) -> list[Route]:
    """Return the routes of a collection, and add to ``told`` what cannot be declared.

    Args:
        calls: Of the collection.
        dataset: Its name.
        fields: Those of its rows.
        others: Routes of the store that are there already: no path may be matched by two.
        told: Sentences so far.
    """
    routes: list[Route] = []
    for call in calls:
        at = f"`{call.method} {call.template}`"
        in_path = _in_path(call, fields)
        if in_path is None:
            told.append(f"{at}: what its path names is no field of the rows")
        elif any(_overlaps(call, other) for other in (*others, *routes)):
            told.append(f"{at}: another route answers the same paths")
        else:
            problems: list[str] = []
            route = _route(call, dataset, fields, in_path, problems)
            if route is not None:
                routes.append(msgspec.structs.replace(route, slash=call.path.endswith("/")))
            told += [f"{at}: {problem}" for problem in problems]
    return routes


def _overlaps(call: DraftRoute, other: Route) -> bool:
    """Tell whether two routes cannot stand side by side: one path and method, or one brace under two names."""
    if call.method == other.method:
        left, right = call.template.split("/"), other.template.split("/")
        return len(left) == len(right) and all(a == b or "{" in a + b for a, b in zip(left, right, strict=True))
    return call.template != other.template and _shape(call.template) == _shape(other.template)


def _shape(template: str) -> list[str]:
    return ["{}" if segment.startswith("{") else segment for segment in template.split("/")]


def _in_path(call: DraftRoute, fields: Fields) -> dict[str, Parameter] | None:
    owner = singular(collection_name(call.path))
    found: dict[str, Parameter] = {}
    for name, said in call.braces:
        field = brace_field(said, fields, owner)
        if field is None:
            return None
        found[name] = FilterParameter(field)
    return found


def _route(
    call: DraftRoute, dataset: DatasetName, fields: Fields, in_path: dict[str, Parameter], told: list[str]
) -> Route | None:
    if call.method == "GET":
        return _reading(call, dataset, fields, in_path, told)
    if call.is_search:
        return _search(call, dataset, fields, in_path, told)
    return _writing(call, dataset, fields, in_path, told)


def _reading(
    call: DraftRoute, dataset: DatasetName, fields: Fields, in_path: dict[str, Parameter], told: list[str]
) -> Route | None:
    shape = call.answer
    if call.rows and (shape is None or shape.kind != call.rows[0].shape.kind):
        shape = call.rows[0].shape
    if shape is None:
        told.append("its answer is no JSON with rows that a route could say")
        return None
    if shape.kind == "record":
        if not in_path:
            told.append("one object without a `{name}` in the path: a record is found by its path")
            return None
        return Route(
            method="GET",
            template=call.template,
            operation="read",
            dataset=dataset,
            answer=AnswerShape(kind="record"),
            parameters=in_path,
        )
    style = style_of(call)
    if style is not None:
        parameters, shape, always = spoken(style, fields)
        return Route(
            method="GET",
            template=call.template,
            operation="read",
            dataset=dataset,
            answer=shape,
            parameters={**in_path, **parameters},
            always=always,
        )
    said = [one for one in call.described.parameters if one.place == "query"] if call.described else []
    known = {one.name for one in said}
    said += [one for one in parameters_tried(call.asked) if one.name not in known]
    parameters, shape, problems = query_parameters(said, fields, _whole(shape, call))
    told += problems
    return Route(
        method="GET",
        template=call.template,
        operation="read",
        dataset=dataset,
        answer=shape,
        parameters={**in_path, **_with_fields(parameters)},
    )


def _whole(shape: AnswerShape, call: DraftRoute) -> AnswerShape:
    """Return an envelope with the members that were described and those that were seen."""
    if shape.kind != "object" or not call.rows or call.rows[0].shape.rows != shape.rows:
        return shape if not call.rows else call.rows[0].shape
    members = {**dict(call.rows[0].shape.members), **dict(shape.members)}
    return AnswerShape(kind="object", rows=shape.rows, members=tuple(members.items()))


def _with_fields(parameters: dict[str, Parameter]) -> dict[str, Parameter]:
    """Return the parameters and ``fields``, by which callers name what they want; the store never sees it."""
    if "fields" in parameters or any(isinstance(one, FieldsParameter) for one in parameters.values()):
        return parameters
    return {**parameters, "fields": FieldsParameter()}


def _search(
    call: DraftRoute, dataset: DatasetName, fields: Fields, in_path: dict[str, Parameter], told: list[str]
) -> Route | None:
    described = call.described
    if described is None or call.answer is None or call.answer.kind == "record":
        told.append("a search whose answer is no list cannot be declared")
        return None
    members, problems = body_parameters(described.members, fields)
    told += problems
    if not members:
        told.append("a search of which no member has a meaning is left out")
        return None
    body = BodyShape(kind=BodyKind.SEARCH, parameters=members)
    said: list[DescribedParameter] = [one for one in described.parameters if one.place == "query"]
    told += [f"the parameter `{one.name[:60]}` of a search stands in the query, and is refused" for one in said]
    return Route(
        method="POST",
        template=call.template,
        operation="read",
        dataset=dataset,
        answer=call.answer,
        parameters=in_path,
        body=body,
    )


def _writing(
    call: DraftRoute, dataset: DatasetName, fields: Fields, in_path: dict[str, Parameter], told: list[str]
) -> Route | None:
    described = call.described
    members = [name.removesuffix("[]") for name in described.members] if described else []
    known = [name for name in members if name in fields]
    answer = AnswerShape(kind="record" if call.answer is not None and call.answer.kind == "record" else "nothing")
    if call.method == "PUT":
        told.append(
            "PUT puts one record in another's place; declare it by hand once it is known what happens to fields that are not named"
        )
        return None
    if call.method == "DELETE" and in_path:
        return Route(
            method="DELETE",
            template=call.template,
            operation="delete",
            dataset=dataset,
            answer=AnswerShape(kind="nothing"),
            parameters=in_path,
        )
    if call.method == "PATCH" and in_path and known:
        return Route(
            method="PATCH", template=call.template, operation="update", dataset=dataset, answer=answer, parameters=in_path,
            body=BodyShape(kind=BodyKind.FIELDS),
        )  # fmt: skip
    if call.method == "POST" and not in_path and known:
        return Route(
            method="POST", template=call.template, operation="create", dataset=dataset, answer=answer, parameters={},
            body=BodyShape(kind=BodyKind.RECORD),
        )  # fmt: skip
    told.append("a call that writes in a way that no route can say")
    return None
