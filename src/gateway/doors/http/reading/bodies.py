# SPDX-License-Identifier: Apache-2.0
"""The body of a call: read only when identity, purpose and route are settled, and no further than its kind needs.

RULES

1. A route without a declared body takes none; a declared one is of exactly one media type, in UTF-8,
   not encoded. A length that is too great is refused before a byte is read, and ``100 Continue`` is
   sent only to who may go on.
2. A body is read by the strict reader alone. Long ones are read in a thread, a few at a time and fewer of
   one account: what comes beyond that is told to come again, so that bodies cannot fill the memory.
3. A body is long once more than ``LONG_BYTES`` of it are announced or have arrived. So short ones are never
   told to come again, however slowly they come and whatever else is being read.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from gateway.domain import strictjson
from gateway.domain.catalog import BodyKind, BodyShape, Collection, Route
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Written
from gateway.domain.names import AccountId
from gateway.domain.sending import Message
from gateway.doors.http import out as low
from gateway.doors.http.reading import messages, records, search
from gateway.doors.http.reading.binding import Texts
from gateway.doors.http.reading.headers import Stated
from gateway.doors.http.reading.negotiation import is_json

MOST_BYTES: Mapping[BodyKind, int] = {
    # Room for a list of a thousand surrogates of 50 characters; the query's own bound is 8 KiB.
    BodyKind.SEARCH: 64 * 1024,
    # One row is 1 MiB at most when it is read (DESIGN 9.4), so none longer is worth writing.
    BodyKind.RECORD: 1 << 20,
    BodyKind.FIELDS: 1 << 20,
    BodyKind.MERGE_PATCH: 1 << 20,
    # A bulk call is one entry and is held whole: ten thousand rows of 800 bytes.
    BodyKind.RECORDS: 8 << 20,
    # A thousand messages of 8 KiB, entered as one intent.
    BodyKind.MESSAGES: 8 << 20,
}
LONG_BYTES = 64 * 1024
"""Parsed in under a millisecond; what is longer would hold up other calls."""
MOST_LONG = 8
"""Long bodies at a time: with what they are parsed into, about 0.5 GiB at worst."""
MOST_LONG_OF_ONE = 2
"""Long bodies at a time of one account, which may send them as slowly as is borne with."""

MERGE_PATCH = "application/merge-patch+json"


class Incoming(Protocol):
    """Where the body of a call is read from: a connection, or what was read before.

    Attributes:
        unread: There is a body of which nothing was asked for, or not all.
    """

    @property
    def unread(self) -> bool:
        """Tell whether there is something to read."""

    async def body(self, most_bytes: int, *, on_arrived: Callable[[int], None]) -> bytes:
        """Return the body; raises what ``out.Out.body`` raises."""


class HeldBody:
    """A body that was read before, or of which there was none."""

    def __init__(self, content: bytes) -> None:
        """Keep it."""
        self._content = content
        self.unread = bool(content)

    async def body(self, most_bytes: int, *, on_arrived: Callable[[int], None]) -> bytes:
        """Return it, if it is not too long."""
        if len(self._content) > most_bytes:
            raise low.BodyTooLong
        on_arrived(len(self._content))
        self.unread = False
        return self._content


class Body:
    """What the body of a call says.

    Attributes:
        members: Of a search, by path.
        written: Of a write.
        messages: Of a call that sends.
    """

    __slots__ = ("members", "messages", "written")

    def __init__(
        self,
        members: tuple[tuple[str, Texts], ...] = (),
        written: tuple[Written, ...] = (),
        messages: tuple[Message, ...] = (),
    ) -> None:
        self.members, self.written, self.messages = members, written, messages


class Bodies:
    """Reads the bodies of all calls of a process."""

    def __init__(self) -> None:
        """Begin with none under way."""
        self._long: Counter[AccountId] = Counter()

    async def read(
        self, route: Route, collection: Collection, stated: Stated, out: Incoming, account: AccountId
    ) -> Body | Deny:
        """Return what the body says, or why it is not read or not understood.

        Raises:
            HangUp: The caller went away before its body was whole.
        """
        if route.body is None:
            return Deny(reason=Reason.BODY_INVALID, title="This route takes no body.") if out.unread else Body()
        refused = unreadable(route.body, stated)
        if refused is not None:
            return refused
        try:
            with self._place(account) as place:
                place.arrived(stated.content_length or 0)
                return await _read(route.body, collection, out, place)
        except _NoPlace:
            return Deny(reason=Reason.OVERLOADED)

    async def raw(self, stated: Stated, out: Incoming, account: AccountId, most_bytes: int) -> bytes | Deny:
        """Return the bytes of a body that no route declares, or why it is not read.

        Raises:
            HangUp: The caller went away before its body was whole.
        """
        too_large = Deny(reason=Reason.BODY_TOO_LARGE, title=f"At most {most_bytes} bytes are read here.")
        if (stated.content_length or 0) > most_bytes:
            return too_large
        try:
            with self._place(account) as place:
                place.arrived(stated.content_length or 0)
                return await out.body(most_bytes, on_arrived=place.arrived)
        except low.BodyTooLong:
            return too_large
        except low.BodyTooSlow:
            return Deny(reason=Reason.MALFORMED, title="The body did not arrive in time.")
        except _NoPlace:
            return Deny(reason=Reason.OVERLOADED)

    @contextmanager
    def _place(self, account: AccountId) -> Iterator["_Place"]:
        place = _Place(self._long, account)
        try:
            yield place
        finally:
            place.leave()


class _NoPlace(Exception):
    """As many long bodies are being read as may be."""


class _Place:
    """One body's place among the long ones; taken when it turns out to be long."""

    def __init__(self, taken: Counter[AccountId], account: AccountId) -> None:
        self._taken, self._account, self._is_taken = taken, account, False

    def arrived(self, n_bytes: int) -> None:
        """Take the place if so many bytes are long."""
        if self._is_taken or n_bytes <= LONG_BYTES:
            return
        if self._taken.total() >= MOST_LONG or self._taken[self._account] >= MOST_LONG_OF_ONE:
            raise _NoPlace
        self._taken[self._account] += 1
        self._is_taken = True

    def leave(self) -> None:
        """Give the place back if it was taken."""
        if self._is_taken:
            # Keeps no account that has none left.
            self._taken -= Counter((self._account,))


def unreadable(shape: BodyShape, stated: Stated) -> Deny | None:
    """Return why a body is not read at all, by what its headers say."""
    if shape.kind is BodyKind.MERGE_PATCH:
        is_right = (stated.content_type or "").lower() == MERGE_PATCH
    else:
        is_right = is_json(stated.content_type)
    if not is_right:
        return Deny(reason=Reason.CONTENT_TYPE_NOT_SUPPORTED, fields=("Content-Type",))
    if (stated.content_length or 0) > MOST_BYTES[shape.kind]:
        return _too_large(shape.kind)
    return None


async def _read(shape: BodyShape, collection: Collection, out: Incoming, place: _Place) -> Body | Deny:
    try:
        raw = await out.body(MOST_BYTES[shape.kind], on_arrived=place.arrived)
    except low.BodyTooLong:
        return _too_large(shape.kind)
    except low.BodyTooSlow:
        return Deny(reason=Reason.MALFORMED, title="The body did not arrive in time.")
    if len(raw) <= LONG_BYTES:
        return body_of(raw, shape, collection)
    return await asyncio.to_thread(body_of, raw, shape, collection)


def body_of(raw: bytes, shape: BodyShape, collection: Collection) -> Body | Deny:
    """Return what the bytes of a body say, or why they are not what the route takes."""
    is_search = shape.kind is BodyKind.SEARCH
    depth = search.MAX_DEPTH if is_search else records.MAX_DEPTH + 1
    try:
        value = strictjson.read(raw, max_bytes=MOST_BYTES[shape.kind], max_depth=depth)
    except ValueError as error:
        return Deny(reason=Reason.MALFORMED, title=f"{error}.".capitalize())
    if shape.kind is BodyKind.MESSAGES:
        found = messages.messages_of(value, shape)
        return found if isinstance(found, Deny) else Body(messages=found)
    if is_search:
        members = search.said_in(value, shape.parameters, collection)
        return members if isinstance(members, Deny) else Body(members=members)
    written = records.written_of(value, shape, collection)
    return written if isinstance(written, Deny) else Body(written=written)


def _too_large(kind: BodyKind) -> Deny:
    return Deny(reason=Reason.BODY_TOO_LARGE, title=f"At most {MOST_BYTES[kind]} bytes are read here.")
