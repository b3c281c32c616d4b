# SPDX-License-Identifier: Apache-2.0
"""One answer of a store that nobody has declared yet, as it was asked for and as it came.

A sample holds values of people. It lives as long as the look at the store does and is never written.
"""

import msgspec
from typing_extensions import override


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What a store answered to one GET.

    Attributes:
        path: Below the store's base URL, ``/customers``.
        query: As it was asked.
        body: The decoded JSON.
        headers: Of interest only (content-type, link, x-total-count, content-range), names in lower case.
        cut: The body was longer than was read; its last rows are missing.
    """

    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: object = None
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False

    @override
    def __repr__(self) -> str:
        return f"<Sample of {self.path}>"
