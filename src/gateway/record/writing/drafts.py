# SPDX-License-Identifier: Apache-2.0
"""An entry on its way into the log: its bytes, as they were when it was handed over."""

import msgspec

from gateway.domain.entry import End, Entry, Intent, Observed, Part, Passed, Refused, Release
from gateway.domain.errors import LogUnavailable

_encoder = msgspec.json.Encoder()
_PIECES, _BEGINNINGS, _ENDS = (Release, Passed), (Intent, Observed), (End, Refused)


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An entry on its way into the log: its time and its bytes, as they were when it was handed over.

    Attributes:
        opens / ends: The call that stays open behind it, the call that it ends; empty for none.
    """

    at_us: int
    body: bytes
    part: bytes | None
    opens: str = ""
    ends: str = ""


def draft(entry: Entry, part: Part | None, at_us: int) -> Draft:
    """Return an entry and its part as bytes.

    Raises:
        LogUnavailable: It holds text that is not Unicode, so it cannot be entered.
    """
    opens, ends = _calls(entry)
    try:
        return Draft(at_us, _encoder.encode(entry), None if part is None else _encoder.encode(part), opens, ends)
    except UnicodeEncodeError:
        raise LogUnavailable("an entry holds text that is not Unicode") from None


def _calls(entry: Entry) -> tuple[str, str]:
    if isinstance(entry, _PIECES):
        return ("", entry.call) if entry.last else (entry.call, "")
    if isinstance(entry, _BEGINNINGS):
        return entry.call, ""
    return ("", entry.call) if isinstance(entry, _ENDS) else ("", "")
