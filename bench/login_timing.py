# SPDX-License-Identifier: Apache-2.0
"""Measures whether the time of a sign-in's steps tells if an account exists, waits, or has the password.

For each kind of account the steps are run in turn, so that a busy machine slows all of them alike. What is
printed: the median of each kind, its distance from the unknown account's in ms, and Welch's t of the two samples.
The aims (scorecard, row 22 and attack 20): under 2 ms at the median, and |t| under 4.5.

Run: ``python -m bench.login_timing [--pairs N] [--place DIR|URL] [--cheap]``
"""

import argparse
import asyncio
import math
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.domain.signin import Lockout
from gateway.identify.factors import Factors
from gateway.identify.password import Passwords
from gateway.keys.keyring import Keyring
from gateway.keys.providers import FileKek
from gateway.store.engine import open_store
from tests.fakes.clock import FakeClock
from tests.fakes.signin import PASSWORD, SignInHouse

KINDS = ("unknown", "known", "right", "waiting", "disabled")
LENIENT = Lockout(failures=1_000_000, tries=1_000_000, codes_a_day=1_000_000)
Samples = dict[str, list[float]]


async def timed(step: Callable[[], Awaitable[object]]) -> float:
    """Return how long a step takes, ms."""
    begun = time.perf_counter()
    await step()
    return (time.perf_counter() - begun) * 1_000


async def measure(house: SignInHouse, strict: SignInHouse, n_pairs: int) -> tuple[Samples, Samples]:
    """Return the times of password and code steps of each kind."""
    for name in ("known", "right", "waiting", "disabled"):
        person = await house.person(name)
        if name == "disabled":
            await house.enrolment.disable(person.account, by="local:bench")
    passwords: Samples = {kind: [] for kind in KINDS}
    codes: Samples = {kind: [] for kind in KINDS}
    for _ in range(n_pairs):
        for kind in KINDS:
            factors = strict.factors if kind == "waiting" else house.factors
            shown = PASSWORD if kind == "right" else "another phrase of four words"
            now_us = house.clock()
            logins: list[str] = []

            async def show(kind: str = kind, shown: str = shown) -> None:
                logins.append((await factors.challenge(kind, shown, now_us)).login)  # noqa: B023 - awaited in this turn

            passwords[kind].append(await timed(show))
            codes[kind].append(await timed(lambda: factors.check_code(logins[0], "000000", now_us)))  # noqa: B023
    return passwords, codes


def welch_t(one: list[float], other: list[float]) -> float:
    """Return Welch's t of two samples."""
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.fmean(one) - statistics.fmean(other)) / math.sqrt(spread)


def told(step: str, samples: Samples) -> None:
    """Print one line for each kind."""
    base = samples["unknown"]
    for kind, times in samples.items():
        median, away = statistics.median(times), statistics.median(times) - statistics.median(base)
        print(f"{step:<9} {kind:<9} p50 {median:8.3f} ms   {away:+7.3f} ms   t {welch_t(times, base):+7.2f}")


async def run(place: str, n_pairs: int, *, cheap: bool) -> None:
    """Measure on one database."""
    store = await open_store(place)
    with tempfile.TemporaryDirectory() as directory:
        keyring = Keyring(Path(directory), FileKek.create(Path(directory) / "kek"), FakeClock())
        clock = FakeClock()
        house = SignInHouse(store, keyring, clock, lockout=LENIENT)
        strict = SignInHouse(store, keyring, clock, lockout=Lockout(failures=1, first_s=3600))
        if not cheap:
            dear = Passwords()
            for one in (house, strict):
                one.passwords = one.enrolment._passwords = dear  # noqa: SLF001 - the bench raises the cost
                one.factors = Factors(one.tries, dear, keyring)
        passwords, codes = await measure(house, strict, n_pairs)
    told("password", passwords)
    told("code", codes)
    await store.close()


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--place", help="state directory or PostgreSQL URL; a new directory by default")
    parser.add_argument("--cheap", action="store_true", help="hash at the smallest cost, to see what it hides")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(arguments.place or directory, arguments.pairs, cheap=arguments.cheap))


if __name__ == "__main__":
    main()
