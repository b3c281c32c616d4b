# SPDX-License-Identifier: Apache-2.0
"""Media types of rows: what a store may label its answer, and what a caller gets and may ask for.

Whoever judges or tells a content type reads it here, so that both ends of the gateway agree.
"""

from collections.abc import Mapping

from gateway.domain.inquiry import Form

JSON_TYPES = frozenset({"application/json"})
NDJSON_TYPES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
CSV_TYPES = frozenset({"text/csv"})
DESCRIPTION_TYPES = frozenset({
    "application/openapi+json", "application/vnd.oai.openapi+json", "application/vnd.oai.openapi",
    "application/yaml", "application/x-yaml", "text/yaml",
})  # fmt: skip
"""Of a document in which a store says what it holds."""
LOOK = "look"
"""Kind of what a store answers before anything is declared of it; no route has it."""

CARRIED = "carried"
"""Kind of what a recipient answers to a message: its status counts, and nothing else of it is looked at; no route has it."""

STORE_TYPES: Mapping[str, frozenset[str]] = {
    "array": JSON_TYPES,
    "object": JSON_TYPES,
    "record": JSON_TYPES,
    "ndjson": NDJSON_TYPES,
    "csv": CSV_TYPES,
    "nothing": JSON_TYPES,
    LOOK: JSON_TYPES | DESCRIPTION_TYPES,
    CARRIED: JSON_TYPES,
}
"""By kind of a route's answer, the types by which a store may label it; parameters are judged apart."""

TOLD_TYPES: Mapping[Form, str] = {
    Form.JSON: "application/json",
    Form.NDJSON: "application/x-ndjson",
    Form.CSV: "text/csv; charset=utf-8; header=present",
    Form.CSV_FOR_PEOPLE: "text/csv; charset=utf-8; header=present; formulas=escaped",
}
"""By form, the content type of an answer to a caller."""
