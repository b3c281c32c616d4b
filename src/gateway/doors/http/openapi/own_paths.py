# SPDX-License-Identifier: Apache-2.0
"""The gateway's own paths in the document: signing in, and what a caller may ask about itself."""

from gateway.domain.revealed import ERASED, MOST_SURROGATES, NOT_RECOGNISED, REVEAL_PATH
from gateway.domain.viewplan import Cause
from gateway.doors.http.grant_asking import MEMBERS, NEEDED
from gateway.doors.http.openapi.fields import Json
from gateway.doors.http.revealing import MEMBERS as REVEAL_MEMBERS

_TEXT: Json = {"type": "string"}
_REFUSED: Json = {"$ref": "#/components/responses/Problem"}
_NOBODY: list[Json] = []
"""Paths that nobody needs a bearer for."""


def own_paths() -> Json:
    """Return the paths of the gateway's own that callers use."""
    return {
        "/-/login": {"post": _post("First step of a person's sign-in.", ("username", "password"), _STARTED, _NOBODY)},
        "/-/login/totp": {"post": _post("Second step: the code.", ("login", "code"), _TOKENS, _NOBODY)},
        "/-/login/refresh": {"post": _post("The next pair of bearers.", ("refresh_token",), _TOKENS, _NOBODY)},
        "/-/logout": {"post": {"summary": "End the session.", "responses": _ending()}},
        "/-/oauth/token": {"post": _token()},
        "/-/me": {"get": _get("What the bearer is and is for.", {"type": "object"})},
        "/-/me/decisions/{id}": {
            "get": _get("One of the caller's own decisions, with its final counts.", {"type": "object"})
            | {
                "parameters": [
                    {
                        "name": "id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                    }
                ]
            }
        },
        "/-/me/grant-requests": {
            "get": _get("Requests for grants, newest first.", _REQUESTS),
            "post": _grant_request(),
        },
        REVEAL_PATH: {"post": _reveal()},
        "/-/approvals/{id}": {"post": _approval()},
        "/-/access/v1/evaluation": {"post": _evaluation()},
        "/-/openapi.json": {"get": _get("This document.", {"type": "object"})},
    }


_STARTED: Json = {
    "type": "object",
    "required": ["login", "factors"],
    "properties": {"login": _TEXT, "factors": {"type": "array", "items": _TEXT}},
}
_TOKENS: Json = {
    "type": "object",
    "required": ["access_token", "expires_in", "token_type"],
    "properties": {
        "access_token": _TEXT,
        "expires_in": {"type": "integer"},
        "refresh_token": _TEXT,
        "token_type": {"const": "Bearer"},
        "scope": _TEXT,
    },
}
_REQUEST: Json = {
    "type": "object",
    "required": ["id", "state", "covers"],
    "properties": {
        "id": _TEXT,
        "state": {"enum": ["open", "approved", "refused", "lapsed"]},
        "covers": {"type": "array", "items": _TEXT},
        "because": {"type": ["string", "null"]},
        "granted_until_us": {"type": ["integer", "null"]},
    },
}
_REQUESTS: Json = {"type": "object", "properties": {"requests": {"type": "array", "items": _REQUEST}}}


def _answer(schema: Json, code: str = "200") -> Json:
    content = {"application/json": {"schema": schema}}
    return {code: {"description": "The answer", "content": content}, "default": _REFUSED}


def _get(summary: str, schema: Json) -> Json:
    return {"summary": summary, "responses": _answer(schema)}


def _json_body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _post(summary: str, members: tuple[str, ...], answer: Json, security: list[Json]) -> Json:
    body: Json = {
        "type": "object",
        "required": list(members),
        "properties": dict.fromkeys(members, _TEXT),
        "additionalProperties": False,
    }
    return {"summary": summary, "security": security, "requestBody": _json_body(body), "responses": _answer(answer)}


def _ending() -> Json:
    return {"204": {"description": "Ended"}, "default": _REFUSED}


def _token() -> Json:
    body: Json = {
        "type": "object",
        "required": ["grant_type"],
        "properties": {
            "grant_type": {"const": "client_credentials"},
            "client_id": _TEXT,
            "client_secret": _TEXT,
            "scope": _TEXT,
        },
    }
    return {
        "summary": "A service's bearer (RFC 6749 section 4.4).",
        "security": _NOBODY,
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": body}}},
        "responses": _answer(_TOKENS),
    }


def _grant_request() -> Json:
    texts: Json = {"type": "array", "items": _TEXT, "minItems": 1}
    kinds: Json = {"fields": texts, "categories": texts, "link": {"type": "boolean"}}
    body: Json = {
        "type": "object",
        "required": list(NEEDED),
        "properties": {name: kinds.get(name, _TEXT) for name in MEMBERS},
        "additionalProperties": False,
    }
    return {"summary": "Ask for a grant.", "requestBody": _json_body(body), "responses": _answer(_REQUEST, "201")}


def _evaluation() -> Json:
    body: Json = {"type": "object", "required": ["action", "resource", "context"]}
    answer: Json = {"type": "object", "properties": {"decision": {"type": "boolean"}, "context": {"type": "object"}}}
    return {
        "summary": "Could I? (AuthZEN)",
        "requestBody": _json_body(body),
        "responses": _answer(answer),
    }


_STATED: list[Json] = [
    {"name": "Data-Purpose", "in": "header", "schema": _TEXT},
    {"name": "Data-Reference", "in": "header", "schema": _TEXT},
]


def _reveal() -> Json:
    body: Json = {
        "type": "object",
        "required": list(REVEAL_MEMBERS),
        "properties": {
            "dataset": _TEXT,
            "field": _TEXT,
            "surrogates": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MOST_SURROGATES},
        },
        "additionalProperties": False,
    }
    causes = [*(cause.value for cause in Cause if cause is not Cause.MALFORMED), NOT_RECOGNISED, ERASED]
    one: Json = {
        "type": "object",
        "required": ["surrogate"],
        "properties": {"surrogate": _TEXT, "value": {}, "cause": {"enum": sorted(causes)}},
    }
    answer: Json = {
        "type": "object",
        "required": ["values"],
        "properties": {"values": {"type": "array", "items": one}},
    }
    return {
        "summary": "The values of surrogates of one field: all of them or nothing.",
        "parameters": _STATED,
        "requestBody": _json_body(body),
        "responses": _answer(answer),
    }


def _approval() -> Json:
    body: Json = {
        "type": "object",
        "required": ["decision"],
        "properties": {"decision": {"enum": ["approve", "refuse"]}},
        "additionalProperties": False,
    }
    answer: Json = {
        "type": "object",
        "required": ["id", "state", "until_us"],
        "properties": {"id": _TEXT, "state": _TEXT, "until_us": {"type": "integer"}},
    }
    which: Json = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
    return {
        "summary": "Let somebody else's reveal be done once, or refuse it.",
        "parameters": [which, *_STATED],
        "requestBody": _json_body(body),
        "responses": _answer(answer),
    }
