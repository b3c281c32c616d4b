# SPDX-License-Identifier: Apache-2.0
"""What a serving process does not load."""

import subprocess
import sys

ABSENT = ("sklearn", "numpy", "casbin", "typer", "gateway.demo", "gateway.cli")
"""Training belongs to other processes, the oracle to checks, the demo and the command line to people."""


def test_a_serving_process_loads_neither_training_nor_the_oracle() -> None:
    """Everything that answers calls is imported, and nothing of these came with it."""
    program = (
        "import sys, gateway.app.serve, gateway.app.doors; "
        f"print(*[name for name in {ABSENT!r} if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""
