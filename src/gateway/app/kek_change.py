# SPDX-License-Identifier: Apache-2.0
"""The key-encryption key (KEK) of an installation is changed; whatever ends it midway, the KEK of then opens everything.

RULES

1. Where the KEK is the installation's own file, one command does it all: the new KEK is made durable in
   ``keys/kek.next``, every key is wrapped under a bridge that both KEKs open, ``kek.next`` takes the name of
   ``kek``, and every key is wrapped under the new KEK alone. What the old file held is overwritten.
2. Where the KEK comes from the environment, the first command goes as far as the bridge; whoever runs the
   installation then gives the new KEK to all its processes, and the second command wraps under it alone.
3. The same command, given again, goes on where the one before ended. ``back`` returns to the KEK before, as
   long as that is the one in force.
4. Each step is entered before it is made.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path

from gateway.app.keyring import kek_of
from gateway.domain.entry import Changed
from gateway.domain.errors import SettingsError
from gateway.keys.envelope import new_key
from gateway.keys.files import overwrite, put_in_place
from gateway.keys.keyring import Keyring, KeyState
from gateway.keys.providers import FileKek, HeldKek
from gateway.settings.loading import Settings

NEXT = "kek.next"
TARGET = "keyring"


class Came(StrEnum):
    """What came of a command."""

    CHANGED = "changed"
    BACK = "back"
    SAME = "same"
    """The KEK that was given is the one in force."""
    CONFIGURE = "configure"
    """Both KEKs open everything; the installation has to be given the new one."""


class KekChange:
    """One command on the KEK."""

    def __init__(
        self,
        settings: Settings,
        keyring: Keyring,
        enter: Callable[[Changed], Awaitable[object]],
        announce: Callable[[], Awaitable[object]],
        by: str,
    ) -> None:
        """Keep what it works with.

        Args:
            settings: Of the installation.
            keyring: Its keys, opened by the KEK that is in force.
            enter: Returns once an entry is durable.
            announce: Tells every running process that the keyring is another.
            by: Who gives the command.
        """
        self._settings, self._ring, self._enter, self._announce, self._by = settings, keyring, enter, announce, by
        self._folder = settings.state / "keys"
        self._next = self._folder / NEXT

    async def change(self, new_file: Path | None, keep_old: Path | None = None) -> Came:
        """Go as far as can be gone now.

        Args:
            new_file: Holds the new KEK, or the one of a change that was begun; ``None`` for one that is made
                where the installation has a file of its own.
            keep_old: New file that the KEK before is kept in.

        Raises:
            SettingsError: A file cannot be used, or another change was begun.
            LogUnavailable: Nothing more is changed.
        """
        self._ring.reload()
        given = None if new_file is None else FileKek(new_file)
        if is_own_file(self._settings):
            return await self._change_own(given, keep_old)
        if keep_old is not None:
            raise SettingsError("the KEK comes from the environment, and whoever gives it there has it")
        return await self._change_given(given)

    async def back(self) -> None:
        """Return to the KEK before, which is the one in force.

        Raises:
            SettingsError: No change was begun, or the new KEK is in force already.
        """
        self._ring.reload()
        kek = kek_of(self._settings)
        if not self._ring.is_changing and not self._next.exists():
            raise SettingsError("no change of the key-encryption key was begun")
        if self._ring.is_to_come(kek):
            raise SettingsError(
                "the new key-encryption key is in force already; without --back the change comes to its end"
            )
        await self._note("kek-change-undone")
        if self._next.exists():
            overwrite(self._next)
        if self._ring.is_changing:
            self._ring.end_change(kek)
            await self._announce()

    async def _change_own(self, given: HeldKek | None, keep_old: Path | None) -> Came:
        path = self._folder / "kek"
        before = FileKek(path)
        if not self._ring.is_changing and not self._next.exists():
            new = given or HeldKek(new_key())
            if new.is_same(before):
                return Came.SAME
            if keep_old is not None:
                before.save(keep_old)
            new.put(self._next)
        coming = FileKek(self._next) if self._next.exists() else before
        if given is not None and not given.is_same(coming):
            raise SettingsError("a change to another key-encryption key was begun: end it without --new-kek-file first")
        if not self._ring.is_changing:
            await self._note("kek-change-begun")
            self._ring.begin_change(coming)
            await self._announce()
        if self._next.exists():
            put_in_place(self._next, path)
        await self._end(FileKek(path))
        return Came.CHANGED

    async def _change_given(self, given: HeldKek | None) -> Came:
        kek = kek_of(self._settings)
        if self._ring.is_changing:
            if given is not None and not self._ring.is_to_come(given):
                raise SettingsError(
                    "a change to another key-encryption key was begun: end it without --new-kek-file first"
                )
            if not self._ring.is_to_come(kek):
                return Came.CONFIGURE
            await self._end(kek)
            return Came.CHANGED
        if given is None:
            raise SettingsError("the KEK comes from the environment: give the new one by --new-kek-file FILE")
        if given.is_same(kek):
            return Came.SAME
        await self._note("kek-change-begun")
        self._ring.begin_change(given)
        await self._announce()
        return Came.CONFIGURE

    async def _end(self, kek: HeldKek) -> None:
        await self._note("kek-changed")
        self._ring.end_change(kek)
        await self._announce()

    async def _note(self, what: str) -> None:
        await self._enter(Changed(by=self._by, what=what, target=TARGET, facts={"keys": self.n_keys}))

    @property
    def n_keys(self) -> int:
        """Return how many keys the keyring has that are not shredded."""
        versions = (one for label in self._ring.labels() for one in self._ring.versions(label))
        return sum(one.state is not KeyState.SHREDDED for one in versions)


def is_own_file(settings: Settings) -> bool:
    """Tell whether the KEK is the installation's own file."""
    return settings.kek is None
