# SPDX-License-Identifier: Apache-2.0
"""``/-/openapi.json``: what this caller may do, as OpenAPI 3.1.

The document is made of an ``Offer``, which the decision made; here it is only written down. Written documents
are kept by what tells two offers apart, plans by identity, so a second look costs the deciding alone. A
document names the routes and datasets of its offer and no others.

Source: OpenAPI Specification 3.1.1; JSON Schema 2020-12.
"""

from typing import Any

import msgspec

from gateway import __version__
from gateway.domain.decision import Reason
from gateway.domain.offer import Offer, PurposeOffer
from gateway.domain.viewplan import ViewPlan
from gateway.doors.http.openapi.fields import Json, row_schema, written_schema
from gateway.doors.http.openapi.own_paths import own_paths
from gateway.doors.http.openapi.routes import operation
from gateway.doors.http.problem_table import Retry, Who

KEPT = 64
"""Documents kept at most; one of 1,000 fields under five purposes takes about 1 MB."""


class Documents:
    """Writes documents, and keeps what it wrote. Not shared between threads."""

    def __init__(self) -> None:
        """Begin with none."""
        self._written: dict[tuple[object, ...], bytes] = {}

    def written(self, offer: Offer) -> bytes:
        """Return the document of an offer."""
        key = offer.key
        known = self._written.get(key)
        if known is None:
            if len(self._written) >= KEPT:
                self._written.clear()
            known = self._written[key] = msgspec.json.encode(document_of(offer))
        return known


def document_of(offer: Offer) -> Json:
    """Return the document of an offer, as values of JSON."""
    schemas = _Schemas(offer)
    paths: Json = {}
    for one in offer.routes:
        paths.setdefault(one.route.template, {})[one.route.method.lower()] = operation(offer, one, schemas.name)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "What this caller may do",
            "version": __version__,
            "description": "Depends on the bearer that asked, its sign-in, the rules in force and the time.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": {**paths, **own_paths()},
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
            "schemas": {**schemas.told, "Problem": PROBLEM},
            "headers": HEADERS,
            "responses": {"Problem": REFUSAL},
        },
    }


class _Schemas:
    """The schemas of one document, one for each view and use of it."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._names: dict[tuple[ViewPlan, str, tuple[str, ...]], str] = {}
        self.told: Json = {}

    def name(self, each: PurposeOffer, use: str) -> str | None:
        """Return the name of the schema of what is shown or written under an offer."""
        plan = each.shown if use == "shown" else each.written
        if plan is None:
            return None
        fresh = tuple(each.more_when_fresh) if use == "shown" else ()
        key = (plan, use, fresh)
        if key not in self._names:
            verb = plan.operation if use == "written" else "read"
            name = wanted = f"{plan.dataset}.{verb}.{plan.purpose}"
            n = 1
            while name in self.told:
                n += 1
                name = f"{wanted}.{n}"
            self._names[key] = name
            lines = self._offer.red_lines
            self.told[name] = (
                row_schema(plan, lines, fresh)
                if use == "shown"
                else written_schema(plan, lines, is_whole=plan.operation == "create")
            )
        return self._names[key]


def _header(sentence: str, **schema: Any) -> Json:
    return {"description": sentence, "schema": {"type": "string", **schema}}


HEADERS: Json = {
    "Decision-Id": _header("Identifier of the decision; finds the call in the log.", pattern="^[0-9a-f]{32}$"),
    "Data-View": _header("Structured field: by treatment, the fields that left; step-up=(…) would show more."),
    "Data-Page": _header("Whether there may be further rows; a short page is not the end.", enum=["more", "last"]),
    "Rows-Withheld": _header("Rows left out by cause, with stepped counts."),
    "RateLimit-Policy": _header("Budgets that the call counts against."),
    "RateLimit": _header("What is left of them."),
    "Link": _header('rel="next" with a sealed cursor.'),
    "ETag": _header("Sealed entity tag, where the route honours conditions."),
    "Retry-After": _header("Seconds after which the same call may be asked again."),
    "WWW-Authenticate": _header("Challenge of a 401."),
}

PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "reason", "decision_id", "fields", "remediation", "retry", "who"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "instance": {"type": "string", "format": "uri-reference"},
        "detail": {"type": "string"},
        "reason": {"type": "string", "enum": [reason.value for reason in Reason]},
        "decision_id": {"type": "string"},
        "fields": {"type": "array", "items": {"type": "string"}},
        "remediation": {"type": "string"},
        "retry": {"type": "string", "enum": [retry.value for retry in Retry]},
        "who": {"type": "string", "enum": [who.value for who in Who]},
        "outcome": {"type": "string", "enum": ["not-sent", "unknown"]},
    },
}

REFUSAL: Json = {
    "description": "A refusal: problem details (RFC 9457). A 503 without a body means that nothing can be logged.",
    "headers": {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in ("Decision-Id", "Retry-After", "WWW-Authenticate", "RateLimit-Policy", "RateLimit")
    },
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
