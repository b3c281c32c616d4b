# SPDX-License-Identifier: Apache-2.0
"""What a door tells whoever asks of its installation's logs: checkpoints, and proofs made of hashes alone.

No entry's content is in them, so they depend on nobody. A slot that there is not, or a place that no checkpoint
covers, is ``None``.
"""

import asyncio
from base64 import b64encode
from pathlib import Path

from gateway.record.format.layout import CHECKPOINT
from gateway.record.proof.proving import NoSuchEntry, Prover


class LogProofs:
    """The logs of an installation, as strangers may see them."""

    def __init__(self, logs: Path) -> None:
        """Take ``STATE/log``."""
        self._logs = logs
        self._provers: dict[str, Prover] = {}

    async def checkpoint(self, slot: str) -> str | None:
        """Return the newest checkpoint of a slot."""
        known = await self._prover(slot)
        if known is None:
            return None
        return await asyncio.to_thread((self._logs / slot / CHECKPOINT).read_text, encoding="utf-8")

    async def proof(self, slot: str, index: int) -> str | None:
        """Return the inclusion proof of an entry with the checkpoint that it ends in, as C2SP tlog-proof writes it.

        Raises:
            LogDamaged: The log does not fit its checkpoint.
        """
        prover = await self._prover(slot)
        try:
            return None if prover is None else (await asyncio.to_thread(prover.inclusion, index)).text()
        except NoSuchEntry:
            return None

    async def consistency(self, slot: str, first: int, second: int) -> str | None:
        """Return the hashes by which a log at one size is shown to begin with itself at another, base64, one a line.

        Raises:
            LogDamaged: The log does not fit its checkpoint.
        """
        prover = await self._prover(slot)
        try:
            hashes = None if prover is None else await asyncio.to_thread(prover.consistency, first, second)
        except NoSuchEntry:
            return None
        return None if hashes is None else "".join(f"{b64encode(one).decode()}\n" for one in hashes)

    async def _prover(self, slot: str) -> Prover | None:
        if slot not in self._provers:
            # A name is looked for among those that there are, so that it never becomes a path.
            known = await asyncio.to_thread(lambda: {path.parent.name for path in self._logs.glob(f"*/{CHECKPOINT}")})
            if slot not in known:
                return None
            self._provers[slot] = Prover(self._logs / slot)
        return self._provers[slot]
