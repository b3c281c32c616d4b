# SPDX-License-Identifier: Apache-2.0
"""``gateway choice``: what people chose, one at a time or from a file.

The log learns of a choice before the database does (a restore replays later entries), and it learns the
person's number alone. A value that names a person is in no output, no entry and no error.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.choice_file import Importable, Row, batches, measured
from gateway.cli.desk import asking, finding, moments
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.domain.choice import Choice, ChoiceState, packed
from gateway.domain.names import IdentityKind

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.decide.rules import RuleSet

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="What people chose: consent, refusal, withdrawal, objection."
)

BATCH = 10_000  # rows a transaction: about a second with new people, so that doors need not wait for longer
MOST_BAD_TOLD = 20
SOURCE = "cli"

Identity = Annotated[
    tuple[str, str],
    typer.Option("--identity", metavar="KIND VALUE", help="Whom it is about; VALUE - is read from stdin."),
]


@app.command("set")
@command
async def set_(
    desk: Desk,
    identity: Identity,
    purpose: Annotated[str, typer.Option("--purpose", metavar="P", help="With every purpose below it.")],
    chosen: Annotated[ChoiceState, typer.Option("--choice", help="What the person chose.")],
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="When, if not now.")] = None,
) -> None:
    """Record one choice of one person."""
    from gateway.domain.entry import Changed, Part

    rules = finding.rules_of(desk)
    kind, value = _identity(rules, identity)
    key = finding.purpose(rules, purpose)
    async with desk.open(with_rules=False) as rooms:
        now_us = rooms.clock()
        at_us = now_us if at is None else moments.asked_us(at, "--at")
        if at_us > now_us:
            raise Stop("--at lies in the future")
        if any(await _erased(rooms, kind, [value])):
            raise Stop(
                "the person who was known by this was erased, and a choice would bring them back; on evidence that they "
                "want that, `gateway rights lift-tombstone` comes first",
                Exit.FAILED,
            )
        [number] = await rooms.people.numbers(kind, [value])
        facts: dict[str, str | int] = {"purpose": key, "state": chosen.value, "at_us": at_us, "source": SOURCE}
        entry = Changed(by=desk.by, what="choice-recorded", target=str(number), facts=facts)
        await rooms.log.append(entry, Part(met=(number,)))
        await rooms.choices.record([Choice(person=number, purpose=key, state=chosen, at_us=at_us)], SOURCE)
    desk.paper.answer(
        {"person": number, "purpose": key, "state": chosen, "at_us": at_us},
        lambda: desk.paper.say(f"person {number}: {chosen.value} for {key} at {moments.written(at_us)}"),
    )


@app.command("show")
@command
async def show(desk: Desk, identity: Identity) -> None:
    """Show what one person chose, oldest first."""
    from gateway.domain.entry import Looked, Part

    rules = finding.rules_of(desk)
    kind, value = _identity(rules, identity)
    async with desk.open(with_rules=False) as rooms:
        number = await rooms.people.find(kind, value)
        found = () if number is None else await rooms.choices.of(number)
        part = None if number is None else Part(met=(number,))
        await rooms.log.append(Looked(by=desk.by, what="choices", query=kind, rows=len(found)), part)

    def for_people() -> None:
        if number is None:
            desk.paper.say(
                "no such person is known; without a record consent counts as refused, and nothing is objected"
            )
            return
        desk.paper.say(f"person {number}")
        desk.paper.table(
            ("at", "state", "purpose"), [(moments.written(one.at_us), one.state.value, one.purpose) for one in found]
        )

    document = [{"purpose": one.purpose, "state": one.state, "at_us": one.at_us} for one in found]
    desk.paper.answer({"person": number, "choices": document}, for_people)


@app.command("import")
@command
async def import_(
    desk: Desk,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or CSV.gz: identity_kind,identity,purpose,state,at")
    ],
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the good lines of a file with bad ones.")
    ] = False,
) -> None:
    """Record the choices of a file, but of nobody who was erased. It can be imported again: what is known is passed over."""
    from gateway.app.clock import now_us

    rules = finding.rules_of(desk)
    known = Importable(
        kinds=frozenset(_kinds(rules)), purposes=frozenset(rules.purposes), now_us=now_us(), skip_bad=skip_bad
    )
    measure = measured(file, known)
    for bad in measure.bad[:MOST_BAD_TOLD]:
        desk.paper.tell(f"{file}:{bad.line}: {bad.sentence}")
    if measure.n_bad > MOST_BAD_TOLD:
        desk.paper.tell(f"… and {measure.n_bad - MOST_BAD_TOLD} more")
    if measure.n_bad and not skip_bad:
        raise Stop(f"{measure.n_bad} bad lines, so nothing was imported; --skip-bad imports the others", Exit.FAILED)
    n_new, erased = 0, list[int]()
    async with desk.open(with_rules=False) as rooms:
        with desk.paper.progress("Importing choices", measure.n_rows) as done:
            for rows in batches(file, known, BATCH):
                there = await _not_erased(rooms, rows)
                erased += sorted({row.line for row in rows} - {row.line for row in there})
                n_new += await _imported(desk, rooms, there, measure.digest) if there else 0
                done(len(rows))
        facts: dict[str, str | int] = {"rows": measure.n_rows, "new": n_new, "bad": measure.n_bad}
        await _enter_end(desk, rooms, measure.digest, facts | ({"erased": len(erased)} if erased else {}))
    for line in erased[:MOST_BAD_TOLD]:
        desk.paper.tell(f"{file}:{line}: not imported, since the person was erased")
    if len(erased) > MOST_BAD_TOLD:
        desk.paper.tell(f"… and {len(erased) - MOST_BAD_TOLD} more of people who were erased")
    n_known = measure.n_rows - n_new - len(erased)
    desk.paper.answer(
        {
            "rows": measure.n_rows,
            "new": n_new,
            "bad": measure.n_bad,
            "erased": len(erased),
            "digest": measure.digest,
        },
        lambda: desk.paper.say(
            f"{measure.n_rows} choices read, {n_new} new, {n_known} recorded before, {measure.n_bad} bad"
            + (f", {len(erased)} of people who were erased" if erased else "")
        ),
    )


async def _not_erased(rooms: "Rooms", rows: Sequence[Row]) -> list[Row]:
    """Return those rows that bring nobody back."""
    gone = set[int]()
    for kind in {row.kind for row in rows}:
        own = [row for row in rows if row.kind == kind]
        erased = await _erased(rooms, kind, [row.value for row in own])
        gone |= {row.line for row, is_it in zip(own, erased, strict=True) if is_it}
    return [row for row in rows if row.line not in gone]


async def _erased(rooms: "Rooms", kind: IdentityKind, values: Sequence[str]) -> list[bool]:
    """Tell of each identity whether nobody has it and somebody who was erased had it."""
    from gateway.transform.identifying import identity_of

    if not await rooms.tombstones.any():
        return [False] * len(values)
    numbers = await rooms.people.find_each(kind, values)
    named = [
        None if number is not None else identity_of(kind, value) for number, value in zip(numbers, values, strict=True)
    ]
    found = await rooms.tombstones.matching([() if one is None else (one,) for one in named])
    return [bool(ids) for ids in found]


async def _imported(desk: Desk, rooms: "Rooms", rows: Sequence[Row], digest: str) -> int:
    """Record what is new of some rows, entered before; return how many that is."""
    from pyroaring import BitMap

    from gateway.domain.entry import Changed, Part

    choices: list[Choice] = []
    for kind in {row.kind for row in rows}:
        own = [row for row in rows if row.kind == kind]
        numbers = await rooms.people.numbers(kind, [row.value for row in own])
        choices += [
            Choice(person=number, purpose=row.purpose, state=row.state, at_us=row.at_us)
            for number, row in zip(numbers, own, strict=True)
        ]
    fresh = await rooms.choices.unknown(choices)
    if fresh:
        people = BitMap(choice.person for choice in fresh).serialize()
        facts: dict[str, str | int] = {"new": len(fresh), "first_line": rows[0].line, "last_line": rows[-1].line}
        entry = Changed(by=desk.by, what="choices-imported", target=f"sha256:{digest}", facts=facts)
        await rooms.log.append(entry, Part(people=people, choices=packed(fresh)))
        await rooms.choices.record(fresh, f"sha256:{digest}")
    return len(fresh)


async def _enter_end(desk: Desk, rooms: "Rooms", digest: str, facts: dict[str, str | int]) -> None:
    from gateway.domain.entry import Changed

    entry = Changed(by=desk.by, what="choices-import-ended", target=f"sha256:{digest}", facts=facts)
    await rooms.log.append(entry)


def _identity(rules: "RuleSet", given: tuple[str, str]) -> tuple[IdentityKind, str]:
    """Return kind and value, the value as it stands in the store; it is never told again."""
    kind, said = given
    if kind not in _kinds(rules):
        raise Stop(f"no dataset knows people by {kind}; there are {', '.join(sorted(_kinds(rules)))}")
    value = asking.value(said)
    if not value.strip():
        raise Stop("the value of --identity is empty")
    return IdentityKind(kind), value


def _kinds(rules: "RuleSet") -> set[IdentityKind]:
    return {one.subject.identity for one in rules.catalog.collections.values() if one.subject is not None}
