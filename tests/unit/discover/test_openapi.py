# SPDX-License-Identifier: Apache-2.0
"""What is read of OpenAPI documents, and what a hostile one cannot do."""

from gateway.discover.openapi import base_path, below, is_openapi, read_openapi
from tests.fakes.proposals import answering, described, members_api


def test_calls_answers_parameters_and_fields_are_read() -> None:
    """With references, and null beside a type."""
    document = read_openapi(members_api())
    listed = next(one for one in document.routes if (one.method, one.path) == ("GET", "/members"))
    assert listed.answer is not None
    assert (listed.answer.kind, listed.answer.rows) == ("object", "members")
    assert [(one.name, one.type.value) for one in listed.fields] == [
        ("id", "text"), ("mail", "text"), ("born", "date"), ("points", "integer"), ("home.city", "text"), ("home.zip", "text"), ("when", "timestamp"),
    ]  # fmt: skip
    assert any("`tags`" in sentence for sentence in listed.unsupported)
    search = next(one for one in document.routes if one.path == "/members/search")
    assert search.members == ("where.mail", "where.points_min", "where.mood", "ids[]", "limit")


def test_swagger_2_is_read_too() -> None:
    """Schemas stand in the response itself, and bodies among the parameters."""
    document = {
        "swagger": "2.0",
        "basePath": "/v1",
        "paths": {
            "/x": {"get": {"responses": {"200": {"schema": {"type": "array", "items": {"$ref": "#/definitions/X"}}}}}}
        },
        "definitions": {"X": {"allOf": [{"properties": {"a": {"type": "integer"}}}]}},
    }
    (route,) = read_openapi(document).routes
    assert route.answer is not None
    assert route.answer.kind == "array"
    assert [one.name for one in route.fields] == ["a"]
    assert is_openapi(document)
    assert not is_openapi({"paths": {}})
    assert not is_openapi([])


def test_paths_are_brought_below_the_base_url() -> None:
    """Whether the base URL has the document's own prefix or not."""
    document = described({"/members": {}}, servers=[{"url": "https://api.example.com/v1/"}])
    assert base_path(document) == "/v1"
    assert list(below(document, "/v1")["paths"]) == ["/members"]  # type: ignore[call-overload]
    assert list(below(document, "")["paths"]) == ["/v1/members"]  # type: ignore[call-overload]
    assert base_path(described({}, servers=[{"url": "http://h:1"}])) == ""


def test_circles_and_references_outside_end() -> None:
    """A schema that holds itself is read a few levels deep; another document is not asked for."""
    circle = {"type": "object", "properties": {"a": {"type": "string"}, "me": {"$ref": "#/components/schemas/C"}}}
    document = described(
        {
            "/c": {"get": {"responses": answering({"type": "array", "items": {"$ref": "#/components/schemas/C"}})}},
            "/loop": {"get": {"responses": answering({"$ref": "#/components/schemas/L"})}},
            "/out": {"get": {"responses": answering({"$ref": "http://example.com/x.json"})}},
        },
        components={"schemas": {"C": circle, "L": {"$ref": "#/components/schemas/L"}}},
    )
    found = read_openapi(document)
    assert [one.name for one in found.routes[0].fields] == ["a", "me.a", "me.me.a", "me.me.me.a"]
    assert found.routes[1].answer is None
    assert any("out of the document" in sentence for sentence in found.unsupported)


def test_a_document_that_multiplies_itself_is_read_so_far_and_no_further() -> None:
    """Three hundred members, each with three hundred, each with three hundred."""
    leaf: dict[str, object] = {"properties": {}}
    for _ in range(4):
        leaf = {"type": "object", "properties": {f"p{n}": leaf for n in range(300)}}
    found = read_openapi(described({"/x": {"get": {"responses": answering({"type": "array", "items": leaf})}}}))
    assert any("too large" in sentence for sentence in found.unsupported)


def test_malformed_parts_are_passed_over() -> None:
    """A document is as little trusted as a store."""
    odd = described(
        {"/a": {"get": 3}, "/b": None, "/c": {"get": {"parameters": "x", "responses": [1], "requestBody": 7}}}
    )
    assert [one.path for one in read_openapi(odd).routes] == ["/c"]
