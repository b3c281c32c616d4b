# SPDX-License-Identifier: Apache-2.0
"""The documents: what they name exists, and they claim no more than the project does."""

import json
import re
from datetime import date
from pathlib import Path

import pytest
import typer

from gateway.cli.main import app
from gateway.demo.people import people

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").glob("*.md")))
README = (ROOT / "README.md").read_text("utf-8")
MOST_README_LINES = 90

CLAIMS = re.compile(
    r"certif(?:ied|ication)|tamper-?\s?proof|anonym|匿名|unhackable|bullet-?proof|100 ?% secure", re.IGNORECASE
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(
    r"(?:^|[`$(] ?|sudo |bin/|deploy/)gateway(?:-cli)? ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)", re.MULTILINE
)
NO_COMMANDS = frozenset({"is", "as"})
"""Words that follow the gateway's name in sentences."""


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_links_to_files_that_exist(path: Path) -> None:
    """Links to elsewhere are not followed."""
    links = [link for link in LINK.findall(path.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_claims_no_more_than_is_so(path: Path) -> None:
    """Tested against, tamper-evident, pseudonymous: the stronger words are not ours to use."""
    assert CLAIMS.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_commands_that_exist(path: Path) -> None:
    """Every ``gateway …`` in code is a command, and what follows a group is one of its own."""
    top = typer.main.get_command(app)
    code = "\n".join(re.findall(r"```(?:sh|text|output)[^\n]*\n(.*?)```", path.read_text("utf-8"), re.DOTALL))
    code += "\n" + "\n".join(f"`{span}`" for span in re.findall(r"`([^`\n]+)`", path.read_text("utf-8")))
    assert [words for words in COMMAND.findall(code) if not is_command(top, words.split())] == []


def is_command(command: object, words: list[str]) -> bool:
    commands = getattr(command, "commands", None)
    if not words or commands is None or words[0] in NO_COMMANDS:
        return True
    return words[0] in commands and is_command(commands[words[0]], words[1:])


def test_the_readme_is_short_and_its_targets_exist() -> None:
    """What a new user types works from a clean clone."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", README, re.MULTILINE))
    assert {"demo", "test", "tour", "check"} <= named <= targets
    assert len(README.splitlines()) <= MOST_README_LINES


def test_the_readme_shows_a_row_of_the_demo() -> None:
    """Its values are those of the first sample person, who depends on the day in other fields alone."""
    straight, through = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", README, re.DOTALL))
    (person,) = people(None, 1, today=date(2026, 6, 15))
    stored = {name: getattr(person, name, None) for name in straight} | {
        name: getattr(person.campaign, name) for name in ("job", "balance")
    }
    assert straight == stored
    assert not {"name", "religion"} & through.keys()
    assert {name: through[name] for name in ("city", "job")} == {name: straight[name] for name in ("city", "job")}


def test_the_index_of_decisions_names_every_page() -> None:
    """Each page has the parts of the template, at most 50 lines, and a line in the index."""
    pages = sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))
    index = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")
    assert sorted(set(re.findall(r"\((0[0-9-]+[a-z-]*\.md)\)", index))) == pages
    for name in pages:
        text = (ROOT / "docs" / "adr" / name).read_text("utf-8")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], name
        assert text.startswith(f"# {name[:4]}: "), name
        assert len(text.splitlines()) <= 50, name
