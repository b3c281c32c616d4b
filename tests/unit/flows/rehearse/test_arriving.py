# SPDX-License-Identifier: Apache-2.0
"""Answers come in blocks of what had arrived, whole, and told when they end or break off."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from gateway.domain.errors import StoreMisbehaved
from gateway.flows.rehearse.arriving import MOST_BLOCK_BYTES, WAITING_PIECES, Pieces, arriving


class FakeAnswer:
    """Gives pieces; may wait before one of them, or break off behind them."""

    def __init__(self, pieces: Sequence[bytes], length: int | None = None, problem: Exception | None = None) -> None:
        self.status, self.headers, self.length = 200, (), length
        self.pieces, self.problem = pieces, problem
        self.gate: asyncio.Event | None = None
        self.n_given = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the pieces."""
        for place, piece in enumerate(self.pieces):
            if place and self.gate is not None:
                await self.gate.wait()
            self.n_given += 1
            yield piece
        if self.problem is not None:
            raise self.problem


async def all_of(answer: FakeAnswer) -> list[bytes]:
    found = []
    async with arriving(answer) as pieces:
        while not pieces.ended:
            found.append(await pieces.block())
    return found


@pytest.mark.parametrize("length", [None, 9])
async def test_the_blocks_are_the_answer(length: int | None) -> None:
    """Whether or not its length is known."""
    assert b"".join(await all_of(FakeAnswer([b"one", b"two", b"six"], length))) == b"onetwosix"


async def test_an_empty_answer_is_one_empty_block() -> None:
    """Its end has to be entered as well."""
    assert await all_of(FakeAnswer([], 0)) == [b""]
    assert await all_of(FakeAnswer([])) == [b""]


async def test_a_block_is_what_has_arrived_and_not_more_than_a_mebibyte() -> None:
    """A fast answer comes in few blocks, none of which is much longer."""
    blocks = await all_of(FakeAnswer([b"x" * 65_536] * 64))
    assert sum(map(len, blocks)) == 64 * 65_536
    assert max(map(len, blocks)) <= MOST_BLOCK_BYTES
    assert len(blocks) <= 8


async def test_a_piece_is_not_kept_until_the_next_one_comes() -> None:
    """A slow store's first words are passed on at once."""
    answer = FakeAnswer([b"first", b"later"])
    answer.gate = asyncio.Event()
    async with arriving(answer) as pieces:
        async with asyncio.timeout(5):
            assert await pieces.block() == b"first"
        assert not pieces.ended
        answer.gate.set()
        while not pieces.ended:
            await pieces.block()


async def test_what_came_before_a_break_is_given_and_then_the_break_is_told() -> None:
    """As itself, not inside a group."""
    answer = FakeAnswer([b"some"], 9, StoreMisbehaved("broke off"))
    found: list[bytes] = []

    async def take() -> None:
        async with arriving(answer) as pieces:
            while not pieces.ended:
                found.append(await pieces.block())

    with pytest.raises(StoreMisbehaved):
        await take()
    assert found == [b"some"]


async def test_who_reads_slowly_slows_the_store() -> None:
    """No more pieces wait than were agreed."""
    answer = FakeAnswer([b"x"] * 1000)
    pieces = Pieces(answer)
    reading = asyncio.ensure_future(pieces.read())
    for _ in range(50):
        await asyncio.sleep(0)
    assert answer.n_given <= WAITING_PIECES + 1
    reading.cancel()


async def test_who_leaves_early_ends_the_reading() -> None:
    """An error of the block comes out as itself."""
    answer = FakeAnswer([b"x"] * 1000)
    with pytest.raises(ValueError, match="mine"):
        async with arriving(answer):
            raise ValueError("mine")
