# SPDX-License-Identifier: Apache-2.0
"""The accesses to a person, in words of two languages; officers see whom, the person never does."""

import csv
import io

import msgspec
import pytest

from gateway.cli.rights.text import WORDS, markdown, table, text
from gateway.domain.purpose import Ground
from gateway.flows.accesses.ports import Access, Action
from gateway.flows.accesses.telling import Told
from gateway.record.reading.agreeing import Stand

READ = Access(
    at_us=1_790_000_000_000_000,
    until_us=1_790_000_000_000_000,
    action=Action.READ,
    recipient="Example Mailing",
    purpose="marketing.communications.email",
    purpose_words={"en": "Send marketing by e-mail.", "zh": "发送营销邮件。"},
    ground="consent",
    reference="=case|1",
    dataset="crm.customers",
    operation="read",
    fields={"reveal": ("email", "name"), "surrogate": ("id",)},
    account="a_1",
    client="app",
    session="s_1",
    decision="d1",
    entries=("door-0:7",),
)
OWN = Access(
    at_us=1, until_us=1, action=Action.WRITTEN, recipient="Example", is_own=True, team="customer-service",
    written={"clear": ("notes",)}, outcome="unknown", account="a_2",
)  # fmt: skip
LOOK = Access(
    at_us=2, until_us=2, action=Action.LOOKED_UP, recipient="Example", is_own=True, what="choices", account="local:root"
)
TOLD = Told(
    person=7,
    organisation="Example",
    made_us=3,
    since_us=None,
    until_us=None,
    accesses=(READ, OWN, LOOK),
    logs=(Stand(log="demo/node/door-0", entries=9, size=8, root="ab"),),
    remarks=(),
)
STAFF = ("a_1", "a_2", "local:root", "s_1", "door-0:7")


@pytest.mark.parametrize("spell", [text, markdown, table])
@pytest.mark.parametrize("language", sorted(WORDS))
def test_staff_are_named_to_officers_alone(spell: object, language: str) -> None:
    """In every form and language."""
    assert callable(spell)
    plain, full = (spell(TOLD, language, for_officer=each) for each in (False, True))
    assert not any(one in plain for one in STAFF)
    assert all(one in full for one in STAFF)


@pytest.mark.parametrize("spell", [text, markdown])
def test_how_the_log_was_read_is_no_news_to_the_person(spell: object) -> None:
    """It stands in one language and changes nothing of what was found; whoever runs the command sees it beside."""
    assert callable(spell)
    told = msgspec.structs.replace(TOLD, remarks=("the index is empty: every entry was read",))
    assert "the index" not in spell(told, "zh", for_officer=False)
    assert "the index" in spell(told, "zh", for_officer=True)


def test_a_use_is_told_with_whom_why_on_which_ground_and_in_which_form() -> None:
    """Legal name or own team; the purpose in its own words."""
    told = text(TOLD, "en", for_officer=False)
    for said in (
        "Example Mailing: read crm.customers",
        "why: Send marketing by e-mail. (marketing.communications.email)",
        "legal ground: consent",
        "data: in clear: email, name; in coded form: id",
        "Example (own team: customer-service): written; whether it was carried out is not known",
        "written (in clear): notes",
        "Example (own staff): looked up by who answers for the protection of data (look at choices)",
        "9 entries, signed to 8, root ab",
    ):
        assert said in told
    assert "发送营销邮件。" in text(TOLD, "zh", for_officer=False)


def test_chinese_has_chinese_marks() -> None:
    """No sentence mixes marks of two scripts; what names a purpose, a field or a moment stays as it is."""
    told = text(TOLD, "zh", for_officer=False)
    for said in (
        "Example Mailing：读取 crm.customers",
        "目的：发送营销邮件。（marketing.communications.email）",
        "数据：明文：email、name；编码形式：id",
        "Example（内部团队：customer-service）：写入；是否已执行不详",
        "写入（明文）：notes",
    ):
        assert said in told
    assert not any(mark in word for word in WORDS["zh"].values() for mark in ",;:()")


def test_what_was_looked_for_and_not_given_names_the_dataset_aside() -> None:
    """The sentence ends where it says that nothing was given."""
    sought = msgspec.structs.replace(READ, action=Action.LOOKED_FOR, fields={})
    told = msgspec.structs.replace(TOLD, accesses=(sought,))
    assert "looked for; nothing about you was given (crm.customers)\n" in text(told, "en", for_officer=False)
    assert "查找过您，未提供与您有关的任何数据（crm.customers）\n" in text(told, "zh", for_officer=False)


def test_no_cell_is_a_formula_and_no_bar_is_a_column() -> None:
    """References are words of callers."""
    rows = list(csv.DictReader(io.StringIO(table(TOLD, "en", for_officer=False))))
    assert rows[0]["reference"] == "'=case|1"
    assert "=case\\|1" in markdown(TOLD, "en", for_officer=False)


def test_both_languages_have_the_same_words_and_every_ground_and_action() -> None:
    """Nothing is told in a key where a word is meant."""
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    assert {one.value for one in (*Ground, *Action)} <= WORDS["en"].keys()
