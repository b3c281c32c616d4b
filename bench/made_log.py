# SPDX-License-Identifier: Apache-2.0
"""Whole logs of any size, made as fast as they can be hashed: the bytes that sequencers would have written, without a sync.

- The same seed, size and slots give the same bytes, salts and signatures too.
- What is entered is what ``bench.made_calls`` thinks of: calls, sign-ins, changes; each call stays in one log,
  and calls of a log are under way at the same time.
- Logs enter each other's checkpoints, are closed and opened again, and end closed.
- Nothing here is read back; ``gateway log verify`` judges what was made.

    python -m bench.made_log FOLDER N_ENTRIES [SEED]
"""

import random
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from bench.made_calls import Calls, Drafted, encoded
from gateway.domain.entry import Closed, LogSeen, Opened
from gateway.keys.signing import SigningKey
from gateway.record.format.checkpoint import Checkpoint, VerifierKey, signed
from gateway.record.format.layout import CHECKPOINT, PUBLIC_KEY, parts_path, segment_path
from gateway.record.format.merkle import Tree
from gateway.record.format.seal import Begin, seal_name, seal_of

SLOTS = ("door-0", "door-1", "worker", "cli")
SHARES = (0.5, 0.42, 0.03, 0.05)
"""Of the calls, in the order of ``SLOTS``."""
START_US = 1_790_000_000_000_000 // 3_600_000_000 * 3_600_000_000
DAYS = 30
SEEN_EVERY = 5_000
"""Entries of all logs from one look at each other to the next."""
RESTART_EVERY = 150_000
FLUSH_BYTES = 4 << 20
SEGMENT_BYTES = 64 << 20


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was made.

    Attributes:
        notes: By slot, the checkpoints that were kept on the way, oldest first; the last is the log's own.
    """

    n_entries: int
    n_bytes: int
    names: tuple[str, ...]
    notes: dict[str, tuple[str, ...]]


class Log:
    """One log on its way to the disk.

    Attributes:
        size: Number of entries so far.
    """

    def __init__(
        self, directory: Path, name: str, key: SigningKey, salts: random.Random, *, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        """Begin a log in an empty folder."""
        (directory / "parts").mkdir(parents=True)
        self.name, self.key = name, key
        self._directory, self._most_bytes = directory, segment_bytes
        self._salt = salts.randbytes
        self._tree = Tree()
        self._begin = Begin()
        self._head = b'{"log":"%s","seq":' % name.encode()
        self._prev = b"0" * 64
        self._lines: list[bytes] = []
        self._parts: list[bytes] = []
        self._n_held = self._n_segment_bytes = self._number = 0
        self.n_bytes = 0
        for path in (segment_path(directory, 0), parts_path(directory, 0), directory / "lock"):
            path.touch(mode=0o600)
        (directory / PUBLIC_KEY).write_text(VerifierKey(name, key.public_key).text() + "\n", encoding="utf-8")

    @property
    def size(self) -> int:
        """Number of entries so far."""
        return self._tree.size

    def enter(self, at_us: int, body: bytes, part: bytes | None = None) -> None:
        """Add an entry whose body, and part, are JSON already."""
        seq = self._tree.size
        if part is None:
            salt = self._salt(16).hex().encode()
            line = b'%s%d,"prev":"%s","at_us":%d,"body":%s,"salt":"%s"}' % (
                self._head, seq, self._prev, at_us, body, salt,
            )  # fmt: skip
        else:
            salt = self._salt(16)
            digest = sha256(salt + part).hexdigest().encode()
            stored = b'{"seq":%d,"salt":"%s","part":%s}\n' % (seq, salt.hex().encode(), part)
            self._parts.append(stored)
            self._n_held += len(stored)
            line = b'%s%d,"prev":"%s","at_us":%d,"body":%s,"part":"%s"}' % (
                self._head, seq, self._prev, at_us, body, digest,
            )  # fmt: skip
        leaf = sha256(b"\x00" + line).digest()
        self._tree.append(leaf)
        self._prev = leaf.hex().encode()
        self._lines.append(line)
        self._n_held += len(line) + 1
        self._n_segment_bytes += len(line) + 1
        if self._n_segment_bytes >= self._most_bytes or self._n_held >= FLUSH_BYTES:
            self.flush()

    def note(self) -> str:
        """Return a checkpoint of the log as it is now."""
        state = Checkpoint(origin=self.name, size=self._tree.size, root=self._tree.root())
        return signed(state, self.key)

    def flush(self) -> None:
        """Write what is held, and go over to another segment if this one is full."""
        for path, content in (
            (segment_path(self._directory, self._number), b"".join(line + b"\n" for line in self._lines)),
            (parts_path(self._directory, self._number), b"".join(self._parts)),
        ):
            with path.open("ab") as file:
                file.write(content)
            self.n_bytes += len(content)
        self._lines, self._parts, self._n_held = [], [], 0
        if self._n_segment_bytes >= self._most_bytes:
            self._seal()

    def _seal(self) -> None:
        """Seal the segment that is full and go over to the next."""
        lines, last = segment_path(self._directory, self._number), self._prev.decode()
        seal = seal_of(lines, self.name, self._begin, self._tree, last)
        path = self._directory / seal_name(self._number)
        path.parent.mkdir(exist_ok=True)
        path.write_text(seal.note(self.key), encoding="utf-8")
        self._begin = seal.next()
        self._number += 1
        self._n_segment_bytes = 0

    def publish(self) -> str:
        """Write everything, with a checkpoint over it, and return that."""
        self.flush()
        note = self.note()
        (self._directory / CHECKPOINT).write_text(note, encoding="utf-8")
        return note


def key_of(name: str) -> SigningKey:
    """Return a key that is always the same for a name."""
    return SigningKey(sha256(name.encode()).digest())


def made_log(
    logs: Path,
    n_entries: int,
    *,
    seed: int = 5,
    slots: Sequence[str] = SLOTS,
    installation: str = "bench/node",
    segment_bytes: int = SEGMENT_BYTES,
    note_every: int = 0,
    signer: Callable[[str], SigningKey] = key_of,
    everybody: Sequence[int] | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> Written:
    """Make so many entries in all, in as many logs as there are slots.

    Args:
        logs: ``STATE/log``; has none of the slots yet.
        n_entries: At least two a slot: it is opened and closed.
        note_every: Entries of a log after which a checkpoint of it is kept in what is returned; 0 for none.
        signer: Gives the key of a log by its name.
        everybody: Numbers of the people of the store; made up if left out.
        told: Called now and then with the number of entries so far.
    """
    chance = random.Random(seed)
    made = [
        Log(
            logs / slot, f"{installation}/{slot}", signer(f"{installation}/{slot}"), chance, segment_bytes=segment_bytes
        )
        for slot in slots
    ]
    making = _Making(made, Calls(chance, everybody), chance, n_entries, note_every)
    for _ in making.steps():
        told(making.n_made)
    notes = {}
    for one, slot in zip(made, slots, strict=True):
        notes[slot] = (*making.notes[one.name], one.publish())
    return Written(
        n_entries=making.n_made,
        n_bytes=sum(one.n_bytes for one in made),
        names=tuple(one.name for one in made),
        notes=notes,
    )


class _Making:
    """The making of some logs side by side."""

    def __init__(self, logs: list[Log], calls: Calls, chance: random.Random, n_entries: int, note_every: int) -> None:
        self._logs, self._calls, self._chance = logs, calls, chance
        self._n_entries, self._note_every = n_entries, note_every
        self._times = times(n_entries)
        self._owed: dict[str, deque[list[Drafted]]] = {one.name: deque() for one in logs}
        self._n_owed = 0
        self.n_made = 0
        self.notes: dict[str, list[str]] = {one.name: [] for one in logs}

    def steps(self) -> Iterator[None]:
        """Enter everything, yielding now and then."""
        for log in self._logs:
            self._open(log)
        shares = SHARES[: len(self._logs)]
        n_before_end = self._n_entries - len(self._logs)
        next_look, next_restart = SEEN_EVERY, RESTART_EVERY
        while self.n_made < n_before_end:
            log = self._chance.choices(self._logs, shares)[0] if len(self._logs) > 1 else self._logs[0]
            self._step(log, n_before_end - self.n_made)
            if self.n_made >= next_look:
                next_look += SEEN_EVERY
                self._look(n_before_end)
                yield
            if self.n_made >= next_restart and not self._owed[log.name]:
                next_restart += RESTART_EVERY
                self._restart(log, n_before_end)
        for log in self._logs:
            self._enter(log, encoded(Closed()))

    def _step(self, log: Log, n_left: int) -> None:
        """Go on with a call that is under way, or begin one whose entries there is room for."""
        owed = self._owed[log.name]
        if self._n_owed >= n_left and not owed:
            log = next(one for one in self._logs if self._owed[one.name])
            owed = self._owed[log.name]
        if owed and (self._n_owed >= n_left or self._chance.random() < 0.5):
            drafts = owed.popleft()
            self._n_owed -= len(drafts)
        else:
            drafts = self._calls.next(
                is_door=log.name.rpartition("/")[2].startswith("door"), most=n_left - self._n_owed
            )
        (body, part), *rest = drafts
        self._enter(log, body, part)
        if rest:
            owed.append(rest)
            self._n_owed += len(rest)

    def _enter(self, log: Log, body: bytes, part: bytes | None = None) -> None:
        log.enter(next(self._times), body, part)
        self.n_made += 1
        if self._note_every and log.size % self._note_every == 0:
            self.notes[log.name].append(log.note())

    def _open(self, log: Log) -> None:
        opened = Opened(version="bench", public_key=log.key.public_key.hex(), resumed_at=log.size)
        self._enter(log, encoded(opened))

    def _restart(self, log: Log, most: int) -> None:
        if most - self.n_made - self._n_owed >= 2:
            self._enter(log, encoded(Closed()))
            self._open(log)

    def _look(self, most: int) -> None:
        """Let each log enter the newest checkpoint of each other."""
        seen = [(log, log.note()) for log in self._logs]
        for log in self._logs:
            for other, note in seen:
                if other is not log and most - self.n_made - self._n_owed > 0:
                    self._enter(log, encoded(LogSeen(origin=other.name, checkpoint=note)))


def times(n: int) -> Iterator[int]:
    """Yield so many times over ``DAYS`` days, in order; days have six times as many as nights, Sundays few."""
    weights = [(6 if 7 <= hour % 24 < 19 else 1) / (1 if hour // 24 % 7 < 6 else 5) for hour in range(24 * DAYS)]
    whole, done, before = sum(weights), 0, 0.0
    for hour, weight in enumerate(weights):
        before += weight
        until = n if hour + 1 == len(weights) else round(n * before / whole)
        for place in range(until - done):
            yield START_US + hour * 3_600_000_000 + place * 3_600_000_000 // (until - done)
        done = until


def main() -> None:
    """Make a log and say how fast."""
    folder, n_entries = Path(sys.argv[1]), int(sys.argv[2])
    started_s = time.perf_counter()
    made = made_log(folder, n_entries, seed=int(sys.argv[3]) if len(sys.argv) > 3 else 5)
    took_s = time.perf_counter() - started_s
    print(f"{made.n_entries:,} entries, {made.n_bytes:,} bytes in {took_s:.1f} s: {made.n_entries / took_s:,.0f}/s")


if __name__ == "__main__":
    main()
