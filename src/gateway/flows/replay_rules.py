# SPDX-License-Identifier: Apache-2.0
"""What other rules would have made of past calls: each is decided again by both, and what differs is counted.

RULES

1. A call is first decided again by the rules that decided it. Where that is not what the log says, the call is told
   apart and compares with nothing: otherwise a mistake of this code would pass for a change of rules.
2. It is decided as of its own time by either rules, or by the other rules as of one moment that was named.
3. What is decided again is what is decided before a store is asked (``decide.again``): not people, rows or budgets.
4. Nothing is forwarded, and no value is in a report: words of the rules, fields, clients and decision ids.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping

import msgspec

from gateway.decide.past.again import NO_VALUE, PastDecider, Redone, as_it_was, asked_by, differences
from gateway.decide.past.comparing import Change, changes_between
from gateway.decide.past.logged import Asked
from gateway.domain.decision import Permit, Use
from gateway.domain.kinds import Kinds
from gateway.domain.names import AccountId, RoleName
from gateway.domain.past_call import PastCall, PastHold

NO_RULES = "rules-not-kept"
"""Why a call cannot be decided again: the rules of then are not in the archive, or this version cannot load them."""

MOST_EXAMPLES = 3
RulesOf = Callable[[str], PastDecider | None]
"""Returns what decides by the rules of a digest, where they can be had."""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the log.

    Attributes:
        holds: By account, all holds that were ever put on it.
        roles: By account its roles now, for entries that do not hold those of then.
    """

    holds: Mapping[AccountId, tuple[PastHold, ...]]
    roles: Mapping[AccountId, tuple[RoleName, ...]]


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of change.

    Attributes:
        change: ``refused``, ``step-up``, ``permitted``, ``less``, ``more``, ``otherwise``, ``rows``, ``filters``,
            ``reason``.
        reason: Of the refusal that comes, or goes.
        about: Fields, parameters or rules, with what they were and would be.
    """

    change: str
    client: str
    reason: str = ""
    about: tuple[str, ...] = ()


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of change with how often it came; ``rows`` are those that these calls released."""

    change: str
    client: str
    reason: str
    about: tuple[str, ...]
    calls: int
    rows: int
    examples: tuple[str, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a replay.

    Attributes:
        rules: Digest of the other rules.
        calls / rows: Decided again, and what they released.
        same: Calls of which nothing would change.
        by_change: Calls by kind of change; one call can be in several.
        changes: Most frequent first.
        unequal / unequal_calls: Calls that the rules of then decide in another way than the log says, and the newest.
        passed_over: Calls that were not decided again, by why.
        roles_of_now: Calls that were decided with the roles of now, because an older version entered none.
    """

    rules: str
    since_us: int
    until_us: int
    at_us: int | None
    calls: int
    rows: int
    same: int
    by_change: dict[str, int]
    changes: tuple[Row, ...]
    unequal: int
    unequal_calls: tuple[str, ...]
    passed_over: dict[str, int]
    roles_of_now: int

    @property
    def refuses(self) -> bool:
        """Tell whether a call that was permitted would not be any more."""
        return bool(self.by_change.get("refused") or self.by_change.get("step-up"))


class Replay:
    """One replay; calls are taken one by one, in bounded memory."""

    def __init__(self, other: PastDecider, rules_of: RulesOf, around: Around, at_us: int | None = None) -> None:
        """Begin with nothing.

        Args:
            other: The other rules.
            rules_of: The rules of then.
            around: What is known beside the log.
            at_us: As of when the other rules decide; ``None`` for each call's own time.
        """
        self._other, self._rules_of, self._around, self._at_us = other, rules_of, around, at_us
        self._kinds: Kinds[Kind] = Kinds(lambda kind: Kind(change=kind.change, client=kind.client))
        self._rows: Counter[Kind] = Counter()
        self._examples: dict[Kind, deque[str]] = {}
        self._by_change: Counter[str] = Counter()
        self._unequal_calls: deque[str] = deque(maxlen=MOST_EXAMPLES)
        self._n_calls = self._n_rows = self._n_same = self._n_unequal = self._n_roles_of_now = 0
        self.passed_over: Counter[str] = Counter()

    def take(self, past: PastCall) -> None:
        """Decide one call again and count what would change."""
        then = self._rules_of(past.facts.rules)
        asked = NO_RULES if then is None else self._asked(past, then)
        if then is None or isinstance(asked, str):
            self.passed_over[str(asked)] += 1
            return
        before = as_it_was(then, asked)
        if differences(past, before):
            self._n_unequal += 1
            self._unequal_calls.append(past.call)
            return
        after = self._after(asked, before)
        if after.decision is None or before.decision is None:
            self.passed_over[after.why_not or NO_VALUE] += 1
            return
        self._n_calls += 1
        self._n_rows += past.rows
        found = changes_between(before, after, is_write=past.is_write)
        self._n_same += not found
        for change in found:
            self._count(past, change)

    def report(self, since_us: int, until_us: int, passed_over: Mapping[str, int]) -> Report:
        """Return the counts so far, with those of calls that whoever read the log passed over."""
        return Report(
            rules=self._other.rules.digest,
            since_us=since_us,
            until_us=until_us,
            at_us=self._at_us,
            calls=self._n_calls,
            rows=self._n_rows,
            same=self._n_same,
            by_change=dict(self._by_change.most_common()),
            changes=tuple(self._row(kind, n) for kind, n in self._kinds.most_common()),
            unequal=self._n_unequal,
            unequal_calls=tuple(self._unequal_calls),
            passed_over=dict((self.passed_over + Counter(passed_over)).most_common()),
            roles_of_now=self._n_roles_of_now,
        )

    def _asked(self, past: PastCall, then: PastDecider) -> Asked | str:
        account = AccountId(past.facts.account)
        found = asked_by(past, then, self._around.holds.get(account, ()), roles_for(past, self._around.roles))
        if not isinstance(found, str) and not past.facts.roles and found.roles:
            self._n_roles_of_now += 1
        return found

    def _after(self, asked: Asked, before: Redone) -> Redone:
        at_us = before.at_us if self._at_us is None else self._at_us
        found = self._other.decide(asked, at_us, in_bands=before.in_bands)
        bands = [one for one in found.inquiry.filters if one.bands] if found.inquiry is not None else []
        if not bands or found.decision is None or _are_bands(before, {one.parameter for one in bands}):
            return found
        # What was not compared in bands then may be no band: only if that makes no difference is it known.
        otherwise = self._other.decide(asked, at_us, in_bands=not before.in_bands)
        is_same = (found.word, found.reason) == (otherwise.word, otherwise.reason)
        return found if is_same else Redone(why_not=NO_VALUE, at_us=at_us)

    def _count(self, past: PastCall, change: Change) -> None:
        kind = self._kinds.kept(
            Kind(change=change.what, client=past.facts.client, reason=change.reason, about=change.about)
        )
        self._kinds.add(kind)
        self._by_change[change.what] += 1
        self._rows[kind] += past.rows
        self._examples.setdefault(kind, deque(maxlen=MOST_EXAMPLES)).append(past.call)

    def _row(self, kind: Kind, n: int) -> Row:
        return Row(
            change=kind.change,
            client=kind.client,
            reason=kind.reason,
            about=kind.about,
            calls=n,
            rows=self._rows[kind],
            examples=tuple(self._examples[kind]),
        )


def roles_for(past: PastCall, roles: Mapping[AccountId, tuple[RoleName, ...]]) -> tuple[RoleName, ...] | None:
    """Return the roles of now for an entry that holds none; ``None`` where it holds them."""
    return None if past.facts.roles else roles.get(AccountId(past.facts.account), ())


def _are_bands(before: Redone, parameters: Iterable[str]) -> bool:
    """Tell whether these filters were compared in bands then, so that their values are some."""
    uses = before.decision.filters if isinstance(before.decision, Permit) else ()
    return {one.filter.parameter for one in uses if one.use is Use.BAND} >= set(parameters)
