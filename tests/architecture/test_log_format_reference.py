# SPDX-License-Identifier: Apache-2.0
"""The page on the log's format is enough to verify a log: a second verifier, written from its words alone.

It uses SHA-256, JSON and Ed25519 and none of our code. What it verifies was written by `record`.
"""

import json
import re
import shutil
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.domain.entry import Amended, Entry, Facts, Line, Part
from gateway.record.format.files import DiskFiles
from gateway.record.format.parts import StoredPart
from gateway.record.proof.parts_scan import parts_without
from gateway.record.writing.rewriting import Rewriting
from tests.fakes.log import checkpoint_of, enter, opened, part, release, written

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "log-format.md").read_text("utf-8")
N_ENTRIES = 40
SMALL_BYTES = 3000  # several segments


class Wrong(Exception):
    """What the second verifier found."""


def need(holds: object, sentence: str) -> None:
    if not holds:
        raise Wrong(sentence)


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def key_of(text: str) -> tuple[str, bytes, bytes]:
    """Return name, key id and public key of ``log.pub`` (section "The key")."""
    name, key_id, encoded = text.removesuffix("\n").split("+", 2)
    content = b64decode(encoded, validate=True)
    need(content[:1] == b"\x01" and len(content) == 33, "not an Ed25519 key")
    need(sha256(name.encode() + b"\n" + content).hexdigest()[:8] == key_id, "the key id does not fit")
    return name, bytes.fromhex(key_id), content[1:]


def seal_of(note: str, key: tuple[str, bytes, bytes]) -> dict[str, str]:
    """Return what a seal states (section "Seals"), with its size and root."""
    size, signed_root = state_of(note, key)
    lines = note.partition("\n\n")[0].split("\n")[3:]
    words = ["segment", "first", "bytes", "sha256", "prev", "last", "before", "peaks"]
    need([line.split(" ", 1)[0] for line in lines] == words, "the lines of a seal are others")
    said = dict(line.split(" ", 1) for line in lines)
    need(over(peaks_of(said["peaks"])) == signed_root, "the peaks of a seal are not those of its root")
    return {**said, "size": str(size), "root": signed_root.hex()}


def peaks_of(said: str) -> list[bytes]:
    return [] if said == "none" else [b64decode(one, validate=True) for one in said.split(" ")]


def over(peaks: list[bytes]) -> bytes:
    found = peaks[-1]
    for peak in reversed(peaks[:-1]):
        found = sha256(b"\x01" + peak + found).digest()
    return found


def verify_seals(slot: Path, key: tuple[str, bytes, bytes], leaves: list[bytes]) -> None:
    """Hold all lines against every seal (section "Seals")."""
    following = "0", "0" * 64, "none"
    for number, path in enumerate(sorted((slot / "seals").glob("*"))):
        said = seal_of(path.read_text(), key)
        content = (slot / f"{number:06}.ndjson").read_bytes()
        need(said["segment"] == str(number) == str(int(path.name)), "a seal of another segment")
        need((said["first"], said["prev"], said["before"]) == following, "a seal does not follow the one before")
        need(said["bytes"] == str(len(content)), "a sealed segment has another length")
        need(said["sha256"] == sha256(content).hexdigest(), "a sealed segment was changed")
        need(root(leaves[: int(said["size"])]).hex() == said["root"], "the root of a seal is another")
        need(leaves[int(said["size"]) - 1].hex() == said["last"], "a seal names another last entry")
        following = said["size"], said["last"], said["peaks"]


def state_of(note: str, key: tuple[str, bytes, bytes]) -> tuple[int, bytes]:
    """Return size and root of a checkpoint (section "The checkpoint")."""
    name, key_id, public_key = key
    text, _, signatures = note.partition("\n\n")
    found = False
    for line in signatures.splitlines():
        dash, signer, encoded = line.split(" ")
        content = b64decode(encoded, validate=True)
        if dash == "\u2014" and signer == name and content[:4] == key_id:
            try:
                Ed25519PublicKey.from_public_bytes(public_key).verify(content[4:], text.encode() + b"\n")
            except InvalidSignature:
                raise Wrong("a signature is wrong") from None
            found = True
    need(found, "not signed with the key")
    origin, size, encoded = text.split("\n")[:3]
    need(origin == name, "of another log")
    return int(size), b64decode(encoded, validate=True)


def verify(slot: Path, trusted: str, *expected: str) -> int:
    """Verify a log in five steps (section "Verifying") and return the number of its entries."""
    key = key_of(trusted)
    need((slot / "log.pub").read_text() == trusted, "log.pub is another key")
    files = sorted(slot.glob("[0-9]*.ndjson"))
    need([file.name for file in files] == [f"{n:06}.ndjson" for n in range(len(files))], "a segment is missing")
    leaves: list[bytes] = []
    digests: dict[int, str | None] = {}
    amendments: set[tuple[str, int, str, str]] = set()
    unsaid: set[tuple[str, int, str, str]] = set()
    for file in files:
        first = len(leaves)
        *lines, rest = file.read_bytes().split(b"\n")
        need(not rest or file is files[-1], "a segment ends inside a line")
        for raw in lines:
            try:
                line: Any = json.loads(raw)
            except ValueError:
                raise Wrong("a line is no JSON") from None
            need((line["log"], line["seq"]) == (key[0], len(leaves)), "a line is not in its place")
            need(line["prev"] == (leaves[-1].hex() if leaves else "0" * 64), "a line does not follow the one before")
            need(leaves or line["body"]["kind"] == "opened", "no opening")
            if line["body"]["kind"] == "opened":
                need(line["body"]["public_key"] == key[2].hex(), "opened with another key")
            digests[len(leaves)] = line.get("part")
            if line["body"]["kind"] == "amended":
                body = line["body"]
                amendments.add((body["origin"], body["place"], body["digest"], f"{key[0]}:{len(leaves)}"))
            leaves.append(sha256(b"\x00" + raw).digest())
        held = {seq: digests[seq] for seq in range(first, len(leaves))}
        unsaid |= {(key[0], *one) for one in verify_parts(slot / "parts" / file.name, held)}
    need(unsaid <= amendments, "a part was amended, and no entry says so")
    verify_seals(slot, key, leaves)
    for note in ((slot / "checkpoint").read_text(), *expected):
        size, signed_root = state_of(note, key)
        need(len(leaves) >= size, "the log is shorter than a checkpoint")
        need(root(leaves[:size]) == signed_root, "the root is another")
    need(len(leaves) - state_of((slot / "checkpoint").read_text(), key)[0] <= 256, "the tail is too long")
    return len(leaves)


def verify_parts(file: Path, digests: dict[int, str | None]) -> set[tuple[int, str, str]]:
    """Return the parts that stand in the place of others, with the digest that an entry must hold, and which entry."""
    before, amended = -1, set()
    for line in file.read_bytes().splitlines() if file.exists() else ():
        found = re.fullmatch(
            rb'\{"seq":([0-9]+),"salt":"([0-9a-f]{32})",(?:"was":"([0-9a-f]{64})","amended":"([^"]+)",)?"part":(\{.*\})\}',
            line,
        )
        if found is None:
            raise Wrong("a part is malformed")
        seq = int(found[1])
        need(before < seq and seq in digests, "a part is out of order")
        digest = sha256(bytes.fromhex(found[2].decode()) + found[5]).hexdigest()
        need(digests[seq] == (found[3].decode() if found[3] else digest), "a part was changed")
        if found[3]:
            amended.add((seq, digest, found[4].decode()))
        before = seq
    return amended


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed log of several segments, written once."""
    directory = tmp_path_factory.mktemp("log") / "door-0"
    written(directory, N_ENTRIES, most_bytes=SMALL_BYTES)
    assert (directory / "000001.ndjson").exists()
    return directory


@pytest.fixture
def slot(template: Path, tmp_path: Path) -> Path:
    """A copy of that log."""
    return Path(shutil.copytree(template, tmp_path / "door-0"))


def test_a_log_that_record_wrote_is_right(slot: Path) -> None:
    """Also with a checkpoint that somebody kept, and without parts that were deleted."""
    kept = checkpoint_of(slot)
    assert verify(slot, (slot / "log.pub").read_text(), kept) == N_ENTRIES
    (slot / "parts" / "000000.ndjson").unlink()
    assert verify(slot, (slot / "log.pub").read_text(), kept) == N_ENTRIES


def test_a_log_that_was_opened_again_is_right(slot: Path) -> None:
    """Its newest entries stand behind the checkpoint."""
    log = opened(slot)
    enter(log, release("again"), part(7))
    assert verify(slot, (slot / "log.pub").read_text()) == N_ENTRIES + 2
    log.close(None)


@pytest.mark.parametrize("step", range(60))
def test_a_changed_byte_is_found(slot: Path, step: int) -> None:
    """Somewhere in every file that a verifier reads."""
    files = sorted(path for path in slot.rglob("*") if path.is_file() and path.stat().st_size)
    file = files[step % len(files)]
    content = bytearray(file.read_bytes())
    place = (step * 2654435761) % len(content)
    content[place] ^= 1
    trusted = (slot / "log.pub").read_text()
    file.write_bytes(content)
    with pytest.raises((Wrong, ValueError, KeyError)):
        verify(slot, trusted)


def test_a_part_without_somebody_stands_in_the_place_of_another(slot: Path) -> None:
    """It is right as long as an entry says so."""
    people = frozenset({1})
    found = [one for number in range(2) for one in parts_without(slot, number, people)]
    assert found
    log = opened(slot)
    for one in found:
        origin = "demo/node-1/door-0"
        entry = Amended(origin=origin, place=one.after.seq, taken=one.people, digest=one.after.own_digest)
        after = msgspec.structs.replace(one.after, amended=f"{origin}:{enter(log, entry)}")

        def exchanged(held: StoredPart, after: StoredPart = after) -> StoredPart:
            return after if held.seq == after.seq else held

        for number in range(2):
            Rewriting(DiskFiles(), slot, number, exchanged).run()
    log.close(0)
    trusted = (slot / "log.pub").read_text()
    assert verify(slot, trusted) == N_ENTRIES + 2 + len(found)
    parts = slot / "parts" / "000000.ndjson"
    parts.write_bytes(parts.read_bytes().replace(b'"part":{"ip":"192.0.2.7"', b'"part":{"ip":"192.0.2.8"', 1))
    with pytest.raises(Wrong):
        verify(slot, trusted)


def test_a_log_cut_back_to_an_older_checkpoint_is_found_by_a_newer_one(tmp_path: Path) -> None:
    """Step 5 is what finds it: by itself the shorter log is right."""
    for name, n_entries in (("door-0", 20), ("older", 10)):
        written(tmp_path / name, n_entries)
    newer, trusted = checkpoint_of(tmp_path / "door-0"), (tmp_path / "door-0" / "log.pub").read_text()
    assert verify(tmp_path / "older", trusted) == 10
    with pytest.raises(Wrong, match="shorter"):
        verify(tmp_path / "older", trusted, newer)


def test_the_checkpoint_of_the_page_is_in_the_form_it_describes() -> None:
    """Its signature belongs to a demo that is gone; its form and key id are those of the text."""
    note = next(block for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if "\u2014" in block)
    text, _, signature = note.partition("\n\n")
    assert len(text.split("\n")) == 3
    assert len(b64decode(text.split("\n")[2])) == 32
    assert len(b64decode(signature.split(" ")[2])) == 4 + 64


def rows_of(heading: str) -> dict[str, str]:
    """Return the first table under a heading: its first column's word to its second column."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `([^`]+)`[^|]*\| ([^|]*) \|", section, re.MULTILINE))


def test_every_kind_of_entry_is_described_with_its_members() -> None:
    """In their order; a kind or a member that is added must be told, or this fails."""
    kinds = {
        str(kind.__struct_config__.tag): " ".join(f"`{name}`" for name in kind.__struct_fields__) or "-"
        for kind in get_args(Entry)
    }
    assert rows_of("Kinds of entries") == kinds


def test_members_with_defaults_are_marked() -> None:
    """A kind that leaves defaults out has a star."""
    for kind in get_args(Entry):
        star = " *" if kind.__struct_config__.omit_defaults else ""
        assert f"| `{kind.__struct_config__.tag}`{star} |" in PAGE


def test_lines_facts_and_parts_are_described_with_their_members() -> None:
    """The line's in a table, the others in sentences."""
    assert set(rows_of("A line")) == set(Line.__struct_fields__)
    assert [name for name in (*Facts.__struct_fields__, *Part.__struct_fields__) if f"`{name}`" not in PAGE] == []
