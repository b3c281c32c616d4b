# SPDX-License-Identifier: Apache-2.0
"""``grants.csv``, line by line: its syntax, and the roles that contain each other.

Casbin's own reader passes over a line of a type it does not know, so a mistyped deny would vanish
without a word. Here every line is a comment, empty, a whole ``p`` or a whole ``g``, or a problem.
What the words of a line mean for the other files is checked in ``grants_check``.
"""

import re
from hashlib import sha256

import msgspec

from gateway.decide.loader.grammar.problems import Place, Problems, quoted, suggestion
from gateway.decide.loader.grammar.times import EXPECTED, instant_us
from gateway.decide.rules import Grant
from gateway.domain.names import CategoryKey, DatasetName, GrantId, PurposeKey, RoleName
from gateway.domain.treatment import DROP, Family, Rung

COLUMNS = ("p", "role", "dataset", "category", "purpose", "operation", "rung", "link", "effect", "from", "until")
ROLE_COLUMNS = ("g", "member", "role")
LINK_ALONE = "-"
"""Rung of a deny that takes the link and leaves the value."""

_CELL = re.compile(r"[A-Za-z0-9_.:@+-]*\Z", re.ASCII)


class GrantLines(msgspec.Struct, frozen=True, kw_only=True):
    """What ``grants.csv`` says."""

    grants: tuple[Grant, ...]
    roles: dict[str, frozenset[RoleName]]


def read_grants(file: str, text: str, problems: Problems) -> GrantLines:
    """Return the grants and the closure of the roles."""
    grants: list[Grant] = []
    members: dict[tuple[str, str], Place] = {}
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        place = Place(file, number)
        cells = _cells(line, place, problems)
        if cells is None:
            continue
        normal = ",".join(cells)
        if normal in seen:
            problems.tell(place, f"the same line stands in line {seen[normal]}")
            continue
        seen[normal] = number
        if cells[0] == "g":
            members[cells[1], cells[2]] = place
        else:
            grants.append(_grant(cells, place, problems))
    return GrantLines(grants=tuple(grants), roles=_closure(members, problems))


def normal_line(cells: tuple[str, ...]) -> str:
    """Return the one spelling of a line that its id is made from: cells joined by commas alone."""
    return ",".join(cells)


def grant_id(line: str) -> GrantId:
    """Return the id of a grant's normal line."""
    return GrantId("g:" + sha256(line.encode()).hexdigest()[:12])


def _cells(line: str, place: Place, problems: Problems) -> tuple[str, ...] | None:
    """Return the cells of a line that says something and can be read, ``None`` for any other."""
    if not line.strip(" ") or line.startswith("#"):
        return None
    cells = tuple(cell.strip(" ") for cell in line.split(","))
    expected = {"p": COLUMNS, "g": ROLE_COLUMNS}.get(cells[0])
    if expected is None:
        problems.tell(place, f"a line starts with `p`, `g` or `#`, got {quoted(cells[0])}")
        return None
    if len(cells) != len(expected):
        problems.tell(place, f"has {len(cells)} columns, expected {len(expected)}: {', '.join(expected)}")
        return None
    for name, cell in zip(expected, cells, strict=True):
        if _CELL.match(cell) is None:
            why = (
                "spaces inside"
                if " " in cell
                else "quotes"
                if '"' in cell or "'" in cell
                else "characters that are not allowed"
            )
            problems.tell(place, f"`{name}` is {quoted(cell)}: {why}")
            return None
        if not cell and name not in ("from", "until"):
            problems.tell(place, f"`{name}` is empty")
            return None
    return cells


def _grant(cells: tuple[str, ...], place: Place, problems: Problems) -> Grant:
    _, role, dataset, category, purpose, operation, rung, link, effect, from_, until = cells
    allow = _word("effect", effect, ("allow", "deny"), place, problems) == "allow"
    linked = _word("link", link, ("yes", "no"), place, problems) == "yes"
    from_us, until_us = _instant("from", from_, place, problems), _instant("until", until, place, problems)
    if from_us is not None and until_us is not None and from_us >= until_us:
        problems.tell(place, "`until` is not after `from`: never in force")
    _check_effect(rung, place, problems, linked=linked, allow=allow)
    return Grant(
        id=grant_id(normal_line(cells)),
        role=RoleName(role),
        dataset=DatasetName(dataset),
        category=CategoryKey(category),
        purpose=PurposeKey(purpose),
        operation=operation,
        rung=None if rung == LINK_ALONE else Rung(rung),
        link=linked,
        allow=allow,
        from_us=from_us,
        until_us=until_us,
        line=place.line,
    )


def _word(name: str, word: str, allowed: tuple[str, ...], place: Place, problems: Problems) -> str:
    if word not in allowed:
        problems.tell(
            place, f"`{name}` is {quoted(word)}, expected `{allowed[0]}` or `{allowed[1]}`{suggestion(word, allowed)}"
        )
    return word


def _instant(name: str, text: str, place: Place, problems: Problems) -> int | None:
    at_us = instant_us(text) if text else None
    if text and at_us is None:
        problems.tell(place, f"`{name}` is {quoted(text)}, expected {EXPECTED}")
    return at_us


def _check_effect(rung: str, place: Place, problems: Problems, *, linked: bool, allow: bool) -> None:
    """Tell a line that gives or takes nothing: its author meant something."""
    if rung == Family.SURROGATE:
        problems.tell(place, "`surrogate` is no rung: write `drop` with link `yes`")
    elif rung == LINK_ALONE and allow:
        problems.tell(
            place, "`-` is for a deny of the link alone; an allow of the link alone is `drop` with link `yes`"
        )
    elif rung == LINK_ALONE and not linked:
        problems.tell(place, "denies nothing: `-` with link `no`")
    elif rung == DROP and allow and not linked:
        problems.tell(place, "allows nothing: `drop` with link `no`")


def _closure(members: dict[tuple[str, str], Place], problems: Problems) -> dict[str, frozenset[RoleName]]:
    contains: dict[str, list[str]] = {}
    for (member, role), place in members.items():
        if member == role or member in _reach(role, contains):
            problems.tell(place, f"{quoted(member)} would contain itself")
            continue
        contains.setdefault(member, []).append(role)
        contains.setdefault(role, [])
    return {name: frozenset(RoleName(role) for role in _reach(name, contains)) for name in contains}


def _reach(name: str, contains: dict[str, list[str]]) -> set[str]:
    """Return the name and everything it contains, at any depth."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        role = waiting.pop()
        if role not in reached:
            reached.add(role)
            waiting += contains.get(role, [])
    return reached
