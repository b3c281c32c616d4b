# SPDX-License-Identifier: Apache-2.0
"""The reckoner lays the wire against the log: every byte of every answer, every call of a store.

What it holds against each other, and what must come out (promise P1):

1. An answer with a ``Decision-Id`` has entries of that id. Its body is at most as long as they authorise,
   exactly as long when it came to its end as authorised, and each block has the digest of its entry.
2. The entries of a call close once: the last block, a refusal, or an end, which is then the last of them.
3. An answer without an entry of its own is one of those that are counted, and is counted: refusals beyond
   the rate by reason, health and pages by name, the bodyless 503 as ``unavailable``. The bare 400 of what
   is no HTTP has no body.
4. A store was asked only by calls whose entries say that they were permitted: once, and by a write once more
   before it, to judge whom it is about. A call that released rows asked it.
5. A call that the log knows was made on the wire.

It reads the log with the gateway's offline reader and shares nothing else with it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from gateway.domain.entry import Answered, End, Intent, Looked, RefusalsCounted, Refused, Release, SignIn
from gateway.record.reading.reader import records
from tests.referee.http1 import Answers, Malformed, Message, Requests

BARE_400 = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
MOST_TOLD = 40
COUNTED = {
    "/-/livez": "live",
    "/-/readyz": "ready",
    "/-/jwks.json": "jwks",
    "/-/problems": "problems",
}
STEPS = {
    "/-/login": "password",
    "/-/login/totp": "totp",
    "/-/login/refresh": "refresh",
    "/-/oauth/token": "client",
}
FIXED = {"/-/livez": (b"live\n",), "/-/readyz": (b"ready\n", b"not ready\n")}
BEFORE_STORE = (
    "malformed", "path-not-canonical", "header-not-supported", "parameter-undeclared", "parameter-invalid",
    "method-not-allowed", "body-too-large", "content-type-not-supported", "body-invalid", "field-not-collected",
    "unrevealed-value-written", "sign-in-failed", "step-up-required", "purpose-missing", "purpose-unknown",
    "purpose-not-in-scope", "purpose-not-in-force", "purpose-not-allowed", "reference-missing", "no-such-route",
    "red-line", "field-not-permitted", "filter-not-permitted", "sort-not-permitted", "surrogate-not-recognised",
    "recipient-not-in-force",
)  # fmt: skip
"""Refusals that are decided before a store is asked; others may come before or after."""

_TRACE = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-01")

Body = Release | Refused | End | Intent | SignIn | Looked


@dataclass(frozen=True)
class Exchange:
    """One call and what came of it.

    Attributes:
        asked: ``None`` for an answer to what was no call.
        answer: ``None`` where not even a head came.
        place: Number of the connection, for messages.
    """

    asked: Message | None
    answer: Message | None
    place: str

    @property
    def path(self) -> str:
        """Path of the call."""
        return "" if self.asked is None else self.asked.target.partition("?")[0]


@dataclass
class Ledger:
    """What the log says, by call."""

    calls: dict[str, list[Body]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, logs: Path) -> "Ledger":
        """Read the logs of all slots."""
        ledger = cls()
        for slot in sorted(path.parent for path in logs.glob("*/log.pub")):
            for record in records(slot):
                ledger.note(record.line.body)
        return ledger

    def note(self, body: object) -> None:
        """Take one entry in."""
        match body:
            case Release() | Refused() | End() | Intent() | SignIn() | Looked():
                if body.call:
                    self.calls.setdefault(body.call, []).append(body)
            case RefusalsCounted():
                self.refused.update(body.reasons)
            case Answered():
                self.answered.update(body.counts)
            case _:
                pass

    def authorised(self, call: str) -> int:
        """Return how many bytes of bodies the entries of a call authorise."""
        return sum(one.told if isinstance(one, End) else getattr(one, "bytes", 0) for one in self.calls.get(call, []))


@dataclass
class Reckoning:
    """What came out.

    Attributes:
        wrong: What does not hold, in sentences without any value; the first of each kind.
        unlogged_bytes: Bytes of bodies that no entry authorises.
    """

    n_calls: int = 0
    n_answers: int = 0
    n_unanswered: int = 0
    n_body_bytes: int = 0
    n_entries: int = 0
    n_store_calls: int = 0
    n_cut: int = 0
    unlogged_bytes: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    n_wrong: int = 0

    def blame(self, sentence: str) -> None:
        """Note what does not hold."""
        self.n_wrong += 1
        if len(self.wrong) < MOST_TOLD:
            self.wrong.append(sentence)

    def sentence(self) -> str:
        """Return the outcome in one line."""
        return (
            f"{self.n_calls} calls, {self.n_answers} answers ({self.n_cut} cut off, {self.n_unanswered} calls without "
            f"one), {self.n_body_bytes / 1e6:.1f} MB of bodies, {self.n_entries} entries of calls, "
            f"{self.n_store_calls} calls of stores; {self.unlogged_bytes} unlogged bytes, {self.n_wrong} wrong"
        )


class Reckoner:
    """Lays recorded connections against a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin with nothing seen."""
        self._ledger = ledger
        self.result = Reckoning(n_entries=sum(map(len, ledger.calls.values())))
        self._on_wire: set[str] = set()
        self._refused: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._store_calls: Counter[str] = Counter()

    def callers(self, recorded: Path, bodies: Path | None = None) -> None:
        """Take in what callers and the gateway said to each other.

        Args:
            recorded: Folder of a wiretap.
            bodies: Folder where bodies are written down whole for a search, in a file for each purpose.
        """
        for up, place in connections(recorded):
            for exchange in exchanges(up, place, self.result):
                self._take(exchange)
                if exchange.answer is not None and bodies is not None:
                    with (bodies / (self._purpose(exchange.answer) or "none")).open("ab") as file:
                        file.write(bytes(exchange.answer.body) + b"\n")

    def _purpose(self, answer: Message) -> str:
        """Return the purpose of the call that was answered, by its first entry."""
        entries = self._ledger.calls.get(answer.headers.get("decision-id", ""), [])
        facts = getattr(entries[0], "facts", None) if entries else None
        return "" if facts is None else facts.purpose

    def stores(self, recorded: Path) -> None:
        """Take in what the gateway asked the stores."""
        for up, place in connections(recorded):
            requests = Requests()
            found = list(requests.feed(up.read_bytes()))
            for message in found:
                self.result.n_store_calls += 1
                trace = _TRACE.fullmatch(message.headers.get("traceparent", ""))
                if trace is None:
                    self.result.blame(f"store connection {place}: a call without the number of a decision")
                else:
                    self._store_calls[trace[1]] += 1

    def finish(self) -> Reckoning:
        """Compare the sums and return what came out."""
        result, ledger = self.result, self._ledger
        for call, entries in ledger.calls.items():
            self.check_closing(call, entries)
            self._check_store(call, entries)
        n_unseen = len(ledger.calls.keys() - self._on_wire)
        if n_unseen > result.n_unanswered:
            result.blame(f"{n_unseen} calls of the log were not told on the wire, {result.n_unanswered} had no answer")
        for call in self._store_calls.keys() - ledger.calls.keys():
            result.blame(f"a store was asked by {call}, of which the log says nothing")
        self._check_counts("refusals-counted", self._refused, ledger.refused)
        self._check_counts("answered", self._answered, ledger.answered)
        return result

    def _take(self, exchange: Exchange) -> None:
        result, answer = self.result, exchange.answer
        result.n_calls += exchange.asked is not None
        if answer is None:
            result.n_unanswered += 1
            return
        result.n_answers += 1
        result.n_body_bytes += len(answer.body)
        result.n_cut += not answer.is_whole
        result.statuses[answer.status] += 1
        call = answer.headers.get("decision-id")
        if call is None:
            self._take_counted(exchange, answer)
        elif call in self._ledger.calls:
            self._take_entered(call, answer, exchange)
        else:
            self._take_refused(answer, exchange)

    def _take_entered(self, call: str, answer: Message, exchange: Exchange) -> None:
        if call in self._on_wire:
            self.result.blame(f"{call} is told twice on the wire")
        self._on_wire.add(call)
        entries, n_bytes = self._ledger.calls[call], len(answer.body)
        authorised = self._ledger.authorised(call)
        if n_bytes > authorised:
            self._unlogged(n_bytes - authorised, f"{call}: {n_bytes} bytes of a body, {authorised} authorised")
        has_end = any(isinstance(one, End) for one in entries)
        if answer.is_whole and n_bytes != authorised and not has_end and self._expects_body(exchange):
            self.result.blame(f"{call}: a whole body of {n_bytes} bytes, {authorised} authorised")
        if answer.is_whole and has_end and n_bytes != authorised:
            # A caller that hung up behind the last byte is entered so, and saw a whole answer all the same.
            self.result.blame(f"{call}: looks whole, but was not released whole")
        self._check_digests(call, entries, bytes(answer.body))

    def _expects_body(self, exchange: Exchange) -> bool:
        return exchange.asked is None or exchange.asked.method != "HEAD"

    def _check_digests(self, call: str, entries: Iterable[Body], body: bytes) -> None:
        """Hold each block against its entry, up to the first that did not arrive whole: none is behind that one."""
        start = 0
        for entry in entries:
            if isinstance(entry, Release):
                if start + entry.bytes > len(body):
                    return
                if sha256(body[start : start + entry.bytes]).hexdigest() != entry.digest:
                    self._unlogged(entry.bytes, f"{call}: block {entry.n} is not the one that was entered")
                start += entry.bytes

    def _take_refused(self, answer: Message, exchange: Exchange) -> None:
        """A refusal with a number but no entry of its own must be one of a count."""
        reason = _reason(answer)
        step = STEPS.get(exchange.path)
        if step is not None and (answer.status == 200 or reason in (None, "sign-in-failed")):
            self._refused[f"sign-in-{step}"] += 1
        elif reason is not None:
            self._refused[reason] += 1
        else:
            self._unlogged(len(answer.body), f"connection {exchange.place}: an answer {answer.status} without an entry")

    def _take_counted(self, exchange: Exchange, answer: Message) -> None:
        path, body = exchange.path, bytes(answer.body)
        if answer.raw_head == BARE_400:
            return
        if answer.status == 503 and not body and answer.headers.get("content-length") == "0":
            if "retry-after" not in answer.headers:
                self.result.blame(f"connection {exchange.place}: a 503 that does not say when to come again")
            self._answered["unavailable"] += 1
            return
        word = COUNTED.get(path) or _word(path)
        if word is None or (path in FIXED and answer.is_whole and body not in (*FIXED[path], b"")):
            self._unlogged(len(body), f"connection {exchange.place}: {answer.status} to {path} without an entry")
            return
        self._answered[word] += 1

    def check_closing(self, call: str, entries: list[Body]) -> None:
        """Hold against a call that its entries do not close, or close twice."""
        kinds = [type(one).__name__ for one in entries]
        if isinstance(entries[0], SignIn | Looked):
            if len(entries) > 1 and not all(isinstance(one, SignIn) for one in entries):
                self.result.blame(f"{call}: {', '.join(kinds)}")
            return
        ends = [one for one in entries if isinstance(one, End)]
        closings = [one for one in entries if isinstance(one, Refused) or (isinstance(one, Release) and one.last)]
        last = (ends or closings or [None])[-1]
        if len(ends) > 1 or len(closings) > 1 or last is not entries[-1]:
            self.result.blame(f"{call} does not close once: {', '.join(kinds)}")
        if sum(getattr(one, "facts", None) is not None for one in entries) > 1:
            self.result.blame(f"{call}: facts in more than one entry")

    def _check_store(self, call: str, entries: list[Body]) -> None:
        n_asked = self._store_calls.get(call, 0)
        first = entries[0]
        if isinstance(first, Release | Intent) and n_asked == 0 and not self._was_kept_from_store(entries):
            self.result.blame(f"{call} was released or intended without asking a store")
        facts = getattr(first, "facts", None)
        writes = isinstance(first, Intent) or (facts is not None and facts.operation in ("create", "update", "delete"))
        if n_asked > (2 if writes else 1):
            self.result.blame(f"{call} asked a store {n_asked} times")
        refused_early = isinstance(first, Refused) and (first.reason in BEFORE_STORE or first.facts is None)
        if n_asked and (refused_early or isinstance(first, SignIn | Looked)):
            self.result.blame(f"{call} asked a store though it was not permitted")

    def _was_kept_from_store(self, entries: list[Body]) -> bool:
        """Tell whether the entries themselves say that no store took the call."""
        last = entries[-1]
        return isinstance(last, End) or (
            isinstance(last, Refused) and last.reason in ("store-unreachable", "overloaded")
        )

    def _check_counts(self, kind: str, seen: "Counter[str]", counted: "Counter[str]") -> None:
        """What was seen was counted; more may be counted, by as many calls as have no answer on the wire."""
        for word in seen.keys() | counted.keys():
            if not seen[word] <= counted[word] <= seen[word] + self.result.n_unanswered:
                self.result.blame(f"{kind}: {word} was seen {seen[word]} times and counted {counted[word]} times")

    def _unlogged(self, n_bytes: int, sentence: str) -> None:
        self.result.unlogged_bytes += n_bytes
        self.result.blame(sentence)


def _reason(answer: Message) -> str | None:
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        told = json.loads(bytes(answer.body))
    except ValueError:
        return None
    return told.get("reason") if isinstance(told, dict) else None


def _word(path: str) -> str | None:
    """Return the word under which the answers of a path with a variable part are counted."""
    if re.fullmatch(r"/-/problems/[a-z-]+", path):
        return "problem"
    if re.fullmatch(r"/-/log/[a-z0-9-]+/checkpoint", path):
        return "checkpoint"
    return "style" if path.endswith(".css") else None


def connections(recorded: Path) -> Iterator[tuple[Path, str]]:
    """Yield what the clients said on each connection, and its number."""
    for up in sorted(recorded.glob("*.up")):
        yield up, up.stem


def exchanges(up: Path, place: str, result: Reckoning) -> Iterator[Exchange]:
    """Yield the calls of a connection with their answers, in order."""
    requests = Requests()
    try:
        asked = list(requests.feed(up.read_bytes()))
    except Malformed:
        asked = []
    cut = requests.cut_off()
    asked += [] if cut is None else [cut]
    answers = Answers([one.method for one in asked])
    try:
        told = list(answers.feed(up.with_suffix(".down").read_bytes()))
    except Malformed as error:
        result.blame(f"connection {place}: {error}")
        return
    last = answers.cut_off()
    told += [] if last is None else [last]
    told = [one for one in told if one.status >= 200]
    for number in range(max(len(asked), len(told))):
        yield Exchange(
            asked[number] if number < len(asked) else None, told[number] if number < len(told) else None, place
        )
