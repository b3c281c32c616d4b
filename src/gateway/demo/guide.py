# SPDX-License-Identifier: Apache-2.0
"""What the stops of ``gateway demo --tour`` share: the running demo, its credentials, the screen, and checks of what is told."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from gateway.demo.bearers import print_bearer
from gateway.demo.making import Credentials
from gateway.domain.errors import GatewayError

ANALYST = "analytics.reporting.campaign_insights"
EMAIL = "marketing.communications.email"
SMS = "marketing.communications.sms"
SUPPORT = "essential.service.operations.support"
REFERENCE = {"Data-Reference": "tour-2026"}
MOST_SHOWN = 60
"""Characters of a path: a surrogate is longer than a line."""
SHOWN = (
    "id", "name", "email", "phone", "national_id", "birth_date", "address", "city", "religion", "notes", "age", "job",
    "balance",
)  # fmt: skip


class TourFailed(GatewayError):
    """A step did not come out as told."""


class Reply(msgspec.Struct, frozen=True):
    """An answer over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Guide:
    """What the steps share: the running demo, its credentials, and the screen."""

    def __init__(self, state: Path, credentials: Credentials, console: Console, *, wait: bool) -> None:
        """Keep them."""
        self.state, self.credentials, self.console, self._wait = state, credentials, console, wait
        self.bearer = ""
        self.surrogate = ""
        self._n = 0

    def step(self, title: str, text: str) -> None:
        """Open a step."""
        self._n += 1
        self.console.print(Panel(text, title=f"[bold]{self._n}. {title}[/]", title_align="left", border_style="cyan"))

    def pause(self) -> None:
        """Wait for Enter, unless told not to."""
        if self._wait:
            self.console.input("[dim]Enter for the next step …[/] ")

    def check(self, claim: str, *, holds: bool) -> None:
        """Say whether a claim of the tour holds, and end the tour if not."""
        self.console.print(f"  [green]✓[/] {claim}" if holds else f"  [red]✗ {claim}[/]")
        if not holds:
            raise TourFailed(f"step {self._n} did not come out as told: {claim}")

    def get(self, path: str, bearer: str, purpose: str) -> Reply:
        """Ask the gateway as a client app does, and show how."""
        return self._asked("GET", path, bearer, purpose)

    def post(self, path: str, bearer: str, purpose: str, content: object) -> Reply:
        """Send JSON to the gateway as a client app does, and show how."""
        return self._asked("POST", path, bearer, purpose, content)

    def _asked(self, method: str, path: str, bearer: str, purpose: str, content: object = None) -> Reply:
        shown = path if len(path) <= MOST_SHOWN else f"{path[:MOST_SHOWN]}…"
        self.console.print(f"  [bold]{method}[/] {shown}   [dim]Data-Purpose: {purpose}[/]", highlight=False)
        headers = {"Authorization": f"Bearer {bearer}", "Data-Purpose": purpose, **REFERENCE}
        return fetch(self.credentials.base_url + path, headers, content)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the gateway on the demo, and show it."""
        self.console.print(f"  [bold]$ gateway {' '.join(words)}[/]", highlight=False)
        return run(*words, "--state", str(self.state))

    def bearer_of(self, role: str, *, signed_in_ago_s: int = 0) -> str:
        """Return a bearer of a role's account, as ``gateway demo --bearer`` prints it."""
        return asyncio.run(print_bearer(self.state, role, signed_in_ago_s))

    def lines(self, lines: Sequence[str]) -> None:
        """Show what a command printed: lines of a table cut to the screen, sentences wrapped."""
        for line in lines:
            cut = is_row(line)
            self.console.print(
                f"  {line}", highlight=False, markup=False, no_wrap=cut, overflow="ellipsis" if cut else "fold"
            )

    def beside(self, straight: Mapping[str, object], through: Mapping[str, object]) -> None:
        """Show one row as the store tells it beside what the gateway lets leave; an absent field is a dot."""
        table = Table(show_edge=False, pad_edge=False)
        for title in ("field", "the store tells anybody", "an analyst gets"):
            table.add_column(title, overflow="ellipsis", no_wrap=True, max_width=32)
        for name in SHOWN:
            told = str(through[name]) if name in through else "[dim]·[/]"
            table.add_row(name, str(straight.get(name)), told)
        self.console.print(table)

    def rows(self, rows: Sequence[Mapping[str, object]], fields: Sequence[str]) -> None:
        """Show some fields of rows as a table; a field that is not there is a dot."""
        table = Table(show_edge=False, pad_edge=False)
        for name in fields:
            table.add_column(name, overflow="ellipsis", no_wrap=True, max_width=18)
        for row in rows:
            table.add_row(*("[dim]·[/]" if name not in row else str(row[name]) for name in fields))
        self.console.print(table)


def is_row(line: str) -> bool:
    """Tell whether a line belongs to a table."""
    return "│" in line or "┃" in line or "━" in line


def fetch(url: str, headers: Mapping[str, str], content: object = None) -> Reply:
    """Return the answer to a GET on this machine, or to a POST of some JSON, whatever its status."""
    body = None if content is None else json.dumps(content).encode()
    told = headers if body is None else {**headers, "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, dict(told))  # noqa: S310 - http on loopback, made above
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return _reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return _reply(error.code, error.headers, error.read())


def _reply(status: int, headers: Any, body: bytes) -> Reply:
    return Reply(status, {name.lower(): value for name, value in headers.items()}, json.loads(body) if body else None)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the gateway's command line and return what came of it."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "gateway", *words], capture_output=True, text=True, check=False, timeout=60
    )


def until(condition: Callable[[], bool], within_s: float = 3.0) -> bool:
    """Tell whether a condition becomes true within a time."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if condition():
            return True
        time.sleep(0.2)
    return False
