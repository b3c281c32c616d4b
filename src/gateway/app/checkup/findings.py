# SPDX-License-Identifier: Apache-2.0
"""What a check-up finds: a grade, one sentence, and what mends it.

Every check stands alone: one that cannot be made says so and keeps no other from being made. What it says
holds no secret, no value of a person and no text of a store.
"""

from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum

import msgspec

from gateway.domain.errors import GatewayError
from gateway.settings.loading import Settings

DAY_US = 24 * 3600 * 1_000_000


class Grade(StrEnum):
    """How bad it is; only a problem lets the command fail."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        check: What was looked at, in one word or two.
        fix: A command, or the line to change; ``None`` where nothing has to be done.
    """

    check: str
    grade: Grade
    sentence: str
    fix: str | None = None


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """What a check-up looks at.

    Attributes:
        now_us: When it began, UTC microseconds.
    """

    settings: Settings
    now_us: int


class CannotBeTold(GatewayError):
    """What a check rests on is broken, which another finding says."""


Check = Callable[[Patient], Awaitable[Iterable[Finding]]]


def ok(check: str, sentence: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(check=check, grade=Grade.OK, sentence=sentence)


def note(check: str, sentence: str, fix: str | None = None) -> Finding:
    """Return what deserves a look."""
    return Finding(check=check, grade=Grade.NOTE, sentence=sentence, fix=fix)


def warning(check: str, sentence: str, fix: str | None = None) -> Finding:
    """Return what will be a problem, or is one for some."""
    return Finding(check=check, grade=Grade.WARNING, sentence=sentence, fix=fix)


def problem(check: str, sentence: str, fix: str | None = None) -> Finding:
    """Return what must be mended."""
    return Finding(check=check, grade=Grade.PROBLEM, sentence=sentence, fix=fix)


async def isolated(name: str, check: Check, patient: Patient) -> tuple[Finding, ...]:
    """Return what a check found; an error in it is a finding too, told by its kind alone unless it is ours."""
    try:
        return tuple(await check(patient))
    except CannotBeTold as error:
        return (note(name, str(error)),)
    except GatewayError as error:
        return (problem(name, str(error)),)
    except OSError as error:
        return (problem(name, f"it cannot be looked at: {error.strerror or type(error).__name__}"),)
    except Exception as error:  # noqa: BLE001 - whatever is broken must not hide what else is
        return (problem(name, f"it cannot be looked at: {type(error).__name__}"),)


def days(us: int) -> int:
    """Return whole days."""
    return us // DAY_US
