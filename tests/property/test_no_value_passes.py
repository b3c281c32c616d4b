# SPDX-License-Identifier: Apache-2.0
"""P2 in the transform: no value leaves through a field whose treatment is not reveal, in any encoding."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.catalog import AnswerShape, FieldType, Form, SurrogateKind
from gateway.domain.inquiry import Form as Answer
from gateway.domain.names import FieldName
from gateway.domain.treatment import NOTHING, Chain, Family, Treatment
from gateway.domain.viewplan import AgeRule, RowEffect, ViewPlan
from gateway.transform.blocks import BlockWriter
from gateway.transform.codec import compile_codec
from gateway.transform.formats import SPELLS, frame_of, splitter_of
from gateway.transform.rows import judge
from tests.fakes.plans import CHAINS, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

TEXT_CHAINS = ("word", "text", "name", "email", "phone", "national_id", "address", "date", "timestamp")
SHAPES = (
    "{canary}",
    "{canary}@example.com",
    "{canary} Street 5, Berlin",
    "Ms {canary} Berg",
    "欧阳{canary}",
    "+49{number}",
    "138{number}",
    "110{number}X",
    "1984-05-06 {canary}",
    '{{"{canary}": "{canary}"}}',
    "\u202e{canary}\u0301",
    "广东省深圳市{canary}",
)


@st.composite
def fields(draw: st.DrawFn, name: str) -> tuple[object, Chain, Treatment]:
    """Draw a text field with a chain, a treatment and a way of making surrogates."""
    over = CHAINS[draw(st.sampled_from(TEXT_CHAINS))]
    treatment = Treatment(draw(st.integers(0, len(over.rungs) - 1)), draw(st.booleans()))
    type_ = draw(st.sampled_from((FieldType.TEXT, FieldType.FREE_TEXT, FieldType.DATE)))
    own = spec(name, type_, draw(st.sampled_from(Form)), draw(st.sampled_from(SurrogateKind)))
    return own, over, treatment


@st.composite
def plans(draw: st.DrawFn) -> ViewPlan:
    """Draw a plan of up to six fields, some inside objects, with rules that blank or unlink."""
    names = draw(st.lists(st.sampled_from(("a", "b", "c", "d.e", "d.f", "g.h.i")), min_size=1, unique=True))
    drawn = [draw(fields(name)) for name in names]
    rules = [
        AgeRule(
            red_line="r",
            under_years=draw(st.sampled_from((14, 18))),
            effect=effect,
            fields=tuple(map(FieldName, draw(st.lists(st.sampled_from(names))))) if effect is RowEffect.BLANK else (),
        )
        for effect in draw(st.lists(st.sampled_from((RowEffect.BLANK, RowEffect.UNLINK)), max_size=2))
    ]
    some = st.sampled_from((None, *names))
    return plan(*drawn, subject=draw(some), birth_date=draw(some), region=draw(some), rules=rules)  # type: ignore[arg-type]


def nested(values: dict[str, object]) -> dict[str, object]:
    """Return a row in which dotted names are members of objects."""
    row: dict[str, object] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        inside = row
        for part in path:
            inside = inside.setdefault(part, {})  # type: ignore[assignment]
        inside[last] = value
    return row


def encodings(canary: str) -> Iterator[str]:
    """Yield a canary as it could be hidden in text."""
    raw = canary.encode()
    yield from (canary, canary.upper(), canary[::-1], raw.hex(), raw.hex().upper(), quote(canary))
    yield from ("".join(f"%{byte:02x}" for byte in raw), "".join(f"\\u{ord(char):04x}" for char in canary))
    for shift in range(3):
        inner = base64.b64encode(b"x" * shift + raw)[4 : 4 + (len(raw) - 3) // 3 * 4]
        yield from (inner.decode(), inner.decode().translate(str.maketrans("+/", "-_")))


def sent(kind: str, rows: list[dict[str, object]], *, ascii_only: bool) -> bytes:
    """Return an answer with these rows, as a store of the kind sends it."""
    if kind == "csv":
        text = io.StringIO()
        csv.writer(text).writerows([list(rows[0]), *(row.values() for row in rows)])
        return text.getvalue().encode()
    lines = [json.dumps(nested(row), ensure_ascii=ascii_only) for row in rows]
    return ("\n".join(lines) if kind == "ndjson" else f"[{','.join(lines)}]").encode()


@settings(max_examples=150, deadline=None)
@given(plans(), st.data())
def test_no_canary_of_a_field_that_is_not_revealed_is_in_what_leaves(of: ViewPlan, data: st.DataObject) -> None:
    """Whatever form its value has, whichever classes its rows fall into, whatever else the row holds.

    And whatever kind of answer it came in, and in whatever form it leaves.
    """
    codec = compile_codec(of, FakeSurrogateKeys())
    hidden, rows = [], []
    for n in range(3):
        values: dict[str, object] = {}
        for place, view in enumerate(of.views):
            canary, number = f"canary{n}q{place}wertzuio", f"7{n}{place}5192837465"
            values[view.field] = data.draw(st.sampled_from(SHAPES)).format(canary=canary, number=number)
            if view.chain.family(view.treatment) is not Family.REVEAL:
                hidden += [canary, number]
        values |= {"undeclared": f"canary{n}undeclared", "A": f"canary{n}othercase", "a ": [f"canary{n}blank"]}
        hidden += [f"canary{n}undeclared", f"canary{n}othercase", f"canary{n}blank"]
        rows.append(values)
    form, kind = data.draw(st.sampled_from(Answer)), data.draw(st.sampled_from(("array", "ndjson", "csv")))
    splitter = splitter_of(AnswerShape(kind=kind), codec.read)
    arrays = splitter.feed(sent(kind, rows, ascii_only=data.draw(st.booleans())))
    writer = BlockWriter(frame_of(form, AnswerShape(kind=kind), codec.leaving))
    n_read = 0
    for array in (*arrays, *splitter.finish().rest):
        batch = codec.decode(array)
        n_read += len(batch)
        verdict = judge(of, codec.rows(batch), [False] * len(batch), date(2026, 1, 1))
        lines = codec.encode(batch, verdict.classes, SPELLS.get(form))
        writer.add(lines, [None] * len(lines))
    body = writer.finish().body.decode()
    assert n_read == len(rows)
    assert [canary for canary in hidden for text in encodings(canary) if text in body] == []


@settings(max_examples=100, deadline=None)
@given(plans(), st.data())
def test_a_smaller_plan_never_shows_more(of: ViewPlan, data: st.DataObject) -> None:
    """A field that leaves nothing leaves no key; all others leave what they left before."""
    lowered = plan(
        *(
            (own, view.chain, data.draw(st.sampled_from((view.treatment, NOTHING))))
            for own, view in zip(of.collection.fields, of.views, strict=True)
        )
    )
    values: dict[str, object] = {
        view.field: data.draw(st.sampled_from(SHAPES)).format(canary="canary", number="7") for view in of.views
    }
    row = json.dumps([nested(values)]).encode()
    before, after = (compile_codec(each, FakeSurrogateKeys()) for each in (of, lowered))
    wide, narrow = (_flat(json.loads(c.encode(c.decode(row), [0])[0])) for c in (before, after))
    assert narrow.items() <= wide.items()
    assert set(narrow) == {view.field for view in lowered.views if view.treatment != NOTHING}


def _flat(row: dict[str, object], path: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in row.items():
        flat |= _flat(value, f"{path}{name}.") if isinstance(value, dict) else {path + name: value}
    return flat
