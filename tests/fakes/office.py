# SPDX-License-Identifier: Apache-2.0
"""Commands for the installation of a story, given beside its running door, by people who prove who they are."""

import asyncio
from collections.abc import Mapping

import msgspec

from gateway.app.installation import Rooms
from gateway.app.making import enrol_at_once, totp_now
from gateway.settings.loading import Settings
from tests.fakes.command_line import Answer, CommandLine

PASSWORD = "{} correct horse battery"


class Office:
    """What gives the commands; all that they said is kept."""

    def __init__(self, settings: Settings, port: int | None = None) -> None:
        """Let commands find the stores, the database and the door of the test."""
        stores = {key: one.model_dump(mode="json", exclude_defaults=True) for key, one in settings.stores.items()}
        environment = {"GATEWAY_STORES": msgspec.json.encode(stores).decode()}
        if settings.database is not None:
            environment["GATEWAY_DATABASE"] = settings.database.get_secret_value()
        if port is not None:
            environment["GATEWAY_LISTEN__PORT"] = str(port)
        self._line = CommandLine(settings.state, environment)
        self._secrets: dict[str, str] = {}

    async def __call__(self, *words: str, stdin: str = "", code: int = 0) -> Answer:
        """Give a command and return its answer."""
        return await asyncio.to_thread(self._line, *words, stdin=stdin, code=code)

    async def enrol(self, rooms: Rooms, roles: Mapping[str, str]) -> None:
        """Let there be people, by name, of these roles, who have signed in nowhere yet."""
        for name, role in roles.items():
            made = await enrol_at_once(
                rooms, name, PASSWORD.format(name), roles=(role,), recipient="own", by="local:test"
            )
            self._secrets[name] = made.totp_secret

    def proof(self, name: str) -> str:
        """Return what proves somebody now, as two lines; a code is good once, so each proves one thing."""
        return f"{PASSWORD.format(name)}\n{totp_now(self._secrets.pop(name))}\n"

    async def proven(self, name: str, *words: str, code: int = 0) -> Answer:
        """Give a command as somebody."""
        proof = self.proof(name)
        return await self(*words, "--as", name, "--proof-file", "-", stdin=proof, code=code)

    @property
    def n_given(self) -> int:
        """Return how many commands were given."""
        return len(self._line.answers)

    @property
    def said(self) -> str:
        """Everything that commands said."""
        return "\n".join(one.out + one.err for one in self._line.answers)
