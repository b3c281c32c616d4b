# SPDX-License-Identifier: Apache-2.0
"""An explanation as people read it: a table of fields and layers, rules on rows, the decision, the nearest change."""

from typing import TYPE_CHECKING

from gateway.cli.desk.desk import Desk

if TYPE_CHECKING:
    from rich.text import Text

    from gateway.domain.explanation import Explanation, FieldWord, LayerWord


def tell_explanation(desk: Desk, found: "Explanation") -> None:
    """Write an explanation for people."""
    paper = desk.paper
    if found.fields:
        every = {word.layer.value: None for field in found.fields for word in field.layers}
        taking = [each for each in every if any(_takes(field, each) for field in found.fields)]
        paper.table(("field", "leaves", *taking, "kept there by"), [_row(field, taking) for field in found.fields])
        if idle := [each for each in every if each not in taking]:
            paper.say(
                f"· takes nothing; so do {', '.join(idle)} from any field.  ~ values may be told equal.", style="dim"
            )
    for sentence in found.rows:
        paper.say(f"· {sentence}")
    paper.say(_verdict(found), style="green" if found.decision == "permit" else "red")
    if found.title:
        paper.say(found.title)
    if found.change:
        paper.say(f"Nearest change ({found.ask}): {found.change}")


def _takes(field: "FieldWord", layer: str) -> bool:
    return any(word.layer.value == layer and not _is_top(word) for word in field.layers)


def _is_top(word: "LayerWord") -> bool:
    return word.rung == "reveal" and word.link


def _row(field: "FieldWord", layers: list[str]) -> "list[str | Text]":
    from rich.text import Text

    words = {word.layer.value: word for word in field.layers}
    leaves = field.leaves.value if field.rung in ("drop", "reveal") else field.rung
    cells: list[str | Text] = [field.field, Text(leaves, style="green" if leaves == "reveal" else "")]
    cells += [_cell(words[layer]) if layer in words else "" for layer in layers]
    kept = [f"{word.layer}: {_short(word.rule)}" for word in field.layers if word.binds]
    return [*cells, "; ".join(kept)]


def _cell(word: "LayerWord") -> "Text":
    """Return a layer's ceiling: its rung, ``~`` where the value may be linked; bold where it binds."""
    from rich.text import Text

    if _is_top(word):
        return Text("·", style="dim")
    return Text(f"{word.rung}{'~' if word.link else ''}", style="bold" if word.binds else "dim")


def _short(rule: str) -> str:
    """Return a rule's name; of many grants the first and the number of the others."""
    first, *others = rule.split(" ")
    return f"{first} and {len(others)} more" if others and first.startswith("g:") else rule


def _verdict(found: "Explanation") -> str:
    if found.decision == "permit":
        return "permit"
    about = f" ({', '.join(found.about)})" if found.about else ""
    rule = f", by {found.rule}" if found.rule else ""
    return f"{found.decision}: {found.reason}{about}{rule}"
