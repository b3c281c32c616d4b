# SPDX-License-Identifier: Apache-2.0
"""Every line of ``grants.csv`` is a comment, empty, a whole grant, a whole role line, or a problem."""

from hashlib import sha256

import pytest

from gateway.decide.loader.grammar.problems import Problems
from gateway.decide.loader.grants_csv import COLUMNS, read_grants

COLUMN_NAMES = ", ".join(COLUMNS)
GOOD = (
    "p, analyst, crm.customers, user.contact.email, analytics, read, mask, yes, allow, 2026-01-01, 2027-01-01T12:00:00Z"
)


def told(*lines: str) -> list[str]:
    problems = Problems()
    read_grants("grants.csv", "\n".join(lines) + "\n", problems)
    return [problem.sentence() for problem in problems.found]


def with_cell(name: str, cell: str) -> str:
    cells = GOOD.split(", ")
    cells[COLUMNS.index(name)] = cell
    return ", ".join(cells)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("q, a, b", "a line starts with `p`, `g` or `#`, got `q`"),
        (" # late comment", "a line starts with `p`, `g` or `#`, got `# late comment`"),
        (GOOD.replace("p,", "P,", 1), "a line starts with `p`, `g` or `#`, got `P`"),
        (GOOD.replace("p,", "p2,", 1), "a line starts with `p`, `g` or `#`, got `p2`"),
        ("p, analyst, crm", f"has 3 columns, expected 11: {COLUMN_NAMES}"),
        (GOOD + ",", f"has 12 columns, expected 11: {COLUMN_NAMES}"),
        ("g, a", "has 2 columns, expected 3: g, member, role"),
        ("g, a, b, c", "has 4 columns, expected 3: g, member, role"),
        (with_cell("role", "the analyst"), "`role` is `the analyst`: spaces inside"),
        (with_cell("role", '"analyst"'), '`role` is `"analyst"`: quotes'),
        (with_cell("role", "*"), "`role` is `*`: characters that are not allowed"),
        (with_cell("category", "user.*"), "`category` is `user.*`: characters that are not allowed"),
        (with_cell("dataset", "crm/customers"), "`dataset` is `crm/customers`: characters that are not allowed"),
        (with_cell("role", ""), "`role` is empty"),
        (with_cell("link", ""), "`link` is empty"),
        (with_cell("link", "true"), "`link` is `true`, expected `yes` or `no`"),
        (with_cell("effect", "alow"), "`effect` is `alow`, expected `allow` or `deny`; did you mean `allow`?"),
        (with_cell("effect", "Deny"), "`effect` is `Deny`, expected `allow` or `deny`; did you mean `deny`?"),
        (
            with_cell("from", "yesterday"),
            "`from` is `yesterday`, expected a day such as 2027-01-31 or an instant such as 2027-01-31T18:00:00Z",
        ),
        (
            with_cell("until", "2027-02-30"),
            "`until` is `2027-02-30`, expected a day such as 2027-01-31 or an instant such as 2027-01-31T18:00:00Z",
        ),
        (with_cell("until", "2026-01-01"), "`until` is not after `from`: never in force"),
        (with_cell("rung", "surrogate"), "`surrogate` is no rung: write `drop` with link `yes`"),
        (
            with_cell("rung", "-"),
            "`-` is for a deny of the link alone; an allow of the link alone is `drop` with link `yes`",
        ),
        (with_cell("rung", "drop").replace("yes", "no"), "allows nothing: `drop` with link `no`"),
        (with_cell("rung", "-").replace("yes, allow", "no, deny"), "denies nothing: `-` with link `no`"),
        ("g, a, a", "`a` would contain itself"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(line: str, says: str) -> None:
    """No line is passed over without a word."""
    assert told("# a comment", "", line) == [f"grants.csv:3: {says}"]


def test_the_same_line_twice_is_told_whatever_its_spaces() -> None:
    """Two spellings of one grant would have one id."""
    assert told(GOOD, "", GOOD.replace(", ", ",")) == ["grants.csv:3: the same line stands in line 1"]


def test_a_circle_of_roles_is_told_where_it_closes() -> None:
    """A role that contains itself would never end."""
    assert told("g, a, b", "g, b, c", "g, c, a") == ["grants.csv:3: `c` would contain itself"]


def test_all_wrong_lines_are_told_at_once() -> None:
    """An author need not mend one line to hear of the next."""
    assert len(told("q", GOOD, "g, a", with_cell("link", "ja"))) == 3


def test_a_grant_is_what_its_line_says() -> None:
    """Each column lands in its own attribute, and the id is the hash of the line without spaces."""
    lines = read_grants("grants.csv", f"# head\n{GOOD}\n", Problems())
    (grant,) = lines.grants
    assert (grant.role, grant.dataset, grant.category, grant.purpose) == (
        "analyst",
        "crm.customers",
        "user.contact.email",
        "analytics",
    )
    assert (grant.operation, grant.rung, grant.link, grant.allow, grant.line) == ("read", "mask", True, True, 2)
    assert (grant.from_us, grant.until_us) == (1_767_225_600_000_000, 1_798_804_800_000_000)
    assert grant.id == "g:" + sha256(GOOD.replace(", ", ",").encode()).hexdigest()[:12]


def test_a_deny_may_speak_of_the_link_alone() -> None:
    """Its rung is then none."""
    (grant,) = read_grants("grants.csv", with_cell("rung", "-").replace("allow", "deny") + "\n", Problems()).grants
    assert (grant.rung, grant.link, grant.allow) == (None, True, False)


def test_roles_hold_everything_they_contain() -> None:
    """Members reach through any depth, and each name contains itself."""
    lines = read_grants("grants.csv", "g, a, b\ng, b, c\ng, d, c\n", Problems())
    assert lines.roles == {"a": {"a", "b", "c"}, "b": {"b", "c"}, "c": {"c"}, "d": {"c", "d"}}
