# SPDX-License-Identifier: Apache-2.0
"""How somebody proves who they are to a command: asked at the terminal, or from a file for scripts.

A file that others could read is refused, as that of the key-encryption key is: it holds a password.
"""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.desk import asking
from gateway.cli.desk.desk import Stop

OPEN = 0o077
"""Whoever else may read, change or run a file."""

ProofFile = Annotated[
    Path | None,
    typer.Option(
        "--proof-file", metavar="FILE", help="Read the password and then the code from two lines of FILE; - for stdin."
    ),
]


def asked(name: str, file: Path | None) -> tuple[str, str]:
    """Return the password and the code of a person, shown to nobody."""
    if file is not None:
        return _from_file(file)
    asking.insist_on_terminal("for password and code; use --proof-file FILE")
    password = str(typer.prompt(f"Password of {name}", hide_input=True, err=True))
    return password, str(typer.prompt("Code that the app shows", err=True))


def _from_file(file: Path) -> tuple[str, str]:
    import sys

    if str(file) != asking.STDIN and file.stat().st_mode & OPEN:
        raise Stop(f"the proof file {file} is open to other users: chmod 600 {file}")
    text = sys.stdin.read() if str(file) == asking.STDIN else asking.whole_text(file)
    lines = text.splitlines()
    if len(lines) < 2:
        raise Stop("--proof-file holds the password in its first line and the code in its second")
    return lines[0], lines[1]
