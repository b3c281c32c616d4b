# SPDX-License-Identifier: Apache-2.0
"""What a rehearsal counts: who would be refused and why, in bounded memory however many calls there are.

No value of a path, a filter or a person is in it: a row has a template of the path, and names that are
declared or look like names.
"""

from collections import Counter

import msgspec

from gateway.domain.decision import Reason
from gateway.domain.kinds import Kinds
from gateway.flows.rehearse.judging import Advice, Verdict


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of refusal."""

    client: str
    reason: str
    about: tuple[str, ...] = ()
    method: str = ""
    path: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of refusal with how often it came, and what would let it pass."""

    client: str
    reason: str
    about: tuple[str, ...]
    method: str
    path: str
    calls: int
    change: str
    ask: str


class ClientRow(msgspec.Struct, frozen=True, kw_only=True):
    """How one client would fare."""

    client: str
    calls: int
    passing: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a rehearsal.

    Attributes:
        rules: Digest of the rules that decided.
        calls / passing / share: Calls that were decided, how many would pass, and that as a share of 1.
        clear_values: Passing calls that name by clear values what the app would hold as surrogates.
        elsewhere: Calls to paths of which none is a store's.
        without_bodies: Calls that were decided without their body, because nobody recorded it.
        unread / unread_lines: Lines or entries that cannot be read, and where the first of them are.
        refused: Most frequent first.
    """

    rules: str
    calls: int
    passing: int
    share: float
    clear_values: int
    elsewhere: int
    without_bodies: int
    unread: int
    unread_lines: tuple[int, ...]
    clients: tuple[ClientRow, ...]
    refused: tuple[Row, ...]

    @property
    def all_pass(self) -> bool:
        """Tell whether nothing would be refused, and something was decided."""
        return self.calls > 0 and self.passing == self.calls


MOST_UNREAD_LINES = 20


class Tally:
    """Counts of one rehearsal."""

    def __init__(self, rules: str) -> None:
        """Begin with nothing."""
        self._rules = rules
        self._calls: Counter[str] = Counter()
        self._passing: Counter[str] = Counter()
        self._refused: Kinds[Key] = Kinds(lambda key: Key(client=key.client, reason=key.reason))
        self._advice: dict[Key, Advice] = {}
        self._n_clear = self._n_elsewhere = self._n_bodiless = self._n_unread = 0
        self._unread: list[int] = []

    @property
    def n_calls(self) -> int:
        """Return how many calls were counted."""
        return self._calls.total()

    def passes(self, client: str, verdict: Verdict) -> None:
        """Count a call that would go on."""
        self._calls[client] += 1
        self._passing[client] += 1
        self._n_clear += bool(verdict.clear)

    def key(self, client: str, verdict: Verdict, method: str, path: str) -> Key:
        """Return under what a refusal is counted."""
        reason = verdict.reason or Reason.GATEWAY_FAILED
        return self._refused.kept(
            Key(client=client, reason=reason.value, about=verdict.about, method=method, path=path)
        )

    def is_new(self, key: Key) -> bool:
        """Tell whether nothing is known yet of what would let such a call pass."""
        return key not in self._advice

    def refuses(self, key: Key, advice: Advice | None = None) -> None:
        """Count a call that would be refused."""
        self._calls[key.client] += 1
        self._refused.add(key)
        if advice is not None:
            self._advice[key] = advice

    def elsewhere(self) -> None:
        """Count a call to a path that is no store's."""
        self._n_elsewhere += 1

    def without_body(self) -> None:
        """Count a call that was decided without its body."""
        self._n_bodiless += 1

    def unread(self, line: int) -> None:
        """Count something that cannot be read, at a place counted from 1; 0 where there are no places."""
        self._n_unread += 1
        if line and len(self._unread) < MOST_UNREAD_LINES:
            self._unread.append(line)

    def report(self) -> Report:
        """Return the counts so far."""
        n_calls, n_passing = self._calls.total(), self._passing.total()
        return Report(
            rules=self._rules,
            calls=n_calls,
            passing=n_passing,
            share=round(n_passing / n_calls, 6) if n_calls else 0.0,
            clear_values=self._n_clear,
            elsewhere=self._n_elsewhere,
            without_bodies=self._n_bodiless,
            unread=self._n_unread,
            unread_lines=tuple(self._unread),
            clients=tuple(
                ClientRow(client=client, calls=n, passing=self._passing[client])
                for client, n in self._calls.most_common()
            ),
            refused=tuple(self._row(key, n) for key, n in self._refused.most_common()),
        )

    def _row(self, key: Key, n: int) -> Row:
        advice = self._advice.get(key, Advice(change="", ask=""))
        return Row(
            client=key.client,
            reason=key.reason,
            about=key.about,
            method=key.method,
            path=key.path,
            calls=n,
            change=advice.change,
            ask=advice.ask,
        )
