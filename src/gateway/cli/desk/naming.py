# SPDX-License-Identifier: Apache-2.0
"""Accounts as a person reads them: the name beside the number, where it is known here.

The number is what the log holds and what every command takes; a name may be given to somebody else one day.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.cli.desk.desk import Desk


class Names:
    """The names of accounts as the database has them now."""

    def __init__(self, names: dict[str, str]) -> None:
        """Keep them, by number."""
        self._names = names

    @classmethod
    async def of(cls, rooms: "Rooms") -> "Names":
        """Return those of an installation.

        Raises:
            StateUnavailable: The database does not answer.
        """
        return cls({str(one.account.id): one.name for one in await rooms.accounts.all()})

    def named(self, account: str) -> str:
        """Return an account as ``name (a_…)``; one that nobody here knows as it is."""
        name = self._names.get(account)
        return account if name is None else f"{name} ({account})"


def names_here(desk: "Desk") -> Names:
    """Return the names, or none where the installation cannot be opened now: whoever asks is told numbers then."""
    from gateway.cli.desk.desk import run_to_end
    from gateway.domain.errors import GatewayError

    async def read() -> Names:
        async with desk.open(with_rules=False) as rooms:
            return await Names.of(rooms)

    try:
        return run_to_end(read())
    except (GatewayError, OSError, BaseExceptionGroup):
        return Names({})
