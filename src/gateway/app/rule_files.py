# SPDX-License-Identifier: Apache-2.0
"""The files of the rules on disk: the folder that people edit, and the archive of what was in force."""

import io
import os
import re
import sys
import tarfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import TypeVar

from gateway.decide.loader.load import digest as digest_of
from gateway.decide.loader.load import load
from gateway.decide.rules import RuleSet
from gateway.domain.errors import SettingsError
from gateway.domain.names import RulesDigest
from gateway.keys.files import sync_directory
from gateway.transform.treat import check_chain

MOST_BYTES = 64 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
TURN_S = 0.000_5
"""How long work in a thread beside calls keeps the interpreter, a tenth of what is usual: each call waits for it
several times."""
T = TypeVar("T")
REMEMBERED = 2
"""Rule sets that a process reads once: a check, a reload and a command each ask for the same several times."""

_remembered: OrderedDict[RulesDigest, RuleSet] = OrderedDict()
_one_at_a_time = Lock()


def rules_of(files: Mapping[str, bytes]) -> RuleSet:
    """Return the rules that files hold; the same files, read a moment ago, are not read again.

    Raises:
        RulesError: Something is wrong; it holds every problem with file and line.
    """
    digest = digest_of(files)
    with _one_at_a_time:
        if digest in _remembered:
            _remembered.move_to_end(digest)
            return _remembered[digest]
    rules = load(files, check_chain=check_chain)
    with _one_at_a_time:
        _remembered[digest] = rules
        while len(_remembered) > REMEMBERED:
            _remembered.popitem(last=False)
    return rules


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the content of every file of the rules, by name below the folder.

    Editors' leftovers (names that begin with a dot or end in ``~``) are passed over; any other file
    is handed on, so that the loader can say that it does not belong there. A link may lead to another file of the folder.

    Raises:
        SettingsError: There is no such folder, or something in it cannot be read.
    """
    if not folder.is_dir():
        raise SettingsError(f"{folder}: there is no such folder of rules")
    found: dict[str, bytes] = {}
    left, whole = MOST_BYTES, folder.resolve()
    try:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_dir() or name.endswith("~") or any(part.startswith(".") for part in name.split("/")):
                continue
            if path.exists() and not path.is_file():
                # A pipe would be waited for, and a device read for ever.
                raise SettingsError(f"{path}: this is no file of rules")
            left -= path.stat().st_size
            if left < 0:
                raise SettingsError(f"{folder}: the rules have more than {MOST_BYTES >> 20} MiB")
            if not path.resolve().is_relative_to(whole):
                # What is wrong with rules is told with their words, and entered: never those of a key that a link names.
                raise SettingsError(f"{path}: this leads out of the folder of rules")
            found[name] = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{error.filename}: {error.strerror}") from None
    return found


def beside_calls(work: Callable[[Mapping[str, bytes]], T]) -> Callable[[Mapping[str, bytes]], T]:
    """Return the work so that a thread may do it while calls are answered."""

    def done(files: Mapping[str, bytes]) -> T:
        usual_s = sys.getswitchinterval()
        sys.setswitchinterval(TURN_S)
        try:
            return work(files)
        finally:
            sys.setswitchinterval(usual_s)

    return done


class RulesArchive:
    """Rule sets that were in force, as ``STATE/rules/<digest>.tar``; never deleted by the gateway."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder's name; it is made with the first rule set."""
        self._folder = folder

    def keep(self, digest: RulesDigest, files: Mapping[str, bytes]) -> None:
        """Return once the files are durable under the digest; the same digest is written once."""
        path = self._folder / f"{digest}.tar"
        if path.exists():
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        # A name for each process: several put the same rules in force at the same time.
        fresh = path.with_suffix(f".{os.getpid()}.new")
        with fresh.open("wb") as file:
            file.write(_tar(files))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        sync_directory(self._folder)

    def read(self, digest: str) -> dict[str, bytes]:
        """Return the files that were in force under a digest.

        They are what the digest says or they are nobody's: past decisions are told by them.

        Raises:
            SettingsError: The archive does not have them, or something else by their name.
        """
        path = self._folder / f"{digest}.tar"
        if not _DIGEST.fullmatch(digest) or not path.is_file():
            raise SettingsError(f"{path}: these rules are not in the archive")
        try:
            found = _untarred(path)
            is_right = digest_of(found) == digest
        except (tarfile.TarError, EOFError, OSError, UnicodeEncodeError) as error:
            raise SettingsError(f"{path}: the archive of these rules cannot be read") from error
        if not is_right:
            raise SettingsError(f"{path}: these are other rules than their name says")
        return found


def _untarred(path: Path) -> dict[str, bytes]:
    """Return the files of a plain tar, in memory; names in it are words and never become paths.

    Raises:
        OSError: There is more in it than rules can have.
    """
    with tarfile.open(path, "r:") as tar:
        members = [one for one in tar if one.isreg()]
        # A sparse file says that it is longer than what is there.
        if sum(one.size for one in members) > MOST_BYTES:
            raise OSError("too large")
        return {one.name: (tar.extractfile(one) or io.BytesIO()).read() for one in members}


def _tar(files: Mapping[str, bytes]) -> bytes:
    """Return a tar of the files that depends on names and contents alone."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), 0o600
            tar.addfile(entry, io.BytesIO(files[name]))
    return raw.getvalue()
