# SPDX-License-Identifier: Apache-2.0
"""What a store holds in the place of a vault's values, and what leaves for it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from gateway.domain.catalog import AtRest, FieldSpec, Form, SurrogateKind
from gateway.domain.names import FieldName, JoinDomain
from gateway.domain.treatment import Treatment
from gateway.transform.codec import Codec, compile_codec
from gateway.transform.formats import SPELLS
from gateway.transform.inner import MOST_SEALED_BYTES
from gateway.transform.rows import WITHHELD
from gateway.transform.surrogates import Surrogates
from gateway.transform.vaulted import Known, looks_at_rest, spelled, stored_text, token_of
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

PHONES = JoinDomain("phones")
ANNA, BERT = bytes(15) + b"a", bytes(15) + b"b"
SAID = Known(values={PHONES: {ANNA: "+8613912345678"}})


def phone(name: str = "phone", **more: Any) -> FieldSpec:
    """Return a field of the vault."""
    return spec(name, form=Form.PHONE, join_domain=PHONES, at_rest=AtRest.VAULT, **more)


def codec_of(treatment: Treatment, keys: FakeSurrogateKeys | None = None, recipient: str = "own") -> Codec:
    """Return the codec of a phone and an id."""
    fields = ((phone(), CHAINS["phone"], treatment), (spec("id"), CHAINS["word"], REVEALED))
    return compile_codec(plan(*fields, recipient=recipient), keys or FakeSurrogateKeys())


def rows(codec: Codec, *phones: object, known: Known = SAID, classes: tuple[int, ...] | None = None) -> list[Any]:
    """Return what leaves for rows that a store sent, with what a vault said."""
    sent = [{"id": str(n)} if one is UNSET else {"id": str(n), "phone": one} for n, one in enumerate(phones)]
    batch = codec.decode(msgspec.json.encode(sent))
    lines = codec.encode(batch, classes or (0,) * len(sent), known=known)
    return [msgspec.json.decode(line).get("phone", UNSET) for line in lines]


def test_a_token_comes_back_from_its_text_in_any_case() -> None:
    """There are stores that write in upper case."""
    text = stored_text(ANNA)
    assert text == "av1_" + "0" * 30 + "61"
    assert token_of(text) == token_of(text.upper()) == ANNA


@pytest.mark.parametrize(
    "text", ["", "av1_", "av1_" + "0" * 31, "av1_" + "0" * 33, "as1_" + "0" * 32, " av1_" + "0" * 32]
)
def test_what_is_of_another_shape_is_a_value_that_was_not_turned_over(text: str) -> None:
    """And a text of the shape that none of ours can be is no value either."""
    assert token_of(text) is None
    assert token_of("av2_" + "0" * 32) == b""


@pytest.mark.parametrize(
    "text",
    [
        "av1_" + "0" * 32,
        "AS12_" + "A" * 96,
        " av1_" + "0" * 32 + " ",
        "\uff41\uff56\uff11\uff3f" + "0" * 32,
        "\u00e0v1_" + "0" * 32,
        "a\u200bv1_0" + "\u00ad" + "0" * 31,
    ],
)
def test_what_a_store_could_take_for_its_own_is_seen(text: str) -> None:
    """Stores compare without case, blanks, accents, widths or what is not seen; mail addresses are none of it."""
    assert looks_at_rest(text)
    assert not looks_at_rest("anna.berg@example.com")
    assert not looks_at_rest("sv1_" + "0" * 96)


def test_what_stands_for_nothing_leaves_as_null() -> None:
    """A token that the vault does not know, and one of another version; whatever the treatment but a surrogate."""
    unknown = (stored_text(BERT), "av2_" + ANNA.hex())
    for treatment in (REVEALED, Treatment(1, link=True), Treatment(2, link=False)):
        assert rows(codec_of(treatment), *unknown) == [None, None]
    assert rows(codec_of(SURROGATE), unknown[1]) == [None]


def test_what_is_shown_is_made_of_what_the_vault_said() -> None:
    """Clear and masked; null stays null and missing stays missing, and a value not turned over is what it is."""
    sent = (stored_text(ANNA), None, UNSET, "+8613912345678")
    assert rows(codec_of(REVEALED), *sent) == ["+8613912345678", None, UNSET, "+8613912345678"]
    masked = rows(codec_of(Treatment(2, link=True)), *sent)
    assert masked[0] == masked[3]
    assert "***" in masked[0]
    assert masked[1:3] == [None, UNSET]


def test_a_surrogate_is_made_of_the_token_without_the_vault() -> None:
    """Equal for equal tokens, whatever they stand for; another scope makes another of it."""
    text = stored_text(ANNA)
    here, again, other = (rows(codec_of(SURROGATE), text, known=known) for known in (Known(), SAID, Known()))
    there = rows(codec_of(SURROGATE, recipient="adnet"), text)
    assert here == again == other != there
    assert here[0].startswith("sv1_")
    assert text[4:] not in here[0]


def test_a_surrogate_of_a_value_not_turned_over_is_that_of_its_token() -> None:
    """However it is spelled; without a token nothing leaves."""
    codec = codec_of(SURROGATE)
    said = Known(tokens={(PHONES, "+8613912345678"): ANNA})
    assert len({*rows(codec, stored_text(ANNA), "13912345678", "+86 139 1234 5678", known=said)}) == 1
    assert rows(codec, "13912345678", "9" * 2000, known=Known()) == [None, None]


def test_a_block_asks_for_what_leaves_alone() -> None:
    """Not for rows that are withheld, and for surrogates only of what was not turned over."""
    sent = msgspec.json.encode(
        [{"phone": one} for one in (stored_text(ANNA), stored_text(BERT), "13912345678", "9" * 2000, None)]
    )
    shown, linked = codec_of(REVEALED), codec_of(SURROGATE)
    wanted = shown.wanted(shown.decode(sent), (0, WITHHELD, 0, 0, 0))
    assert (dict(wanted.opened), list(wanted.unturned)) == ({PHONES: [(ANNA, 0)]}, [])
    unturned = linked.wanted(linked.decode(sent), (0,) * 5).unturned
    assert [(one.domain, one.value, one.place) for one in unturned] == [(PHONES, "+8613912345678", 2)]
    assert not linked.wanted(linked.decode(sent), (WITHHELD,) * 5)


def test_a_collection_without_a_vault_asks_for_nothing() -> None:
    """Nothing is looked at."""
    codec = compile_codec(plan((spec("phone"), CHAINS["phone"], REVEALED)), FakeSurrogateKeys())
    assert not codec.wanted(codec.decode(b'[{"phone":"av1_00000000000000000000000000000061"}]'), (0,))


def test_csv_and_runs_are_made_of_what_the_vault_said() -> None:
    """As JSON is, whichever way the rows leave."""
    codec = codec_of(REVEALED)
    batch = codec.decode(msgspec.json.encode([{"id": "1", "phone": stored_text(ANNA)}]))
    form = next(iter(SPELLS))
    assert b"+8613912345678" in codec.encode(batch, (0,), SPELLS[form], SAID)[0]
    run = codec.run(batch, (0,), SAID)
    assert not isinstance(run, list)
    assert b"+8613912345678" in run.text()


@given(st.binary(min_size=16, max_size=16), st.sampled_from(SurrogateKind))
def test_what_is_at_rest_never_leaves_and_comes_back_in_its_scope_alone(token: bytes, kind: SurrogateKind) -> None:
    """No digit of the token stands in its surrogate; the scope that it was made for gets the token of it again."""
    keys, own = FakeSurrogateKeys(), phone(surrogate=kind)
    here, there = (Surrogates(keys, key_class="c", recipient=who) for who in ("own", "adnet"))
    made = here.of(own, stored_text(token))
    assert made is not None
    assert token.hex() not in made
    assert here.token(own, made) == (token if kind is SurrogateKind.SIV else None)
    assert here.inner(own, made) is None
    assert there.token(own, made) is None


def test_a_token_is_nothing_to_a_field_that_is_not_in_the_vault() -> None:
    """As after a rule was changed back: its surrogates stand for no value."""
    surrogates = Surrogates(FakeSurrogateKeys(), key_class="c", recipient="own")
    made = str(surrogates.of(phone(), stored_text(ANNA)))
    clear = spec("phone", form=Form.PHONE, join_domain=PHONES)
    assert surrogates.inner(clear, made) is None


def test_a_codec_leaves_it_to_the_vault_what_a_value_is_at_rest() -> None:
    """It tells what a surrogate stands for: a token, or a value that had none when it was made."""
    codec, field = codec_of(SURROGATE), FieldName("phone")
    surrogates = codec._surrogates
    of_token = str(surrogates.of(phone(), stored_text(ANNA)))
    of_value = str(surrogates.of(spec("phone", form=Form.PHONE, join_domain=PHONES), "+8613912345678"))
    assert codec.token_or_value(field, of_token) == (ANNA, None)
    assert codec.token_or_value(field, of_value) == (None, "+8613912345678")
    assert codec.token_or_value(field, "sv1_" + "0" * 96) == (None, None)
    assert codec.held(field, "+8613912345678") is None
    assert codec.in_vault(field) == phone()
    assert codec.in_vault(FieldName("id")) is None


def test_one_spelling_for_each_value() -> None:
    """Read with the country of its row; what has none is as it is, and what is too long has none at all."""
    assert spelled(phone(), "139 1234 5678", "CN") == spelled(phone(), "+8613912345678") == "+8613912345678"
    assert spelled(phone(), "call me") == "call me"
    assert spelled(phone(), "x" * (MOST_SEALED_BYTES - 1)) is not None
    assert spelled(phone(), "x" * MOST_SEALED_BYTES) is None
