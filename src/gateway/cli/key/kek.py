# SPDX-License-Identifier: Apache-2.0
"""``gateway key change-kek``: every key is wrapped under another key-encryption key (KEK)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk.desk import Desk, Stop, command
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.app.kek_change import Came


@command
async def change_kek(
    desk: Desk,
    new_kek_file: Annotated[
        Path | None,
        typer.Option("--new-kek-file", metavar="FILE", help="The new one, 32 bytes in base64; else one is made."),
    ] = None,
    keep_old: Annotated[
        Path | None, typer.Option("--keep-old", metavar="FILE", help="New file for the one before, else overwritten.")
    ] = None,
    back: Annotated[bool, typer.Option("--back", help="Return to the one before, while it is in force.")] = False,
) -> None:
    """Wrap every key under another key-encryption key. Broken off, it is given again and goes on."""
    from gateway.app.kek_change import Came, KekChange
    from gateway.app.rewrapping import announce_keys

    if back and (new_kek_file or keep_old):
        raise Stop("--back takes no file")
    async with desk.open(with_rules=False) as rooms:
        change = KekChange(rooms.settings, rooms.keyring, rooms.log.append, lambda: announce_keys(rooms), desk.by)
        with desk.paper.progress("Wrapping keys anew", change.n_keys, unit="keys") as told:
            if back:
                await change.back()
                came = Came.BACK
            else:
                came = await change.change(new_kek_file, keep_old)
            told(change.n_keys)
        n_keys = change.n_keys
    desk.paper.answer({"came": came.value, "keys": n_keys}, lambda: _say(desk, came, n_keys, keep_old))


def _say(desk: Desk, came: "Came", n_keys: int, keep_old: Path | None) -> None:
    keys = counted(n_keys, "key")
    match came.value:
        case "changed":
            desk.paper.say(f"{keys} are wrapped under the new key-encryption key alone")
            if keep_old is not None:
                desk.paper.say(
                    f"{keep_old} holds the one before; take it to where copies of keys/ from before today are"
                )
            desk.paper.say(
                "Copies of keys/keyring.json from before still open under the one before. Copy keys/ anew, then"
            )
            desk.paper.say(
                "destroy those copies and the old key-encryption key together: nothing here needs it any more."
            )
        case "configure":
            desk.paper.say(f"{keys} open under both key-encryption keys now. To end the change:")
            desk.paper.say("1. give every process the new one: GATEWAY_KEK_FILE, or GATEWAY_KEK, and here as well")
            desk.paper.say(
                "2. systemctl restart gateway (kill -USR1 keeps the environment that a gateway was started with)"
            )
            desk.paper.say("3. gateway key change-kek")
            desk.paper.say("Until then the old one is needed; `gateway key change-kek --back` gives the change up.")
        case "back":
            desk.paper.say(f"{keys} are wrapped under the key-encryption key of before alone")
        case _:
            desk.paper.say("this is the key-encryption key in force; nothing was changed")
