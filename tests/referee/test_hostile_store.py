# SPDX-License-Identifier: Apache-2.0
"""Claims about the hostile store: its catalogue is sound, and as a program it does what it is asked."""

import asyncio
import csv
import io
import json
import sys
from pathlib import Path

from tests.fakes.wire import called, request
from tests.referee.faults import CANARY, EVERY, FAULTS
from tests.referee.hostile_store import GOOD, HostileStore, good_answers


def test_every_fault_has_a_name_of_its_own_and_differs_from_a_good_answer() -> None:
    """For each kind of route that it is for."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 130
    goods = good_answers(3)
    for fault in FAULTS:
        for kind in fault.kinds:
            steps = iter(fault.steps(goods[kind]))
            assert (next(steps, b""), fault.then) != (goods[kind].sized(), "keep"), fault.name


def test_the_good_answers_hold_the_same_rows_in_every_format() -> None:
    """Otherwise a fault would be taken for a difference of formats."""
    goods = {kind: good.body for kind, good in good_answers(3).items()}
    rows = json.loads(goods["array"])
    assert [row["note"] for row in rows] == [CANARY.decode()] * 3
    assert json.loads(goods["object"]) == {"items": rows, "total": 3}
    assert json.loads(goods["record"]) == rows[0]
    assert [json.loads(line) for line in goods["ndjson"].splitlines()] == rows
    found = list(csv.DictReader(io.StringIO(goods["csv"].decode())))
    assert found == [{name: str(value) for name, value in row.items()} for row in rows]


async def test_the_fault_is_the_first_segment_of_the_path_unless_a_test_sets_it() -> None:
    """So that any gateway can be led to any fault by a base URL."""
    async with HostileStore(good_answers(3)) as store:
        assert (await called(store.port, request("/broken/contacts", {}))).status == 200
        store.fault = None
        assert (await called(store.port, request("/broken/contacts", {}))).status == 500
        heard = await called(store.port, request("/good/contacts", {"Accept": "text/csv"}))
        assert heard.headers["content-type"].startswith("text/csv")
        store.fault = GOOD
        assert set(EVERY) == set(store.goods)


async def test_the_program_serves_and_lists() -> None:
    """As its first lines say."""
    command = [sys.executable, "-m", "tests.referee.hostile_store"]
    process = await asyncio.create_subprocess_exec(
        *command, "--port", "0", cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            url = (await process.stdout.readline()).decode()
        port = int(url.split(":")[2].partition("/")[0])
        heard = await called(port, request("/body-cut/contacts", {}))
        assert (heard.status, heard.is_whole) == (200, False)
    finally:
        process.terminate()
        await process.wait()
