# SPDX-License-Identifier: Apache-2.0
"""``gateway serve`` and ``gateway demo``: commands that go on until they are told to stop."""

import gc
import importlib
from typing import Annotated

import typer

from gateway.cli.desk.desk import Desk, command

DEMO = "gateway.demo.command"
"""Joined by name when it is asked for: the demo's room stands beside this one, and neither imports the other."""

WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, max=64, help="Doors; without it what `listen.workers` says."),
]
CheckOption = Annotated[bool, typer.Option("--check", help="Read program and settings, open nothing, and end.")]


@command
def serve(desk: Desk, *, workers: WorkersOption = None, check: CheckOption = False) -> None:
    """Serve until SIGTERM or SIGINT. SIGHUP reads the rules again; SIGUSR1 restarts without failing a call."""
    # What is imported and loaded now stays, so a collector of circles would look at it in vain, for a fifth of the start.
    gc.set_threshold(50_000, 50, 50)
    from gateway.app.serving.processes import run

    settings = desk.settings
    if not check:
        run(settings, workers or settings.listen.workers, lambda port: _tell_ready(desk, settings.listen.host, port))


def demo(context: typer.Context) -> None:
    """Start a sample store and a gateway before it. Options: gateway demo --help."""
    own = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    own.command()(importlib.import_module(DEMO).demo)
    own(args=context.args, prog_name="gateway demo")


def _tell_ready(desk: Desk, host: str, port: int) -> None:
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    desk.paper.answer({"listening": address}, lambda: desk.paper.say(f"listening on {address}"))
