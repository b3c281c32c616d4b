# SPDX-License-Identifier: Apache-2.0
"""P1 and P2 from outside: mixed calls through a wiretap on both sides, laid against the log byte by byte.

And every one of them is decided again by the rules of then: each comes out as the log has it.
"""

import time
from pathlib import Path

import pytest

from gateway.app.clock import now_us
from gateway.app.evidence.replaying import PastCallsOfAll, PastRules, around
from gateway.app.rule_files import RulesArchive
from gateway.flows.replay_rules import Replay, Report
from gateway.record.proof.verify import verify_logs
from gateway.store.accounts import Accounts
from gateway.store.engine import open_store
from gateway.store.holds import Holds
from tests.fakes.canaries import all_canaries
from tests.referee import numbers, rig
from tests.referee.callers import Crew
from tests.referee.canary import SHORTEST, Scanner
from tests.referee.mix import played
from tests.referee.reckoner import Ledger, Reckoner, Reckoning
from tests.referee.report import progress, summary

pytestmark = pytest.mark.alone
FOREVER_US = 2**62


async def wiretapped(folder: Path, n_calls: int, n_people: int, *, title: str) -> tuple[rig.Rig, Reckoning]:
    """Make so many mixed calls through taps on both sides, stop in order, and lay wire and log against each other."""
    store_port = rig.free_port()
    began_s = time.monotonic()
    slowly = ("--piece", "8192", "--pause", "0.003", "--up-only")
    async with rig.wiretap(store_port, folder / "wire-stores", *slowly) as before_store:
        made = await rig.made(folder, n_people, store_port=before_store.port)
        async with (
            rig.sample_store(folder, store_port),
            rig.gateway(made, "--workers", "2") as running,
            rig.wiretap(running.port, folder / "wire-callers") as before_gateway,
        ):
            crew = Crew(made, before_gateway.port, n_calls)
            await played(crew, numbers.AT_ONCE.of(referee=False), progress(title, n_calls))
            called_s = time.monotonic() - began_s
    reckoner = Reckoner(Ledger.of(made.logs))
    (folder / "bodies").mkdir()
    reckoner.callers(folder / "wire-callers", folder / "bodies")
    reckoner.stores(folder / "wire-stores")
    result = reckoner.finish()
    statuses = ", ".join(f"{status}: {n}" for status, n in sorted(result.statuses.items()))
    summary(title, f"{result.sentence()}; {called_s:.0f} s; {statuses}")
    return made, result


def canaries(made: rig.Rig, folder: Path) -> list[str]:
    """Return where canaries are in what was sent to callers and stores, and in what the gateway keeps."""
    sent = [folder / "bodies", folder / "wire-callers", folder / "wire-stores"]
    found = list[str]()
    scanner = Scanner(enumerate(all_canaries(), 1))
    found += [one.sentence() for one in scanner.scan_paths([*sent, made.state, made.output], found.append)]
    return found


SECRET_FOR = {
    rig.ANALYST: ("email", "phone"),
    rig.EMAIL: ("phone",),
    rig.SMS: ("email",),
    rig.ADNET: ("email", "phone"),
}
"""Fields of real people of the sample store that no role sees in clear for a purpose."""


def told_to(made: rig.Rig, folder: Path, purpose: str, fields: tuple[str, ...]) -> list[str]:
    """Return where values of fields of the sample store's people are in what was told for a purpose."""
    found = list[str]()
    told = [getattr(one, name) for one in made.crowd for name in fields]
    values = [value for value in told if value and len(value) >= SHORTEST]
    assert len(values) > len(made.crowd) / 2
    scanner = Scanner(enumerate(values, 1))
    return found + [one.sentence() for one in scanner.scan_paths([folder / "bodies" / purpose], found.append)]


def values_for_others(made: rig.Rig, folder: Path) -> list[str]:
    """Return where mails and phone numbers of people are in what was told for purposes that they are not for."""
    assert told_to(made, folder, rig.EMAIL, ("email",)), "the search finds nothing, even what is revealed"
    return [one for purpose, fields in SECRET_FOR.items() for one in told_to(made, folder, purpose, fields)]


async def decided_again(made: rig.Rig) -> Report:
    """Return what came of every call in the log, decided again by the rules that decided it."""
    rules = PastRules(RulesArchive(made.state / "rules"))
    store = await open_store(str(made.state), upgrade=False)
    try:
        beside = await around(Accounts(store), Holds(store, now_us))
    finally:
        await store.close()
    calls = PastCallsOfAll(made.logs, 0, FOREVER_US)
    same: Replay | None = None
    for call in calls.read(lambda _n: None):
        decider = rules.of(call.facts.rules)
        assert decider is not None, "the rules of a call are not in the archive"
        same = same or Replay(decider, rules.of, beside)
        same.take(call)
    assert same is not None
    return same.report(0, FOREVER_US, calls.passed_over)


def forget(folder: Path) -> None:
    """Remove what was recorded: it was looked through, it is large, and the end of the session would do it again."""
    rig.removed(folder / "wire-stores")
    rig.removed(folder / "wire-callers")
    rig.removed(folder / "bodies")


async def assert_nothing_leaves_unlogged(folder: Path, *, referee: bool) -> None:
    """Run the mix, and hold what must hold."""
    n_calls, n_people = numbers.CALLS.of(referee=referee), numbers.PEOPLE.of(referee=referee)
    title = f"wiretap, {n_calls} calls"
    try:
        made, result = await wiretapped(folder, n_calls, n_people, title=title)
        verdict, found = verify_logs(made.logs), canaries(made, folder)
        others = values_for_others(made, folder)
        again = await decided_again(made)
    finally:
        forget(folder)
    told = (
        f"{len(found)} findings of {len(all_canaries())} canaries, {len(others)} of mails and phone numbers for others"
    )
    summary(f"{title}, values", told)
    summary(
        f"{title}, decided again",
        f"{again.calls:,} equal, {again.unequal} not; passed over: {', '.join(f'{why}: {n:,}' for why, n in again.passed_over.items())}",
    )

    assert found == []
    assert others == []
    assert again.unequal == 0, again.unequal_calls
    assert again.changes == ()
    assert again.calls > n_calls / 3
    assert result.wrong == []
    assert result.unlogged_bytes == 0
    # Some of what callers say is no call, and of some that hung up at once nothing arrived.
    assert result.n_calls >= 0.99 * n_calls
    assert verdict.is_right, [log.problems for log in verdict.logs]
    assert {200, 400, 401, 403, 404, 405} <= set(result.statuses)
    assert result.n_cut > 0
    assert b"Traceback" not in made.output.read_bytes(), "the gateway told of an error of its own"


async def test_no_byte_of_mixed_calls_leaves_unlogged(tmp_path: Path) -> None:
    """Callers of every kind at once, counted on both sides of the gateway."""
    await assert_nothing_leaves_unlogged(tmp_path, referee=False)


@pytest.mark.referee
async def test_no_byte_of_two_hundred_thousand_mixed_calls_leaves_unlogged(tmp_path: Path) -> None:
    """The same for as long as it takes."""
    await assert_nothing_leaves_unlogged(tmp_path, referee=True)
