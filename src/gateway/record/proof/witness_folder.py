# SPDX-License-Identifier: Apache-2.0
"""The folder of a witness: its key, the logs that it knows, and the last checkpoint that it co-signed of each.

``witness.key`` holds the private key (mode 600), ``witness.pub`` the verifier key that others are given. Each log has
``logs/<id>.pub``, its verifier key, and ``logs/<id>``, the note; the id is made from the log's name. A note is
replaced as a whole and is durable before anybody is told of it. One process serves a folder at a time.
"""

import fcntl
import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import sha256
from pathlib import Path

import msgspec

from gateway.domain.errors import SettingsError
from gateway.keys.signing import SigningKey
from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey, parse_verifier_key
from gateway.record.format.cosign import cosignature, witness_key
from gateway.record.format.files import DiskFiles, Files, replace_file, write_whole

KEY, PUBLIC_KEY, LOGS, EVIDENCE, LOCK = "witness.key", "witness.pub", "logs", "evidence", "lock"
MOST_EVIDENCE = 64
"""Files of evidence against one log: one is enough to prove a fork, and nobody may fill the disk, or others' room."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One log as a witness knows it.

    Attributes:
        note: The last checkpoint that was co-signed, if any was.
        n_evidence: Signed checkpoints that contradict it.
    """

    key: VerifierKey
    note: str | None
    n_evidence: int


class WitnessFolder:
    """What a witness keeps."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        """Open a folder that ``make`` made.

        Raises:
            SettingsError: There is none, its key is open to others, or it cannot be read.
        """
        self._folder, self._files = folder, files or DiskFiles()
        self._signer = SigningKey(_private(folder / KEY))
        try:
            name = (folder / PUBLIC_KEY).read_text("utf-8").partition("+")[0]
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"{folder / PUBLIC_KEY} cannot be read") from None
        self.key = witness_key(name, self._signer.public_key)
        if (folder / PUBLIC_KEY).read_text("utf-8") != f"{self.key.text()}\n":
            raise SettingsError(f"{folder / PUBLIC_KEY} does not hold the key in {folder / KEY}")

    @classmethod
    def make(cls, folder: Path, name: str) -> "WitnessFolder":
        """Make a witness with a new key.

        Args:
            folder: New, or empty.
            name: Of the witness; best an address without a scheme, such as ``witness.example/1``.

        Raises:
            SettingsError: The folder holds a witness already, or the name cannot be one.
        """
        if not name or "+" in name or any(one.isspace() or not one.isprintable() for one in name):
            raise SettingsError("the name of a witness has no spaces and no plus signs, such as witness.example/1")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any((folder / one).exists() for one in (KEY, PUBLIC_KEY)):
            raise SettingsError(f"{folder} holds a witness already")
        folder.chmod(0o700)
        (folder / LOGS).mkdir(mode=0o700, exist_ok=True)
        signer, files = SigningKey.generate(), DiskFiles()
        _write_new(files, folder / KEY, b64encode(signer.private_bytes()) + b"\n")
        replace_file(files, folder / PUBLIC_KEY, f"{witness_key(name, signer.public_key).text()}\n".encode())
        return cls(folder)

    def hold(self) -> None:
        """Take the folder for this process until it ends.

        Raises:
            SettingsError: Another process serves it.
        """
        descriptor = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise SettingsError(f"another process serves the witness in {self._folder}") from None

    def add(self, key: VerifierKey) -> bool:
        """Know a log from now on; tell whether it is new.

        Raises:
            SettingsError: A log of this name is known with another key.
        """
        known = self.key_of(key.name)
        if known is not None and known != key:
            raise SettingsError(
                f"the log {key.name} is known with another key ({known.key_id.hex()}, not {key.key_id.hex()}): whoever "
                "gave you this key has made a new log under an old name"
            )
        if known is None:
            replace_file(self._files, self._path(key.name, ".pub"), f"{key.text()}\n".encode())
        return known is None

    def cosign(self, text: str, at_s: int) -> str:
        """Return the witness's signature line under a checkpoint's text, with its line feed."""
        return cosignature(text, self.key.name, self._signer, at_s).line()

    def key_of(self, origin: str) -> VerifierKey | None:
        """Return the key of a log that the witness knows."""
        try:
            key = parse_verifier_key(self._path(origin, ".pub").read_text("utf-8").removesuffix("\n"))
        except (OSError, UnicodeDecodeError, CheckpointInvalid):
            return None
        return key if key.name == origin else None

    def newest(self, origin: str) -> str | None:
        """Return the note of the last checkpoint that was co-signed of a log.

        Raises:
            OSError: It is there and cannot be read: nothing is co-signed then.
        """
        try:
            return self._path(origin).read_text("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise OSError("a kept checkpoint is not text") from None

    def keep(self, origin: str, note: str) -> None:
        """Put a note durably in the place of the last one."""
        replace_file(self._files, self._path(origin), note.encode())

    def accuse(self, origin: str, note: str) -> None:
        """Keep a signed checkpoint that contradicts what was co-signed, as long as there is room for evidence."""
        folder = self._folder / EVIDENCE
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{_id(origin)}-{sha256(note.encode()).hexdigest()[:16]}"
        if not path.exists() and len(list(folder.glob(f"{_id(origin)}-*"))) < MOST_EVIDENCE:
            replace_file(self._files, path, note.encode())

    def known(self) -> list[Known]:
        """Return every log that the witness knows, by name."""
        found = []
        for path in sorted((self._folder / LOGS).glob("*.pub")):
            try:
                key = parse_verifier_key(path.read_text("utf-8").removesuffix("\n"))
            except CheckpointInvalid:
                continue
            evidence = list((self._folder / EVIDENCE).glob(f"{_id(key.name)}-*"))
            found.append(Known(key=key, note=self.newest(key.name), n_evidence=len(evidence)))
        return sorted(found, key=lambda one: one.key.name)

    def _path(self, origin: str, ending: str = "") -> Path:
        return self._folder / LOGS / (_id(origin) + ending)


def _id(origin: str) -> str:
    """Return the name of a log as a name of a file."""
    return sha256(origin.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _private(path: Path) -> bytes:
    """Return the private key of a witness; no message of an error holds any of it."""
    try:
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{path} is open to others; run: chmod 600 {path}")
        content = b64decode(path.read_bytes().strip(), validate=True)
        if len(content) == 32:
            return content
    except FileNotFoundError:
        raise SettingsError(
            f"{path.parent} holds no witness; `gateway log witness init --dir {path.parent}` makes one"
        ) from None
    except (OSError, Base64Error, ValueError):
        pass
    raise SettingsError(f"{path} does not hold the key of a witness")


def _write_new(files: Files, path: Path, content: bytes) -> None:
    """Write a file that must not be there, durably."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        write_whole(files, descriptor, content)
        files.sync(descriptor)
    finally:
        files.close(descriptor)
    files.sync_directory(path.parent)
