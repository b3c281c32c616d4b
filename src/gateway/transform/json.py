# SPDX-License-Identifier: Apache-2.0
"""Rows as one JSON text: an array, an object around its rows, or a single record."""

import msgspec

from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.transform.blocks import Frame


def json_frame(shape: AnswerShape) -> Frame:
    """Return what stands around the rows: of the store's own shape, or an array where it sent lines."""
    if shape.kind == "record":
        return Frame(most_rows=1)
    if shape.kind == "object":
        return Frame(
            opening=b"{" + msgspec.json.encode(shape.rows) + b":[",
            between=b",",
            closing=b"]}",
            counts=tuple(name for name, use in shape.members if use is MemberUse.RECOUNT),
            next=shape.next,
        )
    return Frame(opening=b"[", between=b",", closing=b"]")
