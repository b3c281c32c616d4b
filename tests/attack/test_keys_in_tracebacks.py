# SPDX-License-Identifier: Apache-2.0
"""Attack: read keys out of whatever a run leaves behind: files, databases, logs, answers, errors, tracebacks with variables."""

import base64
import contextlib
import itertools
import logging
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.app.installation import open_installation
from gateway.app.keyring import kek_of
from gateway.cli.desk.desk import run_to_end
from gateway.domain.errors import GatewayError
from gateway.domain.names import IdentityKind
from gateway.flows import rewrapping
from gateway.keys.envelope import derive
from gateway.keys.keyring import Keyring, KeyState
from gateway.keys.providers import FileKek, HeldKek
from gateway.settings.loading import Settings, load
from tests.fakes.clock import FakeClock
from tests.fakes.command_line import CommandLine

CUSTOMER = IdentityKind("crm.customer_id")
SHORTEST = 12
"""Bytes of a key that are looked for: a key that was cut in two is found by its halves."""


def spellings(secret: bytes) -> Iterator[bytes]:
    """Yield how a key could be written: raw, hexadecimal, base64 at each offset, as Python and JSON show bytes."""
    for part in (secret[:SHORTEST], secret[-SHORTEST:]):
        yield part
        yield part.hex().encode()
        yield part.hex().upper().encode()
        yield repr(part)[2:-1].encode()
        yield ", ".join(map(str, part)).encode()
        yield ",".join(map(str, part)).encode()
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(bytes(offset) + secret)
            # What depends on the neighbours is left out.
            yield text[4 if offset else 0 : 4 + 16]


def everything_secret(state: Path, keks: list[bytes]) -> list[bytes]:
    """Return the bytes of every key there is: KEKs, keys of the keyring, what is derived, keys of people."""
    ring = Keyring(state / "keys", kek_of(Settings(state=state)), FakeClock())
    held = [
        bytes(ring.version(label, one.version).secret)
        for label in ring.labels()
        for one in ring.versions(label)
        if one.state is not KeyState.SHREDDED
    ]
    signs = (b"Ed25519 key that signs checkpoints", b"Ed25519 key that signs access bearers")
    derived = [bytes(derive(secret, info)) for secret in held for info in signs]
    return [*keks, *held, *derived]


def raised(work: Callable[[], object]) -> str:
    """Return what a crash reporter would write of an error, with the variables of every frame."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - whatever it is
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(told.format(chain=True)) + repr(error) + str(error) + repr(error.args)
    return ""


def spoiled(state: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield ways to fail on a copy of the state's keys, each of which is to be seen to fail."""
    keys = state / "keys"
    settings = Settings(state=state)
    text = (keys / "keyring.json").read_bytes()
    kek = (keys / "kek").read_bytes()

    def ring(held: HeldKek | None = None) -> Keyring:
        return Keyring(keys, held or kek_of(settings), FakeClock())

    def put(path: Path, content: bytes, mode: int = 0o600) -> None:
        path.write_bytes(content)
        path.chmod(mode)

    yield "another KEK", lambda: ring(HeldKek(bytes(32))).version("totp", 1)
    yield "a change by another KEK", lambda: ring(HeldKek(bytes(32))).rotate("totp")
    yield "a KEK change by another KEK", lambda: ring(HeldKek(bytes(32))).begin_change(HeldKek(bytes([1]) * 32))
    yield "an end that nobody began", lambda: ring().end_change(kek_of(settings))
    yield "a sealed value that was changed", lambda: ring().open("totp", ring().seal("totp", b"x")[:-1] + b"\x00", b"")
    yield "a value that is not sealed", lambda: ring().open("totp", b"")
    yield "no such version", lambda: ring().version("totp", 99)
    for length in (0, 1, 10, len(text) // 2, len(text) - 3):
        put(keys / "keyring.json", text[:length])
        yield f"a keyring of {length} bytes", ring
    put(keys / "keyring.json", text.replace(b'"active"', b'"other"'))
    yield "a keyring with another word", ring
    put(keys / "keyring.json", text.replace(b'"wrapped": "', b'"wrapped": "AAAA', 1))
    yield "a wrapped key that was changed", lambda: [ring().version(label, 1) for label in ring().labels()]
    put(keys / "keyring.json", text)
    for content in (b"", kek[:-6], kek[:20], kek + kek, kek.rstrip() + b"canary", b"\xff" + kek):
        put(keys / "kek", content)
        yield f"a KEK file of {len(content)} bytes", lambda: kek_of(settings)
        decoded = content.decode("ascii", errors="replace")
        settings_of = {"state": state, "kek": SecretStr(decoded)}
        yield "the same in the environment", lambda of=settings_of: kek_of(Settings(**of))  # type: ignore[misc]
    put(keys / "kek", kek, 0o644)
    yield "a KEK file that is open", lambda: kek_of(settings)
    (keys / "kek").unlink()
    yield "a KEK file that is not there", lambda: kek_of(settings)
    put(keys / "kek", kek)
    held = kek_of(settings)
    yield "a KEK that is pickled", held.__reduce__
    yield "a key that is pickled", lambda: ring().version("totp", 1).__reduce__()


def run_of_everything(command: CommandLine, tmp_path: Path) -> list[bytes]:
    """Rotate, seal anew, shred, change the KEK and fail; return the KEKs that there were."""
    keks = [base64.b64decode((command.state / "keys" / "kek").read_text())]

    async def people(first: int) -> None:
        async with open_installation(load(state=command.state), "cli", with_rules=False) as rooms:
            await rooms.people.numbers(CUSTOMER, [f"C-{n}" for n in range(first, first + 20)])

    run_to_end(people(0))
    for label in ("totp", "people/wrap"):
        command("key", "rotate", label)
        run_to_end(people(100))
        command("key", "shred", label, "1", "--yes", code=2)
        command("key", "rewrap", label)
    command("key", "shred", "people/wrap", "1", "--yes")
    command("key", "status", "--all")
    command("key", "list", "--json")
    FileKek.create(tmp_path / "second")
    keks.append(base64.b64decode((tmp_path / "second").read_text()))
    command("key", "change-kek", "--new-kek-file", str(tmp_path / "second"))
    command("key", "change-kek")
    keks.append(base64.b64decode((command.state / "keys" / "kek").read_text()))
    # The environment has another KEK, or none at all.
    for text in (base64.b64encode(bytes(32)).decode(), "canary", base64.b64encode(keks[0]).decode()):
        command.environment["GATEWAY_KEK"] = text
        for words in (("user", "list"), ("key", "rotate", "totp"), ("key", "change-kek"), ("doctor",)):
            command_any(command, *words)
    del command.environment["GATEWAY_KEK"]
    for mode in (0o644, 0o600):
        (command.state / "keys" / "kek").chmod(mode)
        command_any(command, "user", "list")
    return keks


def command_any(command: CommandLine, *words: str) -> None:
    """Give a command that may end in any way; a traceback would be raised here."""
    for code in (0, 1, 2, 3):
        with contextlib.suppress(AssertionError):
            command(*words, code=code)
            return


@pytest.fixture
def command(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """An installation of one's own."""
    monkeypatch.delenv("GATEWAY_STATE", raising=False)
    monkeypatch.setattr(rewrapping, "SETTLE_US", 0)
    one = CommandLine(tmp_path_factory.mktemp("installation") / "state", {})
    one.init()
    return one


def test_no_key_is_in_anything_that_a_run_leaves_behind(
    command: CommandLine, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Known bytes are looked for in every file but those of KEKs, in every answer, remark and traceback."""
    with caplog.at_level(logging.DEBUG):
        keks = run_of_everything(command, tmp_path)
        needles = everything_secret(command.state, keks)
        copy = tmp_path / "copy"
        shutil.copytree(command.state, copy)
        told = {name: raised(work) for name, work in spoiled(copy)}
    assert [name for name, text in told.items() if not text] == []
    printed = capfd.readouterr()
    answers = "".join(one.out + one.err for one in command.answers)
    texts = {**told, "answers": answers, "printed": printed.out + printed.err, "remarks": caplog.text}
    kept = {tmp_path / "second", command.state / "keys" / "kek"}
    files = [path for path in command.state.rglob("*") if path.is_file() and path not in kept]

    patterns = [(number, one) for number, secret in enumerate(needles) for one in spellings(secret)]
    assert len(needles) > 20
    found = [
        (where, number)
        for where, content in itertools.chain(
            ((name, text.encode("utf-8", "surrogateescape")) for name, text in texts.items()),
            ((str(path), path.read_bytes()) for path in files),
        )
        for number, pattern in patterns
        if pattern in content
    ]
    assert sorted(set(found)) == []
    # The same look finds a KEK where it is.
    assert any(pattern in (command.state / "keys" / "kek").read_bytes() for _, pattern in patterns)


def test_what_is_opened_does_not_print(command: CommandLine) -> None:
    """A person's key in the hands of whoever seals it anew, or an authenticator's secret."""
    ring = Keyring(command.state / "keys", kek_of(Settings(state=command.state)), FakeClock())
    sealed = ring.seal("totp", b"canary-of-a-secret", b"a_1")

    opened = ring.open("totp", sealed, b"a_1")
    assert opened == b"canary-of-a-secret"
    assert "canary" not in f"{opened!r}{[opened]}" + str({"opened": opened})


def test_an_error_of_keys_says_what_and_never_with_which_bytes(command: CommandLine) -> None:
    """Every error on the way is one of ours, with a sentence that names a label, a file or a setting."""
    assert sys.exc_info() == (None, None, None)
    for name, work in spoiled(command.state):
        if "pickled" in name:
            continue
        with pytest.raises(GatewayError) as caught:
            work()
        assert len(str(caught.value)) > 20, name
