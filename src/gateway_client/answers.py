# SPDX-License-Identifier: Apache-2.0
"""What came back, as values. Numbers with a fraction are ``Decimal``: no digit is lost."""

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from gateway_client.errors import NotTheGateway

Row = dict[str, Any]
"""One row: the fields that may leave. A field that was dropped is absent, which is something else than null."""

_LINK = re.compile(r"<(/[^>]*)>\s*;[^,]*\brel=\"?next\"?")
_VIEW = re.compile(r"([a-z-]+)=\(([^)]*)\)")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Page:
    """One page of a list.

    Attributes:
        rows: As they may leave.
        more: Another page follows; ``None`` if the answer was too long to say so.
        next: Path and query of that page.
        view: By treatment, the fields that left; ``step-up`` names those of which a fresh sign-in would show more.
        decision_id: Finds the call in the gateway's log.
    """

    rows: list[Row]
    more: bool | None
    next: str | None
    view: dict[str, tuple[str, ...]]
    decision_id: str


@dataclass(frozen=True)
class Record:
    """One record.

    Attributes:
        etag: For ``if_match`` of a write, where the route honours it.
    """

    fields: Row
    view: dict[str, tuple[str, ...]]
    decision_id: str
    etag: str | None


@dataclass(frozen=True)
class Written:
    """What came of a write.

    Attributes:
        fields: The record as the caller may read it; ``None`` where nothing is told.
    """

    status: int
    fields: Row | list[Row] | None
    decision_id: str
    etag: str | None


@dataclass(frozen=True)
class Revealed:
    """What came of one surrogate.

    Attributes:
        value: In clear; ``None`` where nothing of it is told.
        cause: Then: ``not-recognised``, ``choice``, ``age``, ``transfer``, ``no-subject`` or ``erased``.
    """

    surrogate: str
    value: str | int | Decimal | bool | None = field(repr=False)
    cause: str | None


def revealed_of(told: Row) -> Revealed:
    """Return what a row of the answer to a reveal says."""
    return Revealed(str(told.get("surrogate", "")), told.get("value"), told.get("cause"))


def read_json(content: bytes | str) -> Any:
    """Return what a JSON text holds.

    Raises:
        NotTheGateway: It is none.
    """
    try:
        return json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise NotTheGateway("the answer is not JSON") from None


def rows_in(told: Any) -> list[Row]:
    """Return the rows of a list's answer: an array, or an object with one array of objects in it.

    Raises:
        NotTheGateway: There are none to be found in it.
    """
    lists = [told] if isinstance(told, list) else []
    if isinstance(told, dict):
        lists = [value for value in told.values() if isinstance(value, list)]
    if len(lists) != 1 or not all(isinstance(row, dict) for row in lists[0]):
        raise NotTheGateway("the answer holds no list of rows")
    return list(lists[0])


def decision_of(answer: httpx.Response) -> str:
    """Return the identifier of the decision that an answer rests on."""
    return str(answer.headers.get("decision-id", ""))


def view_of(answer: httpx.Response) -> dict[str, tuple[str, ...]]:
    """Return ``Data-View`` as fields by treatment."""
    told = answer.headers.get("data-view", "")
    return {word: tuple(_STRING.findall(names)) for word, names in _VIEW.findall(told)}


def more_of(answer: httpx.Response) -> bool | None:
    """Return whether another page follows, if the answer says so."""
    return {"more": True, "last": False}.get(answer.headers.get("data-page", ""))


def next_of(answer: httpx.Response) -> str | None:
    """Return path and query of the next page; an address of anybody else is none."""
    found = _LINK.search(answer.headers.get("link", ""))
    return found[1] if found and not found[1].startswith("//") else None
