# SPDX-License-Identifier: Apache-2.0
"""Passwords: what a new one must be, and Argon2id hashes that are made and compared off the event loop.

Rules:

1. A password is normalised (NFKC) and then taken whole: nothing is cut off, trimmed or folded.
2. A new one has 15 or more code points, at most 1,024 bytes, and is not one that guessers try early. There are
   no rules of composition, no hints and no expiry.
3. A comparison for an account that does not exist costs one hash too, so neither form nor time tells.
4. Work goes to ``workers`` threads; when ``waiting`` more wait already, ``Overloaded`` is raised at once. Memory
   is ``workers`` x ``memory_kib`` at most.

Source: NIST SP 800-63B-4 section 3.1.1; RFC 9106; OWASP ASVS 5.0 chapters 6.2 and 11.4.
"""

import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterable
from enum import StrEnum
from secrets import token_bytes
from typing import Final, TypeVar

import msgspec
from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from gateway.domain.errors import Overloaded
from gateway.identify.blocklist import Blocklist

MIN_CODE_POINTS: Final = 15
MAX_BYTES: Final = 1_024
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32

T = TypeVar("T")


class PasswordProblem(StrEnum):
    """Why a new password is not taken."""

    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    COMMON = "common"
    NOT_TEXT = "not-text"


class Comparison(msgspec.Struct, frozen=True):
    """Outcome of a comparison.

    Attributes:
        right: The password is the account's.
        rehashed: A hash under the present parameters, if the stored one was made under others.
    """

    right: bool
    rehashed: str | None = None


def normalised(password: str) -> bytes | None:
    """Return the bytes that are hashed, or ``None`` for what can be no password.

    The bound is tried before normalisation as well, which can make a text 18 times as long.
    """
    if len(password) > MAX_BYTES:
        return None
    try:
        raw = unicodedata.normalize("NFKC", password).encode("utf-8")
    except UnicodeEncodeError:
        return None
    return raw if len(raw) <= MAX_BYTES else None


def problem_of(password: str, blocklist: Blocklist, *, names: Iterable[str] = ()) -> PasswordProblem | None:
    """Return why a new password is not taken; ``None`` if it is.

    Args:
        password: As the person typed it.
        blocklist: What guessers try early.
        names: What the account is called.
    """
    if len(password) > MAX_BYTES:
        return PasswordProblem.TOO_LONG
    text = unicodedata.normalize("NFKC", password)
    if any(unicodedata.category(character) == "Cs" for character in text):
        return PasswordProblem.NOT_TEXT
    if normalised(password) is None:
        return PasswordProblem.TOO_LONG
    if len(text) < MIN_CODE_POINTS:
        return PasswordProblem.TOO_SHORT
    return PasswordProblem.COMMON if blocklist.is_common(text, names=names) else None


class Passwords:
    """Makes and compares hashes in its own bounded number of threads."""

    def __init__(
        self, *, time_cost: int = 2, memory_kib: int = 65_536, parallelism: int = 1, workers: int = 2, waiting: int = 32
    ) -> None:
        """Set the cost, and make the hash that stands for accounts that do not exist.

        Args:
            time_cost: Passes over the memory.
            memory_kib: Memory of one hash, KiB.
            parallelism: Lanes of one hash.
            workers: Hashes at the same time.
            waiting: Further hashes that may wait for a thread.
        """
        self._hasher = PasswordHasher(
            time_cost=time_cost,
            memory_cost=memory_kib,
            parallelism=parallelism,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
            type=Type.ID,
        )
        self._limiter = CapacityLimiter(workers)
        self._capacity = workers + waiting
        self._under_way = 0
        self._nobody = _hash_of_nobody(f"m={memory_kib},t={time_cost},p={parallelism}")

    async def hash(self, password: str) -> str:
        """Return the hash of a password that ``problem_of`` found no problem with.

        Raises:
            ValueError: It can be no password.
            Overloaded: Too many hashes are waiting.
        """
        raw = normalised(password)
        if raw is None:
            raise ValueError("the password is too long or not text")
        return await self._in_thread(lambda: self._hasher.hash(raw))

    async def compare(self, stored: str | None, password: str) -> Comparison:
        """Compare a password with a stored hash; without one, with a hash that nothing matches.

        Raises:
            Overloaded: Too many hashes are waiting.
        """
        raw = normalised(password)
        known = stored is not None and raw is not None
        return await self._in_thread(lambda: self._compare(stored or self._nobody, raw or b"", known=known))

    def _compare(self, stored: str, raw: bytes, *, known: bool) -> Comparison:
        try:
            self._hasher.verify(stored, raw)
        except (VerificationError, InvalidHashError):
            return Comparison(right=False)
        if not known:
            return Comparison(right=False)
        return Comparison(
            right=True, rehashed=self._hasher.hash(raw) if self._hasher.check_needs_rehash(stored) else None
        )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._capacity:
            raise Overloaded(f"{self._capacity} password hashes are under way; no more are queued")
        self._under_way += 1
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._under_way -= 1


def _hash_of_nobody(cost: str) -> str:
    """Return random bytes in the form of a hash: to compare with it costs as much, and nothing matches."""
    salt, digest = (b64encode(token_bytes(size)).rstrip(b"=").decode() for size in (SALT_BYTES, HASH_BYTES))
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"
