# SPDX-License-Identifier: Apache-2.0
"""``gateway db``: where the gateway's own state is, and bringing it to this version."""

from urllib.parse import urlsplit

import typer

from gateway.cli.desk import Desk, command

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The gateway's own database.")


@app.command("path")
@command
def path(desk: Desk) -> None:
    """Tell where the database is; never a password."""
    places = _places(desk)

    def for_people() -> None:
        for base, place in places.items():
            desk.paper.say(f"{base}: {place}")

    desk.paper.answer(places, for_people)


@app.command("upgrade")
@command
async def upgrade(desk: Desk) -> None:
    """Bring every table to this version of the program."""
    from gateway.domain.entry import Changed

    # Opening does it: a process upgrades the tables that it finds behind, or refuses to start.
    async with desk.open(with_rules=False) as rooms:
        await rooms.log.append(Changed(by=desk.by, what="database-upgraded", target="main keys"))
    desk.paper.answer({"done": "upgraded"}, lambda: desk.paper.say("every table is at this version"))


def _places(desk: Desk) -> dict[str, str]:
    from gateway.store.engine import KEYS_FILE, MAIN_FILE
    from gateway.store.schema import KEYS_SCHEMA

    settings = desk.settings
    if settings.database is None:
        return {"main": str(settings.state / MAIN_FILE), "keys": str(settings.state / KEYS_FILE)}
    place = _without_password(settings.database.get_secret_value())
    return {"main": place, "keys": f"{place} (schema {KEYS_SCHEMA})"}


def _without_password(url: str) -> str:
    """Return scheme, host, port and path of an address: neither user, password nor options."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
