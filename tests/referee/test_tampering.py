# SPDX-License-Identifier: Apache-2.0
"""P4 from outside: thousands of edits of a log, rollbacks, forks and losses are found, and the first bad entry named."""

import random
from pathlib import Path

import msgspec
import pytest

from bench.made_calls import encoded
from bench.made_log import Log, made_log
from gateway.domain.entry import Changed, Opened
from gateway.record.format.parts import parse_part
from gateway.record.proof.verify import verify_log, verify_logs
from tests.fakes.log import NAME, START_US, checkpoint_of, key_of, part, release
from tests.referee import tampering, tampering_edits
from tests.referee.numbers import EDITS, ENTRIES, ROLLBACKS
from tests.referee.report import progress, summary
from tests.referee.tampering import held


def many_edits(folder: Path, n_entries: int, n_edits: int, seed: int) -> dict[str, int]:
    """Edit a log so many times, each time anew, and count what the verifier said of it."""
    made = made_log(folder, n_entries, seed=seed, slots=("door-0",), segment_bytes=n_entries * 180, note_every=7)
    slot, notes = folder / "door-0", made.notes["door-0"]
    older = [note.encode() for note in notes[:-1]]
    before, chance = held(slot), random.Random(seed)
    counts = {"exact": 0, "either": 0, "the same": 0}
    tell = progress(f"edits of {n_entries} entries", n_edits)
    for n_done in range(n_edits):
        after, names = tampering_edits.edited(chance, before, older)
        wanted = tampering.expected(before, after, older)
        tampering.put(slot, after, before)
        judged = wanted.judge(verify_log(slot, expect=notes[-1]))
        tampering.put(slot, before, after)
        assert judged in counts, (n_done, names, judged)
        counts["the same" if wanted.is_right else judged] += 1
        tell(n_done)
    assert verify_log(slot, expect=notes[-1]).is_right
    return counts


def assert_all_were_found(counts: dict[str, int], title: str) -> None:
    """Hold what must hold; what was not found or named wrongly has failed already."""
    n_found = counts["exact"] + counts["either"]
    summary(
        title,
        f"{n_found} found of {n_found}, first bad entry exact in {counts['exact'] / n_found:.2%}, one of two that cannot "
        f"be told apart in the rest; {counts['the same']} left the log as it was and were not found",
    )
    assert n_found > 0.8 * sum(counts.values())
    assert counts["exact"] > 0.6 * n_found


def test_many_edits_at_once_are_found_and_the_first_bad_entry_named(tmp_path: Path) -> None:
    """Changed, deleted, inserted, copied, swapped and moved lines and parts, other checkpoints and keys."""
    n_edits = EDITS.of(referee=False)
    counts = many_edits(tmp_path, ENTRIES.of(referee=False), n_edits, seed=n_edits)
    assert_all_were_found(counts, f"{n_edits} random edits of a log of 100 entries")


def put_back_and_forked(folder: Path, n_trials: int) -> int:
    """Roll logs back and fork them, at random lengths; return how many of these were found from outside."""
    chance, n_found = random.Random(n_trials), 0
    for trial in range(n_trials):
        shared, own, more = chance.randint(1, 40), chance.randint(1, 40), chance.randint(0, 3)
        one, older = branch(folder / f"{trial}-one", trial, shared, own, "account-added")
        other, _ = branch(folder / f"{trial}-other", trial, shared, own + more, "account-removed")
        rolled = folder / f"{trial}-rolled" / "door-0"
        put_back(one, rolled, shared, older)
        for log in (rolled, other):
            assert verify_log(log).is_right
            assert verify_log(log, expect=older).is_right
            n_found += not verify_log(log, expect=checkpoint_of(one)).is_right
        assert not verify_log(one, expect=checkpoint_of(other)).is_right
    return n_found


def branch(folder: Path, seed: int, shared: int, own: int, word: str) -> tuple[Path, str]:
    """Make a log that says its own behind entries that it shares; return it and its checkpoint behind these."""
    log = Log(folder / "door-0", NAME, key_of(NAME), random.Random(seed))
    log.enter(START_US, encoded(Opened(version="test", public_key=log.key.public_key.hex(), resumed_at=0)))
    for place in range(shared - 1):
        log.enter(START_US + place, encoded(release(f"d{place}")), msgspec.json.encode(part(place)))
    older = log.note()
    for place in range(own):
        log.enter(START_US + shared + place, encoded(Changed(by="local:root", what=word, target=f"p{place}")))
    log.publish()
    return folder / "door-0", older


def put_back(source: Path, target: Path, n_entries: int, note: str) -> None:
    """Make a copy of a log as it was at a length, with the checkpoint of then."""
    before = held(source)
    (target / "parts").mkdir(parents=True)
    parts = [part for some in before.parts for part in some if parse_part(part[:-1]).seq < n_entries]
    after = tampering.Held([before.whole_lines()[:n_entries]], [parts], note.encode(), before.key, {})
    tampering.put(target, after, tampering.Held([], [], b"", b"", {}))


def test_rollbacks_and_forks_of_any_length_are_found_by_who_holds_a_checkpoint(tmp_path: Path) -> None:
    """In themselves they are right."""
    n_trials = ROLLBACKS.of(referee=False)

    assert put_back_and_forked(tmp_path, n_trials) == 2 * n_trials


def losses(folder: Path, seed: int) -> int:
    """Lose each log of an installation, alone and with others; return how many losses the ones left named."""
    chance, n_named = random.Random(seed), 0
    made = made_log(folder, 12_000 + seed, seed=seed)
    assert verify_logs(folder).is_right
    slots = [name.rpartition("/")[2] for name in made.names]
    for _ in range(6):
        lost = chance.sample(slots, chance.randint(1, len(slots) - 1))
        for slot in lost:
            (folder / slot).rename(folder.parent / slot)
        found = verify_logs(folder).problems
        n_named += all(any(f"/{slot} is missing" in one for one in found) for slot in lost)
        for slot in lost:
            (folder.parent / slot).rename(folder / slot)
    return n_named


def test_any_logs_that_are_lost_are_named_by_those_that_are_left(tmp_path: Path) -> None:
    """One, two or three of four."""
    assert losses(tmp_path / "log", 1) == 6


@pytest.mark.referee
def test_a_hundred_thousand_edits_are_found(tmp_path: Path) -> None:
    """Of a log of a thousand entries."""
    n_edits, n_entries = EDITS.of(referee=True), ENTRIES.of(referee=True)
    counts = many_edits(tmp_path, n_entries, n_edits, seed=n_edits)
    assert_all_were_found(counts, f"{n_edits:,} random edits of a log of {n_entries:,} entries")


@pytest.mark.referee
def test_a_thousand_rollbacks_and_forks_are_found(tmp_path: Path) -> None:
    """Of any length."""
    n_trials = ROLLBACKS.of(referee=True)
    n_found = put_back_and_forked(tmp_path, n_trials)
    summary(f"{n_trials:,} rollbacks and {n_trials:,} forks", f"{n_found:,} found by who holds a checkpoint")
    assert n_found == 2 * n_trials
