# SPDX-License-Identifier: Apache-2.0
"""Making an installation: its folder, its settings, its rules and its keys. Nothing in it is a default secret."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import yaml

from gateway.app.clock import now_us
from gateway.app.installation import Rooms
from gateway.app.keyring import make_keyring
from gateway.decide.loader.shipped import shipped_files
from gateway.domain.entry import Changed
from gateway.domain.errors import SettingsError
from gateway.domain.names import AccountId, RoleName
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.flows.enrolment import Confirmed
from gateway.identify.sessions import PERSON_CLIENT, new_session_id
from gateway.identify.totp import code_at, step_at
from gateway.settings.loading import FILE_NAME, Settings, load

HEADER = """# Settings of this installation. Every key can be overridden by an environment variable:
# listen.port is GATEWAY_LISTEN__PORT. An unknown key is an error.
"""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """A person's account with what it signs in with; shown once, kept by nobody but its owner."""

    account: AccountId
    totp_secret: str


def make_installation(state: Path, content: Mapping[str, object]) -> Settings:
    """Make the folder, settings, rules and keys of an installation and return its settings.

    Args:
        state: Folder; it must not hold an installation yet.
        content: Keys and values of ``gateway.yaml``.

    Raises:
        SettingsError: There is an installation already, or the folder cannot be made.
    """
    if (state / FILE_NAME).exists():
        raise SettingsError(f"{state} holds an installation already")
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        state.chmod(0o700)
        write_rules(state / "policies")
        write_settings(state, content)
    except OSError as error:
        raise SettingsError(f"{error.filename}: {error.strerror}") from None
    # The folder that was named stands above the one that the environment names.
    settings = load(state=state).model_copy(update={"state": state.absolute()})
    make_keyring(settings)
    return settings


def write_settings(state: Path, content: Mapping[str, object]) -> None:
    """Write ``gateway.yaml``, whole or not at all."""
    fresh = state / (FILE_NAME + ".new")
    fresh.write_text(HEADER + yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True), encoding="utf-8")
    fresh.rename(state / FILE_NAME)


def totp_now(secret: str) -> str:
    """Return the code that an authenticator with this secret, in base 32, shows now."""
    return code_at(base64.b32decode(secret), step_at(now_us()))


def write_rules(folder: Path) -> None:
    """Write the shipped rules into a folder; a file that is there already stays as it is."""
    for name, text in shipped_files().items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(text)


async def enrol_at_once(
    rooms: Rooms, name: str, password: str, *, roles: Sequence[str], recipient: str, by: str
) -> Enrolled:
    """Make a person's account whose authenticator is confirmed by its own secret, for scripts and the demo.

    The code of the step before is spent on it, so the owner can sign in at once with the present one.
    """
    account = await rooms.enrolment.add_person(name, password, roles=roles, recipient=recipient, by=by)
    fresh = await rooms.enrolment.enrol_totp(account, by=by)
    # Twice, because a step can end between the making of its code and the look at it.
    for _ in range(2):
        code = code_at(base64.b32decode(fresh.secret), step_at(now_us()) - 1)
        if isinstance(await rooms.enrolment.confirm_totp(account, code, by=by), Confirmed):
            return Enrolled(account=account, totp_secret=fresh.secret)
    raise SettingsError("the authenticator was not confirmed; is the clock of this machine right?")


async def issue_locally(rooms: Rooms, name: str, *, signed_in_ago_us: int, by: str) -> str | None:
    """Return a bearer for an account without its factors: whoever can read the keys could make one anyway.

    For the demo alone; returns ``None`` if there is no such account.
    """
    record = await rooms.accounts.named(name)
    if record is None:
        return None
    now = rooms.clock()
    account = record.account
    principal = Principal(
        account=account.id,
        kind=PrincipalKind.PERSON,
        roles=account.roles,
        client=PERSON_CLIENT,
        recipient=account.recipient,
        proof=Assurance.PERSON,
        signed_in_us=now - signed_in_ago_us,
        scopes=rooms.purposes_of((RoleName(account.id), *account.roles)),
        session=new_session_id(),
    )
    facts: dict[str, str | int] = {"session": principal.session}
    await rooms.log.append(Changed(by=by, what="demo-bearer-issued", target=account.id, facts=facts))
    return rooms.bearers.issue(principal, amr=("pwd", "otp"), now_us=now)
