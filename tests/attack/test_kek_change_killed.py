# SPDX-License-Identifier: Apache-2.0
"""Attack: the change of the key-encryption key is killed; at no point may there be keys that nobody opens."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.app.kek_change import Came, KekChange
from gateway.app.keyring import kek_of
from gateway.domain.entry import Changed
from gateway.domain.errors import KeyUnavailable, SettingsError
from gateway.keys.keyring import Keyring, KeyState
from gateway.keys.providers import FileKek, HeldKek
from gateway.settings.loading import Settings
from tests.fakes.clock import FakeClock

LABELS = ("people/lookup", "people/wrap", "totp", "log/door-0")
SYSTEM = ("fsync", "replace", "pwrite", "unlink", "fchmod", "chmod")
"""Calls of the operating system before each of which the process is killed once."""

Secrets = dict[tuple[str, int], bytes]


def opened(state: Path, kek: HeldKek | None = None) -> Keyring:
    """Open the keyring as a new process does."""
    return Keyring(state / "keys", kek or kek_of(Settings(state=state)), FakeClock())


def secrets_of(ring: Keyring) -> Secrets:
    """Return every key that is not shredded; one that cannot be opened is an error."""
    return {
        (label, one.version): bytes(ring.version(label, one.version).secret)
        for label in ring.labels()
        for one in ring.versions(label)
        if one.state is not KeyState.SHREDDED
    }


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder with a KEK of its own and keys under it, one of which was shredded."""
    state = tmp_path / "state"
    (state / "keys").mkdir(parents=True, mode=0o700)
    FileKek.create(state / "keys" / "kek")
    ring = opened(state)
    for label in LABELS:
        ring.ensure(label)
    ring.rotate("people/wrap")
    ring.rotate("totp")
    ring.shred("totp", 1)
    return state


def change(state: Path, new_file: Path | None, *, back: bool = False) -> tuple[Came | None, list[str]]:
    """Give the command once; return what came of it and what was entered."""
    entered: list[str] = []

    async def enter(entry: Changed) -> None:
        entered.append(entry.what)
        await asyncio.sleep(0)

    async def announce() -> None:
        await asyncio.sleep(0)

    async def run() -> Came | None:
        one = KekChange(Settings(state=state), opened(state), enter, announce, "local:test")
        if back:
            await one.back()
            return None
        return await one.change(new_file)

    return asyncio.run(run()), entered


def killed_before(n: int, work: Callable[[], Any]) -> bool:
    """Do the work in a process of its own that is killed before its n-th call; tell whether it was."""
    pid = os.fork()
    if pid == 0:
        left = n

        def counted(name: str) -> Callable[..., Any]:
            real = getattr(os, name)

            def call(*arguments: Any, **named: Any) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **named)

            return call

        for name in SYSTEM:
            setattr(os, name, counted(name))
        try:
            work()
        except BaseException:  # noqa: BLE001 - told by the exit code
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert status == signal.SIGKILL or os.WEXITSTATUS(status) == 0
    return status == signal.SIGKILL


def opens_with(state: Path, kek: HeldKek, wanted: Secrets) -> bool:
    """Tell whether a KEK opens every key that there was."""
    try:
        return secrets_of(opened(state, kek)) == wanted
    except KeyUnavailable:
        return False


@pytest.mark.parametrize("is_given", [True, False], ids=["given", "made"])
def test_a_change_that_is_killed_anywhere_leaves_every_key_open_and_goes_on(
    state: Path, tmp_path: Path, is_given: bool
) -> None:
    """The KEK in force opens everything at each point; the same command ends the change, and the old one is then dead."""
    wanted, before, n = secrets_of(opened(state)), FileKek(state / "keys" / "kek"), 0
    new_file = tmp_path / "new-kek" if is_given else None
    if new_file is not None:
        FileKek.create(new_file)
    while True:
        copy = tmp_path / f"at-{n}"
        shutil.copytree(state, copy)
        was_killed = killed_before(n, lambda copy=copy: change(copy, new_file))  # type: ignore[misc]
        in_force = FileKek(copy / "keys" / "kek")
        assert opens_with(copy, in_force, wanted), n
        # A door that started before holds the old one in memory: keys that it makes now are kept by the change.
        kept = opens_with(copy, before, wanted)
        if kept:
            opened(copy, before).ensure("made/meanwhile")
        change(copy, new_file)
        after = FileKek(copy / "keys" / "kek")
        found = secrets_of(opened(copy, after))
        assert {name: secret for name, secret in found.items() if name[0] != "made/meanwhile"} == wanted
        assert (("made/meanwhile", 1) in found) == kept
        assert not after.is_same(before)
        assert not opens_with(copy, before, wanted)
        assert not (copy / "keys" / "kek.next").exists()
        shutil.rmtree(copy)
        if not was_killed:
            break
        n += 1
    assert n > 10


def test_going_back_that_is_killed_anywhere_leaves_every_key_open(state: Path, tmp_path: Path) -> None:
    """From the middle of a change, where both KEKs open everything."""
    wanted, before, n = secrets_of(opened(state)), FileKek(state / "keys" / "kek"), 0
    before.save(tmp_path / "before")
    HeldKek(bytes(range(32))).put(state / "keys" / "kek.next")
    opened(state).begin_change(FileKek(state / "keys" / "kek.next"))
    while True:
        copy = tmp_path / f"at-{n}"
        shutil.copytree(state, copy)
        was_killed = killed_before(n, lambda copy=copy: change(copy, None, back=True))  # type: ignore[misc]
        assert opens_with(copy, before, wanted), n
        if was_killed and opened(copy).is_changing:
            change(copy, None, back=True)
        assert FileKek(copy / "keys" / "kek").is_same(before)
        assert opens_with(copy, before, wanted)
        shutil.rmtree(copy)
        if not was_killed:
            break
        n += 1
    assert n > 3


def test_each_step_is_entered_before_it_is_made(state: Path) -> None:
    """The first entry before the first key is wrapped anew, the second before the old KEK is of no use any more."""
    seen: list[tuple[str, bool]] = []

    async def run() -> None:
        ring = opened(state)

        async def enter(entry: Changed) -> None:
            seen.append((entry.what, opened(state).is_changing))
            await asyncio.sleep(0)

        async def announce() -> None:
            await asyncio.sleep(0)

        await KekChange(Settings(state=state), ring, enter, announce, "local:test").change(None)

    asyncio.run(run())
    assert seen == [("kek-change-begun", False), ("kek-changed", True)]


def test_a_process_with_another_kek_changes_nothing(state: Path) -> None:
    """Nobody can wrap a key under a second KEK beside the first."""
    wanted, other = secrets_of(opened(state)), opened(state, HeldKek(bytes(32)))
    for attempt in (
        lambda: other.ensure("fresh"),
        lambda: other.rotate("totp"),
        lambda: other.begin_change(HeldKek(bytes(range(32)))),
        lambda: other.shred("totp", 2),
    ):
        with pytest.raises(KeyUnavailable):
            attempt()
    assert secrets_of(opened(state)) == wanted


def test_a_change_to_a_third_kek_waits_for_the_end_of_the_one_before(state: Path, tmp_path: Path) -> None:
    """Otherwise the first new one could be in somebody's hands already, and open nothing."""
    FileKek.create(tmp_path / "second")
    FileKek.create(tmp_path / "third")
    FileKek(tmp_path / "second").put(state / "keys" / "kek.next")
    opened(state).begin_change(FileKek(tmp_path / "second"))

    with pytest.raises(SettingsError, match="another key-encryption key"):
        change(state, tmp_path / "third")
    with pytest.raises(KeyUnavailable, match="has not ended"):
        opened(state).begin_change(FileKek(tmp_path / "third"))
    assert change(state, tmp_path / "second")[0] is Came.CHANGED
