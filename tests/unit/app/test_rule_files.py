# SPDX-License-Identifier: Apache-2.0
"""Rules on disk: what of a folder is read, and the archive by digest."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.app import rule_files
from gateway.app.rule_files import REMEMBERED, TURN_S, RulesArchive, beside_calls, read_folder, rules_of
from gateway.decide.loader.load import digest
from gateway.decide.loader.shipped import shipped_files
from gateway.domain.errors import RulesError, SettingsError

FILES = {"grants.csv": b"p\n", "datasets/crm.yaml": b"dataset: []\n"}
DIGEST = digest(FILES)


def test_a_folder_is_read_whole_but_for_what_editors_leave(tmp_path: Path) -> None:
    """A file of another kind is handed on, so that the loader can refuse it."""
    for name in (*FILES, "notes.txt", "grants.csv~", ".grants.csv.swp", ".git/config", "datasets/.x.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES.get(name, b"x"))
    assert read_folder(tmp_path) == {**FILES, "notes.txt": b"x"}


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With what it should hold."""
    with pytest.raises(SettingsError, match="no such folder of rules"):
        read_folder(tmp_path / "nothing")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A link to nowhere is one."""
    (tmp_path / "grants.csv").symlink_to(tmp_path / "nothing")
    with pytest.raises(SettingsError, match=r"grants\.csv"):
        read_folder(tmp_path)


def test_a_folder_of_another_size_is_no_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody pointed at the wrong folder."""
    monkeypatch.setattr(rule_files, "MOST_BYTES", 3)
    (tmp_path / "grants.csv").write_bytes(b"1234")
    with pytest.raises(SettingsError, match="more than"):
        read_folder(tmp_path)


def test_what_was_in_force_is_read_again_by_its_digest(tmp_path: Path) -> None:
    """Byte for byte."""
    archive = RulesArchive(tmp_path / "rules")
    archive.keep(DIGEST, FILES)
    assert archive.read(DIGEST) == FILES


def test_a_digest_is_written_once(tmp_path: Path) -> None:
    """What is there is never written over, and nothing half written is left behind."""
    archive = RulesArchive(tmp_path / "rules")
    archive.keep(DIGEST, FILES)
    archive.keep(DIGEST, {})
    assert archive.read(DIGEST) == FILES
    assert [path.name for path in (tmp_path / "rules").iterdir()] == [f"{DIGEST}.tar"]
    assert (tmp_path / "rules").stat().st_mode & 0o777 == 0o700


def test_the_archive_depends_on_names_and_contents_alone(tmp_path: Path) -> None:
    """Two installations with the same rules have the same files."""
    for name, files in (("a", FILES), ("b", dict(reversed(FILES.items())))):
        RulesArchive(tmp_path / name).keep(DIGEST, files)
    assert (tmp_path / "a" / f"{DIGEST}.tar").read_bytes() == (tmp_path / "b" / f"{DIGEST}.tar").read_bytes()


def test_rules_that_were_never_in_force_are_not_in_the_archive(tmp_path: Path) -> None:
    """The sentence names the file that would hold them."""
    with pytest.raises(SettingsError, match="not in the archive"):
        RulesArchive(tmp_path).read("0" * 64)


@pytest.mark.parametrize("fails", [False, True])
def test_work_beside_calls_takes_short_turns_and_only_for_its_own_time(*, fails: bool) -> None:
    """However it ends, the interpreter has its usual turns afterwards."""
    usual_s, seen = sys.getswitchinterval(), list[float]()

    def work(_: Mapping[str, bytes]) -> str:
        seen.append(sys.getswitchinterval())
        if fails:
            raise SettingsError("no rules")
        return "done"

    if fails:
        with pytest.raises(SettingsError):
            beside_calls(work)(FILES)
    else:
        assert beside_calls(work)(FILES) == "done"
    assert seen == [pytest.approx(TURN_S)]
    assert sys.getswitchinterval() == usual_s


def test_the_same_files_are_read_once_and_other_files_anew() -> None:
    """The newest change is never answered by what was remembered."""
    files = shipped_files()
    rules = rules_of(files)
    assert rules_of(dict(files)) is rules
    more = {**files, "grants.csv": files["grants.csv"] + b"# one more line\n"}
    assert rules_of(more).digest == digest(more) != rules.digest
    for number in range(REMEMBERED):
        rules_of({**files, "grants.csv": files["grants.csv"] + f"# {number}\n".encode()})
    assert rules_of(files) is not rules


def test_rules_that_cannot_be_used_are_remembered_for_nobody() -> None:
    """Each time they are asked for, every problem is told."""
    wrong = {**shipped_files(), "purposes.yaml": b"purposes: 7\n"}
    for _ in range(2):
        with pytest.raises(RulesError, match=r"purposes\.yaml"):
            rules_of(wrong)
