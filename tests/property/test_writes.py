# SPDX-License-Identifier: Apache-2.0
"""The laws of writing: layers only take away, what a view made up is refused, and what people write is not."""

import random
from datetime import date
from functools import cache
from itertools import combinations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decide.decide import Decider
from gateway.decide.loader.load import load
from gateway.decide.loader.shipped import shipped_files
from gateway.decide.rules import RuleSet
from gateway.demo.people import people
from gateway.domain.catalog import FieldSpec, FieldType
from gateway.domain.decision import Permit
from gateway.domain.inquiry import Inquiry, Scalar, Written
from gateway.domain.names import FieldName
from gateway.domain.treatment import Chain
from gateway.domain.viewplan import ViewPlan
from gateway.transform.codec import Codec, compile_codec
from gateway.transform.formulas import is_marked, without_formula
from gateway.transform.treat import RUNGS, SAMPLES, check_chain
from gateway.transform.writing import Judged, is_made_up, is_of_kind, judged
from tests.fakes import rules as draw
from tests.fakes.plans import CHAINS, REVEALED, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

KINDS = {
    "date": FieldType.DATE,
    "timestamp": FieldType.TIMESTAMP,
    "number": FieldType.INTEGER,
    "money": FieldType.DECIMAL,
}
"""Types of the fields that the shipped chains are for; all others are text."""


def may_write(rules: RuleSet, asked: Inquiry, holds: tuple = ()) -> frozenset[str]:  # type: ignore[type-arg]
    """Return the fields that a caller may name in a write, each by itself."""
    decider = Decider(rules, lambda _rung, _text: True)
    collection = rules.catalog.collections[asked.dataset]
    return frozenset(
        spec.name
        for spec in collection.fields
        if isinstance(
            decider.decide(msgspec.structs.replace(asked, written=(Written(((spec.name, "x"),)),)), holds, draw.NOW_US),
            Permit,
        )
    )


def writer(rng: random.Random) -> tuple[RuleSet, Inquiry, frozenset[str]]:
    """Return random rules, a call that updates, and what it may write; never nothing."""
    while True:
        rules = draw.rule_set(rng, n_grants=rng.randint(20, 60), denies=0.05)
        asked = draw.inquiry(rng, rules, draw.principal(rng))
        asked = msgspec.structs.replace(asked, operation="update", filters=(), sorts=(), fields=None)
        found = may_write(rules, asked)
        if found:
            return rules, asked, found


@pytest.mark.parametrize("seed", range(4))
def test_a_layer_more_never_lets_more_be_written(seed: int) -> None:
    """A deny, a red line, a hold or a stricter assurance more, an allow or a collected category less."""
    rng = random.Random(seed)
    for _ in range(40):
        rules, asked, before = writer(rng)
        deny = msgspec.structs.replace(draw.grant(rng, 99), allow=False, operation="update")
        purposes = {
            key: msgspec.structs.replace(rule, collects=rule.collects[1:]) for key, rule in rules.purposes.items()
        }
        stricter = msgspec.structs.replace(rules.assurance[0], category=rng.choice(draw.CATEGORIES))
        narrower = [
            draw.without(rules, grants=(*rules.grants, deny)),
            draw.without(rules, grants=rules.grants[1:] if rules.grants[0].allow else rules.grants),
            draw.without(rules, red_lines=(*rules.red_lines, draw.red_line(rng, 9))),
            draw.without(rules, assurance=(*rules.assurance, stricter)),
            draw.without(rules, purposes=purposes),
        ]
        for fewer in narrower:
            assert may_write(fewer, asked) <= before
        assert may_write(rules, asked, (draw.hold(rng),)) <= before


def test_a_grant_to_read_never_lets_anything_be_written() -> None:
    """Whatever else is granted."""
    rng = random.Random(7)
    for _ in range(100):
        rules, asked, before = writer(rng)
        reads = tuple(
            msgspec.structs.replace(draw.grant(rng, 100 + place), allow=True, operation="read") for place in range(9)
        )
        assert may_write(draw.without(rules, grants=(*rules.grants, *reads)), asked) == before


@cache
def judging(own: FieldSpec, chain: Chain) -> tuple[ViewPlan, Codec]:
    """Return the view by which a field may be written in clear, and its codec."""
    view = plan((own, chain, REVEALED))
    return view, compile_codec(view, FakeSurrogateKeys())


def written(own: FieldSpec, chain: Chain, value: Scalar) -> Judged:
    """Judge a value that is written to a field that may be written in clear."""
    view, codec = judging(own, chain)
    return judged([Written(((own.name, value),))], view, codec.resolve)


@pytest.mark.parametrize("name", CHAINS)
def test_what_a_rung_makes_of_a_value_is_refused(name: str) -> None:
    """Of every sample and rung; by one rung or, as it leaves, by all from the top."""
    chain, own = CHAINS[name], spec("x", KINDS.get(name, FieldType.TEXT))
    inner = chain.rungs[1:-1]
    n_tried = 0
    for value in SAMPLES:
        made = [RUNGS[rung](value) for rung in inner]
        made += [RUNGS[low](up) for low, high in combinations(inner, 2) if (up := RUNGS[high](value)) is not None]
        for text in made:
            if text is None or text == value:
                continue
            n_tried += 1
            assert written(own, chain, text).unrevealed == ("x",), (value, text)
    assert n_tried > 0 or not inner


@pytest.mark.parametrize("name", CHAINS)
def test_a_sample_that_no_rung_leaves_as_it_is_passes(name: str) -> None:
    """What is refused of realistic values is what is documented: initials for a name, spans for a date."""
    chain, own = CHAINS[name], spec("x", KINDS.get(name, FieldType.TEXT))
    spans = [rung for rung in RUNGS if rung.startswith("generalise.") and (rung, name) != ("generalise.day", "date")]
    for value in SAMPLES:
        rungs = (*chain.rungs[1:-1], *(spans if name in KINDS else ()))
        if is_of_kind(own.type, value) and not any(RUNGS[rung](value) == value for rung in rungs):
            assert written(own, chain, value).unrevealed == (), value


def test_nothing_of_the_sample_people_is_refused() -> None:
    """Every field of 200 people, as the shipped datasets declare it."""
    rules = load(shipped_files(), check_chain=check_chain)
    customers, orders = (rules.catalog.collections[name] for name in ("crm.customers", "shop.orders"))  # type: ignore[index]
    for person in people(None, 200, today=date(2026, 6, 15)):
        row = {name: getattr(person, name) for name in ("id", *msgspec.structs.asdict(person))}
        row |= msgspec.structs.asdict(person.campaign)
        for spec_ in customers.fields:
            assert is_clean(spec_, rules.chains[spec_.chain], row[spec_.name]), spec_.name
        for order in person.orders:
            told = msgspec.structs.asdict(order)
            for spec_ in orders.fields:
                assert is_clean(spec_, rules.chains[spec_.chain], told[spec_.name]), spec_.name


def is_clean(own: FieldSpec, chain: Chain, value: Scalar) -> bool:
    """Tell whether a value may be written as it is."""
    found = written(own, chain, value)
    return not (found.unrevealed or found.invalid) and found.records == (Written(((FieldName(own.name), value),)),)


TEXT = st.text(alphabet="\"',;|\t\r\n =+-@\uff1d019#a\u3000\u200b", max_size=12) | st.text(max_size=12)


@settings(max_examples=400, deadline=None)
@given(TEXT)
def test_what_csv_for_people_did_to_a_text_cannot_be_written_back(text: str) -> None:
    """Of whatever text: where it is told otherwise than it is, what is told is refused."""
    told = without_formula(text)
    assert told == text or is_made_up(spec("x"), CHAINS["text"], told)


@settings(max_examples=400, deadline=None)
@given(TEXT)
def test_nothing_else_is_taken_for_it(text: str) -> None:
    """What is taken for it is what the rule makes of the text without one apostrophe or more."""
    if is_marked(text):
        n = text.count("'")
        places = [place for place, mark in enumerate(text) if mark == "'"]
        without = (
            "".join(mark for place, mark in enumerate(text) if place not in gone)
            for most in range(1, n + 1)
            for gone in combinations(places, most)
        )
        assert any(without_formula(one) == text for one in without)
