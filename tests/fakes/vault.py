# SPDX-License-Identifier: Apache-2.0
"""A vault in memory, which keeps what it was asked."""

from collections.abc import Iterable, Sequence

from gateway.domain.errors import StateUnavailable
from gateway.domain.names import JoinDomain, PersonNumber


class FakeVault:
    """Gives tokens that count up; a token is 16 bytes that begin with its number.

    Attributes:
        held: By domain and value, the token and the people who have a copy; ``None`` among them is nobody.
        asked: The names of what was called, in order.
        is_down: Nothing is answered.
    """

    is_down = False

    def __init__(self) -> None:
        self.held: dict[tuple[JoinDomain, str], tuple[bytes, set[PersonNumber | None]]] = {}
        self.asked: list[str] = []

    async def tokens(
        self, domain: JoinDomain, values: Sequence[str], people: Sequence[PersonNumber | None]
    ) -> list[bytes]:
        """Return the token of each value."""
        self._answer("tokens")
        return [self.give(domain, value, person) for value, person in zip(values, people, strict=True)]

    def give(self, domain: JoinDomain, value: str, person: PersonNumber | None = None) -> bytes:
        """Return the token of a value, given to a person."""
        token = (len(self.held) + 1).to_bytes(16, "little")
        token, owners = self.held.setdefault((domain, value), (token, set()))
        owners.add(person)
        return token

    async def find(self, domain: JoinDomain, values: Sequence[str]) -> list[bytes | None]:
        """Return the token of each value that has one."""
        self._answer("find")
        return [self.held.get((domain, value), (None, set()))[0] for value in values]

    async def opened(self, domain: JoinDomain, tokens: Iterable[bytes]) -> dict[bytes, str]:
        """Return the value of each token."""
        self._answer("opened")
        wanted = set(tokens)
        return {token: value for (of, value), (token, _) in self.held.items() if of == domain and token in wanted}

    async def read(
        self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber | None]
    ) -> dict[bytes, str]:
        """Return the value of each token."""
        self._answer("read")
        await self.adopt(domain, tokens, [person for person in people if person is not None])
        return {token: value for (of, value), (token, _) in self.held.items() if of == domain and token in tokens}

    async def adopt(self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber]) -> None:
        """Let people have copies."""
        self._answer("adopt")
        for (of, _), (token, owners) in self.held.items():
            for wanted, person in zip(tokens, people, strict=False):
                if (of, token) == (domain, wanted):
                    owners.discard(None)
                    owners.add(person)

    def _answer(self, name: str) -> None:
        self.asked.append(name)
        if self.is_down:
            raise StateUnavailable("down")
