# SPDX-License-Identifier: Apache-2.0
"""A check that fails is a finding, and says no more than it may."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from gateway.app.checkup.findings import CannotBeTold, Finding, Grade, Patient, isolated, ok
from gateway.domain.errors import SettingsError
from gateway.settings.loading import Settings

SECRET = "postgresql://u:s3cret@db"


@pytest.mark.parametrize(
    ("error", "grade", "sentence"),
    [
        (SettingsError("stores.crm: correct it"), Grade.PROBLEM, "stores.crm: correct it"),
        (CannotBeTold("the database is away"), Grade.NOTE, "the database is away"),
        (PermissionError(13, "Permission denied", SECRET), Grade.PROBLEM, "it cannot be looked at: Permission denied"),
        (ValueError(SECRET), Grade.PROBLEM, "it cannot be looked at: ValueError"),
    ],
)
async def test_an_error_in_a_check_is_a_finding(error: Exception, grade: Grade, sentence: str, tmp_path: Path) -> None:
    """What is not ours is told by its kind, since its message may hold anything."""

    async def check(_patient: Patient) -> Iterable[Finding]:
        raise error

    (found,) = await isolated("name", check, Patient(settings=Settings(state=tmp_path), now_us=0))
    assert (found.check, found.grade, found.sentence) == ("name", grade, sentence)


async def test_what_a_check_finds_is_what_comes_of_it(tmp_path: Path) -> None:
    """As it stands."""

    async def check(_patient: Patient) -> Iterable[Finding]:
        return [ok("a", "b"), ok("c", "d")]

    found = await isolated("name", check, Patient(settings=Settings(state=tmp_path), now_us=0))
    assert [one.check for one in found] == ["a", "c"]
