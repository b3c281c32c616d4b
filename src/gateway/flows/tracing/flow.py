# SPDX-License-Identifier: Apache-2.0
"""Traces a list: reads it, finds the scopes of its surrogates, the people of its rows, and the decisions.

RULES

1. The list is read once, a piece at a time; nothing of it is kept but rows, scopes and numbers of people.
2. Values are opened in memory alone, to find whose they are. Nobody gets a number by being looked for.
3. Where nothing can be said, the answer says so and why: digests that nobody opens, rows without a surrogate that
   says whom they are about, people who were erased, blocks whose parts were deleted.
4. It is entered in the log with the people of the list, before anybody is told. No value is in it or in the answer.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pyroaring import BitMap

from gateway.domain.entry import Looked, Part
from gateway.domain.names import IdentityKind, JoinDomain
from gateway.domain.wording import counted
from gateway.flows.tracing.explaining import explained
from gateway.flows.tracing.ports import Index, Merges, People, Recorder, Tokens
from gateway.flows.tracing.releases import Party, Releases, Sought
from gateway.flows.tracing.tally import Cell, ListTally, PartyTally
from gateway.flows.tracing.values import FORMAT, Known, PartyFound, ScopeFound, Trace
from gateway.transform.inner import TOKEN, person_of, text_of
from gateway.transform.spotting import Spotted, Spotting
from gateway.transform.tracing import Scope, Tracer, token_in

CELLS_AT_ONCE = 8_192
SLACK_US = 600_000_000
"""For how long after a rotation a door may go on with the key that it knew: far less, but clocks differ."""

T = TypeVar("T")


class Tracing:
    """What traces lists; holds the rooms."""

    def __init__(
        self,
        *,
        tracer: Tracer,
        known: Known,
        people: People,
        tokens: Tokens | None,
        merges: Merges,
        index: Index | None,
        logs: Path,
        recorder: Recorder,
        clock: Callable[[], int],
        remarks: tuple[str, ...] = (),
    ) -> None:
        """Keep the rooms.

        Args:
            index: ``None`` to read every entry of the files.
            logs: ``STATE/log``.
            remarks: What could not be read of what it is told here, for every answer.
        """
        self._unread = remarks
        self._tracer, self._known = tracer, known
        self._people, self._tokens, self._merges = people, tokens, merges
        self._index, self._logs, self._recorder, self._clock = index, logs, recorder, clock

    async def trace(
        self,
        pieces: Iterable[str],
        *,
        by: str,
        most: int,
        read: Callable[[int], None] = lambda _n: None,
        searched: Callable[[int], None] = lambda _n: None,
    ) -> Trace:
        """Return what a list says of where it comes from, once the log says that it was asked.

        Args:
            pieces: The text, in pieces; lines end with a line feed alone.
            by: Who asks: an account, or ``local:`` and a user of the operating system.
            most: Decisions that are told of each recipient and class.
            read: Told how many characters were read, again and again.
            searched: Told how many entries of the log were read from files, again and again.

        Raises:
            LogDamaged / LogUnavailable / StateUnavailable: Nothing was told.
        """
        spotting, tally = Spotting(), ListTally()
        for some in _lazily(self._spotted(spotting, pieces, read)):
            spotted = await asyncio.to_thread(some)
            domains = await self._domains_of(filter(None, map(token_in, spotted)))
            await self._name(tally, await asyncio.to_thread(tally.traced, self._tracer, spotted, domains))
        sought = {key: await self._sought(key, tally) for key, one in tally.parties.items() if key[0] and one.people}
        releases = Releases(self._logs, self._index, list(sought.values()), done=searched)
        if sought:
            await releases.find()
        parties = [self._party(key, tally, sought.get(key), most) for key in tally.parties]
        found = Trace(
            format=FORMAT,
            made_us=self._clock(),
            made_by=by,
            unit=spotting.unit,
            cells=tally.cells,
            rows=tally.rows,
            unknown=tally.unknown,
            untried=self._tracer.n_untried,
            parties=tuple(sorted(parties, key=lambda one: (-one.rows, one.recipient, one.key_class))),
            entries_from_files=releases.n_from_files,
            remarks=(*self._unread, *(releases.remarks if sought else ())),
        )
        await self._enter(found, tally)
        return found

    def _spotted(
        self, spotting: Spotting, pieces: Iterable[str], read: Callable[[int], None]
    ) -> Iterator[list[Spotted]]:
        """Yield what has the shape of a surrogate, some thousands at a time; to be run in a thread."""
        held = list[Spotted]()
        for piece in pieces:
            for one in spotting.feed(piece):
                held.append(one)
                if len(held) >= CELLS_AT_ONCE:
                    yield held
                    held = []
            read(len(piece))
        yield [*held, *spotting.finish()]

    async def _domains_of(self, tokens: Iterable[bytes]) -> Mapping[bytes, JoinDomain]:
        """Return for those tokens that the vault knows the join domain of each."""
        sought, found = set(tokens), dict[bytes, JoinDomain]()
        if self._tokens is not None and sought:
            for domain in self._known.fields:
                found.update(dict.fromkeys(await self._tokens.people_of(domain, sought), domain))
        return found

    async def _name(self, tally: ListTally, cells: list[Cell]) -> None:
        """Find whom cells are about, as far as that can be known."""
        texts: dict[tuple[JoinDomain, IdentityKind], dict[str, int | None]] = {}
        tokens: dict[JoinDomain, dict[bytes, frozenset[int]]] = {}
        linked = BitMap()
        for _, traced in cells:
            form, domain = traced.form, traced.scope.domain
            number = person_of(form)
            if number is not None:
                linked.add(number)
            elif form[:1] == TOKEN:
                tokens.setdefault(domain, {})[form[1:]] = frozenset()
            elif form:
                for kind in self._known.subjects.get(domain, ()):
                    texts.setdefault((domain, kind), {})[text_of(form)] = None
        for (_, kind), values in texts.items():
            found = await self._people.find_each(kind, list(values))
            values.update(zip(list(values), found, strict=True))
        if self._tokens is not None:
            for domain, held in tokens.items():
                held.update(await self._tokens.people_of(domain, list(held)))
        merged = await self._merges.merged(linked) if linked else {}
        for row, traced in cells:
            party = tally.party(traced.scope)
            people = self._whose(traced.scope, traced.form, texts, tokens, merged)
            if not traced.form:
                party.n_closed += 1
            elif people is not None:
                party.domains.add(traced.scope.domain)
                party.n_nobody += not people
            party.add(row, people or ())

    def _whose(
        self,
        scope: Scope,
        form: bytes,
        texts: Mapping[tuple[JoinDomain, IdentityKind], Mapping[str, int | None]],
        tokens: Mapping[JoinDomain, Mapping[bytes, frozenset[int]]],
        merged: Mapping[int, int],
    ) -> frozenset[int] | None:
        """Return the people whom a surrogate is about; ``None`` where it does not say whom."""
        number = person_of(form)
        if number is not None:
            return frozenset((merged.get(number, number),))
        if form[:1] == TOKEN:
            return tokens[scope.domain][form[1:]]
        kinds = self._known.subjects.get(scope.domain, ())
        if not form or not kinds:
            return None
        found = (texts[scope.domain, kind][text_of(form)] for kind in kinds)
        return frozenset(one for one in found if one is not None)

    async def _sought(self, key: tuple[str, str], tally: ListTally) -> Sought:
        recipient, key_class = key
        party = tally.parties[key]
        today = await self._merges.merged_into(party.people)
        since_us, until_us = self._in_use(key, tally)
        fields = [self._known.fields.get(domain, frozenset()) for domain in party.domains]
        return Sought(
            party=Party(
                recipient=recipient,
                key_class=key_class,
                # Purposes of rules that are lost have the class of their own key, unless these said otherwise.
                purposes=self._known.classes.get(key_class, frozenset()) | {key_class},
                fields=frozenset().union(*fields) if all(fields) else frozenset(),
                since_us=since_us,
                until_us=until_us,
            ),
            numbers=party.people | BitMap(today),
            today=today,
        )

    def _in_use(self, key: tuple[str, str], tally: ListTally) -> tuple[int, int | None]:
        """Return from when to when the keys of a party's surrogates made any."""
        begins, ends = list[int](), list[int | None]()
        for scope in tally.scopes:
            if (scope.recipient, scope.key_class) == key:
                made = self._known.made_us.get(scope.domain, {})
                begins.append(made.get(scope.version, 0))
                later = made.get(scope.version + 1)
                ends.append(None if later is None else later + SLACK_US)
        bounded = [end for end in ends if end is not None]
        return min(begins, default=0) - SLACK_US, None if len(bounded) < len(ends) else max(bounded, default=None)

    def _party(self, key: tuple[str, str], tally: ListTally, sought: Sought | None, most: int) -> PartyFound:
        recipient, key_class = key
        party = tally.parties[key]
        calls = [] if sought is None else list(sought.calls.values())
        decisions, everybody = explained(calls, party.weights, most)
        scopes = [
            ScopeFound(
                scope=scope,
                fields=tuple(sorted(".".join(one) for one in self._known.fields.get(scope.domain, ()))),
                cells=one.cells,
                rows=one.rows,
                first_row=one.first_row,
            )
            for scope, one in tally.scopes.items()
            if (scope.recipient, scope.key_class) == key
        ]
        return PartyFound(
            recipient=recipient,
            key_class=key_class,
            purposes=tuple(sorted(self._known.classes.get(key_class, ()))) if recipient else (),
            rows=party.rows,
            rows_with_person=party.rows_with_person,
            people=len(party.people),
            rows_explained=min(party.weights.of(everybody), party.rows_with_person),
            n_decisions=len(calls),
            scopes=tuple(sorted(scopes, key=lambda one: (-one.rows, one.scope))),
            decisions=decisions,
            remarks=tuple(_remarks(recipient, party, sought)),
        )

    async def _enter(self, found: Trace, tally: ListTally) -> None:
        people = BitMap.union(BitMap(), *(one.people for one in tally.parties.values()))
        words = dict.fromkeys(f"{one.recipient or 'at-rest'}/{one.key_class}".rstrip("/") for one in found.parties)
        entry = Looked(by=found.made_by, what="trace", query=" ".join(words), rows=found.rows)
        await self._recorder.append(entry, Part(people=people.serialize()) if people else None)


def _remarks(recipient: str, party: PartyTally, sought: Sought | None) -> Iterator[str]:
    if not recipient:
        yield "this is what a store holds itself: it comes from a store or a copy of one, and from no answer of the gateway"
        return
    if party.n_closed:
        yield f"digests (sh…): {counted(party.n_closed, 'cell')}; nobody can open them, so they name recipient and purpose and no person"
    if not party.domains:
        yield "no cell says whom its row is about, so no decision can be told apart from others of the same scope"
    if party.n_nobody:
        yield f"of people not known today: {counted(party.n_nobody, 'cell')}; erased, or of another database than this one"
    if sought is not None and sought.n_bare:
        yield f"blocks of which nobody can tell any more whom they were about, since their parts were deleted: {sought.n_bare:,}"
    if sought is not None and not sought.calls:
        yield "no decision that the log still holds released these people under this scope"


def _lazily(found: Iterator[list[T]]) -> Iterator[Callable[[], list[T]]]:
    """Yield what makes the next list, to be called elsewhere, until there is none."""
    ended = False

    def following() -> list[T]:
        nonlocal ended
        one = next(found, None)
        ended = one is None
        return one or []

    while not ended:
        yield following
