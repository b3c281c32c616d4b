# SPDX-License-Identifier: Apache-2.0
"""Moments as people write them on a command line, and as they are shown: UTC, never local time."""

import re
from datetime import UTC, datetime, timedelta

from gateway.cli.desk.desk import Stop

EXPECTED = "a day such as 2027-01-31 or a moment such as 2027-01-31T18:00:00Z"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_AGO = re.compile(r"(\d{1,6})([smhd])\Z", re.ASCII)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_us(text: str) -> int | None:
    """Return UTC microseconds; a day means its beginning. ``None`` if the text is no moment, or has no zone."""
    try:
        moment = datetime.fromisoformat(text + "T00:00:00+00:00" if _DAY.match(text) else text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else (moment - _EPOCH) // timedelta(microseconds=1)


def asked_us(text: str, what: str) -> int:
    """Return the moment that an option names, or stop."""
    found = moment_us(text)
    if found is None:
        raise Stop(f"{what} must be {EXPECTED}")
    return found


def since_us(text: str, what: str, now_us: int) -> int:
    """Return a moment, or one that lies so long ago as ``90m``, ``24h`` or ``7d`` say."""
    ago = _AGO.match(text)
    if ago is not None:
        return now_us - int(ago[1]) * _UNITS_S[ago[2]] * 1_000_000
    found = moment_us(text)
    if found is None:
        raise Stop(f"{what} must be {EXPECTED}, or so long ago as 90m, 24h or 7d")
    return found


def span_us(times: tuple[str | None, str | None], names: tuple[str, str], now_us: int) -> tuple[int | None, int | None]:
    """Return the moments between which something is asked for, or stop where nothing can lie between them.

    Args:
        times: From when on and up to when; ``None`` where there is no end.
        names: What the two are called where they are asked for.
    """
    since, until = (
        None if one is None else since_us(one, name, now_us) for one, name in zip(times, names, strict=True)
    )
    if since is not None and until is not None and until <= since:
        raise Stop(f"{names[1]} must be later than {names[0]}")
    return since, until


def written(at_us: int) -> str:
    """Return a moment as ISO 8601 with milliseconds, in UTC."""
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")


def compact(at_us: int) -> str:
    """Return a moment in few letters that sort by time and may be in the name of a file, in UTC."""
    moment = (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="milliseconds")
    return moment.replace("-", "").replace(":", "").replace("+0000", "Z")


def day(at_us: int) -> str:
    """Return the day of a moment, in UTC."""
    return (_EPOCH + timedelta(microseconds=at_us)).date().isoformat()
