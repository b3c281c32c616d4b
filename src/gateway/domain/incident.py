# SPDX-License-Identifier: Apache-2.0
"""Values of incidents that more than one room knows."""

import msgspec


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """What became of somebody's word for opening a sealed list.

    Attributes:
        opens: Somebody else had said so in time: the list is opened, and both words are spent.
        first: Who that was; empty for nobody.
        until_us: Up to when this word waits for somebody else's; 0 where it does not wait.
        is_again: The same person's first word waits still, and this one says nothing.
        lapsed_us: When somebody else's word had ended unheard; 0 for none.
    """

    opens: bool = False
    first: str = ""
    until_us: int = 0
    is_again: bool = False
    lapsed_us: int = 0
