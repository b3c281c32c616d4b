# SPDX-License-Identifier: Apache-2.0
"""Attack: a store whose name comes to stand for another address, such as the machine's own metadata."""

import itertools

import pytest

from gateway.domain.errors import StoreUnreachable
from gateway.forward.addresses import Resolve
from gateway.forward.http import HttpStores
from tests.fakes.raw_store import RawStore, json_reply
from tests.fakes.store_calls import body_of, store_at

METADATA = "169.254.169.254"


def in_turn(*rounds: tuple[str, ...]) -> tuple[Resolve, list[str]]:
    """Return a resolver that gives another answer each time, and who was asked for."""
    asked: list[str] = []
    answers = itertools.cycle(rounds)

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        asked.append(host)
        return next(answers)

    return resolve, asked


async def test_a_name_is_resolved_by_us_alone_and_pinned() -> None:
    """A name that changes with every question is asked for once, and the Host header still holds it."""
    resolve, asked = in_turn(("127.0.0.1",), (METADATA,), ("127.0.0.2",))
    async with (
        RawStore(lambda _: json_reply(then="close")) as crm,
        HttpStores([store_at(f"http://crm.test:{crm.port}")], resolve=resolve) as stores,
    ):
        for _ in range(5):
            await body_of(stores)
    assert (asked, crm.n_connections) == (["crm.test"], 5)
    assert b"\r\nhost: crm.test:%d\r\n" % crm.port in crm.heads[0].lower()


@pytest.mark.parametrize("moved_to", [METADATA, "::ffff:169.254.169.254", "0.0.0.0", "10.0.0.1", "224.0.0.1"])  # noqa: S104
async def test_a_name_that_moves_after_a_failure_is_not_called_there(moved_to: str) -> None:
    """The try after a failure resolves again, judges again, and keeps to the reach the name had."""
    resolve, asked = in_turn(("127.0.0.2",), (moved_to,))
    async with HttpStores([store_at("http://crm.test:9")], resolve=resolve) as stores:
        with pytest.raises(StoreUnreachable, match="the store's name") as caught:
            await body_of(stores)
    assert (caught.value.not_sent, len(asked)) == (True, 2)


async def test_a_name_with_one_bad_address_among_good_ones_is_not_called() -> None:
    """Not even at the good ones: whoever added one may have added the others."""
    resolve, _ = in_turn(("127.0.0.1", METADATA))
    async with (
        RawStore(lambda _: json_reply()) as crm,
        HttpStores([store_at(f"http://crm.test:{crm.port}")], resolve=resolve) as stores,
    ):
        with pytest.raises(StoreUnreachable, match="metadata") as caught:
            await body_of(stores)
    assert (caught.value.not_sent, crm.n_connections) == (True, 0)
