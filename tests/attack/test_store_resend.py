# SPDX-License-Identifier: Apache-2.0
"""Attack: a store that drops connections at every moment, so that a call might be sent twice."""

import asyncio
import contextlib
from collections import Counter

import pytest

from gateway.domain.errors import StoreMisbehaved, StoreUnreachable
from gateway.forward.http import HttpStores
from tests.fakes.raw_store import RawStore, Reply, json_reply
from tests.fakes.store_calls import a_call, body_of, store_at

N_CALLS, AT_ONCE = 400, 20


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE"])
async def test_a_dropped_connection_is_never_answered_by_sending_again(then: str, method: str) -> None:
    """A kept-alive connection that drops without an answer costs the call, and the store sees it once."""
    script = {1: json_reply(), 2: Reply(b"", then), 3: json_reply()}
    async with RawStore(script.__getitem__) as crm, HttpStores([store_at(crm.url)]) as stores:
        await body_of(stores)
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores, a_call(method=method, body=None if method == "GET" else b"{}"))
        assert not caught.value.not_sent
        assert len(crm.heads) == 2
        await body_of(stores)
    assert [head.split(b" ", 1)[0].decode() for head in crm.heads] == ["GET", method, "GET"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("pause_s", [None, 0.0, 0.001])
async def test_many_calls_over_dropping_connections_are_each_seen_at_most_once(
    method: str, pause_s: float | None
) -> None:
    """Whatever the moment: in the place of an answer, right behind it, or when the next call sets out.

    A call that was answered was seen once; one that is said to be unsent was not seen at all.
    """
    ends = ("keep", "close", "reset") if pause_s is None else ("close", "reset", "close")
    script = lambda n: Reply(b"", ends[n % 3]) if n % 7 == 0 else json_reply(then=ends[n % 3])  # noqa: E731
    answered: list[bytes] = []
    unsent: list[bytes] = []
    async with RawStore(script) as crm, HttpStores([store_at(crm.url)]) as stores:

        async def caller(numbers: range) -> None:
            for number in numbers:
                path = f"/customers/{number}"
                with contextlib.suppress(StoreMisbehaved):
                    try:
                        await body_of(stores, a_call(path, method=method, body=b"{}" if method == "POST" else None))
                        answered.append(path.encode())
                    except StoreUnreachable as error:
                        unsent.extend([path.encode()] if error.not_sent else [])
                if pause_s is not None:
                    await asyncio.sleep(pause_s)

        await asyncio.gather(*(caller(range(start, N_CALLS, AT_ONCE)) for start in range(AT_ONCE)))
    seen = Counter(head.split(b" ", 2)[1] for head in crm.heads)
    assert max(seen.values()) == 1
    assert len(answered) > N_CALLS / 2
    assert set(answered) <= set(seen)
    assert not set(unsent) & set(seen)
