# SPDX-License-Identifier: Apache-2.0
"""Rule files: what is written is read, and no slip of a finger makes a rule vanish."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decide.loader.grammar.problems import Problems
from gateway.decide.loader.grants_csv import COLUMNS, grant_id, read_grants
from gateway.decide.loader.shipped import shipped_files
from gateway.decide.rules import Grant, RuleSet
from gateway.domain.errors import RulesError
from tests.fakes.rule_files import loaded

FILES = {name: content for name, content in shipped_files().items() if name != "model.conf"}
KEYS = st.from_regex(r"[a-z]{1,5}(\.[a-z_]{1,5}){0,2}", fullmatch=True)
DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 1, 1))


@st.composite
def grant_cells(draw: st.DrawFn) -> tuple[str, ...]:
    """Return the cells of a line that says something."""
    allow = draw(st.booleans())
    rung = draw(st.sampled_from(["drop", "mask", "mask.phone", "generalise", "reveal", *([] if allow else ["-"])]))
    link = "yes" if rung == "-" or (allow and rung == "drop") else draw(st.sampled_from(["yes", "no"]))
    first, second = sorted((draw(DAYS), draw(DAYS)))
    until = second.isoformat() if second > first and draw(st.booleans()) else ""
    from_ = first.isoformat() if draw(st.booleans()) else ""
    return (
        "p",
        draw(KEYS),
        draw(KEYS),
        draw(KEYS),
        draw(KEYS),
        "read",
        rung,
        link,
        "allow" if allow else "deny",
        from_,
        until,
    )


def written(grant: Grant) -> tuple[str, ...]:
    """Return a grant as the cells of its line."""
    return (
        "p",
        grant.role,
        grant.dataset,
        grant.category,
        grant.purpose,
        grant.operation,
        grant.rung or "-",
        "yes" if grant.link else "no",
        "allow" if grant.allow else "deny",
        *(day(at_us) for at_us in (grant.from_us, grant.until_us)),
    )


def day(at_us: int | None) -> str:
    return "" if at_us is None else datetime.fromtimestamp(at_us // 1_000_000, UTC).date().isoformat()


@given(cells=grant_cells(), spaces=st.lists(st.integers(0, 3), min_size=2 * len(COLUMNS), max_size=2 * len(COLUMNS)))
def test_a_grant_written_out_again_is_the_same_line(cells: tuple[str, ...], spaces: list[int]) -> None:
    """Every column survives the way in and out, and spaces around commas change neither grant nor id."""
    line = ",".join(
        f"{' ' * before}{cell}{' ' * after}"
        for cell, before, after in zip(cells, spaces[::2], spaces[1::2], strict=True)
    )
    problems = Problems()
    (grant,) = read_grants("grants.csv", line + "\n", problems).grants
    assert problems.found == ()
    assert written(grant) == cells
    assert grant.id == grant_id(",".join(cells))


def counts(rules: RuleSet) -> Mapping[str, int]:
    """Return how many rules of each kind there are."""
    return {
        "grants": len(rules.grants),
        "allows": sum(grant.allow for grant in rules.grants),
        "roles": sum(map(len, rules.roles.values())),
        "purposes": len(rules.purposes),
        "ceilings": sum(len(rule.categories) for rule in rules.purposes.values()),
        "red lines": len(rules.red_lines),
        "red categories": sum(len(line.categories) for line in rules.red_lines),
        "red purposes": sum(len(line.purposes) for line in rules.red_lines),
        "sensitive": len(rules.sensitive),
        "assurance": len(rules.assurance),
        "recipients": len(rules.recipients),
        "regimes": len(rules.regimes),
        "collections": len(rules.catalog.collections),
        "fields": sum(len(collection.fields) for collection in rules.catalog.collections.values()),
        "subjects": sum(collection.subject is not None for collection in rules.catalog.collections.values()),
        "routes": len(rules.catalog.routes),
        "tests": len(rules.tests),
    }


ALL = counts(loaded())


@st.composite
def slipped(draw: st.DrawFn) -> dict[str, bytes]:
    """Return the shipped files with one character of one rule changed, or one too few or too many."""
    name = draw(st.sampled_from(sorted(FILES)))
    lines = FILES[name].decode().split("\n")
    number = draw(
        st.sampled_from([n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")])
    )
    line = lines[number]
    at = draw(st.integers(0, len(line) - 1))
    # A number sign is left out: it makes a comment, and that is what it is for.
    typed = draw(st.sampled_from([*" -:,{}[]\"'&*!|>%@`.?abpgq0159YN\t", ""]))
    keep = draw(st.integers(0, 1))
    lines[number] = line[:at] + typed + line[at + 1 - keep :]
    return shipped_files() | {name: "\n".join(lines).encode()}


@settings(max_examples=250, deadline=None)
@given(files=slipped())
def test_one_wrong_character_never_makes_a_rule_vanish(files: dict[str, bytes]) -> None:
    """Either the files are refused, or every rule is still there, be it a different one."""
    try:
        rules = loaded(files)
    except RulesError:
        return
    assert all(n >= ALL[kind] for kind, n in counts(rules).items())


def test_a_deleted_grant_is_missing_and_nothing_else_is() -> None:
    """Line by line through the shipped file: the rest stays as it was, or the files are refused."""
    lines = FILES["grants.csv"].decode().split("\n")
    whole = {grant.id for grant in loaded().grants}
    files = {name: content for name, content in shipped_files().items() if not name.startswith("tests/")}
    for number, line in enumerate(lines):
        if not line.startswith("p,"):
            continue
        rest = "\n".join(lines[:number] + lines[number + 1 :]).encode()
        left = {grant.id for grant in loaded(files | {"grants.csv": rest}).grants}
        assert left == whole - {grant_id(",".join(cell.strip() for cell in line.split(",")))}
