# SPDX-License-Identifier: Apache-2.0
"""What a serving process does not load."""

import subprocess
import sys

ABSENT = ("sklearn", "numpy", "casbin", "typer", "rich", "pygments", "alembic", "mako", "gateway.demo", "gateway.cli")
"""Training belongs to other processes, the oracle to checks, the demo and the command line to people. Migrations
are for a start that finds older tables."""


def told(program: str) -> str:
    """Return what a program prints that has imported everything that serves."""
    program = f"import os, sys, gateway.app.serving.processes; {program}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_a_serving_process_loads_neither_training_nor_the_oracle() -> None:
    """Everything that answers calls is imported, and nothing of these came with it."""
    assert told(f"print(*[name for name in {ABSENT!r} if name in sys.modules])") == ""


def test_what_is_imported_starts_no_thread() -> None:
    """A supervisor forks: what another thread held at that moment would be locked in its children for good."""
    assert told("print(len(os.listdir('/proc/self/task')))") == "1"
