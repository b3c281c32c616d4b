# SPDX-License-Identifier: Apache-2.0
"""Shows what the referee measured, in one table at the end of a session."""

import pytest

from tests.referee.report import ROWS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the table if any run added to it."""
    if not ROWS:
        return
    terminalreporter.section("referee")
    width = max(len(title) for title, _ in ROWS)
    for title, outcome in ROWS:
        terminalreporter.write_line(f"{title:<{width}}  {outcome}")
