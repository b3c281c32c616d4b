# SPDX-License-Identifier: Apache-2.0
"""A proposal as Fides dataset YAML in which every field says ``reviewed: no``.

RULES

1. ``gateway check`` loads what comes out. What a catalogue cannot say stands in a comment.
2. Comments tell the evidence and never a value of the store; names of the store are quoted where YAML would read
   something else.
3. ``reviewed: no`` stands on a line of its own, and who confirms a field takes that line away; what is left loads.
4. Where nothing tells whom rows are about, each row counts as one person: the strictest that can be said without
   having looked.
"""

import json
import re
from collections.abc import Iterator, Mapping

from gateway.domain.catalog import AnswerShape, FieldType, Route
from gateway.domain.names import IdentityKind
from gateway.domain.parameters import (
    AlternativeFilters,
    Comparison,
    FilterParameter,
    LimitParameter,
    Parameter,
    SortParameter,
    SortStyle,
)
from gateway.domain.proposal import CollectionProposal, DatasetProposal, FieldProposal

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*\Z", re.ASCII)
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])
_FIDES = {
    FieldType.TEXT: "string",
    FieldType.FREE_TEXT: "string",
    FieldType.DATE: "string",
    FieldType.TIMESTAMP: "string",
    FieldType.INTEGER: "integer",
    FieldType.DECIMAL: "float",
    FieldType.BOOLEAN: "boolean",
}
_OWN_TYPES = (FieldType.FREE_TEXT, FieldType.DATE, FieldType.TIMESTAMP)
"""What Fides has no word for."""


def dataset_yaml(proposal: DatasetProposal, *, notes: bool = True) -> str:
    """Return the file; ``gateway check`` loads it, and nothing of it leaves to anybody until it is reviewed.

    Args:
        proposal: What was found out; at least one collection.
        notes: Whether the evidence for each field stands beside it as a comment.
    """
    lines = (
        [
            "# Proposed by `gateway dataset infer`. Nothing leaves of a field until its line `reviewed: no` is taken away."
        ]
        if notes
        else []
    )
    lines += [f"# cannot be declared: {shown_sentence(one)}" for one in proposal.unsupported if notes]
    lines += [
        "dataset:",
        f"  - fides_key: {quoted(proposal.store)}",
        f"    name: {_text(proposal.title)}",
        "    collections:",
    ]
    for collection in proposal.collections:
        lines += collection_lines(proposal, collection, notes=notes)
    return "\n".join(lines) + "\n"


def collection_lines(proposal: DatasetProposal, one: CollectionProposal, *, notes: bool = True) -> list[str]:
    """Return one item of ``collections``, indented as it stands in the file."""
    lines = [f"      - name: {quoted(one.name)}"]
    if notes:
        lines += [f"        # cannot be declared: {shown_sentence(sentence)}" for sentence in one.unsupported]
    lines += ["        gateway:", *_subject(proposal, one, notes=notes), *_row(one), "          routes:"]
    lines += [line for route in one.routes for line in route_lines(route)]
    lines.append("        fields:")
    return [*lines, *_fields(one.fields, "", 10, notes=notes)]


def quoted(name: str) -> str:
    """Return a name as YAML reads it back as text."""
    return name if _PLAIN.match(name) and name.lower() not in _WORDS else json.dumps(name, ensure_ascii=False)


def shown_sentence(sentence: str) -> str:
    """Return a sentence that stays on the line of its comment."""
    return "".join(one if one.isprintable() else "?" for one in sentence)[:300]


def subject_or_row(store: str, one: CollectionProposal) -> tuple[str, str]:
    """Return field and kind of the subject; where none was found, the field that best tells rows apart."""
    if one.subject is not None:
        return str(one.subject[0]), str(one.subject[1])
    fitting = [field for field in one.fields if field.type in (FieldType.TEXT, FieldType.INTEGER)]
    keys = [field for field in fitting if field.categories[0] == "user.unique_id"]
    best = (keys or fitting or list(one.fields))[0]
    return str(best.name), str(IdentityKind(f"{store}.{one.name}_row"))


def field_lines(one: FieldProposal, name: str, indent: int, *, notes: bool = True) -> list[str]:
    """Return one item of ``fields``; its last line is ``reviewed: no``."""
    pad = " " * indent
    lines = [f"{pad}- name: {quoted(name)}"]
    if notes:
        lines.append(f"{pad}  # {one.confidence}: {shown_sentence('; '.join(evidence_sentences(one)))}")
    lines += [
        f"{pad}  data_categories: [{', '.join(one.categories)}]",
        f"{pad}  fides_meta: {{data_type: {_FIDES[one.type]}}}",
    ]
    ours = [f"type: {one.type}"] if one.type in _OWN_TYPES else []
    ours += [f"join_domain: {quoted(one.join_domain)}"] if one.join_domain is not None else []
    ours += ["identifies: yes"] if one.identifies else []
    if not ours:
        # Taken away, the line must leave no empty `gateway` behind.
        return [*lines, f"{pad}  gateway: {{reviewed: no}}"]
    return [*lines, f"{pad}  gateway:", *(f"{pad}    {said}" for said in (*ours, "reviewed: no"))]


def evidence_sentences(one: FieldProposal) -> tuple[str, ...]:
    """Return what speaks for a proposal, without a value of the store."""
    told = []
    for each in one.evidence:
        count = f" ({each.n_matching} of {each.n_seen})" if each.n_seen else ""
        told.append(f"{each.by}: {each.says}{count}")
    if one.references is not None:
        told.append(f"points at {one.references[0]}.{one.references[1]}")
    return tuple(told)


def _fields(fields: tuple[FieldProposal, ...], prefix: str, indent: int, *, notes: bool) -> Iterator[str]:
    """Yield fields in their order; those inside one object stand below its name."""
    done: set[str] = set()
    for one in fields:
        name = one.name.removeprefix(prefix)
        first, dot, _ = name.partition(".")
        if not dot:
            yield from field_lines(one, name, indent, notes=notes)
        elif first not in done:
            done.add(first)
            inner = tuple(other for other in fields if other.name.startswith(f"{prefix}{first}."))
            yield f"{' ' * indent}- name: {quoted(first)}"
            yield f"{' ' * indent}  fields:"
            yield from _fields(inner, f"{prefix}{first}.", indent + 4, notes=notes)


def _subject(proposal: DatasetProposal, one: CollectionProposal, *, notes: bool) -> list[str]:
    field, kind = subject_or_row(proposal.store, one)
    lines = []
    if one.subject is None and notes:
        lines = [
            "          # Whom is a row about? Nothing told, so each row counts as one person. If no row is about anybody,",
            "          # write `subject: none` and `reviewed: yes` in its place.",
        ]
    return [*lines, f"          subject: {{identity: {quoted(kind)}, field: {quoted(field)}}}"]


def _row(one: CollectionProposal) -> list[str]:
    said = [
        f"{key}: {quoted(name)}"
        for key, name in (("birth_date", one.birth_date), ("region", one.region))
        if name is not None
    ]
    return [f"          row: {{{', '.join(said)}}}"] if said else []


def route_lines(route: Route) -> list[str]:
    """Return one item of ``routes``, indented as it stands in the file."""
    pad = " " * 14
    lines = [
        f"            - method: {route.method}",
        f"{pad}path: {_path(route.template)}",
        f"{pad}operation: {route.operation}",
    ]
    lines += [f"{pad}slash: yes"] if route.slash else []
    if route.body is not None:
        lines += [f"{pad}body:", f"{pad}  kind: {route.body.kind}"]
        lines += _parameters(route.body.parameters, pad + "  ")
    lines.append(f"{pad}answer: {_answer(route.answer)}")
    if route.always:
        lines.append(f"{pad}always: {{{', '.join(f'{quoted(name)}: {_text(value)}' for name, value in route.always)}}}")
    return [*lines, *_parameters(route.parameters, pad)]


def _parameters(parameters: Mapping[str, Parameter], pad: str) -> list[str]:
    if not parameters:
        return []
    return [f"{pad}parameters:", *(f"{pad}  {quoted(name)}: {_parameter(one)}" for name, one in parameters.items())]


def _parameter(one: Parameter) -> str:
    if isinstance(one, FilterParameter):
        return _filter(one)
    if isinstance(one, AlternativeFilters):
        return f"[{', '.join(map(_filter, one.filters))}]"
    if isinstance(one, LimitParameter):
        return f"{{use: limit, most: {one.most}, default: {one.default}}}"
    if isinstance(one, SortParameter):
        style = "" if one.style is SortStyle.MINUS else f", style: {one.style}"
        return f"{{use: sort, fields: [{', '.join(map(quoted, one.fields))}]{style}}}"
    return str(one.__struct_config__.tag)


def _filter(one: FilterParameter) -> str:
    said = [f"field: {quoted(one.field)}"]
    if one.comparison is not Comparison.EQUAL:
        said.append(f"comparison: {one.comparison}")
    if one.value != "{}":
        said.append(f"value: {json.dumps(one.value)}")
    return f"{{{', '.join(said)}}}"


def _answer(shape: AnswerShape) -> str:
    said = [f"kind: {shape.kind}"]
    if shape.rows is not None:
        said.append(f"rows: {quoted(shape.rows)}")
    if shape.members:
        said.append(f"members: {{{', '.join(f'{quoted(name)}: {use}' for name, use in shape.members)}}}")
    if shape.next is not None:
        said.append(f"next: {quoted(shape.next)}")
    if shape.partial:
        said.append("partial: yes")
    return f"{{{', '.join(said)}}}"


def _path(template: str) -> str:
    return json.dumps(template) if "{" in template else template


def _text(text: str) -> str:
    return json.dumps("".join(one if one.isprintable() else " " for one in text).strip() or "-", ensure_ascii=False)
