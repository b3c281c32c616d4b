# SPDX-License-Identifier: Apache-2.0
"""A seal without a key, for tests of what is sealed and bound."""

import hashlib


class TagSeal:
    """A seal that only binds: content, then a digest of content and what it is bound to."""

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Return content and digest."""
        return plain + hashlib.sha256(plain + bound_to).digest()

    def open(self, sealed: bytes, bound_to: bytes) -> bytes | None:
        """Return the content if the digest is right."""
        plain = sealed[:-32]
        return plain if self.seal(plain, bound_to) == sealed else None
