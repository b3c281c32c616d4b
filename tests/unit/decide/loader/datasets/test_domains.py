# SPDX-License-Identifier: Apache-2.0
"""Values at rest: declared per field, one way for a join domain, and asked of a store by equality alone."""

import pytest

from gateway.decide.loader.shipped import shipped_files
from gateway.domain.catalog import AtRest
from gateway.domain.names import DatasetName
from tests.fakes.rule_files import NEEDED, edited, loaded, sentences

CRM = "datasets/crm.yaml"
FIELD = "          - name: {}\n            data_categories: [{}]\n            fides_meta: {{data_type: string}}\n"
PHONE = FIELD.format("phone", "user.contact.phone_number") + "            gateway: {identifies: yes}\n"
CITY = FIELD.format("city", "user.contact.address.city")
NAME = "          - name: city\n"


def needed() -> dict[str, bytes]:
    """Return the shipped files but their cases."""
    return {name: content for name, content in shipped_files().items() if name in NEEDED}


def with_phone(gateway: str, files: dict[str, bytes] | None = None) -> dict[str, bytes]:
    """Return the files with something else said of the field ``phone`` of customers."""
    said = PHONE.replace("{identifies: yes}", gateway)
    return edited(CRM, PHONE, said, needed() if files is None else files)


def with_city(gateway: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files with something said of the field ``city`` of customers."""
    return edited(CRM, CITY, CITY + f"            gateway: {gateway}\n", files)


def test_a_field_at_rest_joins_the_domain_that_it_names() -> None:
    """And a field of the domain that is clear in its store knows that the others are not."""
    files = with_phone("{at_rest: {domain: phones, kind: siv}}")
    found = loaded(with_city("{join_domain: phones, form: phone, chain: phone}", files))
    collection = found.catalog.collections[DatasetName("crm.customers")]
    phone, city, name = (collection.field(one) for one in ("phone", "city", "name"))
    assert phone is not None
    assert city is not None
    assert name is not None
    assert (phone.at_rest, phone.domain_at_rest, phone.join_domain) == (AtRest.SIV, AtRest.SIV, "phones")
    assert (city.at_rest, city.domain_at_rest, city.join_domain) == (None, AtRest.SIV, "phones")
    assert (name.at_rest, name.domain_at_rest) == (None, None)


def told(files: dict[str, bytes]) -> list[str]:
    """Return the problems, without where they stand."""
    return [sentence.split(": ", 1)[1] for sentence in sentences(files)]


@pytest.mark.parametrize(
    ("phone", "says"),
    [
        ("{at_rest: {domain: phones}}", "`kind` is missing"),
        ("{at_rest: {kind: siv}}", "`domain` is missing"),
        ("{at_rest: {domain: phones, kind: hmac}}", "`kind` is `hmac`, expected one of `siv`, `vault`"),
        ("{at_rest: {domain: phones, kind: siv, key: x}}", "unknown key `key`"),
        (
            "{at_rest: {domain: phones, kind: siv}, join_domain: other}",
            "field `phone`: `at_rest.domain` is its join domain, and `join_domain` says another",
        ),
        (
            "{at_rest: {domain: x/lookup, kind: vault}}",
            "the join domain `x/lookup` has a `/` in it, which parts the labels of keys",
        ),
        ("{join_domain: a/b}", "the join domain `a/b` has a `/` in it, which parts the labels of keys"),
    ],
)
def test_what_is_said_wrongly_is_told(phone: str, says: str) -> None:
    """In one sentence."""
    assert told(with_phone(phone)) == [says]


def test_only_text_can_be_at_rest() -> None:
    """A column of numbers has no room for a surrogate."""
    typed = "{type: integer, chain: number, form: text, surrogate: siv, at_rest: {domain: phones, kind: siv}}"
    assert "field `phone` is integer; only a store's text can hold a surrogate at rest" in told(with_phone(typed))


def test_what_is_read_of_every_row_cannot_be_at_rest() -> None:
    """Whom a row is about, and where they live."""
    said = "{at_rest: {domain: places, kind: siv}}"
    region = edited(CRM, "region: country}", "region: city}", with_city(said, needed()))
    assert any(
        "`city` is a row condition, which is read of every row: it cannot be at rest" in one for one in told(region)
    )


def test_a_store_compares_surrogates_for_equality_alone() -> None:
    """An order of surrogates would be no order of values: `city` is one by which customers are sorted."""
    found = told(with_city("{at_rest: {domain: places, kind: siv}}", needed()))
    assert found
    assert set(found) == {"`city` is at rest: a store can compare surrogates for equality alone"}


def test_one_domain_is_at_rest_in_one_way() -> None:
    """Otherwise equal values would not meet."""
    files = with_phone("{at_rest: {domain: phones, kind: siv}}")
    two = told(
        edited(
            CRM,
            FIELD.format("email", "user.contact.email") + "            gateway: {identifies: yes}\n",
            FIELD.format("email", "user.contact.email")
            + "            gateway: {at_rest: {domain: phones, kind: vault}}\n",
            files,
        )
    )
    assert len(two) == 1
    assert "are at rest in the join domain `phones` in two ways, siv of phone and vault of email" in two[0] or (
        "are at rest in the join domain `phones` in two ways, vault of email and siv of phone" in two[0]
    )


@pytest.mark.parametrize(
    ("kind", "city", "says"),
    [
        ("siv", "{join_domain: phones}", "`crm.customers.city` is spelled as"),
        ("vault", "{join_domain: phones, form: phone, chain: phone}", "which is a vault: it must be at rest too"),
    ],
)
def test_a_clear_field_of_the_domain_must_be_able_to_meet_it(kind: str, city: str, says: str) -> None:
    """By its spelling; and a vault's tokens are made by writing, not by reading."""
    files = with_city(city, with_phone(f"{{at_rest: {{domain: phones, kind: {kind}}}}}"))
    assert [says in one for one in told(files)] == [True]
