# SPDX-License-Identifier: Apache-2.0
"""``purposes.yaml``: declared purposes, each with ground, ceilings and owner."""

import pytest

from gateway.decide.loader.load import load_with_notes
from gateway.decide.loader.shipped import shipped_files
from gateway.domain.names import PurposeKey
from gateway.domain.purpose import PurposeRule
from tests.fakes.rule_files import Broken, check, edited, loaded, no_complaint, sentences

FILE = "purposes.yaml"
GROUND = "    ground: legitimate_interests\n"
FIRST = "  - key: analytics.reporting.campaign_insights\n"


def line(text: str, says: str) -> Broken:
    """Return the mistake of one more line in the first purpose."""
    return Broken(FILE, GROUND, f"{GROUND}    {text}\n", says, at=f"    {text}\n")


@pytest.mark.parametrize(
    "broken",
    [
        Broken(
            FILE,
            "ground: legitimate_interests",
            "ground: legitimate_interest",
            "`ground` is `legitimate_interest`, expected one of `consent`, `contract`, `legal_obligation`, `vital_interests`, `public_interest`, `legitimate_interests`; did you mean `legitimate_interests`?",
        ),
        Broken(
            FILE,
            "ground: legitimate_interests",
            "ground: {default: consent}",
            "`ground` is keys with values, expected text",
        ),
        Broken(FILE, "    owner: marketing\n", "    owner: ''\n", "`owner` is empty"),
        Broken(
            FILE, "operations: [read]", "operations: [reed]", "no route has the operation `reed`; did you mean `read`?"
        ),
        Broken(FILE, "operations: [read]", "operations: read", "`operations` is the text `read`, expected a list"),
        Broken(FILE, "operations: [read]", "operations: []", "`operations` is empty"),
        Broken(FILE, "datasets: [crm, shop]", "datasets: [crm, shopp]", "unknown dataset `shopp`"),
        Broken(
            FILE,
            "datasets: [crm, shop]",
            "datasets: [crm.customer]",
            "unknown dataset `crm.customer`; did you mean `crm.customers`?",
        ),
        Broken(
            FILE,
            "operations: [read]",
            "operations: [read, reveal]",
            "`operations` has `reveal`: say from where on a second person approves, `reveal: {second_person_above: 100}`",
        ),
        line("reveal: {second_person_above: 100}", "`reveal` means nothing without `reveal` in `operations`"),
        Broken(
            FILE,
            "reveal: {second_person_above: 100}",
            "reveal: {second_person_above: -1}",
            "`second_person_above` is -1, expected 0 to 1000000000",
        ),
        Broken(FILE, "key_class: analytics", "key_class: the analysts", "`the analysts` is no key"),
        line("collects: [user.name]", "`collects` means nothing without `create` or `update` in `operations`"),
        Broken(
            FILE,
            "operations: [read]",
            "operations: [read, create]",
            "`operations` has `create`, but without `collects` no field could be written",
        ),
        Broken(
            FILE,
            "collects: [user.unique_id, user.name",
            "collects: [user.nam, user.name",
            "unknown category `user.nam`; did you mean `user.name`? (categories of your own start with `local.`)",
        ),
        Broken(
            FILE,
            "collects: [user.unique_id, user.name",
            "collects: [user.name, user.name",
            "`user.name` stands twice in `collects`",
        ),
        Broken(
            FILE,
            "rung: drop, link: yes}",
            "rung: drop, link: maybe}",
            "`link` is the text `maybe`, expected `yes` or `no` without quotes",
        ),
        Broken(FILE, "rung: drop, link: yes}", "rung: drop}", "`link` is missing"),
        Broken(
            FILE,
            "rung: drop, link: yes}",
            "rung: surrogate, link: yes}",
            "`surrogate` is no rung: write `drop` with link `yes`",
        ),
        Broken(
            FILE,
            "rung: generalise.year,",
            "rung: generalise.yaer,",
            "unknown rung `generalise.yaer`; did you mean `generalise.year`?",
        ),
        Broken(
            FILE,
            "- {category: user.job_title,",
            "- {category: user.job_titel,",
            "unknown category `user.job_titel`; did you mean `user.job_title`? (categories of your own start with `local.`)",
        ),
        Broken(
            FILE,
            "- {category: user.job_title,",
            "- {category: user.behavior,",
            "a second ceiling for `user.behavior`",
            at="- {category: user.behavior, rung: reveal, link: yes}\n      - {category: system",
        ),
        Broken(
            FILE,
            "      en: Learn from figures how campaigns did.\n",
            "",
            "`title` needs a sentence in English: `en`",
            at="    title:",
        ),
        Broken(FILE, "      zh: 通过", "      chinese: 通过", "`chinese` is no language tag"),
        line("needs_reference: 1", "`needs_reference` is the whole number `1`, expected `yes` or `no` without quotes"),
        line(
            "honours_objection: no",
            "objections may be passed over only for duties of law, not where the ground is `legitimate_interests`",
        ),
        line("needs_consent: no", "unknown key `needs_consent`"),
        line(
            "until: 2026",
            "`until` is the whole number `2026`, expected a day such as 2027-01-31 or an instant such as 2027-01-31T18:00:00Z",
        ),
        line(
            "until: 2026-13-01",
            "`until` is the date `2026-13-01`, expected a day such as 2027-01-31 or an instant such as 2027-01-31T18:00:00Z",
        ),
    ],
    ids=lambda broken: broken.says[:60],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what was expected."""
    check(broken)


def test_an_unknown_purpose_is_told_where_it_is_declared_and_where_it_is_missed() -> None:
    """Purposes are data uses of the vocabulary; grants for the right key then hang in the air."""
    told = sentences(edited(FILE, "key: personalize.content.profiled", "key: personalise.content.profiled"))
    assert any("did you mean `personalize.content.profiled`?" in sentence for sentence in told)
    assert {sentence.split(":")[0] for sentence in told} == {"grants.csv", "purposes.yaml", "tests/marketing.yaml"}


def test_a_second_purpose_of_one_key_is_told() -> None:
    """Which of two would hold nobody could say."""
    files = edited(FILE, "key: marketing.communications.sms", "key: marketing.communications.email")
    assert any(
        "a second purpose `marketing.communications.email`; first in line" in sentence for sentence in sentences(files)
    )


def test_an_interval_that_holds_nothing_is_told() -> None:
    """Never in force is a mistake."""
    files = edited(FILE, GROUND, f"{GROUND}    from: 2027-01-01\n    until: 2026-01-01\n")
    (told,) = sentences(files)
    assert told.endswith("`until` is not after `from`: never in force")


def purpose(key: str) -> PurposeRule:
    return loaded().purposes[PurposeKey(key)]


def test_consent_is_needed_where_it_is_the_ground() -> None:
    """It follows from the ground and cannot be said otherwise."""
    needing = {key for key, rule in loaded().purposes.items() if rule.needs_consent}
    assert needing == {
        "marketing.communications.email",
        "marketing.communications.sms",
        "marketing.advertising.third_party.targeted",
        "personalize.content.profiled",
    }


def test_only_duties_of_law_pass_over_objections() -> None:
    """By default, and no other ground may."""
    assert {key for key, rule in loaded().purposes.items() if not rule.honours_objection} == {
        "essential.legal_obligation"
    }


def test_a_purpose_is_what_its_lines_say() -> None:
    """Key class defaults to the key, intervals are instants, titles keep their language."""
    rule = purpose("marketing.advertising.third_party.targeted")
    assert (rule.key_class, rule.owner, rule.datasets, rule.operations) == (
        rule.key,
        "marketing",
        ("crm.customers",),
        ("read",),
    )
    assert dict(rule.title).keys() == {"en", "zh"}
    assert (rule.from_us, rule.until_us, rule.needs_reference) == (None, None, False)
    assert purpose("essential.legal_obligation").needs_reference


def test_a_ground_that_a_regime_does_not_know_is_noted() -> None:
    """PIPL has no legitimate interests; the rules load, and the note says so."""
    notes = load_with_notes(shipped_files(), check_chain=no_complaint).notes
    assert any(
        note.file == FILE and "`pipl` does not know the ground `legitimate_interests`" in note.message for note in notes
    )


def test_what_is_collected_is_read_in_its_order() -> None:
    """Where nothing is written, nothing is collected."""
    purposes = loaded().purposes
    support = purposes[PurposeKey("essential.service.operations.support")]
    assert support.collects[:2] == ("user.unique_id", "user.name")
    assert support.operations == ("read", "create", "update", "delete", "reveal")
    assert purposes[PurposeKey("essential.legal_obligation")].collects == ()


def test_a_purpose_that_reveals_says_from_where_on_a_second_person_is_needed() -> None:
    """Others say nothing of it."""
    purposes = loaded().purposes
    assert purposes[PurposeKey("essential.service.operations.support")].second_person_above == 100
    assert purposes[PurposeKey("essential.legal_obligation")].second_person_above is None
