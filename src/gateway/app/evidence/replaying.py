# SPDX-License-Identifier: Apache-2.0
"""Past calls decided again, joined from their rooms: the log's files, the archive of rules, and what is known beside.

Nothing is put in force and nothing is forwarded.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from gateway.app.rule_files import RulesArchive, rules_of
from gateway.decide.past.again import PastDecider
from gateway.domain.errors import RulesError, SettingsError
from gateway.domain.names import AccountId
from gateway.domain.past_call import PastCall
from gateway.flows.replay_rules import Around
from gateway.record.format.layout import slots
from gateway.record.reading.past_calls import PastCalls, n_bytes_since
from gateway.store.accounts import Accounts
from gateway.store.holds import Holds

MOST_KEPT = 8
"""Rule sets that are held at the same time; calls come in the order of their entries, so few are in use at once."""


def past_decider(files: Mapping[str, bytes]) -> PastDecider:
    """Return what decides by the rules of some files.

    Raises:
        RulesError: They cannot be put in force.
    """
    return PastDecider(rules_of(files))


class PastRules:
    """The rule sets of the archive by digest, loaded when they are asked for."""

    def __init__(self, archive: RulesArchive) -> None:
        """Load nothing yet."""
        self._archive = archive
        self._known: OrderedDict[str, PastDecider | None] = OrderedDict()

    def of(self, digest: str) -> PastDecider | None:
        """Return what decides by the rules of a digest; ``None`` where they cannot be had."""
        if digest not in self._known:
            if len(self._known) >= MOST_KEPT:
                self._known.popitem(last=False)
            self._known[digest] = self._loaded(digest)
        self._known.move_to_end(digest)
        return self._known[digest]

    def _loaded(self, digest: str) -> PastDecider | None:
        try:
            return past_decider(self._archive.read(digest)) if digest else None
        except (RulesError, SettingsError):
            # Another version may have known words that this one does not.
            return None


async def around(accounts: Accounts, holds: Holds) -> Around:
    """Return what is known beside the log."""
    roles = {AccountId(one.account.id): one.account.roles for one in await accounts.all()}
    return Around(holds=await holds.ever(), roles=roles)


class PastCallsOfAll:
    """The calls of every slot that began in a period, one slot after the other.

    Attributes:
        passed_over: How many calls were not given out, by why.
    """

    def __init__(self, logs: Path, since_us: int, until_us: int) -> None:
        """Begin with nothing read; ``until_us`` is exclusive."""
        self._folders = [logs / slot for slot in slots(logs)]
        self._since_us, self._until_us = since_us, until_us
        self.passed_over: Counter[str] = Counter()

    @property
    def n_bytes(self) -> int:
        """Return how many bytes of entries will be read."""
        return sum(n_bytes_since(folder, self._since_us) for folder in self._folders)

    def read(self, tell: Callable[[int], None]) -> Iterator[PastCall]:
        """Yield each call once it has ended; ``tell`` is told bytes as they are read.

        Raises:
            LogDamaged: An entry cannot be read.
        """
        for folder in self._folders:
            calls, before = PastCalls(folder, self._since_us, self._until_us), 0
            for call in calls:
                tell(calls.n_bytes - before)
                before = calls.n_bytes
                yield call
            tell(calls.n_bytes - before)
            self.passed_over += calls.passed_over
