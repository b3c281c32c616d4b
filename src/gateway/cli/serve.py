# SPDX-License-Identifier: Apache-2.0
"""``gateway serve`` and ``gateway demo``: commands that go on until they are told to stop."""

import importlib

import typer

from gateway.cli.desk import Desk, command

DEMO = "gateway.demo.command"
"""Joined by name when it is asked for: the demo's room stands beside this one, and neither imports the other."""


@command
def serve(desk: Desk) -> None:
    """Serve until SIGTERM or SIGINT. SIGHUP reads the rules again."""
    from gateway.app.serve import run

    settings = desk.settings
    run(settings, on_ready=lambda port: _tell_ready(desk, settings.listen.host, port))


def demo(context: typer.Context) -> None:
    """Start a sample store and a gateway before it. Options: gateway demo --help."""
    own = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    own.command()(importlib.import_module(DEMO).demo)
    own(args=context.args, prog_name="gateway demo")


def _tell_ready(desk: Desk, host: str, port: int) -> None:
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    desk.paper.answer({"listening": address}, lambda: desk.paper.say(f"listening on {address}"))
