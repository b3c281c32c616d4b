# SPDX-License-Identifier: Apache-2.0
"""The whole rows at the beginning of a JSON text of which the end was not read."""

import re

# A string that was cut is passed over to the end: what looks like a bracket in it is none.
_PIECE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_CLOSING = {ord("["): b"]", ord("{"): b"}"}


def whole_rows(text: bytes) -> bytes | None:
    """Return the text up to its last whole row, closed behind it; ``None`` where no row is whole.

    A row is an object in the first array of objects, at the top or in a member of the top.
    """
    stack: list[int] = []
    rows_at, end = 0, 0
    around = b""
    for piece in _PIECE.finditer(text):
        mark = piece[0][0]
        if mark == ord('"'):
            continue
        if mark in _CLOSING:
            if mark == ord("{") and stack and stack[-1] == ord("[") and rows_at == 0 and len(stack) <= 2:
                rows_at = len(stack)
                around = b"".join(_CLOSING[one] for one in reversed(stack))
            stack.append(mark)
        elif stack:
            stack.pop()
            if rows_at and len(stack) == rows_at and mark == ord("}"):
                end = piece.end()
            elif len(stack) < rows_at:
                break
    return text[:end] + around if end else None
