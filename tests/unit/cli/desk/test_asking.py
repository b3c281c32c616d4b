# SPDX-License-Identifier: Apache-2.0
"""What is asked for at a terminal, where a program would read it from stdin."""

import sys

from tests.fakes.terminal import Terminal

PROGRAM = "from gateway.cli.desk.asking import value; print('got', value('-'))"


def test_a_value_that_must_be_in_no_list_of_processes_is_asked_for_at_a_terminal() -> None:
    """Rather than waited for without a word."""
    terminal = Terminal([sys.executable, "-c", PROGRAM], {})
    terminal.answer("Value", "c-000001")
    assert terminal.end() == 0
    assert "got c-000001" in terminal.seen
