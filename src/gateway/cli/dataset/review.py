# SPDX-License-Identifier: Apache-2.0
"""``gateway dataset review``: every field of a store with its evidence, confirmed by somebody who looked.

At a terminal it is one table, worked by keys; with ``--confirm``, ``--category`` or ``--all-certain`` it does the same
for scripts. What is confirmed loses its ``reviewed: no`` in the dataset's file; nothing else of the file changes.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.dataset.board import Board, Line
from gateway.cli.dataset.boards import cell
from gateway.cli.desk.desk import Desk, Stop, command, run_to_end
from gateway.domain.names import CategoryKey

if TYPE_CHECKING:
    from gateway.app.own_stores.dataset_text import FieldPlace
    from gateway.app.own_stores.reviewing import Known, Sheet

COLUMNS = ("", "field", "type", "category", "confidence", "evidence", "then seen")


@command
def review(
    desk: Desk,
    store: Annotated[str | None, typer.Argument(metavar="STORE", help="Where the datasets describe several.")] = None,
    confirm: Annotated[
        list[str] | None, typer.Option("--confirm", metavar="FIELD", help="collection.field; several times.")
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option("--category", metavar="FIELD=KEY", help="Another category; this confirms the field too."),
    ] = None,
    all_certain: Annotated[
        bool, typer.Option("--all-certain", help="Confirm every field whose values carry a check of their own.")
    ] = False,
) -> None:
    """Confirm what a dataset says of its fields. What nobody confirmed is dropped for everybody."""
    from gateway.app.own_stores.reviewing import known_of, open_sheet
    from gateway.decide.loader.vocabulary import vocabulary

    sheet = open_sheet(desk.settings, store)
    with desk.paper.working("Asking the store"):
        known, why_not = run_to_end(known_of(desk.settings, sheet))
    if why_not:
        desk.paper.tell(f"note: {why_not}")
    is_seen = not desk.json and sys.stdin.isatty() and sys.stdout.isatty() and not (confirm or category or all_certain)
    unseen = run_to_end(_noticed(desk, sheet))
    if is_seen and _n_values(known):
        run_to_end(_enter_look(desk, sheet, _n_values(known)))
    board = Board(_lines(sheet, known, unseen, with_values=is_seen), sorted(map(CategoryKey, vocabulary().categories)))
    looks = _Looks(desk, sheet)
    if is_seen:
        _work(board, looks)
        if board.outcome != "save":
            raise Stop("nothing was changed")
    else:
        if all_certain and why_not:
            raise Stop(f"which fields are certain cannot be told now: {why_not}")
        _apply(board, confirm or (), category or (), all_certain=all_certain)
    rules = _saved(desk, sheet, board)
    _tell(desk, sheet, board, looks, rules)


async def _noticed(desk: Desk, sheet: "Sheet") -> tuple[tuple[str, str], ...]:
    """Return the fields that the store sends and nobody declared."""
    from gateway.app.own_stores.noticed import noticed

    found = await noticed(desk.settings, sheet.rules.catalog)
    return tuple((one.dataset, one.field) for one in found if one.dataset.split(".", 1)[0] == sheet.store)


async def _enter_look(desk: Desk, sheet: "Sheet", n_rows: int) -> None:
    """Enter that values of the store are going to be shown."""
    from gateway.domain.entry import Looked

    async with desk.open(with_rules=False) as rooms:
        await rooms.log.append(Looked(by=desk.by, what="store-rows", query=sheet.store, rows=n_rows))


def _n_values(known: Mapping["FieldPlace", "Known"]) -> int:
    return max((len(one.values) for one in known.values()), default=0)


def _lines(
    sheet: "Sheet",
    known: Mapping["FieldPlace", "Known"],
    unseen: Sequence[tuple[str, str]],
    *,
    with_values: bool,
) -> list[Line]:
    lines = []
    for place, field in sheet.fields:
        one = known.get(place)
        proposal = one.proposal if one else None
        # What is certain of a proposal is so of the category that was proposed, not of any that the file says.
        is_same = proposal is not None and proposal.categories[:1] == field.categories[:1]
        lines.append(
            Line(
                key=f"{place.dataset.split('.', 1)[1]}.{place.field}",
                type=field.type,
                categories=field.categories,
                confidence=proposal.confidence if proposal and is_same else None,
                evidence="; ".join(each.says for each in proposal.evidence) if proposal else "",
                is_reviewed=field.reviewed,
                values=" · ".join(cell(value) for value in one.values) if one and with_values else "",
            )
        )
    lines += [
        Line(key=f"{dataset.split('.', 1)[1]}.{field}", type="", categories=(), is_new=True)
        for dataset, field in unseen
    ]
    return lines


def _apply(board: Board, confirm: Sequence[str], category: Sequence[str], *, all_certain: bool) -> None:
    """Do what the options say.

    Raises:
        Stop: One of them names something that there is not.
    """
    from gateway.decide.loader.grammar.problems import suggestion
    from gateway.decide.loader.vocabulary import is_local, vocabulary

    for said in category:
        name, equals, key = said.partition("=")
        if not equals or not (key in vocabulary().categories or is_local(key)):
            near = suggestion(key, vocabulary().categories)
            raise Stop(f"--category {said}: expected FIELD=KEY with a category of the vocabulary{near}")
        place = _place(board, name)
        board.chosen[place] = CategoryKey(key)
        board.confirmed.add(place)
    if all_certain:
        board.confirm_certain()
    board.confirmed |= {_place(board, name) for name in confirm}


def _place(board: Board, name: str) -> int:
    called = [place for place, line in enumerate(board.lines) if name in (line.key, line.key.partition(".")[2])]
    places = [place for place in called if not board.lines[place].is_new]
    if called and not places:
        new = board.lines[called[0]].key
        raise Stop(f"{new} is new, and no dataset declares it yet; `gateway dataset infer STORE` proposes how")
    if len(places) != 1:
        some = ", ".join(board.lines[place].key for place in places) or ", ".join(line.key for line in board.lines)
        raise Stop(f"{name} is {'several fields' if places else 'no field'}; there are {some}")
    return places[0]


def _work(board: Board, looks: "_Looks") -> None:
    """Let somebody work the table until it is to be saved or left."""
    from gateway.cli.dataset.screen import drawn
    from gateway.cli.desk.keyboard import screen

    with screen() as keyboard:
        while not _is_done(board, looks):
            sys.stdout.write(drawn(board, looks.words(board)))
            sys.stdout.flush()
            board.press(keyboard.key())


def _is_done(board: Board, looks: "_Looks") -> bool:
    """Tell whether the table is left; what would not load is not saved, and nobody loses work by trying."""
    if board.outcome == "save" and (why_not := looks.obstacle(board)):
        board.stay(f"this cannot be saved: {why_not}")
    return board.outcome is not None


def _changes(sheet: "Sheet", board: Board) -> tuple[list["FieldPlace"], dict["FieldPlace", CategoryKey]]:
    places = [place for place, _ in sheet.fields]
    confirm = [places[at] for at in sorted(board.confirmed) if not board.lines[at].is_reviewed]
    return confirm, {places[at]: key for at, key in board.chosen.items() if board.lines[at].categories != (key,)}


def _saved(desk: Desk, sheet: "Sheet", board: Board) -> str | None:
    """Write the review and return the digest of the rules; ``None`` where nothing changes."""
    confirm, categories = _changes(sheet, board)
    if not confirm and not categories:
        return None
    return run_to_end(_written(desk, sheet, confirm, categories))


async def _written(
    desk: Desk, sheet: "Sheet", confirm: "list[FieldPlace]", categories: "dict[FieldPlace, CategoryKey]"
) -> str:
    from gateway.app.own_stores.reviewing import write

    async with desk.open(with_rules=False) as rooms:
        return await write(desk.settings, sheet, confirm, categories, rooms.log, by=desk.by)


class _Looks:
    """What each role would get of each field under the table as it is; thought out again when a category changes."""

    def __init__(self, desk: Desk, sheet: "Sheet") -> None:
        self._desk, self._sheet = desk, sheet
        self._known: tuple[dict[int, CategoryKey], tuple[str, ...]] | None = None
        self._obstacle = ""

    def obstacle(self, board: Board) -> str:
        """Return why the table as it is would not load; nothing if it would."""
        self.words(board)
        return self._obstacle

    def words(self, board: Board) -> tuple[str, ...]:
        """Return a text for each line, as if all were confirmed."""
        if self._known is None or self._known[0] != board.chosen:
            self._known = (dict(board.chosen), self._words(board))
        return self._known[1]

    def _words(self, board: Board) -> tuple[str, ...]:
        from gateway.app.clock import now_us
        from gateway.app.own_stores.showing import as_if_confirmed, decider_of, viewers_of, words_for
        from gateway.domain.errors import RulesError, SettingsError

        self._obstacle = ""
        _, categories = _changes(self._sheet, board)
        try:
            decider = decider_of(as_if_confirmed(self._sheet.with_changes((), categories)))
        except (RulesError, SettingsError) as error:
            self._obstacle = str(error).partition("\n")[0]
            return ("cannot be saved",) * len(board.lines)
        viewers, at_us = viewers_of(decider.rules, self._sheet.store), now_us()
        told = []
        for place, _ in self._sheet.fields:
            words = [
                (one.role, words_for(decider, one, place.dataset, at_us).get(place.field, "drop")) for one in viewers
            ]
            told.append(" · ".join(f"{role} {word}" for role, word in words))
        return (*told, *["nobody"] * (len(board.lines) - len(told)))


def _tell(desk: Desk, sheet: "Sheet", board: Board, looks: _Looks, rules: str | None) -> None:
    confirm, categories = _changes(sheet, board)
    words = looks.words(board)
    document = {
        "store": sheet.store,
        "file": sheet.name,
        "confirmed": len(confirm),
        "categories": len(categories),
        "unreviewed": board.n_left,
        "rules": rules or sheet.rules.digest,
        "fields": [
            {
                "field": line.key,
                "type": line.type,
                "categories": board.categories(at),
                "confidence": line.confidence,
                "evidence": line.evidence,
                "reviewed": not line.is_new and (line.is_reviewed or at in board.confirmed),
                "new": line.is_new,
                "then_seen": words[at],
            }
            for at, line in enumerate(board.lines)
        ],
    }

    def for_people() -> None:
        if rules is None:
            desk.paper.table(COLUMNS, [cells(board, at, words[at]) for at in range(len(board.lines))])
        desk.paper.say(
            f"{sheet.name}: {len(confirm)} confirmed, {board.n_left} unreviewed and dropped"
            + (f", {len(categories)} with another category" if categories else "")
        )
        if rules is not None:
            desk.paper.say("A gateway that runs already follows after: gateway check --reload")

    desk.paper.answer(document, for_people)


def cells(board: Board, at: int, words: str) -> tuple[str, ...]:
    """Return what the table shows of a line beside its values."""
    line = board.lines[at]
    mark = "new" if line.is_new else "yes" if line.is_reviewed else "now" if at in board.confirmed else "-"
    category = " ".join(board.categories(at))
    return mark, line.key, line.type, category, line.confidence or "", line.evidence, words
