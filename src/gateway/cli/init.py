# SPDX-License-Identifier: Apache-2.0
"""``gateway init``: a new installation with its first administrator, enrolled on the spot.

Steps: 1 the folder · 2 settings under their unfinished name, rules, keys · 3 database and log, with the
first opening · 4 the administrator · 5 settings get their name, which is what makes it an installation.

A run that is broken off leaves the unfinished name behind. The next run takes up from there with the
same keys and the same log, and enrols the administrator anew; nothing has to be cleaned by hand.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.account.enrolling import PasswordFile, SecretOut, Steps, show_recovery
from gateway.cli.desk.desk import Desk, JsonOption, Stop, ended_in_words
from gateway.cli.desk.finding import ADMIN
from gateway.domain.names import is_key

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.domain.names import AccountId
    from gateway.settings.loading import Settings

FILE_NAME = "gateway.yaml"
UNFINISHED = FILE_NAME + ".unfinished"

SETTINGS = """\
# Settings of this installation. Every key can be overridden by an environment variable: listen.port is
# GATEWAY_LISTEN__PORT. An unknown key is an error. `gateway check` reads this file and the rules.

# First two words of the name of every log of this machine. Never change them: the logs are signed by name.
installation: {name}
node: node1

# Folder of the rules, relative to this file's.
policies: policies

listen:
  host: 127.0.0.1
  port: 8080

# One entry for each store that the datasets name: what the path /crm of the gateway stands for.
stores: {{}}
#  crm:
#    base_url: https://crm.internal.example/api
#    authorization_file: /run/secrets/crm   # the gateway's own credentials there, never a caller's
#    read_s: 15

# SQLite in this folder unless a PostgreSQL URL is given; as a secret: GATEWAY_DATABASE_FILE.
# database: postgresql://gateway@db.internal.example/gateway

# The key that wraps all others lies in keys/kek, unless GATEWAY_KEK or GATEWAY_KEK_FILE holds it.

# Networks from which X-Forwarded-For is believed.
# trusted_proxies: [10.0.0.0/8]
"""


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make; closed to everyone else.")],
    *,
    name: Annotated[
        str | None, typer.Option("--name", metavar="INSTALLATION", help="First word of the logs' names. [gateway]")
    ] = None,
    admin: Annotated[str, typer.Option("--admin", metavar="NAME", help="Name of the first administrator.")] = "admin",
    password_file: PasswordFile = None,
    totp_secret_out: SecretOut = None,
    json: JsonOption = False,
) -> None:
    """Make an installation. Its first administrator is enrolled on the spot."""
    with ended_in_words():
        desk = Desk(folder, None, json=json)
        begun = _Begun(desk, folder.absolute(), name)
        steps = Steps(desk, begun.open, password_file, totp_secret_out)
        begun.check()
        steps.check_password()
        steps.check_authenticator()
        begun.make()
        account = steps.with_password(
            f"Password for {admin}", lambda rooms, password: _administrator(rooms, admin, password, desk.by)
        )
        codes = steps.authenticator(account)
        begun.finish()
        document = {
            "state": str(folder.absolute()),
            "installation": begun.settings.installation,
            "admin": {"name": admin, "account": account},
            "recovery_codes": codes,
        }
        desk.paper.answer(document, lambda: _tell(desk, folder, codes))


class _Begun:
    """An installation that is being made."""

    settings: "Settings"

    def __init__(self, desk: Desk, folder: Path, name: str | None) -> None:
        self._desk, self._folder, self._name = desk, folder, name

    def check(self) -> None:
        """Stop where an installation is already, or something that is none."""
        if self._name is not None and not is_key(self._name):
            raise Stop("--name must be one word of letters, digits, dots, hyphens and underscores")
        folder = self._folder
        if (folder / FILE_NAME).exists():
            raise Stop(f"{folder} holds an installation already; choose another folder")
        if folder.exists() and not folder.is_dir():
            raise Stop(f"{folder} is no folder")
        if folder.is_dir() and not (folder / UNFINISHED).exists() and any(folder.iterdir()):
            raise Stop(f"{folder} is not empty; choose another folder")

    def make(self) -> None:
        """Make folder, settings, rules and keys, or take up what a broken-off run made of them."""
        from gateway.app.keyring import make_keyring
        from gateway.settings.loading import load

        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        unfinished = self._folder / UNFINISHED
        if not unfinished.exists():
            _write(unfinished, SETTINGS.format(name=self._name or "gateway").encode())
        _write_rules(self._folder)
        self.settings = load(config=unfinished).model_copy(update={"state": self._folder})
        if self._name not in (None, self.settings.installation):
            raise Stop(
                f"{self._folder} was begun under the name {self.settings.installation}; "
                f"go on with --name {self.settings.installation}, or delete the folder"
            )
        make_keyring(self.settings)

    @asynccontextmanager
    async def open(self) -> "AsyncIterator[Rooms]":
        """Open what is being made, for one step of it."""
        from gateway.app.installation import open_installation
        from gateway.app.slots import CLI_SLOT, log_signer
        from gateway.store.meta import INSTALLATION

        async with open_installation(self.settings, CLI_SLOT, with_rules=False) as rooms:
            # Asked again under the log's lock: two runs at once must not both make the administrator.
            if (self._folder / FILE_NAME).exists():
                raise Stop(f"{self._folder} holds an installation already; another run finished it")
            own = log_signer(rooms.keyring, CLI_SLOT).public_key.hex()
            if await rooms.meta.settle(INSTALLATION, own) != own:
                raise Stop("the database belongs to another installation; give this one a database of its own")
            yield rooms

    def finish(self) -> None:
        """Give the settings their name, durably; from here on it is an installation."""
        from gateway.keys.files import sync_directory

        (self._folder / UNFINISHED).rename(self._folder / FILE_NAME)
        sync_directory(self._folder)


async def _administrator(rooms: "Rooms", name: str, password: str, by: str) -> "AccountId":
    """Return the administrator's account, taking up one that a broken-off run made."""
    known = await rooms.accounts.named(name)
    if known is None:
        return await rooms.enrolment.add_person(name, password, roles=(ADMIN,), recipient=OWN, by=by)
    await rooms.enrolment.set_password(known.account.id, password, by=by)
    return known.account.id


OWN = "own"
"""The recipient that the shipped organisation.yaml gives the controller itself."""


def _write_rules(folder: Path) -> None:
    """Copy the shipped rules in one step, so that a broken-off copy is never taken for rules."""
    from gateway.app.making import write_rules

    target, fresh = folder / "policies", folder / "policies.unfinished"
    if target.exists():
        return
    if fresh.exists():
        shutil.rmtree(fresh)
    write_rules(fresh)
    fresh.rename(target)


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step, durably."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _tell(desk: Desk, folder: Path, codes: tuple[str, ...]) -> None:
    show_recovery(desk, codes)
    desk.paper.say("")
    desk.paper.say(f"{folder} is an installation. Next: name your stores in {folder / FILE_NAME}, describe them in")
    desk.paper.say(f"{folder / 'policies'}, then: gateway check --state {folder} && gateway serve --state {folder}")
