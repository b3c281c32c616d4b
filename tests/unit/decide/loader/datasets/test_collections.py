# SPDX-License-Identifier: Apache-2.0
"""``datasets/*.yaml``: Fides files with what the gateway needs beside."""

import pytest

from gateway.decide.loader.shipped import shipped_files
from gateway.domain.catalog import Collection, FieldType, Form, SurrogateKind
from gateway.domain.own_data import ACCESS_LOG, ACCESS_LOG_COUNTS, OWN_APPROVALS
from gateway.domain.principal import Assurance
from tests.fakes.rule_files import Broken, check, edited, loaded, sentences

CRM, SHOP = "datasets/crm.yaml", "datasets/shop.yaml"
CITY = "          - name: city\n            data_categories: [user.contact.address.city]\n            fides_meta: {data_type: string}\n"
INSIDE = "          - name: city\n{}            fields:\n              - name: part\n                data_categories: [user.contact.address.city]\n                fides_meta: {{data_type: string}}\n"
SUBJECT = "          subject: {identity: crm.customer_id, field: id}\n"
ROW = "          row: {birth_date: birth_date, region: country}\n"


def city(text: str, says: str, at: str = "") -> Broken:
    """Return the mistake of the field ``city`` written otherwise."""
    return Broken(CRM, CITY, text, says, at=at or "          - name: city")


@pytest.mark.parametrize(
    "broken",
    [
        city(
            CITY.replace("[user.contact.address.city]", "[user.contact.address.town]"),
            "unknown category `user.contact.address.town`; did you mean `user.contact.address`? (categories of your own start with `local.`)",
            at="            data_categories: [user.contact.address.town]",
        ),
        city(
            CITY.replace("            data_categories: [user.contact.address.city]\n", ""),
            "field `city` has no `data_categories`",
        ),
        city(
            CITY.replace("data_type: string", "data_type: strin"),
            "field `city`: data type `strin` is not carried; did you mean `string`?",
            at="{data_type: strin}",
        ),
        city(
            CITY.replace("data_type: string", "data_type: object"),
            "field `city`: data type `object` is not carried; did you mean `object_id`?",
            at="{data_type: object}",
        ),
        city(
            CITY.replace("data_type: string", "data_type: 'string[]'"),
            "field `city`: data type `string[]` is not carried; did you mean `string`?",
            at="{data_type: 'string[]'}",
        ),
        city(
            CITY.replace("            fides_meta: {data_type: string}\n", ""),
            "field `city` has no type: say `fides_meta.data_type` or `gateway.type`",
        ),
        city(
            CITY.replace("data_type: string", "data_tipe: string, data_type: string"),
            "unknown key `data_tipe`; did you mean `data_type`?",
            at="data_tipe",
        ),
        city(CITY + "            mask: yes\n", "unknown key `mask`", at="            mask: yes"),
        city(
            CITY + "            gateway: {type: txt}\n",
            "`type` is `txt`, expected one of `text`, `free_text`, `integer`, `decimal`, `boolean`, `date`, `timestamp`; did you mean `text`?",
            at="{type: txt}",
        ),
        city(
            CITY + "            gateway: {chain: adress}\n",
            "unknown chain `adress`; did you mean `address`?",
            at="{chain: adress}",
        ),
        city(
            CITY + "            gateway: {identifies: 1}\n",
            "`identifies` is the whole number `1`, expected `yes` or `no` without quotes",
            at="{identifies: 1}",
        ),
        city(CITY + "            gateway: {tokenise: yes}\n", "unknown key `tokenise`", at="{tokenise: yes}"),
        city(
            CITY + "            gateway: {type: free_text, chain: word}\n",
            "field `city` is free text, but its chain `word` has no mask",
        ),
        city(
            CITY + INSIDE.replace("name: city", "name: place").format("            gateway: {reviewed: no}\n"),
            "unknown key `gateway`",
            at="            gateway: {reviewed: no}",
        ),
        city(
            CITY + INSIDE.format(""),
            "`city.part` and another field would make one name a value and an object",
            at="          - name: city\n            fields:",
        ),
        city(
            INSIDE.format("") + CITY,
            "`city` and another field would make one name a value and an object",
            at=CITY,
        ),
        city(
            CITY + CITY,
            "a second field `city`",
            at="          - name: city\n            data_categories: [user.contact.address.city]\n            fides_meta: {data_type: string}\n          - name: state",
        ),
        city(
            CITY.replace("name: city", "name: the city") + CITY,
            "`the city` is no name for a field: letters and digits of any script, `_`, `-` and dots",
            at="the city",
        ),
        Broken(CRM, SUBJECT, "", "`subject` is missing", at="          row:"),
        Broken(CRM, SUBJECT, SUBJECT.replace("field: id", "field: idd"), "unknown field `idd`; did you mean `id`?"),
        Broken(
            CRM,
            SUBJECT,
            SUBJECT.replace("field: id", "field: birth_date"),
            "`birth_date` is date; a subject key is text or integer",
        ),
        Broken(
            CRM, SUBJECT, SUBJECT.replace("crm.customer_id", "the customer"), "`the customer` is no kind of identity"
        ),
        Broken(
            CRM,
            SUBJECT,
            "          subject: none\n",
            "`subject: none` says that no row is about a person; somebody must have looked: `reviewed: yes`",
        ),
        Broken(
            CRM,
            SUBJECT,
            "          subject: none\n          reviewed: no\n",
            "`subject: none` says that no row is about a person; somebody must have looked: `reviewed: yes`",
            at="          subject: none",
        ),
        Broken(CRM, SUBJECT, "          subject: nobody\n", "`subject` is `nobody`, expected one of `none`"),
        Broken(CRM, SUBJECT, SUBJECT + "          reviewed: yes\n", "unknown key `reviewed`", at="          reviewed"),
        Broken(
            CRM,
            SUBJECT,
            SUBJECT + "          assurance: 5\n",
            "`assurance` is 5, expected 1 to 4",
            at="          assurance: 5",
        ),
        Broken(
            CRM, ROW, ROW.replace("birth_date: birth_date", "birth_date: city"), "field `city` is text, expected date"
        ),
        Broken(CRM, ROW, ROW.replace("region: country", "region: age"), "field `age` is integer, expected text"),
        Broken(
            CRM,
            ROW,
            ROW.replace("region: country", "regoin: country, region: country"),
            "unknown key `regoin`; did you mean `region`?",
        ),
        Broken(
            CRM,
            "    data_subjects: [customer]\n",
            "    data_subjects: [custommer]\n",
            "unknown data subject `custommer`; did you mean `customer`?",
        ),
        Broken(
            CRM,
            "    data_subjects: [customer]\n",
            "    data_uses: [market]\n",
            "unknown purpose `market`; did you mean `marketing`?",
        ),
        Broken(
            CRM,
            "  - fides_key: crm\n",
            "  - fides_key: crm\n    retention: 3 years\n",
            "unknown key `retention`",
            at="    retention",
        ),
        Broken(
            SHOP,
            "dataset:\n",
            "datasets: []\ndataset:\n",
            "unknown key `datasets`; did you mean `dataset`?",
            at="datasets: []",
        ),
    ],
    ids=lambda broken: broken.says[:60],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what was expected."""
    check(broken)


def test_what_fides_knows_is_passed_over() -> None:
    """A Fides file loads with its own keys untouched."""
    files = edited(
        CRM,
        "    data_subjects: [customer]\n",
        "    data_subjects: [customer]\n    organization_fides_key: default_organization\n    tags: [a]\n    meta: {x: {y: z}}\n    fides_meta: {after: [shop], namespace: {a: b}}\n",
    )
    files = edited(
        CRM,
        "fides_meta: {data_type: string, primary_key: true}",
        "fides_meta: {data_type: string, primary_key: true, length: 40, read_only: true, identity: x,"
        " references: [{dataset: shop, field: orders.customer_id, direction: to}], masking_strategy_override: {strategy: hash}}",
        files,
    )
    assert sentences(files) == []


def test_a_collection_without_our_key_is_told() -> None:
    """A plain Fides file says neither whom rows are about nor how they are asked for."""
    content = shipped_files()[SHOP].decode()
    ours = content[content.index("        gateway:\n") : content.index("        fields:\n")]
    assert "datasets/shop.yaml:8: `gateway` is missing" in sentences(edited(SHOP, ours, ""))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "  - fides_key: shop\n",
            "  - fides_key: the.shop\n",
            "3: `the.shop` is no name for a store: letters, digits, `_` and `-`",
        ),
        ("      - name: orders\n", "      - name: all orders\n", "8: `all orders` is no name for a collection"),
    ],
)
def test_names_of_stores_and_collections_are_plain(old: str, new: str, says: str) -> None:
    """They are the first segments of datasets and paths, so a dot or a space would have two meanings."""
    assert f"{SHOP}:{says}" in sentences(edited(SHOP, old, new))


def test_a_field_without_a_default_is_told() -> None:
    """Where treatments.yaml has nothing for its category, the field must say all three itself."""
    system = "  - {category: system, chain: word, form: text, surrogate: hmac}\n"
    files = edited("treatments.yaml", system, "")
    (told,) = [one for one in sentences(files) if one.startswith(SHOP)]
    assert told.endswith("field `currency`: treatments.yaml has no default for `system`")
    own = "            fides_meta: {data_type: string}\n          - name: items"
    said = own.replace("\n", "\n            gateway: {chain: word, form: text, surrogate: hmac}\n", 1)
    assert not [one for one in sentences(edited(SHOP, own, said, files)) if one.startswith(SHOP)]


def test_a_store_without_datasets_is_told() -> None:
    """Without a dataset there is nothing to decide on."""
    files = {name: content for name, content in shipped_files().items() if not name.startswith("datasets/")}
    assert "datasets/:1: holds no `.yaml` file: without a dataset there is nothing to decide on" in sentences(files)


def test_a_second_collection_of_one_name_is_told() -> None:
    """Across files too."""
    files = shipped_files()
    files["datasets/more.yaml"] = files[SHOP]
    assert sentences(files) == [
        "datasets/shop.yaml:8: a second collection `shop.orders`; first at datasets/more.yaml:8"
    ]


def collection(name: str, files: dict[str, bytes] | None = None) -> Collection:
    return next(one for dataset, one in loaded(files).catalog.collections.items() if dataset == name)


def test_the_demo_stores_have_the_fields_that_they_serve() -> None:
    """The names are a contract with the sample store."""
    assert [spec.name for spec in collection("crm.customers").fields] == [
        *(
            "id",
            "name",
            "email",
            "phone",
            "national_id",
            "birth_date",
            "address",
            "city",
            "state",
            "country",
            "religion",
        ),
        *(
            "health_note",
            "notes",
            "age",
            "job",
            "marital",
            "education",
            "default",
            "balance",
            "housing",
            "loan",
            "contact",
        ),
        *("day", "month", "duration", "campaign", "pdays", "previous", "poutcome", "y"),
    ]
    assert [spec.name for spec in collection("crm.contacts").fields] == [
        "id",
        "customer_id",
        "channel",
        "contacted_at",
        "outcome",
        "duration_s",
        "device_id",
        "typing_ms",
        "note",
    ]
    assert [spec.name for spec in collection("shop.orders").fields] == [
        *("id", "customer_id", "placed_at", "total", "currency", "items", "status", "shipping_city", "note"),
    ]


def test_a_field_is_what_its_lines_say() -> None:
    """Type from Fides or ours, the rest from ours or the default."""
    phone, notes = collection("crm.customers").field("phone"), collection("crm.customers").field("notes")
    assert phone is not None
    assert notes is not None
    assert (phone.type, phone.chain, phone.form, phone.surrogate, phone.identifies) == (
        FieldType.TEXT,
        "phone",
        Form.PHONE,
        SurrogateKind.SIV,
        True,
    )
    assert phone.join_domain == "crm.customers.phone"
    assert (notes.type, notes.chain, notes.surrogate, notes.identifies) == (
        FieldType.FREE_TEXT,
        "free_text",
        SurrogateKind.HMAC,
        False,
    )


def test_people_join_across_stores() -> None:
    """One identity and one join domain for customers, their contacts and their orders."""
    fields = {"crm.customers": "id", "crm.contacts": "customer_id", "shop.orders": "customer_id"}
    for name, field in fields.items():
        one = collection(name)
        spec = one.field(field)
        assert one.subject is not None
        assert spec is not None
        assert (one.subject.identity, one.subject.field, spec.join_domain, spec.surrogate) == (
            "crm.customer_id",
            field,
            "crm.customer_id",
            "siv",
        )


def test_categories_of_dataset_and_collection_hold_for_every_field() -> None:
    """As in Fides; each must be covered for the field to leave."""
    files = edited(SHOP, "      - name: orders\n", "      - name: orders\n        data_categories: [user.behavior]\n")
    currency = collection("shop.orders", files).field("currency")
    assert currency is not None
    assert currency.categories == ("system", "user.behavior")


def test_nested_fields_are_named_with_dots() -> None:
    """A field of fields is not a field itself."""
    nested = (
        "          - name: place\n            data_categories: [user.contact.address]\n            fields:\n"
        "              - name: town\n                fides_meta: {data_type: string}\n"
    )
    names = [spec.name for spec in collection("crm.customers", edited(CRM, CITY, CITY + nested)).fields]
    assert "place.town" in names
    assert "place" not in names


def test_a_field_that_nobody_reviewed_says_so_and_tells_nothing_of_age_or_country() -> None:
    """What it is said to be is a guess: rows whose age or country it would tell count as of unknown age and country."""
    birth = "            gateway: {type: date}\n"
    files = edited(CRM, birth, "            gateway: {type: date, reviewed: no}\n")
    customers = loaded(files).catalog.collections["crm.customers"]  # type: ignore[index]
    assert [spec.name for spec in customers.fields if not spec.reviewed] == ["birth_date"]
    assert customers.birth_date is None
    assert customers.region == "country"
    assert all(spec.reviewed for spec in loaded().catalog.collections["crm.customers"].fields)  # type: ignore[index]


def test_a_field_has_a_name_of_any_script() -> None:
    """As its store has it; a space, a hidden character or a second form of one letter is no name."""
    shipped = {name: content for name, content in shipped_files().items() if not name.startswith("tests/")}
    files = edited(CRM, "          - name: note\n", "          - name: 备注\n", shipped)
    assert sentences(files) == []
    assert loaded(files).catalog.collections["crm.contacts"].field("备注") is not None  # type: ignore[index]
    for wrong in ("所在 城市", "cite\u0301", "城市!"):
        broken = edited(CRM, "          - name: city\n", f"          - name: {wrong}\n")
        assert any("is no name for a field" in sentence for sentence in sentences(broken))


def test_a_collection_may_ask_for_a_level_of_proof_as_the_log_does() -> None:
    """The others ask for none; their fields are guarded by category."""
    collections = loaded().catalog.collections

    asked = {name: one.assurance for name, one in collections.items() if one.assurance}

    assert asked == dict.fromkeys((ACCESS_LOG, ACCESS_LOG_COUNTS, OWN_APPROVALS), Assurance.PERSON_FRESH)
    stronger = edited(CRM, SUBJECT, SUBJECT + "          assurance: 3\n")
    assert collection("crm.customers", stronger).assurance is Assurance.PERSON
