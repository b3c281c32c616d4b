# SPDX-License-Identifier: Apache-2.0
"""Old rules are read for their words alone, and whatever is wrong with them is no error."""

from pathlib import Path

import pytest

from gateway.app.evidence.past_rules import PastRules, words_of
from gateway.app.rule_files import RulesArchive, read_folder
from gateway.decide.loader.load import digest
from gateway.flows.accesses.ports import RuleWords

POLICIES = Path(__file__).parents[4] / "policies"


def test_the_words_are_those_of_the_digest(tmp_path: Path) -> None:
    """Legal names, titles in every language, grounds and owners; what the archive lost is lost."""
    archive = RulesArchive(tmp_path)
    shipped, bare = read_folder(POLICIES), {"organisation.yaml": b"controller: {name: Other}\nrecipients: []\n"}
    for files in (shipped, bare):
        archive.keep(digest(files), files)
    past = PastRules(archive)

    first, second = past.words(digest(shipped)), past.words(digest(bare))

    assert first is not None
    assert first.recipients["own"].is_own
    assert first.recipients["mail-service"].legal_name == "Example Mailing (demo)"
    purpose = first.purposes["marketing.communications.email"]
    assert (purpose.ground, purpose.owner, sorted(purpose.title)) == ("consent", "marketing", ["en", "zh"])
    assert second == RuleWords(organisation="Other")
    assert past.words("d3") is None
    assert past.words("") is None


@pytest.mark.parametrize("text", [b"[", b"- 1\n", b"recipients: 3\ncontroller: x\n", b"\xff\xfe"])
def test_what_is_no_table_has_no_words(text: bytes) -> None:
    """Rules were checked when they were put in force; here nothing is judged."""
    found = words_of({"organisation.yaml": text})
    assert found is None or found == RuleWords()
