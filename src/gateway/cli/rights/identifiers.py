# SPDX-License-Identifier: Apache-2.0
"""What whoever erases somebody says that they are known by: read, and told where nobody could be known again by it."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gateway.cli.desk import asking
from gateway.cli.desk.desk import Stop

if TYPE_CHECKING:
    from gateway.domain.identifier import Identifier

MOST_IDENTIFIERS = 1 << 16
"""Bytes of a file with identifiers; a person has a few."""

MOST_TOLD = 20
EXPECTED = {
    "phone": "write it with + and the country code, as +49 151 2345678",
    "email": "write it as name@example.org",
    "national_id": "it has five letters and digits at least",
    "name": "it has letters",
    "birth_date": "write the whole day, as 1984-05-06",
}


def identifiers_in(file: Path) -> "tuple[Identifier, ...]":
    """Return what a file says; a value that cannot be known again stops everything before anybody is erased."""
    from gateway.domain.identifier import MOST_WEAK
    from gateway.transform.identifying import BIRTH, NAME, identified

    stated, wrong = [], list[str]()
    for place, line in enumerate(_text_of(file).splitlines(), 1):
        use, _, value = line.strip().partition(" ")
        if use and (problem := _problem(use, value)):
            wrong.append(f"line {place}: {problem}")
        elif use:
            stated.append((use, value))
    uses = {use for use, _ in stated}
    if not wrong and bool(uses & {NAME}) != bool(uses & {BIRTH}):
        wrong.append("of name and birth_date each needs the other: a name alone is nobody's")
    if wrong:
        told = wrong[:MOST_TOLD] + [f"… and {len(wrong) - MOST_TOLD} more"] * (len(wrong) > MOST_TOLD)
        raise Stop("nobody was erased, since of the identifiers\n" + "\n".join(told))
    found = identified(stated)
    if len(found) > MOST_WEAK:
        raise Stop(f"the identifiers are more than {MOST_WEAK}")
    return found


def _problem(use: str, value: str) -> str | None:
    """Return why nobody can be known again by a value, without a word of it; nothing if they can."""
    from gateway.transform.identifying import BIRTH, NAME, STATED, identified

    if use not in STATED or not value.strip():
        return f"expected one of {', '.join(STATED)}, a blank and the value"
    beside = [(NAME, "a")] if use == BIRTH else [(BIRTH, "2000-01-01")] if use == NAME else []
    return None if identified([(use, value), *beside]) else f"this is no {use}: {EXPECTED[use]}"


def _text_of(file: Path) -> str:
    if str(file) != asking.STDIN:
        return asking.whole_text(file, most_bytes=MOST_IDENTIFIERS)
    text = typer.get_text_stream("stdin").read(MOST_IDENTIFIERS + 1)
    if len(text) > MOST_IDENTIFIERS:
        raise Stop(f"stdin has more than {MOST_IDENTIFIERS:,} characters; a person has a few identifiers")
    return text
