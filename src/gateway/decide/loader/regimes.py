# SPDX-License-Identifier: Apache-2.0
"""``regimes/*.yaml``: law as data. Every number says where it comes from and whether anybody checked.

``minors`` and ``transfers`` are used by the decision, ``keep.network_logs`` by retention. The other sections (clocks,
duties to report, other keeping) are kept in the file for the rooms that come later; here only their shape is checked: known
keys, and around every number a ``cite`` and a ``verified``.
"""

import re

import msgspec

from gateway.decide.loader.grammar.problems import Place, Problems, Said, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.decide.loader.grammar.yaml_nodes import Items, Kind, Node, Scalar, Table
from gateway.decide.rules import Regime
from gateway.domain.names import is_key
from gateway.domain.purpose import Ground

GROUNDS = tuple(ground.value for ground in Ground)
OLDEST_MINOR = 25

SECTIONS = ("dsr", "breach", "keep", "audit", "signal", "metrics", "notice")
"""Sections that are data for later rooms."""

# fmt: off
WORDS = frozenset(
    (
        "clock", "extend", "tell_within", "target", "hard", "ack", "opt_out", "reask_after", "decide_before",
        "unit", "n", "free", "pause_on", "deny_needs_reason", "reason",
        "authority", "subjects", "from", "phases", "when", "text", "register", "all", "persons", "notify_authority_over",
        "hours", "days", "months", "years", "cii_hours", "state_hours", "other_hours", "summary_days",
        "cac", "levels", "relatively_large", "major", "particularly_major",
        "requests", "records", "pia", "processing_records", "network_logs", "every", "if_subjects_over", "officer_if_over",
        "gpc", "display_status", "publish_by", "cite", "verified",
    )
)
"""Keys of those sections."""
# fmt: on

_COUNTRY = re.compile(r"[A-Z]{2}\Z")


class PlacedRegime(msgspec.Struct, frozen=True, kw_only=True):
    """A regime, the grounds it knows (``None``: not said), and where it stands."""

    regime: Regime
    grounds: frozenset[str] | None
    place: Place


def read_regime(top: Reader, file: str) -> PlacedRegime:
    """Return the regime of one file."""
    id_ = top.text("id")
    if id_ and (not is_key(id_) or file != f"regimes/{id_}.yaml"):
        top.problems.tell(top.place("id"), f"`id` is {quoted(id_)}, but the file is named {quoted(file)}")
    grounds = top.texts("grounds") if top.has("grounds") else None
    for ground in grounds or ():
        if ground.text not in GROUNDS:
            top.problems.tell(ground.place, f"unknown ground {quoted(ground.text)}{suggestion(ground.text, GROUNDS)}")
    logs_months, logs_cite = _logs(top.table)
    regime = Regime(
        id=id_,
        name=top.text("name"),
        countries=frozenset(check_country(said, top.problems) for said in top.texts("countries", required=True)),
        minors_under=_minors(top.table_of("minors")),
        restricts_transfers=_restricts(top.table_of("transfers", required=True)),
        logs_months=logs_months,
        logs_cite=logs_cite,
    )
    top.text("cite")
    for section in SECTIONS:
        if top.has(section):
            _check_data(top.table.nodes[section], top.problems, cited=False, verified=False)
    top.close()
    known = frozenset(ground.text for ground in grounds) if grounds is not None else None
    return PlacedRegime(regime=regime, grounds=known, place=top.place())


def check_country(said: Said, problems: Problems) -> str:
    """Return the country, telling a problem if it is not spelt as ISO 3166-1 alpha-2."""
    if said.text and _COUNTRY.match(said.text) is None:
        problems.tell(said.place, f"{quoted(said.text)} is no country; expected two capital letters (ISO 3166-1)")
    return said.text


def _source(reader: Reader, what: str) -> None:
    reader.text("cite")
    if not reader.flag("verified"):
        reader.problems.note(reader.place("verified"), f"{what} was not checked against the text of the law")


def _minors(reader: Reader | None) -> int | None:
    if reader is None:
        return None
    under = reader.number("under_years", least=1, most=OLDEST_MINOR)
    for key in ("consent", "text"):
        reader.text(key, default="none")
    _source(reader, "the age of minors")
    reader.close()
    return under


def _logs(top: Table) -> tuple[int | None, str]:
    """Return for how many months logs are kept at least, and where the law says so; the shape is checked with the rest."""
    keep = top.nodes.get("keep")
    logs = keep.nodes.get("network_logs") if isinstance(keep, Table) else None
    if not isinstance(logs, Table):
        return None, ""
    months, cite = logs.nodes.get("months"), logs.nodes.get("cite")
    if not isinstance(months, Scalar) or months.kind is not Kind.INTEGER:
        return None, ""
    return int(months.text), cite.text if isinstance(cite, Scalar) else ""


def _restricts(reader: Reader | None) -> bool:
    if reader is None:
        return False
    restricted = reader.flag("restricted")
    if restricted or reader.has("cite"):
        _source(reader, "the rule on transfers")
    reader.close()
    return restricted


def _check_data(node: Node, problems: Problems, *, cited: bool, verified: bool) -> None:
    """Check a section that is data: its keys, and that each number is cited and marked."""
    if isinstance(node, Items):
        for item in node.nodes:
            _check_data(item, problems, cited=cited, verified=verified)
    elif isinstance(node, Table):
        _check_table(node, problems, cited=cited, verified=verified)
    elif node.kind is Kind.INTEGER and not (cited and verified):
        missing = " and ".join(f"`{key}`" for key, there in (("cite", cited), ("verified", verified)) if not there)
        problems.tell(node.place, f"the number {node.text} has no {missing} beside or above it")
    elif node.kind in (Kind.NUMBER, Kind.NOTHING):
        problems.tell(node.place, f"{quoted(node.text)} is neither text, whole number, date, `yes` nor `no`")


def _check_table(node: Table, problems: Problems, *, cited: bool, verified: bool) -> None:
    for key, value in node.nodes.items():
        if key not in WORDS:
            problems.tell(node.keys[key], f"unknown key {quoted(key)}{suggestion(key, sorted(WORDS))}")
        if key == "cite" and not (isinstance(value, Scalar) and value.kind is Kind.TEXT and value.text.strip()):
            problems.tell(value.place, "`cite` must be text")
        if key == "verified" and not (isinstance(value, Scalar) and value.kind is Kind.BOOLEAN):
            problems.tell(value.place, "`verified` must be `yes` or `no` without quotes")
        if key == "verified" and isinstance(value, Scalar) and value.text in ("no", "false"):
            problems.note(value.place, "this number was not checked against the text of the law")
        cite_here = cited or "cite" in node.nodes
        _check_data(value, problems, cited=cite_here, verified=verified or "verified" in node.nodes)
