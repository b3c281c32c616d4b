# SPDX-License-Identifier: Apache-2.0
"""Attack: a list that is to name somebody else, to name nobody, to take for ever, or to show what is in it."""

import itertools
import random
from pathlib import Path

import pytest

from gateway.app.surrogates.tracing import tracing
from gateway.domain.names import RecipientId
from gateway.flows.tracing.values import Trace
from gateway.transform.tracing import MOST_TRIES
from tests.story.conftest import ANALYST, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


async def traced(world: World, text: str) -> Trace:
    """Trace a list."""
    async with tracing(world.rooms, is_thorough=False, from_files=True) as found:
        return await found.trace([text], by="local:test", most=5)


async def test_nobody_is_named_by_what_somebody_else_made_up(world: World) -> None:
    """Changed digits, other versions, other prefixes, a surrogate's parts put together anew."""
    ids = (await world.get("/crm/customers?limit=20", "analyst", ANALYST)).ids
    forged = [
        *(one[:-1] + ("0" if one[-1] != "0" else "1") for one in ids),
        *(one.replace("sv1_", "sv2_") for one in ids),
        *(one.replace("sv1_", "sh1_") for one in ids),
        *(one.replace("sv1_", "as1_") for one in ids),
        *(one[:40] + other[40:] for one, other in itertools.pairwise(ids)),
        *("sv1_" + one[36:] + one[4:36] for one in ids),
    ]
    told = await traced(world, "\n".join(forged))
    assert told.parties == ()
    assert told.unknown == told.cells >= 5 * len(ids)


async def test_surrogates_between_foreign_ones_are_found(world: World) -> None:
    """A few of ours in a sea of others, after tries against every scope have become rare."""
    ids = (await world.get("/crm/customers?limit=20", "analyst", ANALYST)).ids
    chance = random.Random(3)
    sea = [f"sv1_{chance.randbytes(48).hex()}" for _ in range(3_000)]
    told = await traced(world, "\n".join([ids[0], *sea, *ids[1:]]))
    (party,) = told.parties
    assert (party.recipient, party.rows) == (RecipientId("own"), 20)


async def test_a_list_made_to_take_long_ends(world: World) -> None:
    """Every cell foreign, digits without end, versions without number: tries are bounded, and what was not tried is told."""
    await world.get("/crm/customers?limit=20", "analyst", ANALYST)
    chance = random.Random(4)
    cells = [f"sv1_{chance.randbytes(1_200).hex()}" for _ in range(40)]
    cells += [f"sv{n}_{'0' * 96}" for n in range(2, 3_000)]
    async with tracing(world.rooms, is_thorough=False, from_files=True) as found:
        tracer = found._tracer
        tracer._most_tries = 20_000
        told = await found.trace(["\n".join(cells)], by="local:test", most=5)
        assert tracer._n_tries < 20_000 + 40_000
    assert (told.parties, told.rows) == ((), 0)
    assert told.untried > 0
    assert MOST_TRIES > 20_000


async def test_no_value_of_a_list_is_told_or_left_behind(world: World, tmp_path: Path) -> None:
    """Neither what its surrogates stand for nor what stands beside them: in no answer, entry or file."""
    ids = (await world.get("/crm/customers?limit=20", "analyst", ANALYST)).ids
    store = [row["id"] for row in (await world.straight("/crm/customers?limit=20"))["items"]]
    beside = [f"beside-{n:04}-{random.Random(n).randbytes(8).hex()}" for n in range(20)]
    text = "\n".join(f"{one},{other}" for one, other in zip(ids, beside, strict=True))

    told = await traced(world, text)

    assert told.rows == 20
    words = [one.encode() for one in (*beside, *ids)]
    left = [path for path in world.state.rglob("*") if path.is_file()]
    assert [path for path in left if any(word in path.read_bytes() for word in words)] == []
    shown = repr(told)
    assert not any(one in shown for one in (*beside, *ids, *store))
