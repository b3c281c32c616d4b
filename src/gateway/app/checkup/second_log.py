# SPDX-License-Identifier: Apache-2.0
"""The second disk of the log: whether it is there, another one than the first, equal to it, and verifies."""

from collections.abc import Iterator
from pathlib import Path

from gateway.app.checkup.findings import Finding, Patient, note, ok, problem, warning
from gateway.domain.wording import counted
from gateway.record.format.layout import slots
from gateway.record.proof.verify import verify_log, verify_logs
from gateway.record.writing.copying import PAIRED
from gateway.record.writing.differing import first_difference
from gateway.record.writing.sinks import ALONE

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
    waiting = [slot for slot in slots(first) if not (first / slot / PAIRED).exists()]
    if waiting:
        told = f"not on {second} yet: {', '.join(waiting)}; log.second takes effect at the next start"
        yield note(SECOND, told, "start the gateway again")
    yield from _verified(second, is_whole=not waiting)


def _verified(second: Path, *, is_whole: bool) -> Iterator[Finding]:
    """Verify what is there; what is missing as well, unless logs are still to come."""
    if is_whole:
        verdict = verify_logs(second)
        logs, missing = verdict.logs, verdict.problems
    else:
        logs, missing = tuple(verify_log(second / slot) for slot in slots(second)), ()
    wrong = [*missing, *(f"{one.slot}: {each}" for one in logs for each in one.problems)]
    for one in wrong:
        yield problem(SECOND, one, f"gateway log verify --dir {second}")
    if logs and not wrong:
        yield ok(SECOND, f"{counted(len(logs), 'log')} on {second} verify")
