# SPDX-License-Identifier: Apache-2.0
"""Which entries are about one person alone, so that the person may have them, and what of their parts goes along; no I/O.

A choice that was recorded, an erasure, a request: the entry names one person's number and nobody else. An access: the
block held one person, or the path named one. An entry about several people is nobody's to hand out. A part
goes along only if it is about this person and nobody else: an address in it is somebody's who called.
"""

from enum import StrEnum

from pyroaring import BitMap

from gateway.domain.entry import Changed, Intent, Line, Part, Release


class Matter(StrEnum):
    """What an entry about one person is."""

    CHOICE = "choice"
    ERASURE = "erasure"
    CHANGE = "change"
    ACCESS = "access"
    SOUGHT = "looked-for"
    WRITE = "write"


def matter_of(line: Line, part: Part | None, person: int) -> Matter | None:
    """Return what an entry is to a person; ``None`` if it is not about this person alone."""
    body = line.body
    if isinstance(body, Changed):
        if body.target != str(person) or not body.what.startswith(("choice-", "person-", "request-", "subject-")):
            return None
        if "into" in body.facts:
            return None
        if body.what in ("person-shredded", "person-erased"):
            return Matter.ERASURE
        return {"choice-recorded": Matter.CHOICE}.get(body.what, Matter.CHANGE)
    if isinstance(body, Release | Intent) and part is not None and _people(part) == {person}:
        if isinstance(body, Intent):
            return Matter.WRITE
        # Whom a call named is in `met` as well; who is not in the block was given to nobody.
        return Matter.ACCESS if _held(part) else Matter.SOUGHT
    return None


def is_of_one(part: Part, person: int) -> bool:
    """Tell whether a part says something of this person and of nobody else."""
    is_bare = not (part.ip or part.user_agent or part.numbered or part.choices)
    return is_bare and _people(part) == {person}


def _people(part: Part) -> set[int]:
    return _held(part) | set(part.met)


def _held(part: Part) -> set[int]:
    return set(BitMap.deserialize(part.people)) if part.people else set()
