# SPDX-License-Identifier: Apache-2.0
"""Remarks of the running program, for whoever operates it: one line each, on stderr.

They are no part of the log and prove nothing. Like messages of errors, they hold no value of a person.
"""

import logging
import sys
import time

from typing_extensions import override


def remark_on_stderr(who: str) -> None:
    """Let remarks go to stderr with their time (UTC) and the process that makes them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(f"%(asctime)s {who} %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ"))
    handler.addFilter(_is_news)
    for name, level in (("gateway", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False


def remarks() -> logging.Logger:
    """Return the logger of what the processes say of themselves."""
    return logging.getLogger("gateway.processes")


def _is_news(record: logging.LogRecord) -> bool:
    """Pass over what the server says of an answer that we cut on purpose: the access log says why."""
    return not str(record.msg).startswith("ASGI callable returned without completing response")


class _Lines(logging.Formatter):
    @staticmethod
    @override
    def converter(timestamp: float | None = None) -> time.struct_time:
        return time.gmtime(timestamp)
