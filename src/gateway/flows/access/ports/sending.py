# SPDX-License-Identifier: Apache-2.0
"""Those who carry messages, what was sent already, and the standing approvals that messages are sent under."""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from gateway.domain.errors import StoreUnreachable
from gateway.domain.mandate import Mandate
from gateway.domain.names import StoreName
from gateway.domain.sending import Dispatch, Fate, Parcel

Send = Callable[[Parcel], Awaitable[Fate]]
"""Sends one message and tells what became of it; raises nothing that the recipient or the road to it causes."""


class Recipients(Protocol):
    """Those who carry messages."""

    def opened(self, dispatch: Dispatch) -> AbstractAsyncContextManager[Send]:
        """Return the way to one of them, to be entered for as long as messages go."""

    def unfit(self, store: StoreName, texts: Mapping[str, str]) -> tuple[str, str] | None:
        """Return which member of a message could never be carried, or is lacking, and a sentence about it."""


class NoRecipients:
    """Nobody carries messages."""

    def unfit(self, store: StoreName, texts: Mapping[str, str]) -> tuple[str, str] | None:
        """Ask for nothing."""
        del store, texts
        return None

    def opened(self, dispatch: Dispatch) -> AbstractAsyncContextManager[Send]:
        """Raise: there is no such recipient.

        Raises:
            StoreUnreachable: Always.
        """
        raise StoreUnreachable(f"nothing is sent to {dispatch.recipient} from here", not_sent=True)


class Dispatches(Protocol):
    """Which messages were sent, by the digests of their keys: the database decides."""

    async def claim(self, call: str, keys: Sequence[bytes], now_us: int) -> Mapping[bytes, Fate]:
        """Let keys be a call's, durably; return those that are not, with what an earlier call did with them."""

    async def begin(self, call: str, keys: Sequence[bytes], became: Mapping[bytes, Fate]) -> Container[bytes]:
        """Keep what became of messages, and let others be unknown from now on, durably; return which of these are the call's."""

    async def settle(self, call: str, fates: Mapping[bytes, Fate]) -> None:
        """Keep what became of a call's messages, durably."""

    async def let_go(self, call: str) -> None:
        """Let the keys be nobody's: nothing of the call was sent."""


class NoDispatches:
    """Lets no key be claimed."""

    async def claim(self, call: str, keys: Sequence[bytes], now_us: int) -> Mapping[bytes, Fate]:
        """Claim none."""
        del call, now_us
        return dict.fromkeys(keys, Fate.UNKNOWN)

    async def begin(self, call: str, keys: Sequence[bytes], became: Mapping[bytes, Fate]) -> Container[bytes]:
        """Let none go."""
        del call, keys, became
        return ()

    async def settle(self, call: str, fates: Mapping[bytes, Fate]) -> None:
        """Keep nothing."""

    async def let_go(self, call: str) -> None:
        """Nothing was claimed."""


class Mandates(Protocol):
    """The mandates there are."""

    async def find(self, mandate_id: str) -> Mandate | None:
        """Return a mandate as the database has it now."""


class NoMandates:
    """There are none."""

    async def find(self, mandate_id: str) -> Mandate | None:
        """Find none."""
        del mandate_id
        return None
