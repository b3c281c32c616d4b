# SPDX-License-Identifier: Apache-2.0
"""``regimes/*.yaml``: law as data, every number with its source."""

import pytest

from gateway.decide.loader.load import load_with_notes
from gateway.decide.loader.shipped import shipped_files
from tests.fakes.rule_files import Broken, check, edited, loaded, no_complaint, sentences

GDPR, PIPL, CCPA = "regimes/gdpr.yaml", "regimes/pipl.yaml", "regimes/ccpa.yaml"


@pytest.mark.parametrize(
    "broken",
    [
        Broken(GDPR, "id: gdpr\n", "id: gdpr\nnmae: x\n", "unknown key `nmae`; did you mean `name`?", at="nmae"),
        Broken(
            GDPR,
            'NL, "NO"',
            "NL, NO",
            "`countries` is the boolean `NO`, expected a list of texts; put it in quotes",
            at="  [AT",
        ),
        Broken(
            GDPR,
            'NL, "NO"',
            'NL, "Norway"',
            "`Norway` is no country; expected two capital letters (ISO 3166-1)",
            at="  [AT",
        ),
        Broken(GDPR, "SK]", "SK, AT]", "`AT` stands twice in `countries`", at="  [AT"),
        Broken(
            GDPR,
            "legitimate_interests]",
            "legitimate_interest]",
            "unknown ground `legitimate_interest`; did you mean `legitimate_interests`?",
        ),
        Broken(GDPR, "under_years: 16", "under_years: 160", "`under_years` is 160, expected 1 to 25"),
        Broken(GDPR, '  cite: "Art. 8(1)"\n', "", "`cite` is missing", at="  under_years"),
        Broken(
            GDPR, 'cite: "Art. 8(1)"\n  verified: no', 'cite: "Art. 8(1)"', "`verified` is missing", at="  under_years"
        ),
        Broken(GDPR, "register: all", "register: [all, ~]", "`~` is neither text, whole number, date, `yes` nor `no`"),
        Broken(GDPR, 'cite: "Art. 33, 34"', "cite: 33", "`cite` must be text"),
        Broken(
            GDPR,
            '34"\n  verified: yes',
            '34"\n  verified: maybe',
            "`verified` must be `yes` or `no` without quotes",
            at="  verified: maybe",
        ),
        Broken(
            GDPR,
            'transfers: {restricted: yes, cite: "Art. 44-49", verified: no}\n',
            "",
            "`transfers` is missing",
            at="id: gdpr",
        ),
        Broken(GDPR, "hours: 72", "hourz: 72", "unknown key `hourz`; did you mean `hours`?"),
        Broken(GDPR, '  cite: "Art. 33, 34"\n', "", "the number 72 has no `cite` beside or above it", at="hours: 72"),
        Broken(
            GDPR,
            "register: all",
            "phases: all\n  phases: yes",
            "key `phases` stands twice; first in line 23",
            at="  phases: yes",
        ),
        Broken(GDPR, "hours: 72", "hours: 72.5", "`72.5` is neither text, whole number, date, `yes` nor `no`"),
        Broken(
            GDPR,
            "transfers: {restricted: yes,",
            "transfers: {restricted: 'yes',",
            "`restricted` is the text `yes`, expected `yes` or `no` without quotes",
        ),
        Broken(
            PIPL,
            'n: 30, cite: "GB/T 35273-2020, 8.7", verified: no',
            "n: 30",
            "the number 30 has no `cite` and `verified` beside or above it",
        ),
        Broken(CCPA, "gpc: honour", "gcp: honour", "unknown key `gcp`"),
    ],
    ids=lambda broken: broken.says[:60],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what was expected."""
    check(broken)


def test_a_restriction_of_transfers_needs_its_source() -> None:
    """No source, no law."""
    told = sentences(edited(PIPL, ', cite: "Art. 38, 39", verified: yes}', "}"))
    assert told == [f"{PIPL}:8: `cite` is missing", f"{PIPL}:8: `verified` is missing"]


def test_the_id_is_the_name_of_the_file() -> None:
    """Two files cannot claim one regime."""
    files = shipped_files()
    files["regimes/prc.yaml"] = files[PIPL]
    assert sentences(files) == ["regimes/prc.yaml:1: `id` is `pipl`, but the file is named `regimes/prc.yaml`"]


def test_regimes_are_what_their_files_say() -> None:
    """Countries, age of minors and transfers reach the decision."""
    regimes = loaded().regimes
    assert set(regimes) == {"gdpr", "pipl", "ccpa", "eu_dsa", "us_ca_breach"}
    assert {"DE", "NO", "IS"} <= regimes["gdpr"].countries
    assert len(regimes["gdpr"].countries) == 30
    assert {id_: regime.minors_under for id_, regime in regimes.items()} == {
        "gdpr": 16,
        "pipl": 14,
        "ccpa": 16,
        "eu_dsa": 18,
        "us_ca_breach": None,
    }
    assert {id_ for id_, regime in regimes.items() if regime.restricts_transfers} == {"gdpr", "pipl"}


def test_what_nobody_checked_is_noted() -> None:
    """An unverified number loads, and is told of."""
    notes = load_with_notes(shipped_files(), check_chain=no_complaint).notes
    assert any(note.file == GDPR and "age of minors was not checked" in note.message for note in notes)
    assert any(note.file == PIPL and "number was not checked" in note.message for note in notes)
