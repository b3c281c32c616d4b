# SPDX-License-Identifier: Apache-2.0
"""Part ``surrogates``: answers of 1,000 rows with two surrogates in each, beside the same rows with none, in one run.

METHOD

1. One gateway on core 0, load of 4 connections and store on the last core, all of it through real sockets: bearer,
   purpose, plan, rows numbered by person, an entry with its part durable in a log in memory before the first byte.
2. The same store's pages are read through two collections that differ in two fields alone: in one, mail address
   and phone leave as surrogates; in the other (``plain``), as text of the same length.
3. For each kind and temperature the two are loaded one right after the other, round by round, first the one and then the
   other by turns. A ratio is made of two neighbours, and the median of the rounds is told.
4. ``warm``: values of 10,000 people that this process met a moment ago. ``cold``: no value ever came before, in the very
   process that is warm for others: nothing of it is in any memory. ``vault, new``: the store still holds
   clear values that nobody has met, so each has to get its token, durably, before its surrogate leaves.
5. Each ratio is told by the clock and by the processor time of the server's processes; the second one stands where
   other things run on the machine.
"""

import argparse
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import msgspec

from bench import surrogate_world, world
from bench.processes import OTHER_CORES, SERVER_CORES, Running, loaded, program, python, request
from bench.report import Figure, figure, marked, table
from bench.surrogate_store import N_ROWS, N_WARM, clear_values, page
from bench.surrogate_world import MAILS, PHONES, plain_of
from gateway.app.joins import SurrogateKeyring
from gateway.app.keyring import open_keyring
from gateway.domain.catalog import Form
from gateway.settings.loading import Settings
from gateway.transform.at_rest import Stored
from gateway.transform.normalise import SPELLINGS

CONNECTIONS = 4
"""Enough that the server never waits; what is under way when a round ends is little."""
Case = tuple[str, str, float | None]
"""Kind, temperature, and what the ratio must reach."""
CASES: Sequence[Case] = (
    ("siv", "warm", 0.5),
    ("siv", "cold", 0.2),
    ("hmac", "warm", 0.5),
    ("hmac", "cold", 0.2),
    ("siv-at-rest", "warm", 0.5),
    ("siv-at-rest", "cold", 0.12),
    ("vault", "warm", None),
    ("vault", "cold", None),
    ("vault", "new", None),
)
MOST_COLD_S = 150
"""Pages a second of processor time that no server here reaches: so many cold ones are sealed."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """One collection in one round."""

    calls_s: float
    calls_cpu_s: float
    """Calls in a second of the server's processor time."""
    load_share: float
    """Of a core, what the load used."""


def measure(memory: Path, *, rounds: int, seconds: float, cases: Sequence[Case] = CASES) -> list[Figure]:
    """Return the figures."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=memory)))
        sealed = folder / "sealed.pages"
        command = python("-m", "bench.surrogate_store", str(sealed))
        backend = opened.enter_context(program(command, cores=OTHER_CORES))
        settings = surrogate_world.made(folder / "state", backend.port)
        surrogate_world.enrol(settings)
        if any(kind == "siv-at-rest" for kind, _, _ in cases):
            _seal(settings, sealed, n_cold=int(MOST_COLD_S * seconds * (rounds + 1)))
        running = opened.enter_context(world.gateway(settings.state, cores=SERVER_CORES))
        return list(chain.from_iterable(_of_case(running, settings, *case, rounds, seconds) for case in cases))


def _seal(settings: Settings, file: Path, n_cold: int) -> None:
    """Write pages of rows whose mail addresses and phones are at rest."""
    keys = SurrogateKeyring(open_keyring(settings))
    mails, phones = Stored(keys, MAILS), Stored(keys, PHONES)
    with file.open("wb") as lines:
        for number in range(N_WARM + n_cold):
            emails, numbers = clear_values(number)
            lines.write(page(number, _sealed(mails, Form.EMAIL, emails), _sealed(phones, Form.PHONE, numbers)) + b"\n")


def _sealed(stored: Stored, form: Form, values: Iterable[str]) -> list[str]:
    return [stored.sealed(SPELLINGS[form], value) or "" for value in values]


def _of_case(
    running: Running, settings: Settings, kind: str, rows: str, target: float | None, rounds: int, seconds: float
) -> list[Figure]:
    # A bearer lasts five minutes, so there is a new one for each case.
    headers = world.headers(settings)

    def once(collection: str, for_s: float = seconds) -> Loaded:
        call = request(f"/bench/{collection}/{rows}?limit={N_ROWS}", headers)
        before_s = running.cpu_s()
        told = loaded(running.port, call, connections=CONNECTIONS, seconds=for_s)
        used_s = running.cpu_s() - before_s
        return Loaded(
            calls_s=told["calls"] / told["seconds"],
            calls_cpu_s=told["calls"] / max(used_s, 0.01),
            load_share=told["load_cpu_s"] / told["seconds"],
        )

    plain = plain_of(kind)
    for collection in (plain, kind):
        once(collection, min(seconds, 1.0))
    ours, none = list[Loaded](), list[Loaded]()
    for place in range(rounds):
        for collection in (kind, plain) if place % 2 else (plain, kind):
            (ours if collection == kind else none).append(once(collection))
    return _told(f"{kind}, {rows}", ours, none, target)


def _told(word: str, ours: list[Loaded], none: list[Loaded], target: float | None) -> list[Figure]:
    pairs = list(zip(ours, none, strict=True))
    found = [
        figure("surrogates", f"{word}: rows, none", "rows/cpu-s", [N_ROWS * one.calls_cpu_s for one in none]),
        figure("surrogates", f"{word}: rows, two surrogates", "rows/cpu-s", [N_ROWS * one.calls_cpu_s for one in ours]),
        figure("surrogates", f"{word}: two ÷ none", "", [one.calls_s / two.calls_s for one, two in pairs], target=target),
        figure(
            "surrogates", f"{word}: two ÷ none, by processor time", "",
            [one.calls_cpu_s / two.calls_cpu_s for one, two in pairs], target=target,
        ),
        figure("surrogates", f"{word}: share of its core that the load used", "", [one.load_share for one in ours + none]),
    ]  # fmt: skip
    if word.endswith("new"):
        values = [2 * N_ROWS * one.calls_s for one in ours]
        found.append(figure("surrogates", f"{word}: values that got a durable token", "values/s", values))
        values = [2 * N_ROWS * one.calls_cpu_s for one in ours]
        found.append(figure("surrogates", f"{word}: values that got a durable token", "values/cpu-s", values))
    return marked(found, [one.calls_cpu_s for one in none])


def main() -> None:
    """Measure by itself, all cases or those named."""
    options = argparse.ArgumentParser(description="Two surrogates a row beside none.")
    options.add_argument("cases", nargs="*", help="such as siv-cold; all if none is named")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=1.5)
    options.add_argument("--folder", type=Path, default=Path("/dev/shm"), help="of state and log")  # noqa: S108
    chosen = options.parse_args()
    cases = [case for case in CASES if not chosen.cases or f"{case[0]}-{case[1]}" in chosen.cases]
    print(table(measure(chosen.folder, rounds=chosen.rounds, seconds=chosen.seconds, cases=cases)))


if __name__ == "__main__":
    main()
