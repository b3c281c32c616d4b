# SPDX-License-Identifier: Apache-2.0
"""``gateway surrogate trace``: to whom the surrogates of a list were given, for what, and by which decisions.

Row numbers, scopes and decisions are told, and no value of the list. It is entered before it is told.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gateway.cli.desk import moments
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.cli.desk.naming import Names
    from gateway.flows.tracing.values import PartyFound, Trace


@command
async def trace(
    desk: Desk,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A list: CSV, NDJSON, JSON, any text; - for stdin.")],
    most: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="Decisions told of each recipient.")
    ] = 10,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="Of the list, if its first bytes do not tell.")
    ] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Try every scope for every cell, however long it takes.")
    ] = False,
    from_files: Annotated[
        bool, typer.Option("--from-files", help="Read every entry of the log; use no index.")
    ] = False,
) -> None:
    """Tell where a leaked list comes from. Ends with 1 if a surrogate of this installation is in it."""
    from gateway.app.surrogates.tracing import tracing
    from gateway.cli.desk.naming import Names
    from gateway.cli.desk.paper import in_kib
    from gateway.cli.surrogate.list_text import opened

    with opened(file, encoding) as (pieces, n_bytes):
        async with (
            desk.open(with_rules=False) as rooms,
            tracing(rooms, is_thorough=thorough, from_files=from_files) as found,
        ):
            total = None if n_bytes is None else n_bytes >> 10
            with desk.paper.progress("Reading the list", total, unit="KiB") as done:
                told = await found.trace(pieces, by=desk.by, most=most, read=in_kib(done))
            names = await Names.of(rooms)
    desk.paper.answer({**msgspec.to_builtins(told), "named": bool(told.parties)}, lambda: _tell(desk, told, names))
    if told.parties:
        raise Stop("", Exit.FAILED)


def _tell(desk: Desk, told: "Trace", names: "Names") -> None:
    say = desk.paper.say
    if not told.parties:
        shapes = f"; of the shape of one: {counted(told.unknown, 'cell')}" if told.unknown else ""
        say(f"no surrogate of this installation is in this list{shapes}")
    else:
        say(f"{counted(told.rows, 'row')} with surrogates of this installation (a row is a {told.unit})")
    for party in told.parties:
        say("")
        _tell_party(desk, party, names)
    if told.parties and told.unknown:
        say("")
        say(f"{counted(told.unknown, 'cell')} of the shape of a surrogate, and none of this installation's")
    if told.untried:
        desk.paper.tell(
            f"of those, {counted(told.untried, 'cell')} tried against the scopes above alone; --thorough tries all"
        )
    for remark in told.remarks:
        desk.paper.tell(f"note: {remark}")


def _tell_party(desk: Desk, party: "PartyFound", names: "Names") -> None:
    say = desk.paper.say
    if party.recipient:
        say(f"recipient {party.recipient}, purpose class {party.key_class}: {counted(party.rows, 'row')}", style="bold")
        if party.purposes and party.purposes != (party.key_class,):
            say(f"  purposes of the class: {', '.join(party.purposes)}")
    else:
        say(f"held by a store itself: {counted(party.rows, 'row')}", style="bold")
    _tell_scopes(desk, party)
    for line in _people(party):
        say(f"  {line}")
    if party.decisions:
        _tell_decisions(desk, party, names)


def _tell_scopes(desk: Desk, party: "PartyFound") -> None:
    desk.paper.table(
        ("join domain", "fields", "kind", "key version", "cells", "rows", "first row"),
        [
            (
                one.scope.domain,
                ", ".join(one.fields),
                one.scope.kind,
                str(one.scope.version),
                f"{one.cells:,}",
                f"{one.rows:,}",
                f"{one.first_row:,}",
            )
            for one in party.scopes
        ],
    )


def _tell_decisions(desk: Desk, party: "PartyFound", names: "Names") -> None:
    desk.paper.table(
        ("decision", "account", "client", "purpose", "reference", "from", "to", "explains", "more", "released"),
        [
            (
                one.decision,
                names.named(one.account),
                one.client,
                one.purpose,
                one.reference,
                moments.written(one.first_us),
                moments.written(one.last_us),
                f"{one.rows:,}",
                f"{one.more:,}",
                f"{one.released:,}",
            )
            for one in party.decisions
        ],
    )


def _people(party: "PartyFound") -> Iterator[str]:
    if party.rows_with_person:
        yield (
            f"{counted(party.rows_with_person, 'row')} about {counted(party.people, 'person')} known today; explained by "
            f"{counted(party.n_decisions, 'decision')}: {counted(party.rows_explained, 'row')}"
        )
    yield from party.remarks
