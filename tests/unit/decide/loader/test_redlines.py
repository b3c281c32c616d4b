# SPDX-License-Identifier: Apache-2.0
"""``redlines.yaml``: the sensitive table, and lines that nothing overrides."""

import pytest

from gateway.decide.rules import AgeCondition
from gateway.domain.viewplan import RowEffect
from tests.fakes.rule_files import Broken, check, edited, loaded, sentences

FILE = "redlines.yaml"
AGE = "    age_below: {regimes: [gdpr, pipl, ccpa, eu_dsa]}\n"
RELIGION = "  - {category: user.demographic.religious_belief,"


@pytest.mark.parametrize(
    "broken",
    [
        Broken(
            FILE,
            '  - {category: user.criminal_history, cite: "GDPR Art. 10"}',
            "  - {category: user.criminal_history}",
            "`cite` is missing",
        ),
        Broken(
            FILE,
            "  - {category: user.criminal_history, cite",
            "  - {category: user.biometric, cite",
            "`user.biometric` stands twice in `sensitive`",
            at='  - {category: user.biometric, cite: "GDPR Art. 10"',
        ),
        Broken(
            FILE,
            "    third_parties: yes\n",
            "    third_partys: yes\n",
            "unknown key `third_partys`; did you mean `third_parties`?",
        ),
        Broken(FILE, "    rung: drop\n", "    rung: dorp\n", "unknown rung `dorp`; did you mean `drop`?"),
        Broken(
            FILE,
            "    link: no\n",
            "    link: 0\n",
            "`link` is the whole number `0`, expected `yes` or `no` without quotes",
        ),
        Broken(
            FILE,
            "    purposes: [marketing, personalize, third_party_sharing]\n    third_parties: yes\n    age",
            "    purposes: [marketting]\n    age",
            "unknown purpose `marketting`; did you mean `marketing`?",
            at="[marketting]",
        ),
        Broken(
            FILE,
            "    purposes: [marketing, personalize, third_party_sharing]\n    third_parties: yes\n    age",
            "    age",
            "red line `minors-marketing` holds nowhere: it needs `purposes` or `third_parties: yes`",
            at="  - id: minors",
        ),
        Broken(FILE, AGE, "    age_below: 18\n", "`age_below` is the whole number `18`, expected keys with values"),
        Broken(FILE, AGE, "    age_below: {regimes: [gpdr]}\n", "unknown regime `gpdr`; did you mean `gdpr`?"),
        Broken(
            FILE,
            AGE,
            "    age_below: {regimes: [us_ca_breach]}\n",
            "regime `us_ca_breach` (regimes/us_ca_breach.yaml:1) says no age of minors",
        ),
        Broken(FILE, AGE, "    age_below: {regimes: []}\n", "`regimes` is empty"),
        Broken(FILE, AGE, "    age_below: {regimes: [gdpr], years: 18}\n", "unknown key `years`"),
        Broken(
            FILE,
            "effect: withhold",
            "effect: withold",
            "`effect` is `withold`, expected one of `withhold`, `blank`, `unlink`; did you mean `withhold`?",
        ),
        Broken(FILE, "effect: withhold", "effect: blank", "the effect `blank` takes fields: name their `categories`"),
        Broken(
            FILE,
            AGE,
            AGE + "    categories: [user.name]\n",
            "the effect `withhold` takes the whole row: no `categories`",
            at="    effect",
        ),
        Broken(FILE, AGE, AGE + "    rung: mask\n", "unknown key `rung`", at="    rung: mask"),
        Broken(FILE, "  - id: minors-marketing", "  - id: minors marketing", "`minors marketing` is no key"),
        Broken(
            FILE,
            "  - id: minors-marketing",
            "  - id: sensitive-marketing",
            "a second red line `sensitive-marketing`; first in line 22",
            at="  - id: sensitive-marketing\n    purposes",
        ),
        Broken(FILE, '    cite: "GDPR Art. 9(1); PIPL Art. 28, 29"\n', "", "`cite` is missing", at="  - id: sensitive"),
    ],
    ids=lambda broken: broken.says[:60],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what was expected."""
    check(broken)


def test_a_red_line_that_takes_nothing_is_told() -> None:
    """Without categories or an age there is nothing to take."""
    told = sentences(edited(FILE, AGE + "    effect: withhold\n", ""))
    assert [sentence.split(": ", 1)[1] for sentence in told] == [
        "red line `minors-marketing` takes nothing: it needs `categories`, `sensitive: yes` or `age_below`"
    ]


def test_the_whole_sensitive_table_is_shipped() -> None:
    """GDPR Art. 9 and 10, PIPL Art. 28."""
    assert set(loaded().sensitive) == {
        "user.biometric",
        "user.authorization.biometric",
        "user.health_and_medical",
        "user.demographic.race_ethnicity",
        "user.demographic.political_opinion",
        "user.demographic.religious_belief",
        "user.demographic.sexual_orientation",
        "user.criminal_history",
        "user.childrens",
        "user.location.precise",
        "user.financial.bank_account",
        "user.financial.credit_card",
        "user.payment",
        "user.government_id",
        "user.content.private",
    }


def test_sensitive_means_the_whole_table() -> None:
    """A red line with ``sensitive: yes`` holds all of it, for marketing, personalisation and third parties."""
    line = next(line for line in loaded().red_lines if line.id == "sensitive-marketing")
    assert line.categories == loaded().sensitive
    assert set(line.purposes) == {"marketing", "personalize", "third_party_sharing"}
    assert (line.third_parties, line.rung, line.link, line.age) == (True, "drop", False, None)


def test_the_age_is_the_highest_of_the_regimes() -> None:
    """No age stands in the red line; it moves with the law."""
    line = next(line for line in loaded().red_lines if line.id == "minors-marketing")
    assert line.age == AgeCondition(under_years=18, effect=RowEffect.WITHHOLD)
    raised = edited("regimes/pipl.yaml", "under_years: 14", "under_years: 19")
    assert loaded(raised).red_lines[1].age == AgeCondition(under_years=19, effect=RowEffect.WITHHOLD)


def test_blank_takes_the_fields_of_its_categories() -> None:
    """A row condition may take some fields and leave the row."""
    files = edited(FILE, "    effect: withhold\n", "    effect: blank\n    categories: [user.contact]\n")
    line = loaded(files).red_lines[1]
    assert (line.categories, line.age) == (("user.contact",), AgeCondition(under_years=18, effect=RowEffect.BLANK))


def test_a_sensitive_category_without_assurance_is_told() -> None:
    """A service that has shown a secret alone must not see it whole."""
    files = edited("treatments.yaml", "      - user.criminal_history\n", "")
    (told,) = sentences(files)
    assert told.endswith(
        "`user.criminal_history` is sensitive, but no `assurance` rule of treatments.yaml asks level 2 or more for it"
    )
    assert told.startswith("redlines.yaml:")
