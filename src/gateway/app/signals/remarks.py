# SPDX-License-Identifier: Apache-2.0
"""Remarks of the running program, for whoever operates it: one line each, on stderr.

They are no part of the log and prove nothing. Like messages of errors, they hold no value of a person. Of an
error that a library logs they tell its kind and where it was raised, never its message, which could hold what a
store sent. A remark inside a call has the call's decision id, as `gateway log show` takes it.
"""

import logging
import os
import sys
import time
import traceback
from types import TracebackType
from typing import Literal, TextIO

import msgspec
from typing_extensions import override

from gateway.app.current import decision_id

MOST_FRAMES = 12
_LOOP = "asyncio"
"""The logger of the event loop, which would write whole tracebacks where nobody gave it a handler."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def remark_on_stderr(who: str, form: Literal["text", "json"] = "text") -> None:
    """Let remarks go to stderr with their time (UTC) and the process that makes them."""
    handler = _OnStderr(sys.stderr)
    handler.setFormatter(_Objects(who) if form == "json" else _Lines(who))
    handler.addFilter(_is_news)
    handler.addFilter(_in_our_words)
    for name, level in (("gateway", logging.INFO), ("uvicorn.error", logging.WARNING), (_LOOP, logging.ERROR)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False


def remarks() -> logging.Logger:
    """Return the logger of what the processes say of themselves."""
    return logging.getLogger("gateway.processes")


class _OnStderr(logging.StreamHandler[TextIO]):
    """Where a remark cannot be written, nothing is.

    The library would write the whole traceback instead, with the values that are in its messages.
    """

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        """Go on without the remark."""


def _is_news(record: logging.LogRecord) -> bool:
    """Pass over what the server says of an answer that we cut on purpose: the access log says why."""
    return not str(record.msg).startswith("ASGI callable returned without completing response")


def _in_our_words(record: logging.LogRecord) -> bool:
    """Keep of what the event loop says only that it was; kind and place follow from the error.

    Its own words hold the error's message, and what the call was given that failed.
    """
    if record.name == _LOOP:
        record.msg, record.args = "an error that nothing waited for", ()
    return True


class _Lines(logging.Formatter):
    """A sentence a line."""

    def __init__(self, who: str) -> None:
        super().__init__(f"%(asctime)s {who} %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    @staticmethod
    @override
    def converter(timestamp: float | None = None) -> time.struct_time:
        return time.gmtime(timestamp)

    @override
    def format(self, record: logging.LogRecord) -> str:
        call = decision_id()
        line = super().format(record).replace("\n", " | ")
        return line if call is None else f"{line} (decision {call})"

    @override
    def formatException(self, ei: ExcInfo) -> str:
        return "; ".join(_where(ei))

    @override
    def formatStack(self, stack_info: str) -> str:
        return ""


class _Objects(logging.Formatter):
    """A JSON object a line."""

    def __init__(self, who: str) -> None:
        super().__init__()
        self._who = who

    @override
    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "slot": self._who,
            "pid": os.getpid(),
        }
        call = decision_id()
        if call is not None:
            told["decision_id"] = call
        if record.exc_info:
            told["error"] = _where(record.exc_info)
        return msgspec.json.encode(told).decode()


def _where(ei: ExcInfo) -> list[str]:
    """Return the kind of an error and the places it came through, the innermost last."""
    kind, _, trace = ei
    if kind is None:
        return []
    frames = traceback.extract_tb(trace)[-MOST_FRAMES:]
    return [kind.__name__, *(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)]
