# SPDX-License-Identifier: Apache-2.0
"""Attack: somebody wants a past decision explained by other rules than those that decided it, or a replay to harm.

The archive is bound to the log by the digest that every decision names. A folder of rules that is only looked at can
be anybody's.
"""

import io
import os
import tarfile
from pathlib import Path

import pytest

from gateway.app import rule_files
from gateway.app.evidence.past_rules import PastRules as PastWords
from gateway.app.evidence.replaying import PastRules
from gateway.app.rule_files import RulesArchive, read_folder
from gateway.decide.loader.load import digest
from gateway.domain.errors import SettingsError

POLICIES = Path(__file__).parents[2] / "policies"
SHIPPED = read_folder(POLICIES)
NAME = digest(SHIPPED)


def tar_of(*members: tuple[str, bytes]) -> bytes:
    """Return a tar as the archive keeps them."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return raw.getvalue()


def linked(kind: bytes) -> bytes:
    """Return a tar with a link or device in the place of the grants."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        entry = tarfile.TarInfo("grants.csv")
        entry.type, entry.linkname = kind, "/etc/passwd"
        tar.addfile(entry)
    return raw.getvalue()


WIDER = {**SHIPPED, "grants.csv": SHIPPED["grants.csv"].replace(b", mask, ", b", reveal, ")}
OTHERS = {
    "wider": tar_of(*WIDER.items()),
    "twice": tar_of(*SHIPPED.items(), ("grants.csv", WIDER["grants.csv"])),
    "climbing": tar_of(*SHIPPED.items(), ("../../policies/grants.csv", b"p\n"), ("/etc/gateway", b"x")),
    "name": tar_of(*((f"./{name}", content) for name, content in SHIPPED.items())),
    "strange name": tar_of(*SHIPPED.items(), ("\udcff", b"x")),
    "empty": tar_of(),
    "link": linked(tarfile.SYMTYPE),
    "hard link": linked(tarfile.LNKTYPE),
    "pipe": linked(tarfile.FIFOTYPE),
    "device": linked(tarfile.CHRTYPE),
    "none": b"no tar",
    "nothing": b"",
    "torn": tar_of(*SHIPPED.items())[:5_000],
}


@pytest.mark.parametrize("other", sorted(OTHERS))
def test_what_is_not_what_the_digest_says_is_no_rules(tmp_path: Path, other: str) -> None:
    """Refused as a whole, wherever it is read: nobody is told of a grant by it."""
    (tmp_path / f"{NAME}.tar").write_bytes(OTHERS[other])
    archive = RulesArchive(tmp_path)

    with pytest.raises(SettingsError):
        archive.read(NAME)
    assert PastRules(archive).of(NAME) is None
    assert PastWords(archive).words(NAME) is None
    assert [path.name for path in tmp_path.rglob("*")] == [f"{NAME}.tar"]


def test_a_packed_archive_is_not_unpacked(tmp_path: Path) -> None:
    """The gateway writes none, so one that is packed is somebody's, and may be of any size."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        entry = tarfile.TarInfo("grants.csv")
        entry.size = 50_000_000
        tar.addfile(entry, io.BytesIO(bytes(50_000_000)))
    (tmp_path / f"{NAME}.tar").write_bytes(raw.getvalue())

    with pytest.raises(SettingsError, match="cannot be read"):
        RulesArchive(tmp_path).read(NAME)


def test_an_archive_that_says_it_is_larger_than_rules_can_be_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sizes are added up before anything is read."""
    RulesArchive(tmp_path).keep(NAME, SHIPPED)
    monkeypatch.setattr(rule_files, "MOST_BYTES", 1_000)
    with pytest.raises(SettingsError, match="cannot be read"):
        RulesArchive(tmp_path).read(NAME)


@pytest.mark.parametrize("name", ["../rules", "..", "", "grants", "0" * 63, "0" * 64 + "\n", "A" * 64, "/etc/passwd"])
def test_no_digest_is_a_path(tmp_path: Path, name: str) -> None:
    """What an entry says the rules were becomes the name of a file only if it is a digest."""
    (tmp_path / "rules").mkdir()
    for one in ("rules.tar", "..tar", ".tar", "grants.tar"):
        (tmp_path / one).write_bytes(tar_of(*SHIPPED.items()))
    with pytest.raises(SettingsError, match="not in the archive"):
        RulesArchive(tmp_path / "rules").read(name)


def test_what_was_kept_is_read(tmp_path: Path) -> None:
    """Otherwise the tests above say nothing."""
    RulesArchive(tmp_path).keep(NAME, SHIPPED)
    assert RulesArchive(tmp_path).read(NAME) == SHIPPED
    assert PastRules(RulesArchive(tmp_path)).of(NAME) is not None


@pytest.mark.parametrize("name", ["datasets/key.yaml", "grants.csv", "key"])
@pytest.mark.parametrize("way", ["absolute", "relative", "twice"])
def test_no_link_in_a_folder_of_rules_has_another_file_told(tmp_path: Path, name: str, way: str) -> None:
    """A problem repeats the words that it is about, and is entered in the log: of a key they would be all of it."""
    secret, folder = tmp_path / "kek", tmp_path / "rules"
    secret.write_text("c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA==\n", encoding="utf-8")
    _put(folder)
    (folder / name).unlink(missing_ok=True)
    match way:
        case "absolute":
            (folder / name).symlink_to(secret)
        case "relative":
            (folder / name).symlink_to(os.path.relpath(secret, (folder / name).parent))
        case _:
            (folder / ".hidden").symlink_to(secret)
            (folder / name).symlink_to(folder / ".hidden")

    with pytest.raises(SettingsError, match="leads out of the folder"):
        read_folder(folder)


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    """So are rules that an orchestrator mounts, and a folder that is itself a link."""
    _put(tmp_path / "rules" / "..data")
    for name in SHIPPED:
        path = tmp_path / "rules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(tmp_path / "rules" / "..data" / name)
    (tmp_path / "policies").symlink_to(tmp_path / "rules")

    assert read_folder(tmp_path / "policies") == SHIPPED


def _put(folder: Path) -> None:
    for name, content in SHIPPED.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize("trap", ["pipe", "device", "circle", "large", "nowhere"])
def test_a_folder_that_is_only_looked_at_holds_nobody_up(tmp_path: Path, trap: str) -> None:
    """`gateway log replay --rules DIR` waits for no pipe, reads no device and follows no circle."""
    _put(tmp_path)
    trapped = tmp_path / "datasets" / "trap.yaml"
    match trap:
        case "pipe":
            os.mkfifo(trapped)
        case "device":
            trapped.symlink_to("/dev/zero")
        case "circle":
            trapped.symlink_to(trapped)
        case "nowhere":
            trapped.symlink_to(tmp_path / "nothing")
        case _:
            with trapped.open("wb") as file:
                file.truncate(10 << 30)

    with pytest.raises(SettingsError):
        read_folder(tmp_path)
