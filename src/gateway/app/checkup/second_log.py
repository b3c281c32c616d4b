# SPDX-License-Identifier: Apache-2.0
"""The second disk of the log: whether it is there, another one than the first, equal to it, and verifies."""

from collections.abc import Iterator
from pathlib import Path

from gateway.app.checkup.findings import Finding, Patient, ok, problem, warning
from gateway.record.layout import slots
from gateway.record.differing import first_difference
from gateway.record.sinks import ALONE
from gateway.record.verify import verify_logs

SECOND = "second log"


def findings_of_second(patient: Patient) -> list[Finding]:
    """Look at the second disk, if there is one."""
    settings = patient.settings
    if settings.log.second is None:
        return []
    first, second = settings.state / "log", settings.state / settings.log.second
    if not second.is_dir():
        return [problem(SECOND, f"{second} is not there", "mount its disk, or make the folder on it")]
    return list(_findings(first, second))


def _findings(first: Path, second: Path) -> Iterator[Finding]:
    if first.stat().st_dev == second.stat().st_dev:
        yield warning(
            SECOND, f"{second} is on the same disk as the first", "give it a disk of its own: one fault takes both"
        )
    for slot in slots(first):
        for here, other in ((first, second), (second, first)):
            if (here / slot / ALONE).exists():
                yield problem(
                    SECOND, f"{slot}: {here} goes on alone", f"mend {other}; the log is made equal by itself then"
                )
        if (second / slot).is_dir() and (place := first_difference(first / slot, second / slot)) is not None:
            fix = "gateway log verify --dir COPY for both; put a copy of the right one in the place of the other"
            yield problem(SECOND, f"{slot}: the two differ from entry {place} on", fix)
    verdict = verify_logs(second)
    wrong = [*verdict.problems, *(f"{one.slot}: {each}" for one in verdict.logs for each in one.problems)]
    for one in wrong:
        yield problem(SECOND, one, f"gateway log verify --dir {second}")
    if not wrong:
        yield ok(SECOND, f"{len(verdict.logs)} logs on {second} verify")
