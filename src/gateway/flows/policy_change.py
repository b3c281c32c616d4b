# SPDX-License-Identifier: Apache-2.0
"""The life of a change of rules: load, keep, enter, then swap at once; or leave the old ones in force.

A rule set that is put in force was kept under its digest before, so any past decision can be made
again. Whatever is wrong with a change, the rules in force stay, and the log says both.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.decide.decide import Decider
from gateway.decide.judging import InBand
from gateway.decide.rules import RuleSet
from gateway.domain.catalog import Catalog
from gateway.domain.entry import Entry, Part, RulesInForce, RulesRefused
from gateway.domain.errors import RuleProblem, RulesError
from gateway.domain.names import PurposeKey, RulesDigest

IN_FORCE = "rules-in-force"
"""Fact that holds the digest of the rules by which doors decide."""

TOLD_BY = "rules-told-by"
"""Fact that holds whose word put rules in force, behind their digest and a space."""

THE_GATEWAY = "gateway"
"""Who puts rules in force that a start finds changed."""

MOST_TOLD = 50
"""Problems that one entry of the log names at most."""


class Recorder(Protocol):
    """The log, as this flow needs it."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""


class Archive(Protocol):
    """Where rule sets are kept by digest."""

    def keep(self, digest: RulesDigest, files: Mapping[str, bytes]) -> None:
        """Return once the files are durable under the digest."""


class ChoicesInMemory(Protocol):
    """The choices, of which those for the declared purposes are held in memory."""

    async def load(self, purposes: tuple[PurposeKey, ...]) -> None:
        """Return once the choices for these purposes can be asked."""


class Memory(Protocol):
    """Facts of the installation that outlive a process."""

    async def read(self, key: str) -> str | None:
        """Return a fact, if it was ever written."""

    async def write(self, key: str, value: str) -> None:
        """Write a fact over what it was."""


class Sealed(Protocol):
    """What is remembered of columns of stores that may hold surrogates."""

    async def forgotten(self, catalog: Catalog, files: Mapping[str, bytes]) -> tuple[RuleProblem, ...]:
        """Return a problem for each column that rules would take for another than it is."""

    async def remember(self, catalog: Catalog) -> None:
        """Remember what rules that are about to be in force declare."""


class PolicyChange:
    """Owner of the rules in force; everybody else asks it for the decider.

    Attributes:
        decider: The decider of the rules in force; always modified by swapping.
        are_newer_refused: The folder holds rules that could not be put in force; for those who watch.
    """

    decider: Decider
    are_newer_refused = False

    def __init__(
        self,
        *,
        load: Callable[[Mapping[str, bytes]], RuleSet],
        digest: Callable[[Mapping[str, bytes]], RulesDigest],
        in_band: InBand,
        archive: Archive,
        recorder: Recorder,
        choices: ChoicesInMemory,
        memory: Memory,
        sealed: Sealed,
    ) -> None:
        """Begin without rules; nothing can be decided before the first are in force."""
        self._load, self._digest, self._in_band = load, digest, in_band
        self._archive, self._recorder, self._choices = archive, recorder, choices
        self._memory, self._sealed = memory, sealed
        self._one_change = asyncio.Lock()

    async def consult(self, files: Mapping[str, bytes]) -> RulesDigest:
        """Decide by rules in this process alone, as a command that explains does; nothing is put in force.

        Raises:
            RulesError: They cannot be used.
        """
        rules = self._load(files)
        await self._choices.load(tuple(rules.purposes))
        self.decider = Decider(rules, self._in_band)
        return rules.digest

    async def put_in_force(self, files: Mapping[str, bytes]) -> RulesDigest:
        """Put rules in force and return their digest; a start with those of the last process is no change.

        Raises:
            RulesError: They cannot be; the ones before stay in force.
            LogUnavailable: The change could not be entered; the ones before stay in force.
        """
        async with self._one_change:
            return await self._changed(files)

    async def _changed(self, files: Mapping[str, bytes]) -> RulesDigest:
        digest = self._digest(files)
        if digest == self._in_force():
            return digest
        try:
            decider = await self._usable(files)
        except RulesError as error:
            problems = tuple(problem.sentence() for problem in error.problems[:MOST_TOLD])
            await self._recorder.append(RulesRefused(rules=digest, problems=problems))
            raise
        self._archive.keep(digest, files)
        await self._choices.load(tuple(decider.rules.purposes))
        before = await self._memory.read(IN_FORCE)
        if digest != before:
            told = RulesDigest(before) if before else None
            entry = RulesInForce(rules=digest, before=told, by=await self._told_by(digest))
            await self._recorder.append(entry)
            await self._memory.write(IN_FORCE, digest)
        # Before the first record is written by them.
        await self._sealed.remember(decider.rules.catalog)
        # Entered, remembered and swapped last: the log names no rules that could not be used.
        self.decider = decider
        return digest

    async def _told_by(self, digest: RulesDigest) -> str:
        """Return whose word it is that these rules are put in force."""
        told, _, by = (await self._memory.read(TOLD_BY) or "").partition(" ")
        return by if told == digest and by else THE_GATEWAY

    async def _usable(self, files: Mapping[str, bytes]) -> Decider:
        # Calls go on meanwhile: 10,000 grants take some 0.3 s, in which nobody would be answered.
        decider = await asyncio.to_thread(self._judged, files)
        if forgotten := await self._sealed.forgotten(decider.rules.catalog, files):
            raise RulesError(forgotten)
        return decider

    def _judged(self, files: Mapping[str, bytes]) -> Decider:
        return Decider(self._load(files), self._in_band)

    def _in_force(self) -> RulesDigest | None:
        return self.decider.rules.digest if hasattr(self, "decider") else None
