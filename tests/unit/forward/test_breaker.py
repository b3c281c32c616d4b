# SPDX-License-Identifier: Apache-2.0
"""The breaker of a store: when it opens, who may try, and what closes it."""

import asyncio
import contextlib
from contextlib import AbstractContextManager

import pytest

from gateway.domain.errors import Overloaded, StoreMisbehaved, StoreUnreachable
from gateway.forward.breaker import Breaker, BreakerState, loop_time


class Seconds:
    """Time that only the test moves."""

    now = 100.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def breaker(seconds: Seconds) -> Breaker:
    return Breaker(failures=3, pause_s=5.0, clock=seconds)


def fail(breaker: Breaker, error: BaseException | None = None) -> None:
    with contextlib.suppress(type(error) if error else StoreUnreachable), breaker.trying():
        raise error or StoreUnreachable("no connection")


def succeed(breaker: Breaker) -> None:
    with breaker.trying():
        pass


def is_open(breaker: Breaker) -> bool:
    with contextlib.suppress(StoreUnreachable), breaker.trying():
        return False
    return True


def opened(breaker: Breaker) -> Breaker:
    for _ in range(3):
        fail(breaker)
    return breaker


def test_it_opens_at_so_many_failures_in_a_row(breaker: Breaker) -> None:
    """One answer between them starts the count anew, and so does an answer that is refused."""
    for error in (None, StoreMisbehaved("x")):
        fail(breaker)
        fail(breaker)
        assert breaker.health().n_failures == 2
        succeed(breaker) if error is None else fail(breaker, error)
        assert (breaker.health().state, breaker.health().n_failures) == (BreakerState.CLOSED, 0)
    opened(breaker)
    assert (breaker.health().state, breaker.health().n_failures) == (BreakerState.OPEN, 3)


@pytest.mark.parametrize("error", [Overloaded("x"), asyncio.CancelledError(), ValueError("x")])
def test_what_says_nothing_of_the_store_counts_for_nothing(breaker: Breaker, error: BaseException) -> None:
    """A full queue of ours, a caller that hangs up, a mistake of ours."""
    fail(breaker)
    fail(breaker)
    for _ in range(10):
        fail(breaker, error)
    assert (breaker.health().state, breaker.health().n_failures) == (BreakerState.CLOSED, 2)


def test_while_it_is_open_nobody_goes_and_each_is_told_the_time(breaker: Breaker, seconds: Seconds) -> None:
    """In whole seconds, rounded up, and that nothing was sent."""
    opened(breaker)
    for later_s, told_s in ((0.0, 5), (0.5, 5), (3.9, 1), (0.5, 1)):
        seconds.now += later_s
        with pytest.raises(StoreUnreachable) as caught, breaker.trying():
            pytest.fail("it went")
        assert (caught.value.not_sent, caught.value.timed_out, caught.value.retry_after_s) == (True, False, told_s)
    assert breaker.health().for_s == pytest.approx(4.9)
    assert breaker.health().n_failures == 3


def test_after_the_pause_one_goes_and_the_others_wait(breaker: Breaker, seconds: Seconds) -> None:
    """If it arrives, all go again."""
    opened(breaker)
    seconds.now += 5.0
    with breaker.trying():
        assert breaker.health().state is BreakerState.HALF_OPEN
        assert is_open(breaker)
        assert is_open(breaker)
    assert breaker.health().state is BreakerState.CLOSED
    succeed(breaker)


def test_a_probe_that_fails_opens_it_for_another_pause(breaker: Breaker, seconds: Seconds) -> None:
    """One failure is enough then."""
    opened(breaker)
    for _ in range(3):
        seconds.now += 5.0
        fail(breaker)
        assert breaker.health().state is BreakerState.OPEN
        seconds.now += 4.9
        assert is_open(breaker)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), Overloaded("x")])
def test_a_probe_that_is_given_up_leaves_its_turn_to_the_next(
    breaker: Breaker, seconds: Seconds, error: BaseException
) -> None:
    """It proved nothing, so nobody has to wait for another pause."""
    opened(breaker)
    seconds.now += 5.0
    fail(breaker, error)
    assert breaker.health().state is BreakerState.OPEN
    succeed(breaker)
    assert breaker.health().state is BreakerState.CLOSED


def test_a_call_from_before_neither_prolongs_the_pause_nor_is_the_probe(breaker: Breaker, seconds: Seconds) -> None:
    """Calls that were under way when it opened end as they end; one that arrives closes it."""
    with contextlib.ExitStack() as under_way:
        late: list[AbstractContextManager[None]] = [breaker.trying() for _ in range(2)]
        for one in late:
            one.__enter__()
        under_way.callback(late[1].__exit__, None, None, None)
        opened(breaker)
        seconds.now += 4.0
        late[0].__exit__(StoreUnreachable, StoreUnreachable("x"), None)
        seconds.now += 1.0
        assert breaker.health().state is BreakerState.OPEN
        assert breaker.health().for_s == pytest.approx(5.0)
    assert breaker.health().state is BreakerState.CLOSED


def test_a_store_that_was_never_asked_has_no_story() -> None:
    """It counts as reachable until something is known."""
    health = Breaker(failures=1, pause_s=1.0).health()
    assert (health.state, health.for_s, health.n_failures) == ("closed", None, 0)


async def test_time_is_that_of_the_loop() -> None:
    """Which no change of the machine's clock moves."""
    assert loop_time() == pytest.approx(asyncio.get_running_loop().time(), abs=1.0)
