# SPDX-License-Identifier: Apache-2.0
"""``gateway db``: where the gateway's own state is, bringing it to this version, copying it and putting it back.

A copy is two files: the state, and the keys of people, whose file counts for thirty days at most. Whatever
happened after a copy was made is in the log and is put back from there; so the log is never a part of it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from gateway.cli.desk import moments
from gateway.cli.desk.desk import Desk, Exit, Stop, command

if TYPE_CHECKING:
    from gateway.app.backups import Copied
    from gateway.flows.restore.flow import Outcome

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


@app.command("backup")
@command
async def backup(
    desk: Desk,
    place: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A new file, or a folder for files by date.")],
    without_keys: Annotated[bool, typer.Option("--without-keys", help="The state alone.")] = False,
    keys_only: Annotated[bool, typer.Option("--keys-only", help="The keys of people alone.")] = False,
    keys_days: Annotated[
        int | None,
        typer.Option(
            "--keys-days",
            metavar="N",
            min=1,
            max=30,
            help="Days for which the copy of the keys counts; at most, and without it, backups.keys_days.",
        ),
    ] = None,
) -> None:
    """Copy the database into new files, while the gateway goes on. Ended copies of keys in DIR are deleted."""
    from gateway.app import backups

    if without_keys and keys_only:
        raise Stop("--without-keys and --keys-only leave nothing to copy")
    most = desk.settings.backups.keys_days
    if keys_days is not None and keys_days > most:
        raise Stop(f"--keys-days is {keys_days}, and backups.keys_days of gateway.yaml allows {most}")
    bases = ("main",) if without_keys else ("keys",) if keys_only else ("main", "keys")
    async with desk.open(with_rules=False) as rooms:
        stem = f"{rooms.settings.installation}-{moments.compact(rooms.clock())}"
        files = _files(place / f"{stem}.gwb" if place.is_dir() else place, bases)
        with desk.paper.progress("Copying", await backups.n_rows(rooms.settings, bases)) as done:
            made = await backups.back_up(rooms, files, key_days=keys_days or most, by=desk.by, progress=done)
        gone = backups.ended(place, rooms.keyring) if place.is_dir() else []
        for file in gone:
            file.unlink()

    def for_people() -> None:
        for one in made:
            _tell_copied(desk, one)
        for file in gone:
            desk.paper.say(f"{file} was past its end and is deleted")

    desk.paper.answer({"files": made, "deleted": [str(file) for file in gone]}, for_people)


@app.command("restore")
@command
async def restore(
    desk: Desk,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Copy of the state.")],
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FILE", help="Copy of the keys of people, if not beside FILE.")
    ] = None,
    without_keys: Annotated[bool, typer.Option("--without-keys", help="Leave the keys of people as they are.")] = False,
) -> None:
    """Put a copy back into an installation that stands still, then replay the log, so that nothing is undone."""
    from gateway.app import backups
    from gateway.app.keyring import open_keyring
    from gateway.app.slots import check_private
    from gateway.domain.entry import Changed

    check_private(desk.settings.state)
    files = _found_files(file, keys, without_keys=without_keys)
    keyring = open_keyring(desk.settings)
    with desk.paper.progress("Putting back", backups.rows_in(files, keyring)) as done:
        put = await backups.restore(desk.settings, keyring, files, done)
    with desk.paper.working("Replaying the log"):
        async with desk.open(with_rules=False) as rooms:
            for one in put:
                facts: dict[str, str | int] = {"sha256": one.sha256, "created_us": one.created_us}
                await rooms.log.append(Changed(by=desk.by, what="database-restored", target=one.base, facts=facts))
            outcome = rooms.restored
    if outcome is None:
        # Every copy is older than the beat that was entered when it was made.
        raise Stop(
            "the copy was put back, but the log does not say that it is older; nothing was replayed", Exit.FAILED
        )
    desk.paper.answer({"restored": put, "replayed": _replayed(outcome)}, lambda: _tell_restored(desk, put, outcome))


def _files(main: Path, bases: tuple[str, ...]) -> dict[str, Path]:
    """Return where each base goes; that no file is overwritten is for whoever writes."""
    by_base = {"main": main, "keys": _keys_of(main)}
    return {base: by_base[base] for base in bases}


def _keys_of(main: Path) -> Path:
    return main.with_name(f"{main.name.removesuffix('.gwb')}.keys.gwb")


def _found_files(main: Path, keys: Path | None, *, without_keys: bool) -> dict[str, Path]:
    if without_keys and keys is not None:
        raise Stop("--keys and --without-keys contradict each other")
    keys = keys or _keys_of(main)
    if not without_keys and not keys.exists():
        raise Stop(f"{keys} is not there; name the copy of the keys of people by --keys, or use --without-keys")
    return {"main": main} if without_keys else {"main": main, "keys": keys}


def _replayed(outcome: "Outcome") -> dict[str, object]:
    settled = outcome.settled
    return {
        "entries": outcome.entries,
        "counts": dict(outcome.counts),
        "lost": settled.lost,
        "without": [{"of": whose, "what": what} for whose, what in settled.without],
    }


def _tell_copied(desk: Desk, one: "Copied") -> None:
    until = f", counts until {moments.day(one.expires_us)}" if one.expires_us is not None else ""
    desk.paper.say(f"{one.base}: {one.rows:,} rows in {one.file}{until}")


def _tell_restored(desk: Desk, put: "list[Copied]", outcome: "Outcome") -> None:
    paper = desk.paper
    for one in put:
        paper.say(f"{one.base}: {one.rows:,} rows as of {moments.written(one.created_us)}")
    paper.say(f"{outcome.entries:,} later entries of the log were replayed:")
    for what, n in outcome.counts.items():
        paper.say(f"  {what}: {n:,}")
    paper.say("every session has ended: everybody signs in again")
    for account in outcome.settled.lost:
        paper.say(f"account {account} was added after the copy and is out of force: add it again")
    words = {
        "password": "gateway user set-password",
        "authenticator": "gateway user enrol",
        "secret": "gateway client rotate-secret",
    }
    for whose, what in outcome.settled.without:
        paper.say(f"{whose} has no {what}, since it was changed after the copy: {words[what]} {whose}")


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
