# SPDX-License-Identifier: Apache-2.0
"""The present call: each task has its own, and the time of stores is not the gateway's."""

import asyncio

import pytest

from gateway.app.current import CURRENT, Span, decision_id
from gateway.domain.names import DecisionId


class Piece:
    """An answer whose pieces were waited for."""

    def __init__(self, waited_s: float) -> None:
        """Keep how long."""
        self.waited_s = waited_s


def test_the_own_part_is_what_no_store_took() -> None:
    """Neither its head nor its pieces, of the first store that was asked or of the second."""
    span = Span(DecisionId("d"), 100.0)
    span.asked(2.0, Piece(1.0))
    span.asked(0.5, None)
    span.asked(0.25, Piece(0.25))
    assert span.own_s(105.0) == pytest.approx(1.0)


def test_it_is_never_less_than_nothing() -> None:
    """Two clocks may differ by a hair."""
    span = Span(DecisionId("d"), 100.0)
    span.asked(2.0, None)
    assert span.own_s(101.0) == 0.0


async def test_each_task_has_its_own() -> None:
    """Two calls at the same time do not see each other's."""

    async def call(name: str) -> str | None:
        CURRENT.set(Span(DecisionId(name), 0.0))
        await asyncio.sleep(0)
        return decision_id()

    outside = decision_id()
    assert list(await asyncio.gather(call("a"), call("b"))) == ["a", "b"]
    assert decision_id() == outside
