# SPDX-License-Identifier: Apache-2.0
"""Mail addresses, phones and names that nobody else has, and the look for them in everything that was kept or said."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from gateway.demo.people import Customer
from gateway.store.backup import frames
from tests.conftest import libpq_url
from tests.fakes.canary_search import write_out
from tests.referee.canary import Scanner

N_SEEDED = 40


def mail(number: int) -> str:
    """Return a mail address that nobody else has."""
    return f"kanarie.{number:05}q@kept-nowhere.example"


def phone(number: int) -> str:
    """Return a phone that nobody else has, as E.164 writes it."""
    return f"+4915771{number:06}"


def name(number: int) -> str:
    """Return a name that nobody else has."""
    return f"Quetzalina Vogelsang-{number:05}"


def needles() -> list[str]:
    """Return every value, and of phones and mail addresses what is left where they are taken apart."""
    found = []
    for number in range(N_SEEDED + 10):
        found += [mail(number), mail(number).partition("@")[0], phone(number), phone(number)[1:], name(number)]
        found.append(f"0{phone(number)[3:]}")
    return found


def seeded(crowd: Sequence[Customer]) -> list[Customer]:
    """Return the crowd, the first of whom can be told from everybody else by name, mail address and phone."""
    first = [
        msgspec.structs.replace(one, name=name(place), email=mail(place), phone=phone(place))
        for place, one in enumerate(crowd[:N_SEEDED])
    ]
    return first + list(crowd[N_SEEDED:])


def written_out(state: Path, place: str, to: Path) -> None:
    """Write out what cannot be searched as it lies there: tables of PostgreSQL, and copies, which are compressed."""
    if "://" in place:
        write_out(libpq_url(place.rpartition("/")[2].partition("?")[0]), to / "postgres.txt")
    for file in state.glob("*.gwb"):
        rows = [row for _, _, some in frames(file) for row in some]
        to.joinpath(file.name + ".txt").write_text("\n".join(repr(row) for row in rows), errors="surrogateescape")
        blobs = [part for row in rows for part in row if isinstance(part, bytes)]
        to.joinpath(file.name + ".bin").write_bytes(b"\n".join(blobs))


def told(records: Iterable[logging.LogRecord]) -> str:
    """Return what processes of the gateway would write on stderr; libraries and the sample store speak in this one too."""
    written = logging.Formatter()
    own = (one for one in records if one.name.startswith("gateway") or one.levelno >= logging.WARNING)
    return "\n".join(written.format(one) for one in own)


def files_below(*folders: Path) -> list[Path]:
    """Return every file of some folders."""
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def findings(paths: Iterable[Path]) -> list[str]:
    """Return where any value is, and what could not be looked through."""
    problems: list[str] = []
    scanner = Scanner(enumerate(needles(), 1))
    return [one.sentence() for one in scanner.scan_paths(sorted(paths), problems.append)] + problems
