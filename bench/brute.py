# SPDX-License-Identifier: Apache-2.0
"""What the index of the log answers, found the slow way: every line and every part, with json and pyroaring alone.

Nothing of the gateway is imported here, so that a mistake of its reading cannot be a mistake of its judge as well. How
files lie and what entries say is from docs/reference/log-format.md.
"""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pyroaring import BitMap

Body = Mapping[str, Any]
INHERITING = {"release", "intent", "observed", "passed", "refusal", "end"}


@dataclass(frozen=True)
class Line:
    """An entry with what its part says, and what the first entry of its call says.

    Attributes:
        facts: Of the call; empty where none is known.
        people: Who was in the block; ``None`` where the part is gone.
    """

    slot: str
    seq: int
    at_us: int
    body: Body
    facts: Body
    people: "BitMap | None"
    met: tuple[int, ...]
    place: str


def lines(logs: Path) -> Iterator[Line]:
    """Yield all entries of all logs, each log from its first to its last."""
    for directory in sorted(path for path in logs.iterdir() if path.is_dir()):
        known: dict[str, Body] = {}
        for segment in sorted(directory.glob("[0-9]*.ndjson")):
            beside = parts(directory / "parts" / segment.name)
            with segment.open("rb") as file:
                for raw in file:
                    if raw.endswith(b"\n"):
                        yield line(directory.name, json.loads(raw), beside, known)


def parts(path: Path, most: int | None = None) -> dict[int, Body]:
    """Return the parts of a segment by entry, of the first so many if a number is given."""
    if not path.exists():
        return {}
    with path.open("rb") as file:
        stored = [json.loads(raw) for raw in islice(file, most) if raw.endswith(b"\n")]
    return {one["seq"]: one["part"] for one in stored}


def line(slot: str, entry: Body, parts: Mapping[int, Body], known: dict[str, Body]) -> Line:
    """Return an entry with its part; ``known`` holds the facts of calls, and gets those of this one."""
    body, part = entry["body"], parts.get(entry["seq"], {})
    facts: Body = {}
    if body["kind"] in INHERITING:
        if "facts" in body:
            known.setdefault(body["call"], body["facts"])
        facts = known.get(body["call"], {})
    people = part.get("people")
    return Line(
        slot=slot,
        seq=entry["seq"],
        at_us=entry["at_us"],
        body=body,
        facts=facts,
        people=BitMap.deserialize(base64.b64decode(people)) if people else None,
        met=tuple(part.get("met", ())),
        place=part.get("ip", ""),
    )


@dataclass(frozen=True)
class Asked:
    """Whose reach is asked for; what is ``None`` is not asked.

    Attributes:
        store: The dataset above its collections.
        since_us / until_us: UTC microseconds; the second is exclusive.
    """

    account: str | None = None
    session: str | None = None
    client: str | None = None
    place: str | None = None
    store: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def means(self, line: Line) -> bool:
        """Tell whether an entry belongs to the question."""
        facts = line.facts
        dataset = str(facts.get("dataset", ""))
        return (
            (self.since_us is None or self.since_us <= line.at_us)
            and (self.until_us is None or line.at_us < self.until_us)
            and (self.account is None or facts.get("account") == self.account)
            and (self.session is None or facts.get("session") == self.session)
            and (self.client is None or facts.get("client") == self.client)
            and (self.place is None or line.place == self.place)
            and (self.store is None or dataset == self.store or dataset.startswith(f"{self.store}."))
        )


@dataclass
class Reached:
    """Whom and what the calls of a question reached.

    Attributes:
        fields: By dataset, field and word of treatment, the people of whom it could leave so.
        clear: People of whom at least one field could leave in clear.
        written: People in the writes that were entered before they were sent.
    """

    people: "BitMap" = field(default_factory=BitMap)
    clear: "BitMap" = field(default_factory=BitMap)
    written: "BitMap" = field(default_factory=BitMap)
    entries: int = 0
    rows: int = 0
    bytes: int = 0
    refused: int = 0
    purposes: Counter[str] = field(default_factory=Counter)
    recipients: Counter[str] = field(default_factory=Counter)
    fields: dict[tuple[str, str, str], "BitMap"] = field(default_factory=dict)
    first_us: int | None = None
    last_us: int | None = None

    def take(self, line: Line) -> None:
        """Count an entry."""
        kind = line.body["kind"]
        if kind == "release":
            self._release(line)
        elif kind == "intent":
            self.written |= BitMap(line.met)
        elif kind == "refusal":
            self.refused += 1

    def _release(self, line: Line) -> None:
        facts, people = line.facts, line.people if line.people is not None else BitMap()
        self.people |= people
        self.entries += 1
        self.rows += line.body["rows"]
        self.bytes += line.body["bytes"]
        self.purposes[facts["purpose"]] += line.body["rows"]
        self.recipients[facts["recipient"]] += line.body["rows"]
        for word, names in facts.get("fields", {}).items():
            if word == "reveal" and names:
                self.clear |= people
            for name in names:
                self.fields.setdefault((facts["dataset"], name, word), BitMap()).update(people)
        self.first_us = line.at_us if self.first_us is None else min(self.first_us, line.at_us)
        self.last_us = line.at_us if self.last_us is None else max(self.last_us, line.at_us)


class Reaching:
    """Whom the calls of some questions reached.

    Attributes:
        found: By question, in the order of these.
    """

    KINDS = ("release", "intent", "refusal")

    def __init__(self, asked: Sequence[Asked]) -> None:
        """Begin with nobody."""
        self._asked = asked
        self.found = [Reached() for _ in asked]

    def take(self, line: Line) -> None:
        """Look at an entry."""
        if line.body["kind"] in self.KINDS:
            for one, found in zip(self._asked, self.found, strict=True):
                if one.means(line):
                    found.take(line)


class Accessing:
    """The accesses to some people.

    Attributes:
        found: By person, the calls that released a row of theirs, or were sent on to write to them.
    """

    def __init__(self, people: Iterable[int]) -> None:
        """Begin with no access."""
        self.found: dict[int, set[str]] = {person: set() for person in people}
        self._sought = BitMap(self.found)

    def take(self, line: Line) -> None:
        """Look at an entry."""
        named = BitMap()
        if line.body["kind"] == "release" and line.people is not None:
            named = line.people & self._sought
        elif line.body["kind"] == "intent":
            named = BitMap(line.met) & self._sought
        for person in named:
            self.found[person].add(line.body["call"])


class Placing:
    """Where the entries lie that pass some tests.

    Attributes:
        found: By test, time, slot and place of each entry, in the order in which they were read.
    """

    def __init__(self, tests: Sequence[Callable[[Line], bool]]) -> None:
        """Begin with none."""
        self._tests = tests
        self.found: list[list[tuple[int, str, int]]] = [[] for _ in tests]

    def take(self, line: Line) -> None:
        """Look at an entry."""
        for test, some in zip(self._tests, self.found, strict=True):
            if test(line):
                some.append((line.at_us, line.slot, line.seq))


def read(logs: Path, readers: Sequence[Reaching | Accessing | Placing]) -> None:
    """Show every entry of all logs to readers."""
    for one in lines(logs):
        for reader in readers:
            reader.take(one)
