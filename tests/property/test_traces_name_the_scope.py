# SPDX-License-Identifier: Apache-2.0
"""Whatever was done to a list, its surrogates name their scope; and lists that are not ours name nobody."""

import base64
import random
import uuid

from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from gateway.domain.catalog import SurrogateKind
from gateway.domain.names import JoinDomain
from gateway.transform.spotting import Spotting
from gateway.transform.surrogates import Surrogates
from gateway.transform.tracing import Scope, Tracer
from tests.fakes.plans import spec
from tests.fakes.surrogate_keys import FakeKey, FakeSurrogateKeys

DOMAINS = tuple(JoinDomain(f"domain-{n}") for n in range(4))
SCOPES = [(f"class-{n}", f"recipient-{m}") for n in range(3) for m in range(2)]
NOISE = st.text(st.sampled_from(" \t\u00a0\u2009\u3000\u200b\u200d\u2060\ufeff\u00ad\"'`«»“”.,;|-"), max_size=2)
BETWEEN = st.sampled_from(["\n", "\r\n", ",", ";", "\t", " ", "", "\n\n", '","', "|"])


def texts_of(text: str) -> list[Scope]:
    """Return the scopes of what is found in a text, in order."""
    spotting = Spotting()
    tracer = Tracer(KEYS, dict.fromkeys(DOMAINS, (1,)), dict.fromkeys(DOMAINS, (1,)), SCOPES)
    return [
        found.scope for one in [*spotting.feed(text), *spotting.finish()] if (found := tracer.traced(one)) is not None
    ]


KEYS = FakeSurrogateKeys()


@st.composite
def disguised(draw: st.DrawFn) -> tuple[Scope, str]:
    """Draw a surrogate and its spelling in a list that went round."""
    domain, (key_class, recipient) = draw(st.sampled_from(DOMAINS)), draw(st.sampled_from(SCOPES))
    kind = draw(st.sampled_from(list(SurrogateKind)))
    value = draw(st.text(min_size=1, max_size=80))
    made = Surrogates(KEYS, key_class=key_class, recipient=recipient).of(
        spec("f", surrogate=kind, join_domain=domain), value
    )
    assert made is not None
    text = ""
    for one in made:
        spelled = one.upper() if draw(st.booleans()) else one
        text += draw(NOISE) + (chr(ord(spelled) + 0xFEE0) if draw(st.integers(0, 3)) == 0 else spelled)
    return Scope(recipient, key_class, domain, kind.value, 1), text


@given(st.lists(st.tuples(disguised(), BETWEEN), max_size=5))
@settings(deadline=None, max_examples=60)
def test_the_scope_is_named_whatever_was_done_to_the_text(cells: list[tuple[tuple[Scope, str], str]]) -> None:
    """Re-cased, re-spaced, in other widths, quoted, glued together, in any order."""
    text = "".join(spelled + between for (_, spelled), between in cells)
    assert texts_of(text) == [scope for (scope, _), _ in cells]


def test_a_list_of_chance_names_nobody() -> None:
    """10**5 cells of hexadecimal, base64 and UUIDs, among them 20,000 with the prefix and length of ours."""
    chance = random.Random(7)
    cells = [chance.randbytes(24).hex() for _ in range(40_000)]
    cells += [base64.b64encode(chance.randbytes(36)).decode() for _ in range(20_000)]
    cells += [str(uuid.UUID(bytes=chance.randbytes(16))) for _ in range(20_000)]
    cells += [f"sh1_{chance.randbytes(24).hex()}" for _ in range(14_000)]
    cells += [f"sv1_{chance.randbytes(48).hex()}" for _ in range(3_000)]
    cells += [f"as1_{chance.randbytes(48).hex()}" for _ in range(3_000)]
    chance.shuffle(cells)
    assert len(cells) == 100_000
    assert texts_of("\n".join(cells)) == []


@given(st.text(min_size=1, max_size=40), st.sampled_from(list(SurrogateKind)))
@settings(deadline=None, max_examples=30)
def test_surrogates_of_another_installation_name_nobody(value: str, kind: SurrogateKind) -> None:
    """Of the same domain, class, recipient and version, of the same value."""

    class Others(FakeSurrogateKeys):
        """Keys of somebody else."""

        @override
        def version(self, label: str, version: int, /) -> FakeKey:
            return super().version("another installation's " + label, version)

    key_class, recipient = SCOPES[0]
    made = Surrogates(Others(), key_class=key_class, recipient=recipient).of(
        spec("f", surrogate=kind, join_domain=DOMAINS[0]), value
    )
    assert made is not None
    assert texts_of(made) == []


@given(st.integers(0, 95), st.integers(1, 15))
@settings(deadline=None, max_examples=40)
def test_a_changed_digit_names_nobody(place: int, by: int) -> None:
    """Neither of a surrogate that opens nor of a digest."""
    key_class, recipient = SCOPES[0]
    surrogates = Surrogates(KEYS, key_class=key_class, recipient=recipient)
    for kind in SurrogateKind:
        made = surrogates.of(spec("f", surrogate=kind, join_domain=DOMAINS[0]), "value")
        assert made is not None
        at = made.index("_") + 1 + place % (len(made) - made.index("_") - 1)
        changed = made[:at] + f"{int(made[at], 16) ^ by:x}" + made[at + 1 :]
        assert texts_of(changed) == []
