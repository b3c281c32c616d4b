# SPDX-License-Identifier: Apache-2.0
"""``gateway doctor``: what is wrong with an installation, or will be, each with what mends it.

It works while the gateway serves and while it does not, and whatever is broken: a check that cannot be made is
a finding of its own. It changes nothing but for its entry in the log.
"""

from collections import Counter
from typing import TYPE_CHECKING

from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.domain.errors import GatewayError, SettingsError

if TYPE_CHECKING:
    from gateway.app.checkup.findings import Finding

STYLES = {"ok": "green", "note": "", "warning": "yellow", "problem": "bold red"}
WITH_ACCOUNTS = "accounts"


@command
async def doctor(desk: Desk) -> None:
    """Look at everything that an installation rests on. Each finding has a fix; exit 1 if there is a problem."""
    findings = await _findings(desk)
    grades = Counter(one.grade.value for one in findings)
    desk.paper.answer({"counts": dict(grades), "findings": findings}, lambda: _tell(desk, findings, grades))
    if grades["problem"]:
        raise Stop("", Exit.FAILED)


async def _findings(desk: Desk) -> "list[Finding]":
    from gateway.app.checkup.examine import CHECKS, examined
    from gateway.app.checkup.findings import Patient, problem
    from gateway.app.checkup.logs import mend_for
    from gateway.app.clock import now_us

    try:
        settings = desk.settings
    except SettingsError as error:
        # Which installation it is must be known; all else is what a check-up is for.
        if desk.is_lost:
            raise
        return [
            problem("settings", one, "correct that key; docs/reference/configuration.md")
            for one in str(error).splitlines()
        ]
    found: list[Finding] = []
    with desk.paper.progress("Looking", len(CHECKS)) as done:
        async for some in examined(Patient(settings=settings, now_us=now_us())):
            found += some
            done(1)
    try:
        await _enter(desk, len(found))
    except GatewayError as error:
        # What nobody can see was read is not told: whose sign-in lacks what is the one thing here about people.
        found = [one for one in found if one.check != WITH_ACCOUNTS]
        found.append(problem("log", f"this check-up could not be entered in the log: {error}", mend_for(error)))
    return found


async def _enter(desk: Desk, n_findings: int) -> None:
    from gateway.domain.entry import Looked

    async with desk.open_log() as log:
        await log.append(Looked(by=desk.by, what="check-up", query="", rows=n_findings))


def _tell(desk: Desk, findings: "list[Finding]", grades: Counter[str]) -> None:
    for one in findings:
        desk.paper.say(f"{one.grade.value:<8} {one.check}: {one.sentence}", style=STYLES[one.grade.value])
        if one.fix is not None:
            desk.paper.say(f"{'':<8}   mend: {one.fix}")
    told = ", ".join(f"{grades[grade]} {grade}{'' if grade == 'ok' or grades[grade] == 1 else 's'}" for grade in STYLES)
    desk.paper.say(told)
