# SPDX-License-Identifier: Apache-2.0
"""The keyring: versions and their states, processes side by side, and secrets that stay secret."""

import copy
import json
import pickle
import stat
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.domain.errors import KeyUnavailable, SettingsError
from gateway.keys.envelope import new_key
from gateway.keys.keyring import FILE, Key, Keyring, KeyState
from gateway.keys.providers import HeldKek
from tests.fakes.clock import FakeClock
from tests.fakes.remote_kek import RemoteKek

KEK = HeldKek(new_key())


@pytest.fixture
def ring(tmp_path: Path, clock: FakeClock) -> Keyring:
    """An empty keyring."""
    return Keyring(tmp_path, KEK, clock)


def again(directory: Path, clock: FakeClock) -> Keyring:
    """Open the keyring as another process does."""
    return Keyring(directory, KEK, clock)


def states(ring: Keyring, label: str) -> list[str]:
    """Return the states of a label's versions, oldest first."""
    return [entry.state.value for entry in ring.versions(label)]


def test_a_key_is_made_once(ring: Keyring, tmp_path: Path, clock: FakeClock) -> None:
    """Whoever asks first makes it; it is the same for every process and after every start."""
    first = ring.ensure("bearer")

    assert (first.label, first.version, len(first.secret)) == ("bearer", 1, 32)
    assert ring.ensure("bearer").secret == first.secret
    assert again(tmp_path, clock).ensure("bearer").secret == first.secret
    assert ring.versions("bearer")[0].created_us == clock()


def test_processes_that_make_a_key_at_the_same_time_make_one(tmp_path: Path, clock: FakeClock) -> None:
    """Each opened the empty keyring before any of them made a key."""
    rings = [again(tmp_path, clock) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        secrets = list(pool.map(lambda ring: bytes(ring.ensure("bearer").secret), rings))

    assert len(set(secrets)) == 1
    assert len(again(tmp_path, clock).versions("bearer")) == 1


def test_labels_have_keys_of_their_own(ring: Keyring) -> None:
    """Two uses never share a key."""
    assert ring.ensure("surrogate/crm.email").secret != ring.ensure("surrogate/crm.phone").secret
    assert ring.labels() == ("surrogate/crm.email", "surrogate/crm.phone")


def test_rotating_retires_the_old_version_and_keeps_it_readable(ring: Keyring) -> None:
    """New things are made with the new version; old ones still open."""
    old = ring.ensure("cursor")
    new = ring.rotate("cursor")

    assert (new.version, states(ring, "cursor")) == (2, ["retired", "active"])
    assert new.secret != old.secret
    assert ring.current("cursor").version == 2
    assert ring.version("cursor", 1).secret == old.secret


def test_a_label_without_an_active_version_gets_none_by_itself(ring: Keyring) -> None:
    """Retiring the last version stops its use until somebody rotates."""
    ring.ensure("cursor")
    ring.retire("cursor", 1)

    for ask in (ring.ensure, ring.current):
        with pytest.raises(KeyUnavailable, match="no active version"):
            ask("cursor")
    assert ring.rotate("cursor").version == 2


def test_a_shredded_version_is_gone_for_good(ring: Keyring, tmp_path: Path, clock: FakeClock) -> None:
    """Its place is kept, its bytes are in no file, and its number is never given again."""
    ring.ensure("surrogate/a")
    wrapped = ring.versions("surrogate/a")[0].wrapped
    ring.rotate("surrogate/a")

    ring.shred("surrogate/a", 1)
    ring.shred("surrogate/a", 1)

    assert states(ring, "surrogate/a") == ["shredded", "active"]
    for process in (ring, again(tmp_path, clock)):
        with pytest.raises(KeyUnavailable, match="shredded"):
            process.version("surrogate/a", 1)
    entries = json.loads((tmp_path / FILE).read_text())["keys"]
    assert [entry["wrapped"] is None for entry in entries] == [True, False]
    assert wrapped is not None
    with pytest.raises(KeyUnavailable, match="shredded"):
        ring.retire("surrogate/a", 1)
    assert ring.rotate("surrogate/a").version == 3


def test_what_the_file_held_before_a_shredding_is_overwritten(ring: Keyring, tmp_path: Path) -> None:
    """A hard link keeps the old file in view: it holds zeros."""
    ring.ensure("a")
    (tmp_path / "old").hardlink_to(tmp_path / FILE)

    ring.shred("a", 1)

    assert set((tmp_path / "old").read_bytes()) == {0}


def test_shredding_the_only_version_makes_no_other(ring: Keyring) -> None:
    """What was erased must not come back under a new key without anyone's decision."""
    ring.ensure("a")
    ring.shred("a", 1)

    with pytest.raises(KeyUnavailable):
        ring.ensure("a")


def test_what_does_not_exist_is_told(ring: Keyring) -> None:
    """By label and version, which are no secrets."""
    for ask in (ring.current, ring.rotate):
        with pytest.raises(KeyUnavailable, match="x"):
            ask("x")
    for use in (ring.version, ring.retire, ring.shred):
        with pytest.raises(KeyUnavailable, match="x version 1"):
            use("x", 1)


def test_a_version_that_another_process_made_is_found_when_it_is_missed(
    ring: Keyring, tmp_path: Path, clock: FakeClock
) -> None:
    """What one door sealed under a key that it made, the next one opens; a version of nobody's stays unknown."""
    other = again(tmp_path, clock)
    sealed = ring.seal("factors", b"content")

    assert other.open("factors", sealed) == b"content"
    with pytest.raises(KeyUnavailable):
        other.version("factors", 2)


def test_other_processes_follow_at_their_next_reload(ring: Keyring, tmp_path: Path, clock: FakeClock) -> None:
    """A key in memory that another process shredded is forgotten."""
    ring.ensure("a")
    other = again(tmp_path, clock)
    assert other.current("a").version == 1
    assert not other.reload()

    ring.rotate("a")
    ring.shred("a", 1)

    assert other.reload()
    assert other.current("a").version == 2
    with pytest.raises(KeyUnavailable):
        other.version("a", 1)


def test_sealed_things_name_their_version(ring: Keyring) -> None:
    """They open after a rotation, until their version is shredded."""
    sealed = ring.seal("totp", b"seed", b"a_1")
    ring.rotate("totp")

    assert ring.open("totp", sealed, b"a_1") == b"seed"
    ring.shred("totp", 1)
    with pytest.raises(KeyUnavailable):
        ring.open("totp", sealed, b"a_1")


def test_many_things_open_as_each_does_alone(ring: Keyring) -> None:
    """Whichever version sealed them; what does not open raises, and the next one opens."""
    ring.ensure("vault")
    old = ring.seal("vault", b"old", b"row 1")
    ring.rotate("vault")
    new = ring.seal("vault", b"new", b"row 2")
    opened = ring.opener("vault")
    for _ in range(2):
        assert (opened(old, b"row 1"), opened(new, b"row 2")) == (b"old", b"new")
        for sealed, row in ((old, b"row 2"), (new[:-1] + bytes((new[-1] ^ 1,)), b"row 2"), (new[:9], b"row 2")):
            with pytest.raises(KeyUnavailable):
                opened(sealed, row)
    assert repr(opened(old, b"row 1")) == "<3 secret bytes>"


def test_sealed_things_open_in_their_place_alone(ring: Keyring) -> None:
    """Other label, other associated bytes, other version, or nothing at all."""
    sealed = ring.seal("totp", b"seed", b"a_1")
    ring.rotate("totp")
    ring.ensure("cursor")

    for label, text, associated in (
        ("cursor", sealed, b"a_1"),
        ("totp", sealed, b"a_2"),
        ("totp", b"\x00\x00\x00\x02" + sealed[4:], b"a_1"),
        ("totp", b"", b"a_1"),
    ):
        with pytest.raises(KeyUnavailable):
            ring.open(label, text, associated)


def test_the_file_holds_no_key_in_clear_and_is_closed_to_others(ring: Keyring, tmp_path: Path) -> None:
    """Every secret in it is wrapped under the KEK."""
    secret = bytes(ring.ensure("a").secret)
    text = (tmp_path / FILE).read_text()

    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert secret.hex() not in text
    assert ring.versions("a")[0].state is KeyState.ACTIVE


def test_another_kek_unwraps_nothing(ring: Keyring, tmp_path: Path, clock: FakeClock) -> None:
    """The keyring alone is worth nothing."""
    ring.ensure("a")

    with pytest.raises(KeyUnavailable):
        Keyring(tmp_path, HeldKek(new_key()), clock).current("a")


def test_a_wrapped_key_cannot_be_moved_to_another_label(ring: Keyring, tmp_path: Path, clock: FakeClock) -> None:
    """Whoever edits the file cannot make one use's key serve another."""
    ring.ensure("a")
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace('"label": "a"', '"label": "b"'))

    with pytest.raises(KeyUnavailable):
        again(tmp_path, clock).current("b")


@pytest.mark.parametrize("text", ["", "{}x", '{"format": 2}', '{"keys": [], "more": 1}', '{"keys": [{"label": "a"}]}'])
def test_a_file_that_is_not_a_keyring_is_refused(tmp_path: Path, clock: FakeClock, text: str) -> None:
    """An empty file too: it is what is left of a keyring, not a new one."""
    (tmp_path / FILE).write_text(text)

    with pytest.raises(SettingsError, match="keyring"):
        again(tmp_path, clock)


def test_a_keyring_that_vanished_is_not_a_new_one(ring: Keyring, tmp_path: Path) -> None:
    """Its loss is an error, not a fresh start."""
    ring.ensure("a")
    (tmp_path / FILE).unlink()

    with pytest.raises(SettingsError):
        ring.reload()


def test_a_missing_directory_is_told(tmp_path: Path, clock: FakeClock) -> None:
    """With its name."""
    with pytest.raises(SettingsError, match="nowhere"):
        again(tmp_path / "nowhere", clock)


def test_a_change_that_fails_changes_nothing(ring: Keyring, tmp_path: Path) -> None:
    """The file is replaced as a whole or not at all."""
    ring.ensure("a")
    before = (tmp_path / FILE).read_bytes()

    with pytest.raises(KeyUnavailable):
        ring.retire("a", 9)

    assert (tmp_path / FILE).read_bytes() == before


def test_keys_are_not_pickled_and_do_not_print(ring: Keyring) -> None:
    """Nor does a keyring."""
    key = Key("a", 1, b"canary-canary-canary-canary-3210")

    assert "canary" not in repr(key) + str(key) + f"{key.secret}{[key.secret]}"
    for thing in (key, ring):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(thing)
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(key)


def test_a_traceback_with_local_variables_shows_no_key(tmp_path: Path, clock: FakeClock) -> None:
    """Crash reporters print the variables of every frame; ours hold secrets that hide themselves."""
    kek_bytes, canary = b"canary-of-the-kek-canary-canary-", b"canary-of-a-key-canary-canary-32"
    kek = HeldKek(kek_bytes)
    ring = Keyring(tmp_path, kek, clock)
    ring.ensure("totp")
    ring._unwrapped["totp", 1] = Key("totp", 1, canary)
    del kek_bytes, canary

    sealed = ring.seal("totp", b"x")
    with pytest.raises(KeyUnavailable) as caught:
        ring.open("totp", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())

    assert "<32 secret bytes>" in text
    assert "canary" not in text


def test_a_kek_that_never_leaves_where_it_is_kept_will_do(tmp_path: Path, clock: FakeClock) -> None:
    """It wraps and unwraps, and is told the label; what it makes may be of any length, and its own keys may change."""
    remote = RemoteKek()
    ring = Keyring(tmp_path, remote, clock)
    sealed = ring.seal("totp", b"a secret")
    remote.rotate()
    ring.rotate("totp")

    opened = Keyring(tmp_path, remote, clock)
    assert bytes(opened.open("totp", sealed)) == b"a secret"
    assert opened.current("totp").version == 2
    assert {"wrap totp#1", "wrap totp#2", "unwrap totp#1"} <= set(remote.asked)


def test_no_key_comes_of_a_kek_that_does_not_answer(tmp_path: Path, clock: FakeClock) -> None:
    """Nothing is made, and nothing that was sealed opens; what was there is there afterwards."""
    remote = RemoteKek()
    sealed = Keyring(tmp_path, remote, clock).seal("totp", b"a secret")
    before = (tmp_path / FILE).read_bytes()
    remote.is_down = True
    with pytest.raises(KeyUnavailable):
        Keyring(tmp_path, remote, clock).open("totp", sealed)
    with pytest.raises(KeyUnavailable):
        Keyring(tmp_path, remote, clock).rotate("totp")
    assert (tmp_path / FILE).read_bytes() == before
    remote.is_down = False
    assert bytes(Keyring(tmp_path, remote, clock).open("totp", sealed)) == b"a secret"
