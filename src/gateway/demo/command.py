# SPDX-License-Identifier: Apache-2.0
"""``gateway demo``: makes the demo once, then starts the sample store and the gateway before it."""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gateway.app.serving.serve import bound_socket, run
from gateway.demo.bearers import print_bearer
from gateway.demo.making import (
    STORE_FILE,
    STORES,
    Credentials,
    is_made,
    make_demo,
    note_addresses,
    read_credentials,
    settings_of,
    write_credentials,
)
from gateway.demo.people import N_MADE_UP
from gateway.demo.store import listener
from gateway.domain.errors import GatewayError, SettingsError
from gateway.settings.loading import Settings
from gateway.settings.sections import Listen, StoreSettings

ANALYST_PURPOSE = "analytics.reporting.campaign_insights"
STORE_LOG = "store-access.log"
N_TOUR = 200
"""So few people that a column of theirs is turned over while one watches."""


def demo(
    state: Annotated[Path, typer.Option(help="Folder of the demo; made if it is not there.")] = Path(".demo"),
    port: Annotated[int, typer.Option(help="Port of the gateway on 127.0.0.1; 0 takes a free one.")] = 8080,
    people: Annotated[
        Path | None, typer.Option(help="Campaign data to give people their attributes (CSV, also .gz).")
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "--n",
            min=10,
            max=1_000_000,
            help=f"People to make up, or to take from such data; {N_MADE_UP:,} or all of it if not said, {N_TOUR} for the tour.",
        ),
    ] = None,
    bearer: Annotated[str | None, typer.Option(help="Print a bearer for this role's account, and end.")] = None,
    signed_in_ago: Annotated[int, typer.Option(help="With --bearer: age of the sign-in in seconds.", min=0)] = 0,
    tour: Annotated[bool, typer.Option("--tour", help="Walk through what the gateway does, step by step.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --tour: do not wait for Enter.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document once all is ready.")] = False,
) -> None:
    """Start a sample store and the gateway before it, on this machine only."""
    try:
        if bearer is not None:
            typer.echo(asyncio.run(print_bearer(state, bearer, signed_in_ago)))
        elif tour:
            _tour(state, people, n, yes=yes)
        else:
            start(state, port, people, n, as_json=json)
    except GatewayError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def start(state: Path, port: int, people: Path | None, n: int | None, *, as_json: bool) -> None:
    """Make the demo if there is none, and run it until it is told to end."""
    bound_socket("127.0.0.1", port).close()
    if is_made(state):
        settings = settings_of(state)
        if people is not None:
            typer.echo(f"{state} holds a demo already: it is started as it is, --people is not read.", err=True)
    else:
        settings = _made(state, people, n)
    with _sample_store(state / STORE_FILE) as store_url:
        stores = {name: StoreSettings(base_url=f"{store_url}/{name}") for name in STORES}
        settings = settings.model_copy(update={"stores": stores, "listen": Listen(port=port)})

        def ready(actual_port: int) -> None:
            made = read_credentials(state)
            base_url = f"http://127.0.0.1:{actual_port}"
            credentials = msgspec.structs.replace(made, base_url=base_url, store_url=store_url)
            note_addresses(state, store_url, actual_port)
            write_credentials(state, credentials)
            _say_ready(state, credentials, as_json=as_json)

        run(settings, on_ready=ready)


def _tour(state: Path, people: Path | None, n: int | None, *, yes: bool) -> None:
    from gateway.demo.tour import walk

    with contextlib.ExitStack() as stack:
        if state == Path(".demo"):
            state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-tour-"))) / "demo"
        walk(state, people=people, n=n or N_TOUR, wait=not yes)


def _made(state: Path, people: Path | None, n: int | None) -> Settings:
    console = Console(stderr=True)
    console.print(f"Making the demo in {state} …")
    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks = {what: bars.add_task(what, total=None) for what in ("people", "choices")}

        def progress(what: str, done: int, total: int) -> None:
            bars.update(tasks[what], completed=done, total=total or None)

        return make_demo(state, campaign=people, n=n, progress=progress)


@contextlib.contextmanager
def _sample_store(path: Path) -> Iterator[str]:
    """Run the sample store in a process of its own, on a free port of this machine."""
    probe = listener(0)
    port = probe.getsockname()[1]
    probe.close()
    log = path.with_name(STORE_LOG)
    log.touch(mode=0o600)
    words = ("--db", str(path), "--port", str(port), "--access-log", str(log))
    command = [sys.executable, "-m", "gateway.demo.store", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    try:
        told = process.stdout.readline() if process.stdout else ""
        if "sample store on" not in told:
            raise SettingsError("the sample store did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _say_ready(state: Path, credentials: Credentials, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode({"base_url": credentials.base_url, "store_url": credentials.store_url}).decode())
        sys.stdout.flush()
        return
    base, store = credentials.base_url, credentials.store_url
    at = "" if state == Path(".demo") else f" --state {state}"
    command = "gateway" if state.is_absolute() else ".venv/bin/gateway"
    typer.echo(f"""
The gateway listens on {base} and the sample store, which it protects, on {store}.
Accounts, passwords and TOTP secrets: {state}/credentials.json

Try, in another terminal:

  # the store, straight: everything about everybody
  curl -s '{store}/crm/customers?limit=1'

  # the same through the gateway, as an analyst with a purpose
  BEARER=$({command} demo{at} --bearer analyst)
  curl -si '{base}/crm/customers?limit=1' \\
    -H "Authorization: Bearer $BEARER" -H 'Data-Purpose: {ANALYST_PURPOSE}'

  # the log of it, and its proof
  {command} log tail --state {state}
  {command} log verify --state {state}

  # what went past the gateway by the sample store's own log: the first call above did
  {command} log reconcile --store crm --store-log {state}/{STORE_LOG} --state {state}

  # five minutes through the rest: a store that loses its phones to virtual IDs, a value had back, mail to people nobody sees
  {command} demo --tour

Ctrl-C ends both.""")
    sys.stdout.flush()
