# SPDX-License-Identifier: Apache-2.0
"""The scope of an incident as people read it: in a terminal, and as Markdown for a report to an authority."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gateway.cli.desk import moments
from gateway.cli.desk.markdown import escaped, table_row
from gateway.cli.desk.paper import visible
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.flows.incident.values import Count, Scope

FORMS = {
    "reveal": "in clear",
    "clear": "in clear",
    "surrogate": "in coded form",
    "mask": "masked",
    "generalise": "generalised",
}
"""What left of a field, in words; a rung that is not here is told as it is written."""

_TIMES = ("since", "until")


def text(scope: "Scope") -> str:
    """Return a scope for a terminal."""
    lines = [*_sentences(scope), ""]
    for title, head, rows in _tables(scope):
        widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
        lines += [title, *(_aligned(row, widths) for row in (head, *rows)), ""]
    return "\n".join([*lines, "Rests on", *(f"  {line}" for line in _basis(scope))]) + "\n"


def markdown(scope: "Scope") -> str:
    """Return a scope as a section of a report."""
    lines = ["# Scope of an incident", "", *(f"- {escaped(one)}" for one in _sentences(scope)), ""]
    for title, head, rows in _tables(scope):
        lines += [
            f"## {title}",
            "",
            table_row(head),
            table_row(["---"] * len(head)),
            *(table_row(row) for row in rows),
            "",
        ]
    return "\n".join([*lines, "## Rests on", "", *(f"- {escaped(one)}" for one in _basis(scope))]) + "\n"


def _sentences(scope: "Scope") -> Iterable[str]:
    yield f"Asked: {_asked(scope)}"
    at_most = f", at most {scope.people_at_most:,}" if scope.people_at_most > scope.people else ""
    yield f"People reached: {scope.people:,} distinct{at_most}"
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in scope.identities.items())
    yield f"Of them with an identity today: {scope.with_identity:,}{f' ({kinds})' if kinds else ''}"
    if scope.without_identity:
        yield f"Without one (erased, or a row whose person could not be read), counted above: {scope.without_identity:,}"
    yield f"With something in clear: {scope.people_in_clear:,}; in coded form only: {scope.people_in_coded_form_only:,}"
    yield f"Rows {scope.rows:,} in {scope.entries:,} blocks of answers, {counted(scope.bytes, 'byte')}"
    if scope.first_us is not None and scope.last_us is not None:
        yield f"First {moments.written(scope.first_us)}, last {moments.written(scope.last_us)}"
    if scope.entries_without_people:
        more = scope.people_at_most - scope.people
        yield (
            f"Of {scope.entries_without_people:,} blocks the people were deleted from the log; they were {more:,} at most"
        )
    yield from _beside(scope)


def _beside(scope: "Scope") -> Iterable[str]:
    """Yield what is no release."""
    written = scope.written
    if written.entries:
        fields = "; ".join(f"{FORMS.get(word, word)}: {' '.join(names)}" for word, names in written.fields.items())
        yield f"Written at most: {counted(written.records, 'record')} of {counted(written.people, 'person')}{f' ({fields})' if fields else ''}"
    if written.entries_without_people:
        yield f"Of {written.entries_without_people:,} writes the people were deleted from the log"
    if scope.passed_on["entries"]:
        yield (
            f"Passed on by stores that are not enforced: {scope.passed_on['entries']:,} blocks, "
            f"{scope.passed_on['bytes']:,} bytes, of people whom nobody counted"
        )
    if scope.cut_short:
        yield f"Calls of which less left than was authorised, or nobody knows how much: {scope.cut_short:,}"
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in scope.refused.reasons.items())
    yield f"Refused calls, which reached nobody: {scope.refused.calls:,}{f' ({reasons})' if reasons else ''}"


def _tables(scope: "Scope") -> Iterable[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    fields = [
        (one.dataset, one.field, FORMS.get(one.treatment, one.treatment), f"{one.people:,}") for one in scope.fields
    ]
    if fields:
        yield "Fields, and of how many people at most", ("dataset", "field", "left", "people"), fields
    for title, counts in (
        ("Purposes", scope.purposes),
        ("Recipients", scope.recipients),
        ("Datasets", scope.datasets),
        ("Accounts", scope.accounts),
        ("Client apps", scope.clients),
    ):
        if counts:
            yield title, ("name", "people", "rows", "blocks"), [_count(one) for one in counts]


def _count(one: "Count") -> Sequence[str]:
    return one.name or "-", f"{one.people:,}", f"{one.rows:,}", f"{one.entries:,}"


def _basis(scope: "Scope") -> Iterable[str]:
    yield f"made {moments.written(scope.made_us)} by {scope.made_by}"
    for one in scope.rests_on.logs:
        signed = f"signed to {one.size:,}, root {one.root}" if one.root else "no checkpoint that could be read"
        yield f"log {one.log}: {counted(one.entries, 'entry')}; {signed}"
    yield f"{counted(scope.rests_on.entries_from_files, 'entry')} read from files, the others from the index"
    yield from scope.rests_on.remarks


def _asked(scope: "Scope") -> str:
    words = (
        f"{name} {moments.written(int(value)) if name in _TIMES else value}" for name, value in scope.asked.items()
    )
    return ", ".join(words)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  " + "  ".join(visible(cell).ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
