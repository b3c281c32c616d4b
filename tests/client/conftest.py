# SPDX-License-Identifier: Apache-2.0
"""A demo that runs as a user's would: one process, one folder, its credentials in a file."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest


class Demo(msgspec.Struct, frozen=True):
    """A running demo.

    Attributes:
        credentials: What ``credentials.json`` holds.
    """

    state: Path
    url: str
    credentials: Any

    def account(self, name: str) -> Any:
        """Return the credentials of a person."""
        return next(one for one in self.credentials["accounts"] if one["username"] == name)

    def client(self, name: str) -> Any:
        """Return the credentials of a client app."""
        return next(one for one in self.credentials["clients"] if one["client_id"] == name)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, with 300 people."""
    state = tmp_path_factory.mktemp("demo") / "state"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")},
        "GATEWAY_PASSWORDS__MEMORY_KIB": "64",
        "GATEWAY_LOG__LEAST_FREE_BYTES": "0",
        "GATEWAY_LOG__LEAST_FREE_PERCENT": "0",
    }
    words = ("demo", "--state", str(state), "--port", "0", "--n", "300", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", *words], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        credentials = json.loads((state / "credentials.json").read_text())
        yield Demo(state, credentials["base_url"], credentials)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
