# SPDX-License-Identifier: Apache-2.0
"""Making an installation before one store in one go: rules, an administrator and a client, with made-up secrets.

RULES

1. It is made beside its folder and put in place whole; a run that was broken off leaves nothing that a next one
   has to be told of.
2. No secret is a default. Each is drawn here and written to a file of its own that only its owner can read.
"""

import asyncio
import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec
from typing_extensions import override

from gateway.app.installation import Rooms, open_installation
from gateway.app.making import enrol_at_once, make_installation
from gateway.app.own_stores.starting import ANALYST, INSIGHTS, RECIPIENT
from gateway.app.slots import CLI_SLOT, log_signer
from gateway.domain.errors import SettingsError
from gateway.keys.files import sync_directory
from gateway.settings.loading import FILE_NAME, Settings, load
from gateway.store.meta import INSTALLATION

CLIENT = "analyst-app"
CLIENT_FILE = "analyst-app.json"
PASSWORD_FILE = "admin-password.txt"  # noqa: S105 - a name
TOTP_FILE = "admin-totp-secret.txt"
_MARK = ".unfinished-try"


class ClientSecret(msgspec.Struct, frozen=True, kw_only=True):
    """What the client signs in with."""

    client_id: str
    client_secret: str

    @override
    def __repr__(self) -> str:
        return f"<ClientSecret of {self.client_id}>"


def check_free(state: Path) -> None:
    """Say what to do where the folder cannot become a new installation.

    Raises:
        SettingsError: It holds something.
    """
    if (state / FILE_NAME).exists():
        raise SettingsError(
            f"{state} holds an installation already: `gateway serve --state {state}` starts it; "
            "for another one give another folder with --state"
        )
    if state.exists() and (not state.is_dir() or any(state.iterdir())):
        raise SettingsError(f"{state} is not empty; give a folder that is empty or not there with --state")


def free_port(host: str, wanted: int) -> int:
    """Return the wanted port, or any free one where something listens on it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            # As the server does: a port that only lingers counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SettingsError(f"nothing can listen on {host}")


def make(state: Path, content: Mapping[str, object], files: Mapping[str, bytes], *, by: str) -> Settings:
    """Make the installation and return its settings.

    Args:
        state: Folder; see ``check_free``.
        content: Keys and values of ``gateway.yaml``.
        files: Every rule file by its name below ``policies/``.
        by: Who makes it, for the log.

    Raises:
        SettingsError: The folder cannot be made.
    """
    check_free(state)
    staging = state.with_name(f".{state.name}.unfinished")
    _clear(staging)
    try:
        staging.mkdir(mode=0o700, parents=True)
        (staging / _MARK).touch()
        settings = make_installation(staging, content)
        _write_rules(staging / "policies", files)
        asyncio.run(_fill(settings.model_copy(update={"state": staging}), by))
        (staging / _MARK).unlink()
        if state.exists():
            state.rmdir()
        staging.rename(state)
        sync_directory(state.parent)
    except OSError as error:
        raise SettingsError(f"{error.filename}: {error.strerror}") from None
    return load(state=state).model_copy(update={"state": state})


def client_of(state: Path) -> ClientSecret:
    """Return what the client of an installation signs in with.

    Raises:
        SettingsError: The installation was not made by ``gateway try``.
    """
    try:
        return msgspec.json.decode((state / CLIENT_FILE).read_bytes(), type=ClientSecret)
    except (OSError, msgspec.DecodeError):
        raise SettingsError(f"{state} was not made by `gateway try`: it has no {CLIENT_FILE}") from None


async def _fill(settings: Settings, by: str) -> None:
    async with open_installation(settings, CLI_SLOT) as rooms:
        own = log_signer(rooms.keyring, CLI_SLOT).public_key.hex()
        if await rooms.meta.settle(INSTALLATION, own) != own:
            raise SettingsError("the database belongs to another installation; give this one a database of its own")
        await _administrator(rooms, settings.state, by)
        client_id, secret = await rooms.enrolment.add_client(
            CLIENT, name=CLIENT, roles=(ANALYST,), recipient=RECIPIENT, scopes=(INSIGHTS,), by=by
        )
    told = msgspec.json.encode(ClientSecret(client_id=client_id, client_secret=secret))
    _write_private(settings.state / CLIENT_FILE, told + b"\n")


async def _administrator(rooms: Rooms, state: Path, by: str) -> None:
    password = secrets.token_urlsafe(18)
    enrolled = await enrol_at_once(rooms, "admin", password, roles=("admin",), recipient=RECIPIENT, by=by)
    _write_private(state / PASSWORD_FILE, f"{password}\n".encode())
    _write_private(state / TOTP_FILE, f"{enrolled.totp_secret}\n".encode())


def _write_rules(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put the files in the place of those that an installation begins with."""
    shutil.rmtree(folder)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(text)


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _clear(staging: Path) -> None:
    if not staging.exists():
        return
    if not (staging / _MARK).exists():
        raise SettingsError(f"{staging} is in the way; move it, or choose another folder with --state")
    shutil.rmtree(staging)
