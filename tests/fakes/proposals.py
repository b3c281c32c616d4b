# SPDX-License-Identifier: Apache-2.0
"""Rows of stores that nobody has declared, and the rules under which a proposal of them is loaded."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from random import Random

import msgspec

from gateway.decide.loader.load import Loaded, load_with_notes
from gateway.decide.loader.shipped import shipped_files
from gateway.demo.people import people
from gateway.discover.categorise import field_of
from gateway.discover.columns import columns_of
from gateway.domain.proposal import FieldProposal
from gateway.transform.treat import check_chain

Row = Mapping[str, object]

SENSITIVE = {
    "name": "user.name",
    "email": "user.contact.email",
    "phone": "user.contact.phone_number",
    "national_id": "user.government_id.national_identification_number",
    "birth_date": "user.demographic.date_of_birth",
    "address": "user.contact.address.street",
    "religion": "user.demographic.religious_belief",
    "health_note": "user.health_and_medical",
}
"""The eight fields that a proposal has to know, with their categories."""

CHINESE = {
    "id": "编号", "name": "姓名", "email": "邮箱", "phone": "手机号", "national_id": "身份证号", "birth_date": "出生日期", "address": "家庭住址",
    "religion": "宗教信仰", "health_note": "健康状况", "city": "城市", "notes": "备注", "age": "年龄",
}  # fmt: skip


@cache
def crowd(n: int = 200, seed: int = 20_080_501) -> tuple[dict[str, object], ...]:
    """Return rows of the sample store: a third European, a third Chinese, a third Californian."""
    found = []
    for one in itertools.islice(people(None, n=n, seed=seed, today=date(2026, 11, 1)), n):
        row = msgspec.to_builtins(one)
        campaign = row.pop("campaign")
        for key in ("contacts", "orders", "choices"):
            del row[key]
        found.append({**row, **campaign})
    return tuple(found)


def renamed(rows: Sequence[Row], names: Mapping[str, str]) -> list[Row]:
    """Return rows with these fields alone, under other names."""
    return [{new: row[old] for old, new in names.items()} for row in rows]


def nameless() -> dict[str, str]:
    """Return names that say nothing, ``f1`` to ``f12``, for twelve fields of the sample store."""
    fields = ("id", *SENSITIVE, "city", "age", "notes")
    return {field: f"f{place}" for place, field in enumerate(fields, 1)}


def hostile_rows(n: int = 60) -> list[Row]:
    """Return rows that hold nothing of people, although much of it looks as if it did."""
    rng = Random(7)
    first = date(2026, 1, 3)
    return [
        {
            "f1": str(13_800_000_000 + 17 * place),  # rises, as order numbers do
            "f2": f"20260{rng.randint(100_000, 999_999)}",  # all of one day
            "f3": rng.randint(1_760_000_000, 1_790_000_000),  # seconds since 1970
            "f4": f"{rng.randint(1, 900)}.{rng.randint(0, 99):02d}",
            "f5": rng.randint(100, 99_999) / 100,
            "f6": (first + timedelta(days=rng.randint(0, 300))).isoformat(),
            "f7": None,
            "f8": rng.choice(["paid", "open", "cancelled"]),
            "f9": rng.choice(["已发货", "待付款", "已完成"]),
            "f10": f"SKU-{rng.randint(1000, 9999)}-{rng.choice('ABC')}",
            "f11": rng.choice(["Blue Cotton Shirt", "Wool Winter Coat", "Running Shoe", "Leather Belt"]),
            "f12": rng.randint(1, 5),
            "order_no": str(rng.randint(13_000_000_000, 19_999_999_999)),
            "amount": rng.randint(1, 10_000),
            "created_at": f"2026-0{rng.randint(1, 9)}-11T08:00:00Z",
            "product_name": rng.choice(["Anna", "Lotus", "Eva"]),
            "campaign_name": "Spring",
            "ip_protocol": rng.choice(["tcp", "udp"]),
        }
        for place in range(n)
    ]


def proposed(rows: Sequence[Row]) -> dict[str, FieldProposal]:
    """Return the proposal of every field of rows."""
    columns, _ = columns_of(rows)
    return {column.name: field_of(column, None) for column in columns}


def loaded(text: str, store: str) -> Loaded:
    """Return the rules of an installation whose one dataset is a proposal; raises RulesError where it does not load."""
    files = {name: content for name, content in shipped_files().items() if not name.startswith(("datasets/", "tests/"))}
    files["purposes.yaml"] = _PURPOSES.encode()
    files["grants.csv"] = f"p, analyst, {store}, user, analytics, read, reveal, yes, allow, ,\n".encode()
    files[f"datasets/{store}.yaml"] = text.encode()
    return load_with_notes(files, check_chain=check_chain, now_us=0)


_PURPOSES = """\
purposes:
  - key: analytics.reporting.campaign_insights
    title: {en: Learn from figures.}
    ground: legitimate_interests
    owner: marketing
    operations: [read]
    categories:
      - {category: user, rung: reveal, link: yes}
"""


def described(paths: Mapping[str, object], **beside: object) -> dict[str, object]:
    """Return an OpenAPI 3 document with these paths."""
    return {"openapi": "3.0.3", "info": {"title": "Loyalty API"}, "paths": paths, **beside}


def answering(schema: object) -> dict[str, object]:
    """Return the responses of a call that answers with a schema."""
    return {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}


MEMBER = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "mail": {"type": "string", "format": "email"},
        "born": {"type": "string", "format": "date"},
        "points": {"type": "integer"},
        "home": {"type": "object", "properties": {"city": {"type": "string"}, "zip": {"type": "string"}}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "when": {"type": ["string", "null"], "format": "date-time"},
    },
}
LISTED = {
    "type": "object",
    "properties": {
        "members": {"type": "array", "items": {"$ref": "#/components/schemas/Member"}},
        "total": {"type": "integer"},
        "next_cursor": {"type": "string"},
    },
}


def query(*names: str) -> list[dict[str, object]]:
    """Return parameters of a query."""
    return [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]


def members_api() -> dict[str, object]:
    """Return a document with a list, a search, a record, and calls that write."""
    by_id = {"name": "member-id", "in": "path", "required": True, "schema": {"type": "string"}}
    body = {"content": {"application/json": {"schema": MEMBER}}}
    search = {
        "type": "object",
        "properties": {
            "where": {"type": "object", "properties": {"mail": {"type": "string"}, "points_min": {"type": "integer"}, "mood": {"type": "string"}}},
            "ids": {"type": "array", "items": {"type": "string"}},
            "limit": {"type": "integer"},
        },
    }  # fmt: skip
    return described(
        {
            "/members": {
                "get": {"parameters": query("limit", "cursor", "sort", "fields", "mail", "points_gte", "born_to", "q"), "responses": answering(LISTED)},
                "post": {"requestBody": body, "responses": answering(MEMBER)},
            },
            "/members/search": {"post": {"requestBody": {"content": {"application/json": {"schema": search}}}, "responses": answering(LISTED)}},
            "/members/{member-id}": {
                "parameters": [by_id],
                "get": {"responses": answering({"$ref": "#/components/schemas/Member"})},
                "patch": {"requestBody": body, "responses": answering(MEMBER)},
                "put": {"requestBody": body, "responses": answering(MEMBER)},
                "delete": {"responses": {"204": {"description": ""}}},
            },
            "/feed;v1": {"get": {"responses": answering(LISTED)}},
            "/report": {"get": {"responses": {"200": {"content": {"text/html": {}}}}}},
        },
        components={"schemas": {"Member": MEMBER}},
    )  # fmt: skip
