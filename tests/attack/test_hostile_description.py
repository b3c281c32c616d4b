# SPDX-License-Identifier: Apache-2.0
"""A store's own description is as hostile as its rows: a look at it ends, in little memory, and never in a crash."""

import subprocess
import sys

BOMBS: dict[str, str] = {
    "deep lists": "a: " + "[" * 1_000_000,
    "deep objects": "a: " + "{a: " * 300_000,
    "deep items": "- " * 1_000_000,
    "merge keys": "x0: &x0 {a: 1, b: 2}\n"
    + "".join(f"x{n}: &x{n}\n  <<: [{', '.join([f'*x{n - 1}'] * 10)}]\n  k{n}: 1\n" for n in range(1, 12)),
    "one wide merge key": "x0: &x0 {"
    + ", ".join(f"k{n}: 1" for n in range(9_000))
    + "}\nx1: {<<: ["
    + ",".join(["*x0"] * 9_000)
    + "]}\n",
    "many merge keys": "x0: &x0 {"
    + ", ".join(f"k{n}: 1" for n in range(9_000))
    + "}\nx1:\n"
    + "- {<<: *x0}\n" * 90_000,
    "a number of base 60": "a: 1" + ":1" * 1_000_000,
    "no time": "a: !!timestamp x",
}
LOOK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from gateway.app.own_stores.looking import decoded
from gateway.discover.openapi import is_openapi, read_openapi
found = decoded(("openapi: 3.0.0\\npaths: {}\\n" * (sys.argv[1] == "members") + sys.stdin.read()).encode())
print(read_openapi(found).routes if is_openapi(found) else "none")
"""


def looked(text: str) -> str:
    """Return what a look at a description gives, in a process whose end would be seen here."""
    kind = "members" if text.startswith("x0") else "whole"
    told = subprocess.run(
        [sys.executable, "-c", LOOK, kind], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    return told.stdout.strip() if told.returncode == 0 else f"{told.returncode} {told.stderr[-200:]}"


def test_no_bomb_of_yaml_costs_more_than_its_length() -> None:
    """Depth, merge keys and numbers end in no crash, no full memory, no minute of reckoning."""
    assert {name: looked(text) for name, text in BOMBS.items()} == dict.fromkeys(BOMBS, "none")


def test_what_is_no_bomb_is_read() -> None:
    """Aliases and merge keys that people write stay allowed."""
    assert looked("x0: &x0 {title: a}\nx1: {<<: *x0, b: [*x0, *x0]}\n") == "()"
