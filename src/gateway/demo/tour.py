# SPDX-License-Identifier: Apache-2.0
"""``gateway demo --tour``: what the gateway does, stop by stop, each checked as it is told.

The tour starts a demo of its own, speaks to it over HTTP as a client app would, and runs the command
line as an officer would. A stop that does not come out as told ends it with exit code 1.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from gateway.app.making import totp_now
from gateway.demo.guide import ANALYST, EMAIL, SMS, Guide, fetch, is_row, run, until
from gateway.demo.making import read_credentials
from gateway.demo.virtual_ids import virtual_ids
from gateway.domain.errors import SettingsError

EXPLAINED = ("name", "email", "phone", "religion", "age")


def walk(state: Path, *, people: Path | None, n: int, wait: bool) -> None:
    """Start a demo in the folder, walk through it, and end it.

    Raises:
        TourFailed: A step did not come out as told.
        SettingsError: The demo did not start.
    """
    console = Console()
    words = [sys.executable, "-m", "gateway", "demo", "--state", str(state), "--port", "0", "--json", "--n", str(n)]
    words += ["--people", str(people)] if people else []
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    try:
        if not (process.stdout and process.stdout.readline()):
            raise SettingsError("the demo did not start; `gateway demo` says why")
        guide = Guide(state, read_credentials(state), console, wait=wait)
        for step in STEPS:
            step(guide)
            guide.pause()
        console.print("\n[bold green]The tour is over: every step came out as told.[/] Next: README.md, docs/")
    finally:
        process.terminate()
        process.wait(timeout=20)


def same_address(guide: Guide) -> None:
    """Show the same address straight and through the gateway, after a real sign-in."""
    guide.step(
        "One address, straight and through",
        "A client app changes its base URL and its key, and says what for. Nothing else. "
        "The store tells everything to anybody. The gateway tells an analyst what reporting needs.",
    )
    straight = fetch(guide.credentials.store_url + "/crm/customers?limit=1", {})
    guide.bearer = sign_in(guide)
    through = guide.get("/crm/customers?limit=1", guide.bearer, ANALYST)
    guide.beside(straight.body["items"][0], through.body["items"][0])
    guide.check("signed in with password and one-time code", holds=bool(guide.bearer))
    guide.check("the store told names, IDs and religion", holds="religion" in straight.body["items"][0])
    left = set(through.body["items"][0])
    guide.check("none of them left the gateway", holds=not left & {"name", "national_id", "religion", "health_note"})
    told = through.headers.get("data-view", "")
    guide.console.print(f"  [dim]Data-View: {told}[/]", highlight=False)
    guide.check("the answer says of each field how it left", holds="surrogate=" in told and "generalise=" in told)


def red_line(guide: Guide) -> None:
    """Show a filter that a red line refuses."""
    guide.step(
        "A red line stands above every grant",
        "A campaigner tries to choose people by religion. Fields used are fields read: a filter is a question too.",
    )
    reply = guide.get("/crm/customers?religion=catholic", guide.bearer_of("campaigner"), EMAIL)
    guide.console.print(f"  {reply.status}  {reply.body['detail']}", highlight=False)
    guide.check("refused, with the sentence why", holds=reply.status == 403 and reply.body["reason"] == "red-line")


def surrogates(guide: Guide) -> None:
    """Show a virtual ID: equal within a purpose, resolvable as a filter, another one elsewhere."""
    guide.step(
        "A virtual ID in place of the phone number",
        "Equal values get equal surrogates, so an analyst can count and join. For another "
        "purpose or recipient the same person has another surrogate, so two files cannot be laid together.",
    )
    rows = guide.get("/crm/customers?limit=2", guide.bearer, ANALYST).body["items"]
    again = guide.get("/crm/customers?limit=2", guide.bearer, ANALYST).body["items"]
    guide.surrogate = rows[0]["id"]
    guide.rows(rows, ("id", "phone", "city"))
    guide.check("the same person, the same surrogate", holds=again[0]["phone"] == rows[0]["phone"])
    found = guide.get(f"/crm/customers?id={guide.surrogate}", guide.bearer, ANALYST).body["items"]
    guide.check("asked for by it, the person is found", holds=[row["id"] for row in found] == [guide.surrogate])
    elsewhere = guide.get("/crm/customers?limit=2", guide.bearer_of("campaigner"), EMAIL).body["items"]
    guide.check(
        "for another purpose it is another surrogate", holds=guide.surrogate not in {row["id"] for row in elsewhere}
    )


def withheld(guide: Guide) -> None:
    """Show rows withheld by choice, and a choice that takes effect at once."""
    guide.step(
        "A person's choice takes effect at the gate",
        "People who did not consent, and minors, are left out of a mailing list. A withdrawal counts "
        "from the next answer on, whoever asks and whatever was cached.",
    )
    campaigner = guide.bearer_of("campaigner")
    page = "/crm/customers?limit=100"
    reply = guide.get(page, campaigner, EMAIL)
    told = reply.headers.get("rows-withheld", "")
    guide.console.print(f"  Rows-Withheld: {told}   [dim]in steps, so nobody can be counted out[/]", highlight=False)
    guide.check("rows of people without consent were withheld", holds="choice=" in told)
    straight = fetch(guide.credentials.store_url + page, {}).body["items"]
    emails = {row["email"] for row in reply.body["items"]}
    person = next(row for row in straight if row["email"] in emails)
    words = (
        "choice",
        "set",
        "--identity",
        "crm.customer_id",
        person["id"],
        "--purpose",
        EMAIL,
        "--choice",
        "withdrawn",
    )
    guide.check("a withdrawal is recorded", holds=guide.command(*words).returncode == 0)
    gone = until(
        lambda: person["email"] not in {row["email"] for row in guide.get(page, campaigner, EMAIL).body["items"]}
    )
    guide.check("the person is gone from the list within a second", holds=gone)


def step_up(guide: Guide) -> None:
    """Show the difference that a fresh sign-in makes."""
    guide.step(
        "Clear phone numbers need a fresh sign-in",
        "Ten minutes after signing in, the list shows masked numbers and says that more is there. "
        "Asking for them by name is answered by a challenge (RFC 9470), not by silence.",
    )
    stale, fresh = guide.bearer_of("campaigner", signed_in_ago_s=600), guide.bearer_of("campaigner")
    masked = guide.get("/crm/customers?limit=2", stale, SMS)
    guide.rows(masked.body["items"], ("name", "phone"))
    guide.check("masked, with the hint step-up", holds="step-up=" in masked.headers.get("data-view", ""))
    challenged = guide.get("/crm/customers?phone=%2B4915112345678", stale, SMS)
    guide.console.print(f"  {challenged.status}  {challenged.headers.get('www-authenticate')}", highlight=False)
    guide.check("named, it is a challenge", holds=challenged.status == 401)
    clear = guide.get("/crm/customers?limit=2", fresh, SMS)
    guide.rows(clear.body["items"], ("name", "phone"))
    guide.check("after a fresh sign-in it is clear", holds=all("*" not in row["phone"] for row in clear.body["items"]))


def explain(guide: Guide) -> None:
    """Show why."""
    guide.step("Why?", "Every layer's word on every field, and the nearest change that would permit what was refused.")
    told = guide.command(
        "explain", "campaigner", "crm.customers", "--purpose", EMAIL, "--operation", "read",
        "--reference", "tour-2026", "--filter", "religion=catholic",
    )  # fmt: skip
    table = [line for line in told.stdout.splitlines() if line.partition(" ")[0] in EXPLAINED or not is_row(line)]
    guide.lines(table)
    guide.check("denied, and the red line is named", holds=told.returncode == 3 and "red" in told.stdout.lower())


def flipped_byte(guide: Guide) -> None:
    """Show that one changed byte of the log is found."""
    guide.step(
        "Nobody quietly changes the log",
        "Every answer and refusal above has an entry, durable before its first byte left. The log is a "
        "Merkle tree under signed checkpoints; anyone with a copy and the public key can check it.",
    )
    guide.lines(guide.command("log", "tail", "-n", "6", "--slot", "door-0").stdout.splitlines())
    right = guide.command("log", "verify")
    guide.console.print(right.stdout, highlight=False, markup=False)
    guide.check("the log is right", holds=right.returncode == 0)
    copy = guide.state / "copy-of-the-log"
    shutil.copytree(guide.state / "log", copy)
    segment = copy / "door-0" / "000000.ndjson"
    raw = bytearray(segment.read_bytes())
    place = raw.index(b'"rows":') + len(b'"rows":')
    raw[place] = ord("7") if raw[place] != ord("7") else ord("8")
    segment.write_bytes(raw)
    guide.console.print(f"  [dim]one byte of a copy flipped: {segment.name}, byte {place}[/]")
    wrong = run("log", "verify", "--dir", str(copy))
    guide.console.print(f"  [bold]$ gateway log verify --dir copy-of-the-log[/]\n{wrong.stdout}", highlight=False)
    shutil.rmtree(copy)
    guide.check("the flipped byte is found", holds=wrong.returncode == 1)


STEPS: tuple[Callable[[Guide], None], ...] = (
    same_address,
    red_line,
    surrogates,
    withheld,
    step_up,
    virtual_ids,
    explain,
    flipped_byte,
)


def sign_in(guide: Guide) -> str:
    """Return an access bearer for the analyst by the two steps of a real sign-in."""
    account = next(one for one in guide.credentials.accounts if one.username == "analyst")
    base = guide.credentials.base_url
    started = fetch(base + "/-/login", {}, {"username": account.username, "password": account.password})
    said = {"login": started.body["login"], "code": totp_now(account.totp_secret)}
    return str(fetch(base + "/-/login/totp", {}, said).body["access_token"])
