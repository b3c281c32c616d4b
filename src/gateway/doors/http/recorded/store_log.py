# SPDX-License-Identifier: Apache-2.0
r"""Lines of a store's own access log: nginx or Apache with the trace behind, JSON lines, or what a pattern finds.

RULES

1. In a line of a server's common or combined format the trace stands behind it, as the last thing in the line. What
   stands before can be made up by whoever calls: a user agent that looks like a trace is none.
2. In a JSON line the trace is the member that is named, as a text, or as the one text of a list; two texts are none.
3. A pattern of the user's own has the group ``traceparent`` and may have ``time``, ``method`` and ``path``.
4. A line that cannot be read is told by its number and is no call.

Source: nginx ngx_http_log_module, Apache mod_log_config; RFC 3339; RFC 7231 dates are not looked for.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from gateway.domain.store_line import StoreLine
from gateway.doors.http.recorded.access_log import MOST_LINE_BYTES, Lines, pass_over

FIELDS = ("traceparent", "http_traceparent", "request.headers.Traceparent", "headers.traceparent")
TIMES = ("time", "ts", "timestamp", "time_iso8601", "@timestamp")
METHODS = ("method", "request_method", "request.method")
PATHS = ("path", "uri", "request_uri", "request.uri")
"""Members of a JSON line under which servers write these, the first that is there; dots go down."""

MOST_PATTERN_CHARACTERS = 1_000

_COMBINED = re.compile(
    rb"[^\[\r\n]{1,1024}\[(?P<time>[^\]\r\n]{1,64})\] "
    rb'"(?P<request>(?:[^"\\]|\\.)*)" [0-9]{3} (?:[0-9]{1,20}|-)(?P<rest>(?:[ \t].*)?)'
)
_FROM_AND_BY = re.compile(rb'[ \t]+"(?:[^"\\]|\\.)*"[ \t]+"(?:[^"\\]|\\.)*"')
"""Referrer and user agent of the combined format."""
_LAST = re.compile(rb'(?:.*[ \t])?(?:traceparent=)?(?P<quote>"?)(?P<trace>[0-9a-f-]{1,200})(?P=quote)[ \t]*')
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"[0-9]{9,11}(?:\.[0-9]{1,9})?\Z")

Read = Callable[[bytes], StoreLine | None]
"""Returns what a line says, with no number yet; ``None`` if it cannot be read."""


class PatternUnusable(Exception):
    """The user's own pattern cannot be used; the message says why."""


def lines_in(lines: Lines, read: Read | None, first: int = 0) -> Iterator[tuple[int, StoreLine | None]]:
    """Yield each line's number and what it says, ``None`` where it cannot be read; empty ones are none.

    Args:
        lines: Of one file.
        read: How; ``None`` to look at the first line for it.
        first: How many lines were read of the files before.
    """
    number = first
    while line := lines.readline(MOST_LINE_BYTES):
        number += 1
        is_whole = line.endswith(b"\n") or len(line) < MOST_LINE_BYTES
        if not is_whole:
            pass_over(lines)
        text = line.strip(b"\r\n")
        if not text.strip():
            continue
        if read is None:
            read = by_json() if text.lstrip()[:1] == b"{" else combined
        found = read(text) if is_whole else None
        yield number, None if found is None else msgspec.structs.replace(found, number=number)


def combined(line: bytes) -> StoreLine | None:
    """Return what a line of the common or combined format says, with the trace as the last thing in it."""
    found = _COMBINED.fullmatch(line)
    if found is None:
        return None
    rest = found["rest"]
    behind = _FROM_AND_BY.match(rest)
    last = _LAST.fullmatch(rest[behind.end() :] if behind else rest)
    method, _, target = found["request"].partition(b" ")
    return StoreLine(
        number=0,
        traceparent=last["trace"].decode("ascii") if last else "",
        at_us=_clf_us(found["time"].decode("latin-1")),
        method=method.decode("latin-1")[:16],
        path=target.partition(b" ")[0].partition(b"?")[0].decode("latin-1"),
    )


def by_json(field: str | None = None) -> Read:
    """Return what reads JSON lines whose trace is in a member; dots go down, none for the usual names."""
    decoder = msgspec.json.Decoder()
    fields = FIELDS if field is None else (field,)

    def read(line: bytes) -> StoreLine | None:
        try:
            said = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Whoever calls a store has a say in its lines: one that nests without end is no reason to stop.
            return None
        if not isinstance(said, Mapping):
            return None
        return StoreLine(
            number=0,
            traceparent=_text(_first(said, fields)),
            at_us=time_us(_first(said, TIMES)),
            method=_text(_first(said, METHODS))[:16],
            path=_text(_first(said, PATHS)).partition("?")[0],
        )

    return read


def by_pattern(pattern: str) -> Read:
    """Return what reads lines by a pattern of the user's own, searched for in each line.

    Raises:
        PatternUnusable: It is none, or lacks its group.
    """
    if len(pattern) > MOST_PATTERN_CHARACTERS:
        raise PatternUnusable(f"it has more than {MOST_PATTERN_CHARACTERS} characters")
    try:
        compiled = re.compile(pattern.encode("utf-8"))
    except re.error as error:
        raise PatternUnusable(str(error)) from None
    if "traceparent" not in compiled.groupindex:
        raise PatternUnusable("it has no group (?P<traceparent>…)")

    def read(line: bytes) -> StoreLine | None:
        found = compiled.search(line)
        if found is None:
            return None
        said = {name: (value or b"").decode("utf-8", "replace") for name, value in found.groupdict().items()}
        return StoreLine(
            number=0,
            traceparent=said["traceparent"],
            at_us=time_us(said.get("time")),
            method=said.get("method", "")[:16],
            path=said.get("path", "").partition("?")[0],
        )

    return read


def time_us(said: object) -> int | None:
    """Return a moment in UTC microseconds: seconds since 1970, RFC 3339, or a server's own; ``None`` for none of them.

    A moment without a zone is taken for UTC.
    """
    if isinstance(said, int | float) and not isinstance(said, bool):
        return int(said * 1_000_000) if 0 < said < 1e11 else None
    if not isinstance(said, str) or not said:
        return None
    if _SECONDS.match(said):
        return int(float(said) * 1_000_000)
    try:
        moment = datetime.fromisoformat(said.replace(",", ".").removesuffix(" UTC"))
    except ValueError:
        return _clf_us(said)
    return _since_us(moment)


@lru_cache(maxsize=4096)
def _clf_us(said: str) -> int | None:
    try:
        return _since_us(datetime.strptime(said, "%d/%b/%Y:%H:%M:%S %z"))
    except ValueError:
        return None


def _since_us(moment: datetime) -> int:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _first(said: Mapping[str, object], names: Sequence[str]) -> object:
    return next((found for name in names if (found := _member(said, name)) is not None), None)


def _member(said: Mapping[str, object], name: str) -> object:
    if name in said:
        return said[name]
    inside: object = said
    for piece in name.split("."):
        inside = inside.get(piece) if isinstance(inside, Mapping) else None
    return inside


def _text(said: object) -> str:
    """Return a text, or the one text of a list; of several nobody knows which the store went by."""
    if isinstance(said, list) and len(said) == 1:
        said = said[0]
    return said if isinstance(said, str) else ""
