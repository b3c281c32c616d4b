# SPDX-License-Identifier: Apache-2.0
"""Rows per second through the transform, beside plain ``json`` in the same run.

Run with ``python bench/transform.py``. Each figure is the best of five runs on one core over a block
of 1,000 rows of 8 fields, about 140 bytes each: decode, treat, encode. "memo" runs see the same
values again, as pages of a list that is read daily do; the others empty the memory before each run.
"""

import csv
import io
import json
import timeit
from collections.abc import Callable
from hashlib import sha256

import msgspec

from gateway.domain.catalog import AnswerShape, Collection, FieldSpec, FieldType, Form, SubjectSpec, SurrogateKind
from gateway.domain.inquiry import Form as Written
from gateway.domain.names import (
    CategoryKey,
    DatasetName,
    FieldName,
    IdentityKind,
    JoinDomain,
    PurposeKey,
    RecipientId,
    RulesDigest,
)
from gateway.domain.principal import Assurance
from gateway.domain.treatment import NOTHING, Chain, ChainName, Rung, Treatment
from gateway.domain.viewplan import FieldView, ViewPlan
from gateway.transform.codec import compile_codec
from gateway.transform.formats import SPELLS, splitter_of

N_ROWS = 1_000
SURROGATE = Treatment(0, link=True)
FIELDS = {
    "id": (FieldType.INTEGER, Form.TEXT, ()),
    "name": (FieldType.TEXT, Form.NAME, ("mask.name",)),
    "email": (FieldType.TEXT, Form.EMAIL, ("mask.email_domain", "mask.email")),
    "phone": (FieldType.TEXT, Form.PHONE, ("mask.phone_tail", "mask.phone")),
    "city": (FieldType.TEXT, Form.TEXT, ("mask.text",)),
    "country": (FieldType.TEXT, Form.TEXT, ()),
    "birth_date": (FieldType.DATE, Form.DATE, ("generalise.band10", "generalise.year")),
    "balance": (FieldType.DECIMAL, Form.TEXT, ("generalise.band1000",)),
}


class Key(msgspec.Struct):
    """One key for every domain."""

    version: int = 1
    secret: bytes = sha256(b"bench").digest()


class Keys:
    """Hands out that key."""

    _key = Key()

    def current(self, _: str, /) -> Key:
        """Return the key."""
        return self._key

    def version(self, _: str, __: int, /) -> Key:
        """Return the key."""
        return self._key


def plan(kind: SurrogateKind, **treatments: Treatment) -> ViewPlan:
    """Return a plan that reveals every field but those named."""
    specs = tuple(
        FieldSpec(
            name=FieldName(name),
            type=type_,
            categories=(CategoryKey("user"),),
            chain=ChainName(name),
            form=form,
            surrogate=kind,
            join_domain=JoinDomain(f"bench.{name}"),
        )
        for name, (type_, form, _) in FIELDS.items()
    )
    views = []
    for name, (_, _, rungs) in FIELDS.items():
        chain = Chain(ChainName(name), tuple(map(Rung, ("drop", *rungs, "reveal"))))
        treatment = treatments.get(name, chain.top)
        views.append(FieldView(field=FieldName(name), chain=chain, treatment=treatment, stale=treatment))
    return ViewPlan(
        dataset=DatasetName("crm.customers"),
        collection=Collection(
            dataset=DatasetName("crm.customers"),
            fields=specs,
            subject=SubjectSpec(identity=IdentityKind("crm.id"), field=FieldName("id")),
            region=FieldName("country"),
        ),
        operation="read",
        purpose=PurposeKey("analytics"),
        recipient=RecipientId("own"),
        key_class="analytics",
        proof=Assurance.PERSON,
        rules=RulesDigest("bench"),
        grants=(),
        views=tuple(views),
        row_rules=(),
        valid_until_us=0,
    )


def rows() -> list[dict[str, object]]:
    """Return the rows of the block."""
    return [
        {
            "id": n,
            "name": f"Anna Berg{n}",
            "email": f"anna{n}@example.com",
            "phone": f"+49151{n:08d}",
            "city": "Berlin",
            "country": "DE",
            "birth_date": f"19{n % 90 + 10}-05-06",
            "balance": 1000.5 + n,
        }
        for n in range(N_ROWS)
    ]


def through(of: ViewPlan, body: bytes, *, fresh: bool = False, form: Written = Written.JSON) -> Callable[[], object]:
    """Return one pass of a block through a plan's codec; a fresh one remembers nothing."""
    kept = compile_codec(of, Keys())

    def run() -> object:
        codec = compile_codec(of, Keys()) if fresh else kept
        batch = codec.decode(body)
        return codec.encode(batch, [0] * len(batch), SPELLS.get(form))

    return run


def split(body: bytes, kind: str = "array") -> Callable[[], object]:
    """Return one pass of a block through the splitter of a kind."""
    read = compile_codec(plan(SurrogateKind.SIV), Keys()).read

    def run() -> object:
        splitter = splitter_of(AnswerShape(kind=kind), read)
        return splitter.feed(body), splitter.finish()

    return run


def as_csv() -> bytes:
    """Return the rows as a store sends them in CSV."""
    text = io.StringIO()
    csv.writer(text).writerows([list(FIELDS), *(row.values() for row in rows())])
    return text.getvalue().encode()


MISLEADING = {
    "} in one string": ("array", b'[{"a":"' + b"}" * 65_536 + b'"}]'),
    "escaped quotes and }": ("array", b'[{"a":"' + b'\\"}' * 21_845 + b'"}]'),
    "},{ in one string": ("array", b'[{"a":1},{"a":"' + b"},{" * 21_845 + b'"}]'),
    "empty lines": ("ndjson", b"\n" * 65_536),
    "quotes in bare cells": ("csv", b"id\n" + b'a"\n' * 21_845),
    "commas": ("csv", b"id\n" + b"," * 65_536 + b"\n"),
    "empty records": ("csv", b"id\n" + b"\n" * 65_536),
}
"""64 KiB each, made so that ends of rows are hard to find."""


def main() -> None:
    """Print a table."""
    body = json.dumps(rows()).encode()
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows())
    siv, hmac = SurrogateKind.SIV, SurrogateKind.HMAC
    two = {"id": SURROGATE, "email": SURROGATE}
    masks = {"name": Treatment(1, link=True), "email": Treatment(2, link=True), "phone": Treatment(2, link=True)}
    spans = {"birth_date": Treatment(2, link=True), "balance": Treatment(1, link=True)}
    cases: dict[str, Callable[[], object]] = {
        "plain json loads + dumps": lambda: json.dumps(json.loads(body)),
        "plain msgspec decode + encode": lambda: msgspec.json.encode(msgspec.json.decode(body)),
        "splitter alone": split(body),
        "splitter alone, lines": split(lines, "ndjson"),
        "splitter alone, csv": split(as_csv(), "csv"),
        "codec, all revealed": through(plan(siv), body),
        "codec, all revealed, to csv": through(plan(siv), body, form=Written.CSV),
        "codec, all revealed, to csv for people": through(plan(siv), body, form=Written.CSV_FOR_PEOPLE),
        "codec, id alone": through(plan(siv, **{name: NOTHING for name in FIELDS if name != "id"}), body),
        "codec, 2 siv surrogates": through(plan(siv, **two), body, fresh=True),
        "codec, 2 siv surrogates, memo": through(plan(siv, **two), body),
        "codec, 2 hmac surrogates": through(plan(hmac, **two), body, fresh=True),
        "codec, 2 hmac surrogates, memo": through(plan(hmac, **two), body),
        "codec, phone surrogate": through(plan(siv, phone=SURROGATE), body, fresh=True),
        "codec, 3 masks": through(plan(siv, **masks), body),
        "codec, 2 spans": through(plan(siv, **spans), body),
    }
    plain = 0.0
    for name, case in cases.items():
        rate = N_ROWS / (min(timeit.repeat(case, number=10, repeat=5)) / 10)
        plain = plain or rate
        print(f"{name:38s} {rate / 1e6:6.2f} M rows/s   {rate / plain:5.2f} x plain json")
    for name, (kind, text) in MISLEADING.items():
        took_s = min(timeit.repeat(split(text, kind), number=1, repeat=5))
        print(f"64 KiB of {name:28s} {took_s * 1e3:6.1f} ms")


if __name__ == "__main__":
    main()
