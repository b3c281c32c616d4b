# SPDX-License-Identifier: Apache-2.0
"""Logs that are made for measuring are logs: of the size asked for, always the same, and right to the verifier."""

import statistics
from collections import Counter
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from bench import brute
from bench.made_log import SLOTS, made_log
from gateway.record.proof.verify import verify_logs

N_ENTRIES = 21_000


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four logs that have seen each other, in several segments."""
    logs = tmp_path_factory.mktemp("made") / "log"
    made = made_log(logs, N_ENTRIES, segment_bytes=4 << 20)
    assert made.n_entries == N_ENTRIES
    return logs


def digest_of(folder: Path) -> str:
    """Return a digest over all names and bytes."""
    digest = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def test_the_verifier_finds_nothing_wrong(logs: Path) -> None:
    """With every entry signed, every part there and every full segment sealed."""
    verdict = verify_logs(logs)

    assert verdict.is_right, verdict
    assert sum(one.n_signed for one in verdict.logs) == N_ENTRIES
    assert [one.n_tail for one in verdict.logs] == [0] * len(SLOTS)
    assert [one.n_parts_missing for one in verdict.logs] == [0] * len(SLOTS)
    assert len(list((logs / "door-0" / "seals").iterdir())) == len(list((logs / "door-0").glob("*.ndjson"))) - 1


@pytest.mark.parametrize("n_entries", [2, 3, 17])
def test_a_log_may_be_short(tmp_path: Path, n_entries: int) -> None:
    """Opened and closed at least."""
    made = made_log(tmp_path, n_entries, slots=("door-0",), note_every=1)

    assert verify_logs(tmp_path).is_right
    assert [note.split("\n")[1] for note in made.notes["door-0"][:-1]] == [str(n) for n in range(1, n_entries + 1)]


def test_the_same_seed_gives_the_same_bytes(logs: Path, tmp_path: Path) -> None:
    """Another gives others."""
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        made_log(tmp_path / name, 900, seed=seed)

    assert digest_of(tmp_path / "one") == digest_of(tmp_path / "two") != digest_of(tmp_path / "three")


def test_it_tells_of_what_a_gateway_does(logs: Path) -> None:
    """All kinds of calls, blocks that share people, times in order, calls that end; 10 people in the median, 1,000 in one of a hundred."""
    lines = list(brute.lines(logs))
    kinds = Counter(line.body["kind"] for line in lines)
    sizes = [len(line.people) for line in lines if line.people is not None and not line.met]

    assert len(lines) == N_ENTRIES
    assert kinds.keys() >= {
        "opened", "closed", "release", "refusal", "intent", "end", "observed", "passed", "sign-in", "numbered", "changed",
        "looked", "answered", "refusals-counted", "log-seen",
    }  # fmt: skip
    assert 8 <= statistics.median(sizes) <= 12
    assert 0.004 < sum(size > 900 for size in sizes) / len(sizes) < 0.02
    assert all(one.at_us <= other.at_us for one, other in pairwise(lines) if one.slot == other.slot)
    # The last calls of a log may still be under way when it is closed, and are let come to their end first.
    open_calls = {line.body["call"] for line in lines if line.body["kind"] in ("release", "intent", "observed")}
    ended = {line.body["call"] for line in lines if line.body.get("last")}
    assert open_calls == ended
