# SPDX-License-Identifier: Apache-2.0
"""A surrogate names its scope to who has the keys, and to nobody else."""

import random

import pytest

from gateway.domain.catalog import SurrogateKind
from gateway.domain.names import JoinDomain
from gateway.transform.at_rest import Stored
from gateway.transform.inner import person_form, person_of
from gateway.transform.normalise import SPELLINGS
from gateway.transform.spotting import Spotted
from gateway.transform.surrogates import Surrogates
from gateway.transform.tracing import ONE_IN, Scope, Tracer
from tests.fakes.plans import spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

DOMAINS = tuple(JoinDomain(f"domain-{n}") for n in range(6))
SCOPES = [(f"class-{n}", f"recipient-{m}") for n in range(4) for m in range(3)]


def tracer(keys: FakeSurrogateKeys, versions: tuple[int, ...] = (1,), most_tries: int | None = None) -> Tracer:
    """Return a tracer of all scopes."""
    held = dict.fromkeys(DOMAINS, versions)
    return Tracer(keys, held, held, SCOPES, most_tries=most_tries)


def cell(text: str, row: int = 1) -> Spotted:
    """Return a surrogate as it is found in a text."""
    prefix, _, digits = text.partition("_")
    return Spotted(row, prefix[:2], int(prefix[2:]), digits)


@pytest.mark.parametrize("kind", SurrogateKind)
@pytest.mark.parametrize("value", ["x", "a value that is longer than one block of thirty-two bytes"])
def test_every_scope_is_named_and_no_other(kind: SurrogateKind, value: str) -> None:
    """Domain, class, recipient and version, in whatever order cells come."""
    keys = FakeSurrogateKeys()
    keys.rotate()
    one = tracer(keys, (1, 2))
    made = [(domain, scope) for domain in DOMAINS for scope in SCOPES]
    random.Random(5).shuffle(made)
    for domain, (key_class, recipient) in made:
        text = Surrogates(keys, key_class=key_class, recipient=recipient).of(
            spec("f", surrogate=kind, join_domain=domain), value
        )
        assert text is not None
        found = one.traced(cell(text))
        assert found is not None
        assert found.scope == Scope(recipient, key_class, domain, kind.value, 2)
        assert found.form == (b"n" + value.encode() if kind is SurrogateKind.SIV else b"")


def test_digits_that_run_on_change_nothing() -> None:
    """As of a cell that was glued to a number."""
    keys = FakeSurrogateKeys()
    surrogates = Surrogates(keys, key_class="class-1", recipient="recipient-2")
    for kind, value in ((SurrogateKind.SIV, "x"), (SurrogateKind.SIV, "y" * 90), (SurrogateKind.HMAC, "z")):
        text = surrogates.of(spec("f", surrogate=kind, join_domain=DOMAINS[3]), value)
        assert text is not None
        for more in ("0", "12345678", "ab" * 40):
            assert tracer(keys).traced(cell(text + more)) is not None


def test_what_a_store_holds_is_told_apart() -> None:
    """A surrogate at rest has no recipient: no answer ever held it."""
    keys = FakeSurrogateKeys()
    text = Stored(keys, DOMAINS[2]).sealed(SPELLINGS[spec("f").form], "value")
    assert text is not None
    found = tracer(keys).traced(cell(text))
    assert found is not None
    assert found.scope == Scope("", "", DOMAINS[2], "at-rest", 1)


def test_versions_that_are_shredded_and_that_never_were_open_nothing() -> None:
    """And cost nothing."""
    keys = FakeSurrogateKeys()
    text = Surrogates(keys, key_class="class-0", recipient="recipient-0").of(spec("f", join_domain=DOMAINS[0]), "x")
    assert text is not None
    assert tracer(keys, ()).traced(cell(text)) is None
    assert tracer(keys).traced(cell(text.replace("sv1_", "sv99_"))) is None
    one = tracer(keys)
    keys.shred(1)
    assert one.traced(cell(text)) is None


def test_a_scope_that_was_found_is_found_again_when_tries_are_spent() -> None:
    """What is foreign is then tried once in a while, which is counted."""
    keys = FakeSurrogateKeys()
    text = Surrogates(keys, key_class="class-3", recipient="recipient-2").of(spec("f", join_domain=DOMAINS[5]), "x")
    assert text is not None
    one = tracer(keys, most_tries=72)
    assert one.traced(cell(text)) is not None
    for n in range(2 * ONE_IN):
        assert one.traced(cell(f"sv1_{random.Random(n).randbytes(48).hex()}")) is None
    assert 0 < one.n_untried < 2 * ONE_IN
    assert one.traced(cell(text)) is not None


def test_a_form_of_a_person_is_a_form_of_nothing_else() -> None:
    """Numbers of every size come back; a value never reads as a number."""
    for number in (0, 1, 255, 256, 2**31, 2**32 - 1):
        assert person_of(person_form(number)) == number
    assert person_of(b"npppp") is None
    assert person_of(b"t" + bytes(16)) is None
