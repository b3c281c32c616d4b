# SPDX-License-Identifier: Apache-2.0
"""What single texts stand for: in their own field and scope alone, and nothing anywhere else."""

from gateway.domain.catalog import AtRest, Form
from gateway.domain.names import FieldName
from gateway.transform.inner import MOST_SEALED_BYTES, NORMAL, TOKEN
from gateway.transform.standing import Standing
from gateway.transform.surrogates import Surrogates
from gateway.transform.vaulted import stored_text
from tests.fakes.plans import CHAINS, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

PLAIN, HELD, VAULT, PHONE = FieldName("plain"), FieldName("held"), FieldName("vault"), FieldName("phone")
SPECS = {
    PLAIN: spec("plain", form=Form.EMAIL),
    HELD: spec("held", form=Form.EMAIL, at_rest=AtRest.SIV),
    VAULT: spec("vault", form=Form.EMAIL, at_rest=AtRest.VAULT),
    PHONE: spec("phone", form=Form.PHONE, at_rest=AtRest.SIV),
}
MAIL, TOKEN_BYTES = "anna@example.com", bytes(range(16))


def standing(keys: FakeSurrogateKeys, recipient: str = "own") -> tuple[Standing, Surrogates]:
    """Return what tells, and what makes surrogates of the same scope."""
    made = Surrogates(keys, key_class="mail", recipient=recipient)
    return Standing(plan(*((one, CHAINS["email"], SURROGATE) for one in SPECS.values())), made), made


def test_a_surrogate_resolves_to_what_the_store_holds() -> None:
    """The value, or the value at rest; of another scope and of no field, nothing."""
    keys = FakeSurrogateKeys()
    tells, made = standing(keys)
    plain, held = (str(made.of(SPECS[field], MAIL)) for field in (PLAIN, HELD))
    assert tells.resolve(PLAIN, plain) == MAIL
    assert tells.resolve(HELD, held) == tells.held(HELD, " Anna@example.com") != MAIL
    assert standing(keys, "adnet")[0].resolve(PLAIN, plain) is None
    assert tells.resolve(FieldName("other"), plain) is None


def test_of_a_vault_a_text_leads_to_its_token_and_no_further() -> None:
    """At rest and outgoing; what the store holds of a value is for the vault to say."""
    tells, made = standing(FakeSurrogateKeys())
    outgoing = str(made.of(SPECS[VAULT], stored_text(TOKEN_BYTES)))
    assert [tells.vault_token(VAULT, text) for text in (outgoing, stored_text(TOKEN_BYTES), MAIL)] == [
        TOKEN_BYTES,
        TOKEN_BYTES,
        None,
    ]
    assert tells.vault_token(PLAIN, stored_text(TOKEN_BYTES)) is None
    assert tells.token_or_value(VAULT, outgoing) == (TOKEN_BYTES, None)
    assert tells.held(VAULT, MAIL) is None
    assert (tells.in_vault(VAULT), tells.in_vault(HELD)) == (SPECS[VAULT], None)


def test_the_inner_form_is_the_same_before_and_after_a_value_was_turned_over() -> None:
    """In clear, at rest by a key, and as the token of a vault."""
    tells, _ = standing(FakeSurrogateKeys())
    at_rest = tells.held(HELD, MAIL)
    assert at_rest is not None
    assert tells.stands_for(HELD, MAIL) == tells.stands_for(HELD, at_rest) == NORMAL + MAIL.encode()
    assert tells.stands_for(VAULT, stored_text(TOKEN_BYTES)) == TOKEN + TOKEN_BYTES
    assert tells.stands_for(HELD, at_rest[:-1] + ("1" if at_rest[-1] == "0" else "0")) == b""


def test_every_form_in_which_a_value_may_lie_is_told_likeliest_first() -> None:
    """Under the key in force, then under older ones; where nothing is at rest by a key, none."""
    keys, form = FakeSurrogateKeys(), NORMAL + MAIL.encode()
    old = standing(keys)[0].held(HELD, MAIL)
    keys.rotate()
    tells, _ = standing(keys)
    new = tells.held(HELD, MAIL)
    assert tells.every_form(HELD, form, 1) == (new, old)
    assert tells.every_form(HELD, form, 2) == (new,)
    assert tells.every_form(PLAIN, form, 1) == ()


def test_a_phone_is_asked_for_as_it_is_too_unless_every_country_reads_it_alike() -> None:
    """Nobody says in which country; by its surrogate it is asked for as what that stands for, and as nothing else."""
    tells, made = standing(FakeSurrogateKeys())
    for text, forms in {
        "+4930901820": (b"n+4930901820",),
        "0049 30 901820": (b"n+4930901820", b"r0049 30 901820"),
        "13812345678": (b"n+8613812345678", b"r13812345678"),
        "030 901820": (b"r030 901820",),
        "": (b"r",),
    }.items():
        assert tells.asked_forms(PHONE, text, surrogate=False) == forms
    for country, form in {"FR": b"r13812345678", "CN": b"n+8613812345678"}.items():
        surrogate = str(made.of(SPECS[PHONE], "13812345678", country))
        assert tells.asked_forms(PHONE, surrogate, surrogate=True) == (form,)
    assert tells.asked_forms(PHONE, "sv1_" + "0" * 96, surrogate=True) == ()
    assert tells.asked_forms(HELD, "x" * MOST_SEALED_BYTES, surrogate=False) == ()


def test_what_has_no_spelling_in_its_country_is_resolved_to_itself() -> None:
    """It is never read once more without the country, which would make another phone of it."""
    tells, made = standing(FakeSurrogateKeys())
    surrogate = str(made.of(SPECS[PHONE], "13812345678", "FR"))
    held = tells.resolve(PHONE, surrogate)
    assert held is not None
    assert tells.stands_for(PHONE, held) == b"r13812345678"
    assert tells.resolve(PHONE, str(made.of(SPECS[PHONE], "13812345678", "CN"))) == tells.held(PHONE, "+8613812345678")


def test_what_a_text_means_is_a_clear_value_or_nothing() -> None:
    """A surrogate its value, a value at rest its value, a clear value itself; a token nothing."""
    tells, made = standing(FakeSurrogateKeys())
    at_rest, outgoing = str(tells.held(HELD, MAIL)), str(made.of(SPECS[PLAIN], MAIL))
    assert tells.meant(PLAIN, outgoing) == tells.inner(PLAIN, outgoing) == tells.meant(HELD, at_rest) == MAIL
    assert [tells.meant(field, MAIL) for field in (PLAIN, HELD, VAULT)] == [MAIL] * 3
    assert tells.meant(VAULT, stored_text(TOKEN_BYTES)) is None
    assert tells.meant(HELD, "as1_" + "0" * 96) is None


def test_many_surrogates_are_opened_at_once() -> None:
    """Each to its inner form, and what is none to nothing."""
    tells, made = standing(FakeSurrogateKeys())
    outgoing = str(made.of(SPECS[PLAIN], MAIL))
    assert tells.forms(PLAIN, [outgoing, "sv1_" + "0" * 96, MAIL]) == [NORMAL + MAIL.encode(), b"", b""]
