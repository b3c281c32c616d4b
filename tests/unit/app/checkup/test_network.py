# SPDX-License-Identifier: Apache-2.0
"""The gateway as it is asked from outside, and what its settings open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.app.checkup.findings import Finding, Grade, Patient
from gateway.app.checkup.network import kernel_clock, listening, serving
from gateway.settings.loading import Settings
from gateway.settings.sections import Listen, MetricsSettings


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """Answer every connection with these bytes; yield the port."""

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answered, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def found_of(answer: bytes, tmp_path: Path) -> list[Finding]:
    async with answering(answer) as port:
        settings = Settings(state=tmp_path, listen=Listen(port=port))
        return list(await serving(Patient(settings=settings, now_us=0)))


def reply(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body


async def test_reasons_and_what_is_degraded_are_told_with_what_mends_them(tmp_path: Path) -> None:
    """A store by its name; words that are not of the list are not repeated."""
    body = b'{"status":"not ready","reasons":["disk","<script>"],"degraded":["store:crm","rules",7]}'
    found = await found_of(reply(503, body), tmp_path)
    assert [(one.grade, one.sentence) for one in found] == [
        (Grade.PROBLEM, "a door is not ready: disk"),
        (Grade.WARNING, "a door answers, but not all is well: store:crm"),
        (Grade.WARNING, "a door answers, but not all is well: rules"),
    ]
    assert all(one.fix for one in found)


@pytest.mark.parametrize(
    ("answer", "grade"),
    [
        (reply(200, b'{"status":"ready","reasons":[],"degraded":[]}'), Grade.OK),
        (reply(503, b'{"status":"not ready"}'), Grade.PROBLEM),
        (reply(404, b"<html>"), Grade.WARNING),
        (reply(200, b"[1]"), Grade.OK),
        (b"SSH-2.0-x\r\n", Grade.WARNING),
        (b"", Grade.WARNING),
    ],
)
async def test_whatever_answers_on_the_port_is_judged(answer: bytes, grade: Grade, tmp_path: Path) -> None:
    """Another program on it fails nothing."""
    (found,) = await found_of(answer, tmp_path)
    assert found.grade is grade


async def test_a_gateway_that_does_not_run_is_a_note(tmp_path: Path) -> None:
    """A check-up is made then too."""
    async with answering(b"") as port:
        pass
    (found,) = await serving(Patient(settings=Settings(state=tmp_path, listen=Listen(port=port)), now_us=0))
    assert (found.grade, found.fix) == (Grade.NOTE, f"gateway serve --state {tmp_path}")


@pytest.mark.parametrize(
    ("networks", "token", "grades"),
    [
        (("127.0.0.0/8",), False, set()),
        (("10.0.0.0/24",), False, set()),
        (("0.0.0.0/0",), False, {Grade.PROBLEM}),
        (("0.0.0.0/0",), True, set()),
        (("10.0.0.0/8",), False, {Grade.WARNING}),
        (("8.8.0.0/16",), False, {Grade.WARNING}),
        (("everywhere",), False, {Grade.PROBLEM}),
    ],
)
async def test_a_wide_network_of_watchers_is_told(
    networks: tuple[str, ...], token: bool, grades: set[Grade], tmp_path: Path
) -> None:
    """With a token it is the token that guards."""
    metrics = MetricsSettings(networks=networks, token_file=tmp_path if token else None)
    found = await listening(Patient(settings=Settings(state=tmp_path, metrics=metrics), now_us=0))
    assert {one.grade for one in found} - {Grade.OK} == grades


async def test_the_kernel_is_asked_about_its_clock(tmp_path: Path) -> None:
    """Whatever it says is one finding that fails nothing."""
    (found,) = await kernel_clock(Patient(settings=Settings(state=tmp_path), now_us=0))
    assert found.grade in {Grade.OK, Grade.NOTE}
