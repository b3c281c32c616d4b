# SPDX-License-Identifier: Apache-2.0
"""``treatments.yaml``: chains, defaults, assurance."""

import pytest

from gateway.decide.loader.load import load
from gateway.decide.loader.shipped import shipped_files
from gateway.domain.errors import RulesError
from gateway.transform.treat import check_chain
from tests.fakes.rule_files import Broken, check, edited, loaded, sentences

FILE = "treatments.yaml"
PHONE = "    rungs: [drop, mask.phone_tail, mask.phone, reveal]\n"
FIRST_DEFAULT = "  - {type: free_text,"
PHONE_ASSURANCE = "  - {category: user.contact.phone_number, level: 4, otherwise: mask, otherwise_link: yes}"


@pytest.mark.parametrize(
    "broken",
    [
        Broken(
            FILE,
            "  name:\n    rungs",
            "  odd name: {rungs: [drop, reveal], samples: [a]}\n  name:\n    rungs",
            "`odd name` is no name for a chain",
        ),
        Broken(
            FILE, "chains:\n", "chains:\n  odd: [drop, reveal]\n", "chain `odd` needs `rungs` and `samples`", at="  odd"
        ),
        Broken(
            FILE,
            "rungs: [drop, mask.name, reveal]",
            "rungs: [mask.name, reveal]",
            "`rungs` must run from `drop` to `reveal`, lowest first",
        ),
        Broken(
            FILE,
            "rungs: [drop, mask.name, reveal]",
            "rungs: [reveal, mask.name, drop]",
            "`rungs` must run from `drop` to `reveal`, lowest first",
        ),
        Broken(
            FILE,
            "rungs: [drop, mask.name, reveal]",
            "rungs: [drop, mask.name, hash, reveal]",
            "rung `hash` belongs to no family; between the ends stand `mask.…` and `generalise.…`",
        ),
        Broken(
            FILE,
            "rungs: [drop, mask.name, reveal]",
            "rungs: [drop, mask.name, surrogate, reveal]",
            "rung `surrogate` belongs to no family; between the ends stand `mask.…` and `generalise.…`",
        ),
        Broken(
            FILE,
            "rungs: [drop, mask.name, reveal]",
            "rungs: [drop, mask.name, mask.name, reveal]",
            "`mask.name` stands twice in `rungs`",
        ),
        Broken(FILE, 'samples: ["Berlin", "上海"]', "samples: []", "`samples` is empty"),
        Broken(
            FILE,
            'samples: ["Berlin", "上海"]',
            "samples: [1.5]",
            "`samples` is the number `1.5`, expected a list of texts in quotes and whole numbers; put it in quotes",
        ),
        Broken(
            FILE,
            'samples: ["2025-11-03T08:15:00Z"]',
            "samples: [2025-11-03]",
            "`samples` is the date `2025-11-03`, expected a list of texts in quotes and whole numbers; put it in quotes",
        ),
        Broken(
            FILE,
            FIRST_DEFAULT,
            "  - {chain: word, form: text, surrogate: hmac}\n" + FIRST_DEFAULT,
            "a default needs a `category` or a `type`",
            at="  - {chain: word",
        ),
        Broken(
            FILE,
            FIRST_DEFAULT,
            "  - {category: user, chain: name, form: name, surrogate: siv}\n" + FIRST_DEFAULT,
            "a second default for `user`",
            at="  - {category: user, chain: word",
        ),
        Broken(
            FILE,
            "{category: user.contact.phone_number, chain: phone,",
            "{category: user.contact.phone_number, chain: phon,",
            "`chain` is `phon`, expected one of `word`, `text`, `name`, `email`, `phone`, `national_id`, `address`, `date`, `timestamp`, `number`, `signal`, `money`, `free_text`; did you mean `phone`?",
        ),
        Broken(FILE, "surrogate: hmac}", "surrogate: vault}", "`surrogate` is `vault`, expected one of `siv`, `hmac`"),
        Broken(
            FILE,
            "chain: phone, form: phone,",
            "chain: phone, form: phon,",
            "`form` is `phon`, expected one of `text`, `phone`, `email`, `name`, `address`, `national_id`, `date`; did you mean `phone`?",
        ),
        Broken(FILE, PHONE_ASSURANCE, PHONE_ASSURANCE.replace("level: 4", "level: 5"), "`level` is 5, expected 1 to 4"),
        Broken(
            FILE,
            PHONE_ASSURANCE,
            PHONE_ASSURANCE.replace("level: 4", "level: fresh"),
            "`level` is the text `fresh`, expected a whole number in plain digits",
        ),
        Broken(
            FILE,
            PHONE_ASSURANCE,
            PHONE_ASSURANCE.replace("mask,", "reveal,"),
            "`otherwise` takes nothing away; expected less of `drop`, `mask`, `generalise`, `reveal`",
        ),
        Broken(
            FILE,
            PHONE_ASSURANCE,
            PHONE_ASSURANCE.replace("mask,", "mask.fone,"),
            "unknown rung `mask.fone`; did you mean `mask.phone`?",
        ),
        Broken(FILE, PHONE_ASSURANCE, PHONE_ASSURANCE.replace("otherwise: mask, ", ""), "`otherwise` is missing"),
        Broken(
            FILE, PHONE_ASSURANCE, PHONE_ASSURANCE.replace(", otherwise_link: yes", ""), "`otherwise_link` is missing"
        ),
        Broken(
            FILE,
            PHONE_ASSURANCE,
            PHONE_ASSURANCE.replace("link: yes", "link: 'yes'"),
            "`otherwise_link` is the text `yes`, expected `yes` or `no` without quotes",
        ),
        Broken(
            FILE,
            PHONE_ASSURANCE,
            PHONE_ASSURANCE.replace("link: yes", "link: on"),
            "`otherwise_link` is the boolean `on`, expected `yes` or `no` without quotes",
        ),
        Broken(
            FILE,
            PHONE_ASSURANCE,
            "  - {level: 4, otherwise: mask, otherwise_link: yes}",
            "an assurance rule needs a `category` or `categories`",
        ),
        Broken(
            FILE,
            PHONE_ASSURANCE,
            PHONE_ASSURANCE.replace("level", "lvel: 1, level"),
            "unknown key `lvel`; did you mean `level`?",
        ),
    ],
    ids=lambda broken: broken.says[:60],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what was expected."""
    check(broken)


def test_the_shipped_chains_are_chains() -> None:
    """The treatments' own code agrees, on the shipped samples."""
    load(shipped_files(), check_chain=check_chain)


def test_a_chain_that_is_none_is_told_at_its_name() -> None:
    """What the treatments' own code says of a chain stands at the chain's line."""
    files = edited(FILE, PHONE, "    rungs: [drop, mask.phone, mask.phone_tail, reveal]\n")
    with pytest.raises(RulesError) as caught:
        load(files, check_chain=check_chain)
    (problem,) = caught.value.problems
    line = files[FILE].decode().split("\n").index("  phone:") + 1
    assert (problem.file, problem.line) == (FILE, line)
    assert problem.message.startswith("chain `phone`: ")


@pytest.mark.parametrize(
    ("dataset", "field", "chain"),
    [
        ("crm.customers", "phone", "phone"),
        ("crm.customers", "religion", "word"),
        ("crm.customers", "health_note", "free_text"),
        ("crm.customers", "notes", "free_text"),
        ("crm.customers", "balance", "money"),
        ("crm.customers", "default", "word"),
        ("crm.customers", "birth_date", "date"),
        ("crm.customers", "age", "number"),
        ("crm.contacts", "contacted_at", "timestamp"),
        ("shop.orders", "total", "money"),
        ("shop.orders", "currency", "word"),
    ],
)
def test_a_field_takes_the_default_that_fits_best(dataset: str, field: str, chain: str) -> None:
    """Free text by type, all else by the longest category, then by the type within it."""
    collections = {str(name): collection for name, collection in loaded().catalog.collections.items()}
    spec = collections[dataset].field(field)
    assert spec is not None
    assert spec.chain == chain


def test_a_phone_sent_as_a_number_stays_a_phone() -> None:
    """Bands of a phone number would show most of it."""
    phone = "data_categories: [user.contact.phone_number]\n            fides_meta: {data_type: string}"
    files = edited("datasets/crm.yaml", phone, phone.replace("string", "integer"))
    assert sentences(files) == []
    spec = next(spec for spec in loaded(files).catalog.collections.values()).field("phone")
    assert spec is not None
    assert (spec.type, spec.chain) == ("integer", "phone")
