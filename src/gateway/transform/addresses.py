# SPDX-License-Identifier: Apache-2.0
"""What is one address of one mailbox or phone; pure.

RULES

1. Only a value in its normal spelling is an address. What else a store may hold in such a field (a list, a name in
   angle brackets, a line break) could be read as several by whoever carries the message.
2. A mailbox has no character that separates or wraps addresses (RFC 5322 section 3.4): letters and digits of any
   script, and the marks of an atom.
"""

import re

from gateway.domain.catalog import Form
from gateway.transform.normalise import SPELLINGS, is_e164

_MAILBOX = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+")
MOST_CHARACTERS = 254


def one_address(form: Form | None, text: str) -> str | None:
    """Return a value as the one address that it is; ``None`` if it is none, or may be more than one.

    Args:
        form: How values of its field are spelled.
        text: The value.
    """
    if form not in (Form.EMAIL, Form.PHONE):
        return None
    normal = SPELLINGS[form](text, None)
    if form is Form.PHONE:
        return normal if is_e164(normal) else None
    return normal if len(normal) <= MOST_CHARACTERS and _MAILBOX.fullmatch(normal) else None
