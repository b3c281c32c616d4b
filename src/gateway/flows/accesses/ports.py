# SPDX-License-Identifier: Apache-2.0
"""What the accesses to one person need from others, and the values in which they are told."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from gateway.domain.entry import Entry, Part
from gateway.domain.log_query import LogRow
from gateway.domain.reach import Extent


class Index(Protocol):
    """The index of the log, which only tells what was read into it."""

    async def extents(self) -> Mapping[str, Extent]:
        """Return by slot how far it reaches."""
        ...

    async def naming(self, numbers: Collection[int]) -> Mapping[str, Sequence[int]]:
        """Return by slot the places of the entries in whole spans that speak of people."""
        ...

    async def at(self, slot: str, places: Sequence[int]) -> Sequence[LogRow]:
        """Return the entries at places of a slot, in their order."""
        ...

    async def of_calls(self, slot: str, calls: Collection[str]) -> Mapping[str, Sequence[LogRow]]:
        """Return by call all of its entries in a slot, in their order."""
        ...


class Recorder(Protocol):
    """The access log; an entry is durable when the call returns."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return the entry's place in the log, or raise ``LogUnavailable``."""
        ...


class RecipientWords(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient as organisation.yaml named it."""

    legal_name: str
    is_own: bool


class PurposeWords(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose as purposes.yaml had it.

    Attributes:
        title: Sentence by language tag.
        owner: The team that answers for it.
    """

    title: Mapping[str, str]
    ground: str
    owner: str


class RuleWords(msgspec.Struct, frozen=True, kw_only=True):
    """What rules that were in force said of recipients and purposes."""

    organisation: str = ""
    recipients: Mapping[str, RecipientWords] = {}
    purposes: Mapping[str, PurposeWords] = {}


class PastRules(Protocol):
    """The rules that were ever in force."""

    def words(self, digest: str) -> RuleWords | None:
        """Return what the rules of a digest said; ``None`` where the archive does not have them."""
        ...


class Action(StrEnum):
    """What was done."""

    READ = "read"
    WRITTEN = "written"
    LOOKED_FOR = "looked-for"
    """A filter or path named the person, and nothing about them was released: no access, but a use of their name."""
    LOOKED_UP = "looked-up"
    """Somebody who looks after the gateway looked at what it holds of the person."""
    RECORDED = "recorded"
    """Somebody who looks after the gateway wrote down something of the person, such as a choice."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """One call, or one look of somebody who looks after the gateway.

    Attributes:
        at_us / until_us: Of its first and last entry about the person.
        recipient: Legal name; the recipient's key where the rules are lost.
        is_own / team: Whether it is the controller itself, and then whose team answers for the purpose.
        purpose_words: Sentence by language tag.
        ground: Legal ground of the purpose by the rules that the call was decided by.
        fields: What could leave of the person, by word of treatment.
        written: What was written of the person, by ``clear`` and ``surrogate``.
        outcome: Of a write: ``done``, or ``unknown`` where the store failed under it.
        what: Of a look or a record, which.
        account / client / session / decision / entries: For officers alone, never for the person.
    """

    at_us: int
    until_us: int
    action: Action
    recipient: str = ""
    is_own: bool = False
    team: str = ""
    purpose: str = ""
    purpose_words: Mapping[str, str] = {}
    ground: str = ""
    reference: str = ""
    dataset: str = ""
    operation: str = ""
    fields: Mapping[str, tuple[str, ...]] = {}
    written: Mapping[str, tuple[str, ...]] = {}
    outcome: str = ""
    what: str = ""
    account: str = ""
    client: str = ""
    session: str = ""
    decision: str = ""
    entries: tuple[str, ...] = ()


OFFICERS_ALONE = ("account", "client", "session", "decision", "entries")
