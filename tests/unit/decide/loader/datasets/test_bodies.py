# SPDX-License-Identifier: Apache-2.0
"""Bodies, operations and honoured headers of routes: what fits together, and what is told where it does not."""

import pytest

from gateway.domain.catalog import BodyKind, BodyShape, Honoured, Route
from tests.fakes.rule_files import edited, loaded, sentences

CRM = "datasets/crm.yaml"
FIELDS = "        fields:\n"
DEFAULTS = {
    "method": "PATCH",
    "path": "/crm/customers/{id}/mail",
    "operation": "update",
    "body": "{kind: fields}",
    "honours": "",
    "answer": "{kind: record}",
    "parameters": "{id: {field: id}}",
}


def lines(**said: str) -> str:
    """Return a route in YAML: that of an update, with some of its keys said otherwise, or left out if empty."""
    told = [f"{key}: {value}" for key, value in (DEFAULTS | said).items() if value]
    return "            - " + "\n              ".join(told) + "\n"


def route_of(**said: str) -> Route:
    route = DEFAULTS | said
    found = loaded(edited(CRM, FIELDS, lines(**said) + FIELDS)).catalog.routes
    return next(one for one in found if (one.method, one.template) == (route["method"], route["path"]))


def test_an_update_is_what_its_lines_say() -> None:
    """Method, operation, body, answer and the headers that the store understands."""
    route = route_of(honours="[if-match, prefer]", body="{kind: merge-patch}", answer="{kind: nothing}")
    assert (route.method, route.operation, route.answer.kind) == ("PATCH", "update", "nothing")
    assert route.body == BodyShape(kind=BodyKind.MERGE_PATCH)
    assert route.honours == (Honoured.IF_MATCH, Honoured.PREFER)


@pytest.mark.parametrize(
    "said",
    [
        {"method": "POST", "operation": "create", "path": "/crm/people", "body": "{kind: record}", "parameters": "{}"},
        {"method": "POST", "operation": "create", "path": "/crm/people", "body": "{kind: records, most: 500}",
         "answer": "{kind: nothing}", "parameters": "{}", "honours": "[idempotency-key]"},
        {"method": "POST", "body": "{kind: fields}"},
        {"method": "PUT", "body": "{kind: record, keeps_unseen: yes}", "honours": "[if-none-match, if-match]"},
        {"method": "DELETE", "operation": "delete", "body": "", "answer": "{kind: nothing}", "honours": "[if-match]"},
        {"method": "GET", "operation": "read", "body": "", "honours": "[if-match]"},
        {"method": "POST", "operation": "read", "body": "", "answer": "{kind: array}"},
        {"method": "GET", "operation": "read", "body": "", "answer": "{kind: ndjson}"},
        {"method": "GET", "operation": "read", "body": "", "answer": "{kind: csv}"},
        {"parameters": "{id: {field: id}, fields: fields}"},
    ],
    ids=lambda said: " ".join(said.values()),
)  # fmt: skip
def test_what_fits_together_loads(said: dict[str, str]) -> None:
    """Each kind of call that the gateway carries."""
    assert route_of(**said).method == said.get("method", "PATCH")


PUT = (
    "PUT would take away what a caller cannot see: use PATCH, or say `keeps_unseen: yes` in `body` if the store was "
    "seen to leave fields that are not named as they are"
)
SEARCH = "{kind: search, parameters: {id: {field: id}}}"


@pytest.mark.parametrize(
    ("said", "at", "says"),
    [
        ({"operation": "read"}, "operation", "`operation` is `read`, expected one of `update`"),
        ({"method": "DELETE", "operation": "update"}, "operation", "`operation` is `update`, expected one of `delete`"),
        ({"method": "POST", "operation": "delete"}, "operation",
         "`operation` is `delete`, expected one of `read`, `create`, `update`, `send`"),
        ({"method": "PUT", "body": "{kind: record}"}, "body", PUT),
        ({"method": "PUT", "body": "{kind: record, keeps_unseen: no}"}, "body", PUT),
        ({"method": "PUT"}, "body",
         "a body of `fields` does not belong to PUT with `operation: update`, expected `record`"),
        ({"method": "PUT", "body": ""}, "method", "PUT with `operation: update` needs a `body` of `record`"),
        ({"body": ""}, "method", "PATCH with `operation: update` needs a `body` of `fields`, `merge-patch`"),
        ({"body": "{kind: record}"}, "body",
         "a body of `record` does not belong to PATCH with `operation: update`, expected `fields`, `merge-patch`"),
        ({"method": "DELETE", "operation": "delete"}, "body",
         "a body of `fields` does not belong to DELETE with `operation: delete`, which has no body"),
        ({"method": "GET", "operation": "read", "body": SEARCH}, "body",
         "a body of `search` does not belong to GET with `operation: read`, which has no body"),
        ({"method": "POST", "operation": "read", "answer": "{kind: array}"}, "body",
         "a body of `fields` does not belong to POST with `operation: read`, expected `search`"),
        ({"method": "POST", "operation": "read", "body": "", "answer": "{kind: array}", "path": "/crm/people",
          "parameters": "{}"}, "method",
         "a POST that reads declares what it is asked: `body: {kind: search, …}`, or `parameters`"),
        ({"path": "/crm/people", "parameters": "{}"}, "path",
         "`operation: update` is of one record: its path needs a `{name}` that says which"),
        ({"parameters": "{id: {field: id}, city: {field: city}}"}, "parameters",
         "a write is of the record that its path names, so `city` has nothing to choose"),
        ({"parameters": "{id: {field: id}, limit: limit}"}, "parameters",
         "a write is of the record that its path names, so `limit` has nothing to choose"),
        ({"answer": "{kind: array}"}, "answer", "a write is answered by a `record` or by `nothing`"),
        ({"method": "GET", "operation": "read", "body": "", "answer": "{kind: nothing}"}, "answer",
         "what reads is answered by something: `nothing` is for writes"),
        ({"method": "POST", "operation": "create", "body": "{kind: records, most: 5}"}, "answer",
         "many records are answered by `nothing`: the store's word on each would be a list of its own"),
        ({"body": "{kind: fields, most: 5}"}, "body", "`most` means nothing in a body of `fields`, only of `records`, `messages`"),
        ({"body": "{kind: fields, keeps_unseen: yes}"}, "body",
         "`keeps_unseen` means nothing in a body of `fields`, only of `record`"),
        ({"body": "{kind: fields, parameters: {city: {field: city}}}"}, "body",
         "`parameters` means nothing in a body of `fields`, only of `search`"),
        ({"body": "{kind: patch}"}, "body",
         "`kind` is `patch`, expected one of `search`, `record`, `records`, `fields`, `merge-patch`, `messages`"),
        ({"method": "POST", "operation": "create", "body": "{kind: records}", "answer": "{kind: nothing}"}, "body",
         "a body of `records` needs `most`: how many there may be in one call"),
        ({"method": "POST", "operation": "read", "body": "{kind: search}", "answer": "{kind: array}"}, "body",
         "a body of `search` needs `parameters`: what each member means"),
        ({"method": "POST", "operation": "read", "body": SEARCH, "answer": "{kind: array}"}, "body",
         "`id` is declared for the query and for the body; leave one out"),
        ({"method": "POST", "operation": "read", "body": "{kind: search, parameters: {n: limit}}",
          "parameters": "{id: {field: id}, limit: limit}", "answer": "{kind: array}"}, "body",
         "there is a `limit` in the query and one in the body; leave one out"),
        ({"honours": "[range]"}, "honours",
         "`range` can never be honoured: rows leave in blocks, each authorised by itself; use pages"),
        ({"honours": "[if-matches]"}, "honours",
         "`honours` has `if-matches`, expected `if-match`, `if-none-match`, `idempotency-key`, `prefer`; did you mean `if-match`?"),
        ({"method": "GET", "operation": "read", "body": "", "honours": "[prefer]"}, "honours",
         "`prefer` means nothing for `operation: read`"),
        ({"method": "GET", "operation": "read", "body": "", "answer": "{kind: array}", "honours": "[if-match]"},
         "honours",
         "`if-match` on a route that reads tells the ETag of a `record`; a list has none that a write could use"),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_is_told_where_it_stands(said: dict[str, str], at: str, says: str) -> None:
    """One problem, with file, line and what to do."""
    route = lines(**said)
    files = edited(CRM, FIELDS, route + FIELDS)
    content = files[CRM].decode()
    first = content[: content.index(route)].count("\n") + 1
    place = next(place for place, line in enumerate(route.splitlines()) if line.strip("- ").startswith(at + ":"))
    assert sentences(files) == [f"{CRM}:{first + place}: {says}"]


def test_a_word_that_cannot_be_read_is_told_once() -> None:
    """What depends on it is not told beside it."""
    told = sentences(edited(CRM, FIELDS, lines(method="FETCH", operation="reed") + FIELDS))
    assert len(told) == 2
