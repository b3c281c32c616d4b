# SPDX-License-Identifier: Apache-2.0
"""What step 3 of a call asks: a store over HTTP, or the gateway's own data, in the same words."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec

from gateway.app.index.reading import LogQuestions
from gateway.domain.approval import Approval
from gateway.domain.errors import Overloaded, QuestionRefused, SettingsError, StateUnavailable
from gateway.domain.own_data import APPROVALS, LOG_ENTRIES, LOG_FACETS, OWN_STORE
from gateway.flows.access.ports.stores import StoreAnswer, StoreCall, Target
from gateway.flows.own_data import Pairs, asked_of, told_approval, told_count, told_entry, told_place

OK = 200

MOST_COUNTING = 8
"""Questions for counts that a process holds. One is answered at a time: it can read two hundred thousand entries."""


Waiting = Callable[[], Awaitable[Sequence[Approval]]]


class Targets:
    """Every store there is, and the gateway itself beside them."""

    def __init__(self, stores: Target, own: Target) -> None:
        """Keep both."""
        self._stores, self._own = stores, own

    def call(self, call: StoreCall) -> AbstractAsyncContextManager[StoreAnswer]:
        """Return the call to be entered."""
        return (self._own if call.store == OWN_STORE else self._stores).call(call)


class OwnTarget:
    """The gateway's own data, asked as a store is."""

    def __init__(self, questions: LogQuestions, waiting: Waiting | None = None) -> None:
        """Keep who asks the log, and what tells what waits for a second person."""
        self._questions, self._waiting = questions, waiting
        self._answers = {LOG_ENTRIES: self._entries, LOG_FACETS: self._facets, APPROVALS: self._approvals}
        self._one_counts = asyncio.Lock()
        self._n_counting = 0

    @asynccontextmanager
    async def call(self, call: StoreCall) -> AsyncIterator[StoreAnswer]:
        """Answer a question.

        Raises:
            QuestionRefused: It cannot be asked.
            StateUnavailable: Nothing can be told.
            Overloaded: Too many ask for counts now.
        """
        # The path stands below a store's address, and the one address here is ``/-``.
        answer = self._answers.get(f"/-{call.path}")
        if answer is None or call.method != "GET":
            raise StateUnavailable("the gateway serves no such data")
        try:
            body = await answer(call.query)
        except SettingsError as error:
            raise StateUnavailable("the index of the log cannot be opened") from error
        yield _Answer(body)

    async def _entries(self, pairs: Pairs) -> bytes:
        asked = asked_of(pairs)
        reading = await self._questions.reading()
        page = await reading.page(asked.query, after=asked.after, limit=asked.limit, newest_first=asked.newest_first)
        return msgspec.json.encode(
            {
                "entries": [told_entry(row, asked.query.person) for row in page.rows],
                "next": None if page.next is None else told_place(page.next),
            }
        )

    async def _approvals(self, pairs: Pairs) -> bytes:
        if self._waiting is None:
            raise StateUnavailable("nothing here waits for a second person")
        if pairs:
            raise QuestionRefused(pairs[0][0], "What waits cannot be asked for by this.")
        return msgspec.json.encode({"approvals": [told_approval(one) for one in await self._waiting()]})

    async def _facets(self, pairs: Pairs) -> bytes:
        asked = asked_of(pairs)
        reading = await self._questions.reading()
        if self._n_counting >= MOST_COUNTING:
            raise Overloaded("too many ask the log for counts")
        self._n_counting += 1
        try:
            async with self._one_counts:
                found = await reading.counts(asked.query, asked.facets)
        finally:
            self._n_counting -= 1
        return msgspec.json.encode({"counts": [told_count(one, at_least=not found.whole) for one in found.counts]})


class _Answer:
    """A whole answer in memory, in the words of the access flow."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.absent, self.status, self.etag = False, OK, None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body."""
        yield self._body
