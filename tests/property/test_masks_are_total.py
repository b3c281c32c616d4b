# SPDX-License-Identifier: Apache-2.0
"""Every rung answers every value, and going down a chain only takes away."""

import unicodedata
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.domain.catalog import Form
from gateway.domain.treatment import Rung, Treatment
from gateway.transform.free_text import mask_free_text
from gateway.transform.inner import Value
from gateway.transform.normalise import normal
from gateway.transform.surrogates import Surrogates
from gateway.transform.treat import RUNGS, column_of
from tests.fakes.plans import CHAINS, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

ODD = "\ud800\u0301\u202e\u200b\U0001f600\x00@.+-* ,;0189１٣XxAäß张欧阳市省自治区ﷺ\n"
TEXTS = st.one_of(st.text(), st.text(alphabet=ODD), st.text(alphabet="0123456789+-() .*@aX", max_size=40))
VALUES: st.SearchStrategy[Value] = st.one_of(
    TEXTS, st.integers(), st.booleans(), st.decimals(), st.integers(10**17, 10**40), st.dates().map(str)
)
SURROGATES = Surrogates(FakeSurrogateKeys(), key_class="test", recipient="own")


@pytest.mark.parametrize("rung", RUNGS)
@settings(max_examples=150, deadline=None)
@given(value=VALUES)
def test_every_rung_answers_every_value(rung: Rung, value: Value) -> None:
    """With text or with nothing, never with an exception."""
    shown = RUNGS[rung](value)
    assert shown is None or (isinstance(shown, str) and shown)


@pytest.mark.parametrize("rung", [rung for rung in RUNGS if rung.startswith("mask.")])
@settings(max_examples=150, deadline=None)
@given(value=TEXTS)
@example(value="(  ) A B C D E F")
def test_every_mask_hides_something(rung: Rung, value: str) -> None:
    """What a mask made has asterisks or a point in it, and no more than a domain, a place or seven digits."""
    shown = RUNGS[rung](value)
    if isinstance(shown, str):
        assert "*" in shown or shown.endswith(".")
        assert rung in ("mask.email", "mask.email_domain", "mask.address") or len(shown) <= 12


@pytest.mark.parametrize("rung", ["mask.text", "mask.name", "mask.phone_tail", "mask.national_id"])
@given(tail=st.text(alphabet="abcdefgh", min_size=1, max_size=60))
def test_no_mask_tells_a_length(rung: str, tail: str) -> None:
    """Values with equal ends and middles of any length look the same, if they have a look at all."""
    shown = {RUNGS[Rung(rung)](f"A{middle}z") for middle in ("b" + tail, "bcdefg" + tail)} - {None}
    assert len(shown) <= 1


@pytest.mark.parametrize("name", CHAINS)
@settings(max_examples=150, deadline=None)
@given(value=VALUES)
def test_each_rung_of_a_chain_follows_from_every_rung_above(name: str, value: Value) -> None:
    """For any value, not only for the samples that the loader tries."""
    for lower, upper in combinations(CHAINS[name].rungs[1:-1], 2):
        between = RUNGS[upper](value)
        assert between is None or RUNGS[lower](between) == RUNGS[lower](value)


@pytest.mark.parametrize("name", CHAINS)
@settings(max_examples=150, deadline=None)
@given(value=VALUES)
def test_what_a_level_does_not_show_no_level_below_shows(name: str, value: Value) -> None:
    """Nothing above means nothing below, even for values that only a lower rung would understand."""
    over = CHAINS[name]
    columns = [
        column_of(spec("f"), over, Treatment(level, link=False), SURROGATES) for level in range(1, len(over.rungs))
    ]
    shown = [column([value], ())[0] is not None for column in columns if column is not None]
    assert shown == sorted(shown)


@settings(max_examples=300, deadline=None)
@given(form=st.sampled_from(Form), text=TEXTS, country=st.sampled_from((None, "CN", "US", "DE", "ZZ")))
def test_every_value_has_a_namespace_and_a_spelling_that_stays(form: Form, text: str, country: str | None) -> None:
    """What is normalised is its own spelling; what is raw is unchanged."""
    namespace, spelling = normal(form, text, country)
    if namespace == "raw":
        assert spelling == text
    else:
        assert normal(form, spelling, country) == ("n", spelling)


@settings(max_examples=300, deadline=None)
@given(form=st.sampled_from(Form), text=TEXTS)
def test_every_value_comes_back_from_its_surrogate(form: Form, text: str) -> None:
    """Normalised, however odd it is."""
    own = spec("f", form=form)
    made = SURROGATES.of(own, text)
    assert made is not None
    assert SURROGATES.inner(own, made) == normal(form, text)[1]


@settings(max_examples=300, deadline=None)
@given(text=TEXTS, number=st.integers(10**10, 10**17), tail=TEXTS)
def test_no_long_number_stays_in_free_text(text: str, number: int, tail: str) -> None:
    """In whatever it is wrapped."""
    assert str(number) not in mask_free_text(f"{text} {number} {tail}")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**17), max_value=10**17))
def test_a_number_lies_in_its_band(value: Decimal) -> None:
    """From the lowest up to, but not including, the next band."""
    band = str(RUNGS[Rung("generalise.band100")](value))
    lowest = int(band.partition("..")[0] if ".." in band else band.partition("-")[0])
    assert lowest <= value < lowest + 100


@given(TEXTS)
def test_masks_do_not_care_how_letters_are_composed(text: str) -> None:
    """A letter and its accent, apart or together, give one mask."""
    for rung in ("mask.text", "mask.name", "mask.email"):
        function = RUNGS[Rung(rung)]
        assert function(unicodedata.normalize("NFD", text)) == function(unicodedata.normalize("NFC", text))
