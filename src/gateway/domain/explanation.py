# SPDX-License-Identifier: Apache-2.0
"""Why something was decided, as values: every layer's word on every field, and what would change it."""

import msgspec

from gateway.domain.decision import Reason
from gateway.domain.treatment import Family, Rung
from gateway.domain.viewplan import Layer


class LayerWord(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer lets leave of a field, and which rule says so."""

    layer: Layer
    rung: Rung
    link: bool
    rule: str
    binds: bool
    """This layer is one of those that keep the field where it is."""


class FieldWord(msgspec.Struct, frozen=True, kw_only=True):
    """One field: what leaves of it now, and every layer's word."""

    field: str
    categories: tuple[str, ...]
    leaves: Family
    rung: Rung
    layers: tuple[LayerWord, ...]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What would come of a call.

    Attributes:
        change: Sentence naming the nearest change that would permit it, or that none would.
        ask: Who can make that change: caller, owner, officer, operator.
    """

    decision: str
    reason: Reason | None
    about: tuple[str, ...]
    rule: str | None
    title: str | None
    fields: tuple[FieldWord, ...]
    rows: tuple[str, ...]
    change: str | None
    ask: str | None
