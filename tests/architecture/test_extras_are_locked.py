# SPDX-License-Identifier: Apache-2.0
"""Every optional extra is locked with hashes, made by `make lock`, and tested by continuous integration."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    """Return the versions of a lock."""
    return dict(PIN.findall((ROOT / "requirements" / f"{name}.txt").read_text("utf-8")))


@pytest.mark.parametrize("extra", sorted(PROJECT["optional-dependencies"]))
def test_an_extra_is_locked_and_tested(extra: str) -> None:
    """With what it names, over the versions that everything else has, so that one environment can hold them all."""
    lock = pins(extra)
    assert set(PROJECT["optional-dependencies"][extra]) <= lock.keys()
    for other in ("runtime", *PROJECT["optional-dependencies"]):
        known = pins(other)
        assert {name: version for name, version in lock.items() if known.get(name, version) != version} == {}, other
    assert f"--extra {extra} " in (ROOT / "Makefile").read_text("utf-8")
    assert f"requirements/{extra}.txt" in (ROOT / ".ci" / "extra").read_text("utf-8")
