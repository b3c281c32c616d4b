# SPDX-License-Identifier: Apache-2.0
"""``gateway log export``: entries for other systems, as OCSF events, CSV or NDJSON.

RULES

1. The export is entered before the first byte of it is written; the entry says what was asked and how many answer.
2. A file is there as a whole or not at all, and only its owner may read it (0600). It replaces one of its name.
3. At the end stands where the next export goes on, as ``--after`` takes it: one place in each log.
"""

import gzip
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import msgspec
import typer

from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.domain.log_forms import LogForm
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.app.evidence.exporting import IndexedLog
    from gateway.domain.log_query import LogQuery
    from gateway.flows.export.flow import Bounded

_PLACE = re.compile(r"([A-Za-z0-9._-]{1,200}):(-1|[0-9]{1,18})\Z", re.ASCII)


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was exported.

    Attributes:
        after: Where the next export goes on, by log: give each as ``--after SLOT:SEQ``.
        moved: By log, how many entries were left out because they were moved to other storage.
        troubles: Logs that could not be read to their end, with why.
    """

    format: str
    entries: int
    file: str | None
    after: dict[str, int]
    moved: dict[str, int]
    troubles: dict[str, str]


@command
async def export(
    desk: Desk,
    qualifiers: Annotated[
        list[str] | None, typer.Argument(metavar="[QUALIFIER:VALUE]…", help="As `gateway log search` takes them.")
    ] = None,
    form: Annotated[
        LogForm, typer.Option("--format", help="OCSF 1.8 events, or the entries themselves.")
    ] = LogForm.OCSF,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Elsewhere than to stdout.")] = None,
    is_gzip: Annotated[bool, typer.Option("--gzip", help="Compress it.")] = False,
    after: Annotated[
        list[str] | None,
        typer.Option("--after", metavar="SLOT:SEQ", help="Go on behind this place; once for each log."),
    ] = None,
) -> None:
    """Export entries, oldest first. One entry says so before anything is written; a log without --after begins at its first."""
    from gateway.app.evidence.exporting import open_indexed
    from gateway.flows.export.flow import bounded

    if desk.json and out is None:
        raise Stop("--json tells of the export, so the export goes to a file: give --out FILE")
    places = _places(after or ())
    query = await _query(desk, qualifiers or ())
    async with open_indexed(desk.settings) as index:
        with desk.paper.progress("Bringing the index up to the log", None) as moved:
            troubles = await index.catch_up(moved)
        _check_slots(places, await index.stretches())
        what = await bounded(index, query, places)
        await _entered(desk, form, what, places)
        with _output(out, is_gzip=is_gzip) as write_out:
            await _written(desk, index, what, form, write_out)
    told = Exported(
        format=form.value,
        entries=what.entries,
        file=None if out is None else str(out),
        after=what.ends,
        moved=dict(what.moved),
        troubles=troubles,
    )
    _tell(desk, told)
    if troubles:
        raise Stop("not every log could be read to its end, so the export is not whole", Exit.FAILED)


async def _query(desk: Desk, words: Sequence[str]) -> "LogQuery":
    """Return what is asked, with an account's name turned into its identifier; the log knows no names."""
    from gateway.app.clock import now_us
    from gateway.cli.desk import finding
    from gateway.cli.log.query import query_of

    query = query_of(words, now_us())
    if query.account is None or query.account.startswith(("a_", "local:")):
        return query
    async with desk.open(with_rules=False) as rooms:
        found = await finding.anybody(rooms, query.account)
    return msgspec.structs.replace(query, account=found.account.id)


async def _entered(desk: Desk, form: LogForm, what: "Bounded", after: Mapping[str, int]) -> None:
    from gateway.cli.log.query import spelled
    from gateway.domain.entry import Looked, Part

    places = " ".join(f"after:{slot}:{seq}" for slot, seq in sorted(after.items()))
    query = " ".join(filter(None, (f"format:{form.value}", spelled(what.query), places)))
    # Whoever looked at a person is to be found by that person's number, as whoever read their rows is.
    part = None if what.query.person is None else Part(met=(what.query.person,))
    async with desk.open_log() as log:
        await log.append(Looked(by=desk.by, what="log-export", query=query, rows=what.entries), part)


async def _written(
    desk: Desk, index: "IndexedLog", what: "Bounded", form: LogForm, write_out: Callable[[bytes], object]
) -> None:
    from gateway import __version__
    from gateway.flows.export.flow import write
    from gateway.flows.export.forms import writing_of

    n_written = 0
    with desk.paper.progress("Exporting", what.entries) as moved:
        async for n_more in write(index, index.pick, what, writing_of(form, __version__), write_out):
            n_written += n_more
            moved(n_more)
    if n_written != what.entries:
        # The entry says another number by now, so nothing of it may stand as whole.
        raise Stop("the index of the log changed under the export, which is not whole; export again", Exit.FAILED)


@contextmanager
def _output(out: Path | None, *, is_gzip: bool) -> Iterator[Callable[[bytes], object]]:
    from gateway.app.private_file import private_file

    if out is None:
        with _packed(sys.stdout.buffer, is_gzip=is_gzip) as write_out:
            yield write_out
        sys.stdout.flush()
        return
    with private_file(out) as file, _packed(file, is_gzip=is_gzip) as write_out:
        yield write_out


@contextmanager
def _packed(file: BinaryIO, *, is_gzip: bool) -> Iterator[Callable[[bytes], object]]:
    if not is_gzip:
        yield file.write
        return
    # No name and no time: the same entries give the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        yield packed.write


def _places(words: Sequence[str]) -> dict[str, int]:
    """Return the places of ``--after``, by log."""
    found: dict[str, int] = {}
    for word in words:
        place = _PLACE.match(word)
        if place is None:
            raise Stop("--after is followed by SLOT:SEQ, such as door-0:1200, once for each log")
        if place[1] in found:
            raise Stop(f"--after {place[1]} stands twice")
        found[place[1]] = int(place[2])
    return found


def _check_slots(after: Mapping[str, int], known: Mapping[str, tuple[int, int]]) -> None:
    sizes = {slot: size for slot, (_, size) in known.items()}
    for slot, seq in after.items():
        if slot not in sizes:
            raise Stop(f"there is no log {slot}; there are {', '.join(sorted(sizes)) or 'none'}")
        if seq >= sizes[slot]:
            raise Stop(f"{slot} has no entry {seq}: it has {sizes[slot]:,}. Is this the installation it came from?")


def _tell(desk: Desk, told: Exported) -> None:
    paper = desk.paper
    if desk.json:
        paper.line(msgspec.to_builtins(told))
        return
    for sentence in told.troubles.values():
        paper.tell(f"warning: {sentence}")
    for slot, n_entries in told.moved.items():
        paper.tell(
            f"note: {slot}: {counted(n_entries, 'entry')} moved to other storage, which the export does not have"
        )
    where = f" to {told.file}" if told.file else ""
    paper.tell(f"{counted(told.entries, 'entry')} exported{where} as {told.format}")
    words = " ".join(f"--after {slot}:{seq}" for slot, seq in told.after.items())
    if words:
        paper.tell(f"the next export goes on with: {words}")
