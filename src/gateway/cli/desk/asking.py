# SPDX-License-Identifier: Apache-2.0
"""What a command asks for: passwords, codes, and whether it is meant. No secret is ever an argument.

Questions go to stderr, so that an answer in JSON stays alone on stdout.
"""

import sys
from pathlib import Path

import typer

from gateway.cli.desk.desk import Stop

STDIN = "-"


def password(prompt: str, file: Path | None) -> str:
    """Return a password: the first line of a file or of stdin (``-``), else asked for twice without showing it."""
    if file is not None:
        return first_line(file)
    insist_on_terminal("for a password; use --password-file FILE")
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt="The same again", err=True))


def first_line(file: Path) -> str:
    """Return the first line of a file, or of stdin for ``-``, without its line feed."""
    try:
        if str(file) == STDIN:
            return sys.stdin.readline().removesuffix("\n")
        with file.open(encoding="utf-8") as lines:
            return lines.readline().removesuffix("\n")
    except UnicodeDecodeError:
        raise Stop(f"{file} is not UTF-8 text") from None


def whole_text(file: Path, *, most_bytes: int | None = None) -> str:
    """Return what a text file holds; one that is too long to be what is asked for is not read."""
    if most_bytes is not None and file.stat().st_size > most_bytes:
        raise Stop(f"{file} is too long: at most {most_bytes} bytes are read")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Stop(f"{file} is not UTF-8 text") from None


def value(given: str) -> str:
    """Return a value that must not stand in the list of processes: ``-`` asks for it, or reads it from stdin."""
    if given != STDIN:
        return given
    return str(typer.prompt("Value", err=True)) if sys.stdin.isatty() else first_line(Path(STDIN))


def code(prompt: str) -> str:
    """Return a code that somebody reads from an app."""
    insist_on_terminal("for the code; use --totp-secret-out FILE")
    return str(typer.prompt(prompt, err=True))


def typed_again(word: str, what: str) -> None:
    """Stop unless the word is typed once more by somebody who was told what will happen."""
    insist_on_terminal("whether this is meant; use --yes")
    if typer.prompt(f"{what} Type {word} to go on", err=True) != word:
        raise Stop("nothing was changed")


def insist_on_terminal(what: str) -> None:
    """Stop if there is nobody to ask."""
    if not sys.stdin.isatty():
        raise Stop(f"there is no terminal to ask at {what}")
