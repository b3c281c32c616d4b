# SPDX-License-Identifier: Apache-2.0
"""The shipped rule files to break, and what the loader says of the pieces."""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.decide.loader.load import load
from gateway.decide.loader.shipped import shipped_files
from gateway.decide.rules import RuleSet
from gateway.domain.errors import RulesError
from gateway.domain.treatment import Chain

NEEDED = tuple(name for name in shipped_files() if not name.startswith("tests/"))
"""All shipped files but the cases, which take a third of the time to read."""


class Broken(msgspec.Struct, frozen=True):
    """One mistake in one shipped file, and the one sentence that must come of it.

    Attributes:
        at: Text that stands in the line to be told, in the file after the change; default ``new``.
    """

    file: str
    old: str
    new: str
    says: str
    at: str = ""


def no_complaint(_chain: Chain, _samples: Sequence[str | int]) -> Sequence[str]:
    """Find every chain in order."""
    return ()


def loaded(files: Mapping[str, bytes] | None = None) -> RuleSet:
    """Return the rules of the files, the shipped ones if none are given."""
    return load(shipped_files() if files is None else files, check_chain=no_complaint)


def edited(file: str, old: str, new: str, files: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return the files with one text of one of them changed; the text must be there."""
    changed = dict(shipped_files() if files is None else files)
    content = changed[file].decode()
    assert old in content, f"{file} has no {old!r}"
    changed[file] = content.replace(old, new, 1).encode()
    return changed


def sentences(files: Mapping[str, bytes]) -> list[str]:
    """Return every problem of the files as a sentence with its place; empty if they load."""
    try:
        loaded(files)
    except RulesError as error:
        return [problem.sentence() for problem in error.problems]
    return []


def check(broken: Broken) -> None:
    """Assert that the mistake is told once, with file, line and sentence, and nothing else is."""
    files = {name: content for name, content in shipped_files().items() if name in (broken.file, *NEEDED)}
    files = edited(broken.file, broken.old, broken.new, files)
    at = broken.at or broken.new
    content = files[broken.file].decode()
    assert at in content
    line = content[: content.index(at)].count("\n") + 1
    told, expected = sentences(files), [f"{broken.file}:{line}: {broken.says}"]
    assert told == expected, f"told {told}, expected {expected}"
