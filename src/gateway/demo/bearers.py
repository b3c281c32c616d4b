# SPDX-License-Identifier: Apache-2.0
"""A bearer of the demo's, as a person would have it after signing in."""

from pathlib import Path

from gateway.app.installation import open_installation
from gateway.app.making import issue_locally
from gateway.app.slots import CLI_SLOT
from gateway.demo.making import (
    BY,
    INSTALLATION,
    read_credentials,
    settings_of,
)
from gateway.domain.errors import SettingsError


async def print_bearer(state: Path, role: str, signed_in_ago_s: int) -> str:
    """Return a bearer for a role's account of the demo.

    Raises:
        SettingsError: There is no demo in the folder, or no such role in it.
    """
    known = [account.username for account in read_credentials(state).accounts]
    settings = settings_of(state)
    if settings.installation != INSTALLATION:
        raise SettingsError(f"{state} is no demo; bearers are printed for demos alone")
    async with open_installation(settings, CLI_SLOT) as rooms:
        bearer = await issue_locally(rooms, role, signed_in_ago_us=signed_in_ago_s * 1_000_000, by=BY)
    if bearer is None:
        raise SettingsError(f"the demo has no account {role}; there are {', '.join(known)}")
    return bearer
