# SPDX-License-Identifier: Apache-2.0
"""Text in Markdown that means nothing but itself: what stores and callers wrote is in reports, too."""

import re
from collections.abc import Sequence

from gateway.cli.desk.paper import visible

_MARKS = re.compile(r"[\\|\[\]`]|:(?=//)|(?<=\bwww)\.", re.IGNORECASE)
"""An address alone is made a link by many readers (GitHub Flavored Markdown, autolinks) unless it is broken."""


def table_row(cells: Sequence[str]) -> str:
    """Return cells as one row of a table."""
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def escaped(text: str) -> str:
    """Return text that Markdown takes as it is: no column, no tag, no link and no picture from elsewhere."""
    return _MARKS.sub(r"\\\g<0>", visible(text)).replace("<", "&lt;").replace("\n", " ")
