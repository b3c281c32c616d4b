# SPDX-License-Identifier: Apache-2.0
"""Who may read and change what the gateway keeps, and where its secrets stand."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.app.checkup.findings import Finding, Patient, ok, problem, warning

PRIVATE = 0o077
CHANGED_BY_OTHERS = 0o022
SECRETS = ("GATEWAY_DATABASE", "GATEWAY_KEK")
MOST_TOLD = 5


async def permissions(patient: Patient) -> Iterable[Finding]:
    """Look at who may read state and secrets, and who may change rules and settings."""
    return [*_state(patient.settings.state), *_files(patient), *_rules(patient)]


async def secrets(patient: Patient) -> Iterable[Finding]:
    """Look at where secrets stand: an environment is inherited by programs and shown by tools, a file is not."""
    in_environment = [name for name in SECRETS if name in os.environ]
    found = [
        warning(
            "secrets",
            f"{name} stands in the environment, where every program that is started from here gets it",
            f"put it in a file of mode 600 and set {name}_FILE to its path (systemd: LoadCredential=)",
        )
        for name in in_environment
    ]
    written = patient.settings.state / "gateway.yaml"
    if not in_environment and patient.settings.kek is not None and "GATEWAY_KEK_FILE" not in os.environ:
        found.append(
            warning(
                "secrets",
                f"the key-encryption key stands in {written.name}",
                "set GATEWAY_KEK_FILE to a file of its own",
            )
        )
    return found or [ok("secrets", "no secret stands in the environment or in gateway.yaml")]


def _state(state: Path) -> Iterator[Finding]:
    if not state.is_dir():
        yield problem("permissions", f"{state} does not exist", f"gateway init {state}")
        return
    found = state.stat()
    if found.st_uid != os.geteuid():
        yield problem(
            "permissions", f"{state} belongs to another user than this one", "give commands as the gateway's own user"
        )
    if found.st_mode & PRIVATE:
        yield problem("permissions", f"{state} is open to others (mode {_mode(found)})", f"chmod 700 {state}")
    else:
        yield ok("permissions", f"{state} is closed to others")


def _files(patient: Patient) -> Iterator[Finding]:
    state, settings = patient.settings.state, patient.settings
    own = [state / "keys", state / "keys" / "kek", state / "keys" / "keyring.json", state / "gateway.db"]
    own.append(state / "people-keys.db")
    for path in own:
        if path.exists() and path.stat().st_mode & PRIVATE:
            mode = "700" if path.is_dir() else "600"
            yield problem(
                "permissions", f"{path} is open to others (mode {_mode(path.stat())})", f"chmod {mode} {path}"
            )
    given = [
        (f"stores.{name}.{key}", path)
        for name, one in settings.stores.items()
        for key, path in (("authorization_file", one.authorization_file), ("client_key_file", one.client_key_file))
    ]
    for key, secret in [*given, ("metrics.token_file", settings.metrics.token_file)]:
        if secret is None:
            continue
        if not secret.is_file():
            yield problem("permissions", f"{key}: {secret} does not exist", f"write {secret}, or take the line away")
        elif secret.stat().st_mode & 0o007:
            yield problem("permissions", f"{key}: {secret} is open to everyone", f"chmod 600 {secret}")
        elif secret.stat().st_mode & 0o070 & ~0o040:
            yield warning("permissions", f"{key}: {secret} can be changed by its group", f"chmod 640 {secret}")


def _rules(patient: Patient) -> Iterator[Finding]:
    settings = patient.settings
    places = [settings.state / "gateway.yaml", settings.policies_dir]
    if settings.policies_dir.is_dir():
        places += sorted(settings.policies_dir.rglob("*"))
    open_ones = [path for path in places if path.exists() and path.stat().st_mode & CHANGED_BY_OTHERS]
    for path in open_ones[:MOST_TOLD]:
        yield warning(
            "permissions", f"{path} can be changed by others (mode {_mode(path.stat())})", f"chmod go-w {path}"
        )
    if len(open_ones) > MOST_TOLD:
        yield warning(
            "permissions",
            f"{len(open_ones) - MOST_TOLD} more files of the rules can be changed by others",
            f"chmod -R go-w {settings.policies_dir}",
        )


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):03o}"
