# SPDX-License-Identifier: Apache-2.0
"""People are known by their values however these are spelled, and by nothing else of a record."""

import msgspec
import pytest

from gateway.domain.catalog import AtRest, Collection, FieldSpec, FieldType, Form, SubjectSpec, SurrogateKind
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.identifier import IdentifierForm
from gateway.domain.names import CategoryKey, DatasetName, FieldName, IdentityKind, JoinDomain
from gateway.domain.treatment import ChainName
from gateway.transform.identifying import (
    RecordReader,
    identified,
    identifiers_of,
    identity_of,
    reader_of,
    uses_in_vault,
    uses_of,
    uses_of_identities,
)


def field(name: str, category: str, form: Form = Form.TEXT, kind: FieldType = FieldType.TEXT) -> FieldSpec:
    return FieldSpec(
        name=FieldName(name),
        type=kind,
        categories=(CategoryKey(category),),
        chain=ChainName("any"),
        form=form,
        surrogate=SurrogateKind.SIV,
        join_domain=JoinDomain(name),
    )


PEOPLE = Collection(
    dataset=DatasetName("crm.people"),
    fields=(
        field("id", "user.unique_id", kind=FieldType.INTEGER),
        field("name.first", "user.name", Form.NAME),
        field("name.last", "user.name", Form.NAME),
        field("phone", "user.contact.phone_number", Form.PHONE),
        field("email", "user.contact.email", Form.EMAIL),
        field("passport", "user.government_id", Form.NATIONAL_ID),
        field("born", "user.demographic.date_of_birth", Form.DATE, FieldType.DATE),
        field("shop_phone", "system.operations", Form.PHONE),
        field("notes", "user.content", kind=FieldType.FREE_TEXT),
    ),
    subject=SubjectSpec(identity=IdentityKind("crm.id"), field=FieldName("id")),
)


@pytest.mark.parametrize(
    ("use", "spellings"),
    [
        (
            "phone",
            (
                "+49 151 234 56-78",
                "0151/2345678",
                "(0151) 234 5678",
                "００４９１５１２３４５６７８",
                "tel:+491512345678",
            ),
        ),
        (
            "email",
            ("Ida.Berg@Example.ORG", " ida.berg@example.org ", "ida.berg+shop@example.org", "ｉｄａ.berg@example.org"),
        ),
        ("national_id", ("110101 19900307 7571", "110101199003077571", "110101-19900307-7571")),
    ],
)
def test_every_spelling_of_a_value_is_one_identifier(use: str, spellings: tuple[str, ...]) -> None:
    """So an import cannot evade by typing it in another way."""
    found = {identified([(use, one)]) for one in spellings}
    assert len(found) == 1
    [(one,)] = found
    assert one.form == IdentifierForm(use)
    assert one.value not in repr(one)


def test_names_are_words_in_any_order_and_need_a_day_of_birth() -> None:
    """First and last name apart, accents, case and punctuation are one and the same; a name alone is nobody."""
    whole = identified([("name", "Berg, Ída"), ("birth_date", "1980-05-01")])
    apart = identified([("name", "ida"), ("name", "BERG"), ("birth_date", "1980-05-01T00:00:00Z")])

    assert whole == apart != ()
    assert identified([("name", "Ida Berg")]) == identified([("birth_date", "1980-05-01")]) == ()
    assert identified([("name", "Ida Berg"), ("birth_date", "1980-05-02")]) != whole
    assert identified([("name", "张伟"), ("birth_date", "1980年5月1日")]) != ()


@pytest.mark.parametrize(
    ("use", "text"), [("phone", "12345"), ("phone", "-"), ("email", "nobody"), ("national_id", "7")]
)
def test_a_value_without_a_spelling_knows_nobody(use: str, text: str) -> None:
    """Or everybody without a phone would be the same person."""
    assert identified([(use, text)]) == ()


def test_what_a_field_is_for_is_known_from_its_declaration() -> None:
    """What is about no person, and free text, is nothing to be known by."""
    assert uses_of(PEOPLE) == {
        "name.first": "name",
        "name.last": "name",
        "phone": "phone",
        "email": "email",
        "passport": "national_id",
        "born": "birth_date",
    }


def test_a_record_gives_its_identity_and_what_else_it_says() -> None:
    """The identity in the kind of the dataset."""
    values = {FieldName("id"): "7", FieldName("phone"): "+49 30 1234567", FieldName("shop_phone"): "+49 30 7654321"}
    found = identifiers_of(PEOPLE, values)

    assert {one.form for one in found} == {IdentifierForm.IDENTITY, IdentifierForm.PHONE}
    assert identity_of("crm.id", " 7 ") in found
    assert identity_of("crm.id", "7") != identity_of("shop.id", "7")
    assert identity_of("crm.id", "  ") is None


def test_a_record_of_a_store_is_read_for_these_values_alone() -> None:
    """Nested ones by their path; null and missing are not there."""
    record = {"id": 7, "name": {"first": "Ida", "last": None}, "email": "i@x.org", "notes": "n", "more": [1]}
    assert reader_of(PEOPLE) is reader_of(PEOPLE)
    assert reader_of(PEOPLE).values(msgspec.json.encode([record])) == {
        "id": "7",
        "name.first": "Ida",
        "email": "i@x.org",
    }
    assert RecordReader(PEOPLE).values(b"[]") == {}


def test_a_record_that_is_not_as_declared_is_no_record() -> None:
    """What cannot be read cannot be judged, so the write does not go on."""
    with pytest.raises(StoreMisbehaved):
        RecordReader(PEOPLE).values(b'[{"email": 7}]')


def test_of_the_vault_those_domains_count_that_people_are_known_by() -> None:
    """By what the fields of a domain are for; neither a value that is no person's, nor what is not in the vault."""
    fields = tuple(
        msgspec.structs.replace(one, at_rest=kind)
        for one, kind in zip(
            (PEOPLE.field(FieldName(name)) for name in ("phone", "email", "shop_phone", "notes", "passport")),
            (AtRest.VAULT, AtRest.VAULT, AtRest.VAULT, AtRest.VAULT, AtRest.SIV),
            strict=True,
        )
        if one is not None
    )
    assert uses_in_vault([msgspec.structs.replace(PEOPLE, fields=fields)]) == {"phone": "phone", "email": "email"}


def test_an_identity_can_be_a_mail_address_besides() -> None:
    """As of a store that names people by it; an id that is nothing else is not."""
    by_mail = SubjectSpec(identity=IdentityKind("news.mail"), field=FieldName("email"))
    assert uses_of_identities([PEOPLE, msgspec.structs.replace(PEOPLE, subject=by_mail)]) == {"news.mail": "email"}
