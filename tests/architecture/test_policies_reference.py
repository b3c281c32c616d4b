# SPDX-License-Identifier: Apache-2.0
"""The examples of the rule files' reference are a rule set."""

import re
from pathlib import Path

from gateway.decide.loader.load import load
from gateway.decide.loader.treatments import FORMS, TYPES
from gateway.transform.treat import RUNGS, check_chain

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "policies.md").read_text("utf-8")
EXAMPLE = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def examples() -> dict[str, bytes]:
    return {name: content.encode() for name, content in EXAMPLE.findall(PAGE)}


def test_the_examples_of_the_reference_load_together() -> None:
    """Grants, roles, routes and cases are all there."""
    rules = load(examples(), check_chain=check_chain)
    assert (len(rules.grants), len(rules.catalog.routes), len(rules.tests)) == (4, 3, 2)
    assert rules.roles["trainee"] == {"trainee", "analyst"}


def test_the_reference_shows_every_kind_of_file() -> None:
    """One example each."""
    assert {name.partition("/")[0] for name in examples()} == {
        *("model.conf", "grants.csv", "purposes.yaml", "redlines.yaml", "treatments.yaml", "organisation.yaml"),
        *("datasets", "regimes", "tests"),
    }


def test_the_reference_names_every_rung_form_and_type() -> None:
    """What a file may say can be looked up; bands are named by their ends."""
    words = {*FORMS, *TYPES, *(rung for rung in RUNGS if "band" not in rung)}
    assert [word for word in sorted(words) if not re.search(rf"[` \n]{re.escape(word)}[` \n;:]", PAGE)] == []
