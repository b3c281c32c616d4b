# SPDX-License-Identifier: Apache-2.0
"""Makes the demo: a sample store full of people, and an installation before it with accounts by role.

Every secret is drawn anew for each demo and written to ``credentials.json`` (mode 600), on which
scripts rely. A demo that was not made to the end is thrown away and made again.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec
from pyroaring import BitMap

from gateway.app.clock import now_us
from gateway.app.installation import Rooms, open_installation
from gateway.app.making import enrol_at_once, make_installation, write_settings
from gateway.app.slots import CLI_SLOT
from gateway.demo.campaign import read_campaign
from gateway.demo.people import N_MADE_UP, Customer, people
from gateway.demo.tables import make
from gateway.domain.choice import Choice, packed
from gateway.domain.entry import Changed, Part
from gateway.domain.errors import SettingsError
from gateway.domain.names import IdentityKind, PurposeKey
from gateway.settings.loading import FILE_NAME, Settings, load

CREDENTIALS = "credentials.json"
STORE_FILE = "store.db"
STORES = ("crm", "shop", "mailer")
INSTALLATION = "demo"
PEOPLE = ("analyst", "campaigner", "service-agent", "case-worker", "mail-sender", "officer", "admin")
CLIENTS = (
    ("newsletter-app", "mail-service", ("marketing.communications.email",)),
    ("partner-adnet", "adnet", ("marketing.advertising.third_party.targeted",)),
)
CUSTOMER = IdentityKind("crm.customer_id")
BY = "local:demo"
CHOICES_A_BATCH = 20_000


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a person of the demo signs in with."""

    username: str
    password: str
    totp_secret: str
    roles: tuple[str, ...]


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """What a client app of the demo signs in with."""

    client_id: str
    client_secret: str
    roles: tuple[str, ...]


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of ``credentials.json``."""

    base_url: str
    store_url: str
    accounts: tuple[Account, ...]
    clients: tuple[Client, ...]


Progress = Callable[[str, int, int], None]
"""Told what is being made, how much of it is done, and how much there is; 0 where that is not known."""


def is_made(state: Path) -> bool:
    """Tell whether the folder holds a demo that was made to the end."""
    return (state / CREDENTIALS).exists() and (state / FILE_NAME).exists()


def make_demo(state: Path, *, campaign: Path | None, n: int | None, progress: Progress) -> Settings:
    """Make a demo in the folder and return its settings.

    Args:
        state: Folder; what an unfinished demo left in it is removed.
        campaign: Real campaign data to give people their attributes; none to make them up.
        n: How many people to make up, or to take from the campaign data; all of it, or the usual number, if not given.
        progress: Told as it goes on.

    Raises:
        SettingsError: The folder holds something else, or the campaign file cannot be used.
    """
    _clear(state)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    marker = state / ".unfinished-demo"
    marker.touch()
    choices = _make_store(state / STORE_FILE, campaign, n, progress)
    settings = make_installation(state, _content("http://127.0.0.1:9", 8080))
    credentials = asyncio.run(_fill(settings, choices, progress))
    write_credentials(state, credentials)
    marker.unlink()
    return settings


def read_credentials(state: Path) -> Credentials:
    """Return the credentials of a demo.

    Raises:
        SettingsError: There is no demo in the folder.
    """
    try:
        return msgspec.json.decode((state / CREDENTIALS).read_bytes(), type=Credentials)
    except (OSError, msgspec.DecodeError):
        raise SettingsError(f"{state} holds no demo; `gateway demo --state {state}` makes and starts one") from None


def write_credentials(state: Path, credentials: Credentials) -> None:
    """Replace the credentials file, readable by its owner alone from its first byte on."""
    fresh = state / (CREDENTIALS + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(credentials), indent=2) + b"\n")
    fresh.rename(state / CREDENTIALS)


def note_addresses(state: Path, store_url: str, port: int) -> None:
    """Let commands that are given beside a running demo find its stores and its door, whose ports each start chooses."""
    write_settings(state, _content(store_url, port))


def _content(store_url: str, port: int) -> dict[str, object]:
    return {
        "installation": INSTALLATION,
        "listen": {"host": "127.0.0.1", "port": port},
        "stores": {name: {"base_url": f"{store_url}/{name}"} for name in STORES},
        "log": {"least_free_bytes": 64 << 20, "least_free_percent": 1},
    }


def settings_of(state: Path) -> Settings:
    """Return the settings of a demo; its folder stands above the one that the environment names."""
    return load(state=state).model_copy(update={"state": state.absolute()})


def _clear(state: Path) -> None:
    if not state.exists() or not any(state.iterdir()):
        return
    if not (state / ".unfinished-demo").exists():
        raise SettingsError(f"{state} is not empty and holds no demo; choose another folder with --state")
    shutil.rmtree(state)


def _make_store(
    path: Path, campaign: Path | None, n: int | None, progress: Progress
) -> list[tuple[str, PurposeKey, Choice]]:
    """Write the sample store; return each customer's choices with a number still to be filled in."""
    rows = None if campaign is None else list(islice(read_campaign(campaign), n))
    total = n or N_MADE_UP if rows is None else len(rows)
    choices: list[tuple[str, PurposeKey, Choice]] = []

    def seen(crowd: Iterator[Customer]) -> Iterator[Customer]:
        for customer in crowd:
            for one in customer.choices:
                blank = Choice(person=0, purpose=one.purpose, state=one.state, at_us=one.at_us)  # type: ignore[arg-type]
                choices.append((customer.id, one.purpose, blank))
            yield customer

    today = datetime.fromtimestamp(now_us() / 1_000_000, UTC).date()
    make(path, seen(people(rows, total, today=today)), progress=lambda done: progress("people", done, total))
    path.chmod(0o600)
    return choices


async def _fill(settings: Settings, choices: list[tuple[str, PurposeKey, Choice]], progress: Progress) -> Credentials:
    async with open_installation(settings, CLI_SLOT) as rooms:
        accounts = [await _account(rooms, name) for name in PEOPLE]
        clients = [await _client(rooms, *client) for client in CLIENTS]
        for start in range(0, len(choices), CHOICES_A_BATCH):
            await _record(rooms, choices[start : start + CHOICES_A_BATCH])
            progress("choices", min(start + CHOICES_A_BATCH, len(choices)), len(choices))
    return Credentials(base_url="", store_url="", accounts=tuple(accounts), clients=tuple(clients))


async def _account(rooms: Rooms, name: str) -> Account:
    password = secrets.token_urlsafe(18)
    enrolled = await enrol_at_once(rooms, name, password, roles=(name,), recipient="own", by=BY)
    return Account(username=name, password=password, totp_secret=enrolled.totp_secret, roles=(name,))


async def _client(rooms: Rooms, client_id: str, recipient: str, scopes: tuple[str, ...]) -> Client:
    _, secret = await rooms.enrolment.add_client(
        client_id,
        name=client_id,
        roles=(client_id,),
        recipient=recipient,
        scopes=tuple(PurposeKey(scope) for scope in scopes),
        by=BY,
    )
    return Client(client_id=client_id, client_secret=secret, roles=(client_id,))


async def _record(rooms: Rooms, batch: list[tuple[str, PurposeKey, Choice]]) -> None:
    numbers = await rooms.people.numbers(CUSTOMER, [customer for customer, _, _ in batch])
    told = [
        msgspec.structs.replace(choice, person=number) for number, (_, _, choice) in zip(numbers, batch, strict=True)
    ]
    entry = Changed(by=BY, what="choices-imported", target="demo", facts={"new": len(told)})
    await rooms.log.append(entry, Part(people=BitMap(numbers).serialize(), choices=packed(told)))
    await rooms.choices.record(told, "demo")
