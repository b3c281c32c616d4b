# SPDX-License-Identifier: Apache-2.0
"""Claims about the canary scanner: it finds every planted spelling, and nothing that is not there."""

import base64
import gzip
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.referee import canary
from tests.referee.canary import CHUNK, Finding, Scanner, Unreadable

NEEDLES = (
    "jonas.schulz7658@example.net",
    "13931035983",
    "420106199204026281",
    "北京市朝阳区解放路228号1栋1502室",
    "Jürgen Groß van Dijk",
    "4000 0012 3456 7899",
)
NOISE = b'{"ts":"2025-06-01T10:00:00Z","decision":"permit","rows":12}\n'

Planting = Callable[[str], bytes]


def _percent_all(value: str) -> bytes:
    return "".join(f"%{byte:02x}" for byte in value.encode()).encode()


def _mixed(value: str) -> bytes:
    return "".join(char.upper() if n % 2 and char.isascii() else char for n, char in enumerate(value)).encode()


def _json_all(value: str) -> bytes:
    units = value.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02X}" for i in range(0, len(units), 2)).encode()


def _base64(lead: int, tail: int, encode: Callable[[bytes], bytes]) -> Planting:
    return lambda value: encode(b"\xfb\xff\xbf"[:lead] + value.encode() + b"\xff\xfe\xff"[:tail])


def _base64_of_upper(lead: int) -> Planting:
    return lambda value: _base64(lead, 1, base64.b64encode)(value.upper())


PLANTINGS: dict[str, Planting] = {
    "as it is": lambda value: value.encode(),
    "upper": lambda value: value.upper().encode(),
    "lower": lambda value: value.lower().encode(),
    "mixed": _mixed,
    "utf-16-le": lambda value: value.encode("utf-16-le"),
    "utf-16-be": lambda value: value.encode("utf-16-be"),
    "utf-16-le upper": lambda value: value.upper().encode("utf-16-le"),
    "hex": lambda value: value.encode().hex().encode(),
    "hex upper": lambda value: value.encode().hex().upper().encode(),
    "hex of lower": lambda value: value.lower().encode().hex().encode(),
    **{f"base64 {lead} {tail}": _base64(lead, tail, base64.b64encode) for lead in range(3) for tail in range(3)},
    **{f"base64url {lead} {tail}": _base64(lead, tail, base64.urlsafe_b64encode) for lead in range(3) for tail in range(3)},
    **{f"base64 of upper {lead}": _base64_of_upper(lead) for lead in range(3)},
    "percent": lambda value: quote(value, safe="").encode(),
    "percent in a form": lambda value: quote_plus(value).encode(),
    "percent all": _percent_all,
    "percent twice": lambda value: quote(quote(value, safe=""), safe="").encode(),
    "percent of base64": lambda value: quote(base64.b64encode(value.encode()), safe="").encode(),
    "json": lambda value: json.dumps(value).encode(),
    "json all": _json_all,
    "json twice": lambda value: json.dumps(json.dumps(value)).encode(),
    "json of percent": lambda value: _json_all(quote(value)),
    "percent of json": lambda value: quote(json.dumps(value)).encode(),
    "base64 in json": lambda value: base64.b64encode(b"\xff\xff\xff" + value.encode()).replace(b"/", b"\\/"),
    "gzip": lambda value: gzip.compress(value.encode()),
    "gzip of utf-16": lambda value: gzip.compress(NOISE + value.encode("utf-16-le")),
    "gzip in gzip": lambda value: gzip.compress(NOISE + gzip.compress(value.encode())),
    "gzip of json": lambda value: gzip.compress(_json_all(value)),
}  # fmt: skip


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    """Return a scanner for the six needles, numbered from 1."""
    return Scanner(enumerate(NEEDLES, start=1))


def found(scanner: Scanner, haystack: bytes) -> set[int]:
    """Return the numbers of the needles that occur."""
    return {finding.needle for finding in scanner.scan(haystack)}


@pytest.mark.parametrize("number", range(1, len(NEEDLES) + 1))
@pytest.mark.parametrize("planting", PLANTINGS, ids=str)
def test_every_spelling_is_found_at_every_alignment(scanner: Scanner, planting: str, number: int) -> None:
    """Behind 0 to 8 bytes of noise, and that needle alone."""
    planted = PLANTINGS[planting](NEEDLES[number - 1])

    for n_before in range(9):
        assert found(scanner, NOISE + b"x" * n_before + planted + NOISE) == {number}


@pytest.mark.parametrize(
    "planting", ["as it is", "utf-16-be", "hex", "base64 1 2", "percent all", "json all", "json of percent", "gzip"]
)
def test_a_needle_across_the_border_of_two_pieces_is_found_once(scanner: Scanner, planting: str) -> None:
    """Wherever the border cuts it, also inside an escape, and once means once."""
    planted = PLANTINGS[planting](NEEDLES[0])

    for n_over in range(0, len(planted) + 1, 3):
        haystack = bytes(CHUNK - n_over) + planted + b"\n" + NOISE
        assert [finding.needle for finding in scanner.scan(haystack)] == [1]


@pytest.mark.parametrize("planting", ["as it is", "mixed", "utf-16-le", "hex", "percent all", "json all"])
def test_the_offset_is_that_of_the_first_byte(scanner: Scanner, planting: str) -> None:
    """Also far into a file, and where escapes before it made the bytes move."""
    before = bytes(3 * CHUNK + 17) + b'"%41%42","\\u5f20\\n":' * 3 + b"=" * 5000

    (finding,) = scanner.scan(before + PLANTINGS[planting](NEEDLES[0]), "log")

    assert (finding.where, finding.offset) == ("log", len(before))


def test_a_gzip_member_is_named_by_its_place(scanner: Scanner) -> None:
    """File, place of the member, place inside."""
    (finding,) = scanner.scan(NOISE + gzip.compress(b"0123456789" + NEEDLES[0].encode()), "log.gz")

    assert finding == Finding(f"log.gz > gzip at byte {len(NOISE)}", 10, 1, "text")


def test_all_members_of_a_log_that_is_appended_to_are_opened(scanner: Scanner) -> None:
    """Members stand one behind the other."""
    assert found(scanner, b"".join(gzip.compress(needle.encode()) for needle in NEEDLES)) == set(range(1, 7))


def test_a_cut_and_a_damaged_gzip_member_are_read_up_to_there(scanner: Scanner) -> None:
    """A crash leaves such files, and they hold what they hold."""
    packer = zlib.compressobj(wbits=31)
    whole = packer.compress(os.urandom(40_000) + NEEDLES[1].encode()) + packer.flush(zlib.Z_SYNC_FLUSH)

    assert found(scanner, whole) == {2}
    assert found(scanner, whole + b"\xff" * 100_000) == {2}


def test_bytes_that_only_look_like_gzip_are_no_trouble(scanner: Scanner) -> None:
    """Three bytes of magic occur by chance in every 16 MB."""
    assert found(scanner, b"\x1f\x8b\x08" * 50 + NEEDLES[0].encode()) == {1}


def test_members_nested_without_end_are_not_called_clean(scanner: Scanner) -> None:
    """Nine deep is where the scanner says that it cannot tell."""
    nested = NEEDLES[0].encode()
    for _ in range(9):
        nested = gzip.compress(nested)

    with pytest.raises(Unreadable, match="over 8 deep"):
        found(scanner, nested)


def test_a_member_that_unpacks_without_measure_is_not_called_clean(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is a GiB; a smaller one stands for it here."""
    monkeypatch.setattr(canary, "MOST_UNPACKED", 1 << 20)

    with pytest.raises(Unreadable, match="unpacks to over"):
        found(scanner, gzip.compress(bytes(20 << 20)))


@pytest.mark.parametrize("planting", PLANTINGS, ids=str)
def test_what_differs_in_one_character_is_not_found(scanner: Scanner, planting: str) -> None:
    """In the middle, at the start and at the end of the needle, in every spelling."""
    for needle in NEEDLES:
        for place in (0, len(needle) // 2, len(needle) - 1):
            other = (
                needle[:place] + "7" + needle[place + 1 :]
                if needle[place] != "7"
                else needle[:place] + "1" + needle[place + 1 :]
            )
            assert found(scanner, NOISE + PLANTINGS[planting](other) + NOISE) == set()


def test_base64_in_other_letter_case_is_another_value(scanner: Scanner) -> None:
    """Its letter case counts, so equal when folded is not equal."""
    encoded = base64.b64encode(NEEDLES[0].encode())

    assert found(scanner, encoded.lower()) == found(scanner, encoded.swapcase()) == set()


def test_utf16_characters_whose_bytes_fold_alike_are_told_apart() -> None:
    """U+5341 and U+5361 differ in a byte that looks like a letter in two cases."""
    scanner = Scanner([(1, "十十十十十十十")])

    assert found(scanner, "十十十十十十十".encode("utf-16-be")) == {1}
    assert found(scanner, "卡卡卡卡卡卡卡".encode("utf-16-be")) == set()


def test_parts_of_a_needle_beside_each_other_are_no_needle(scanner: Scanner) -> None:
    """Where a view leaves bytes out, their neighbours do not grow together."""
    half, other_half = NEEDLES[0][:14].encode(), NEEDLES[0][14:].encode()

    assert found(scanner, half + b" " + other_half) == set()
    for n_between in (1, 400, 700, 1000, 1100, 1500, 5000):
        assert found(scanner, b"%41" + b"." * 500 + half + b"." * n_between + other_half + b"." * 500 + b"%41") == set()


def test_random_bytes_hold_nothing(scanner: Scanner) -> None:
    """Eight megabytes of them."""
    assert found(scanner, os.urandom(8 << 20)) == set()


def test_many_needles_are_each_found_among_many_that_resemble_them() -> None:
    """Two thousand mails of which every second one is a needle."""
    mails = [f"wang.wei{n:05d}@example.org" for n in range(2_000)]
    scanner = Scanner(enumerate(mails[::2]))

    findings = [finding.needle for finding in scanner.scan("\n".join(mails).encode())]

    assert sorted(findings) == list(range(1_000))


def test_a_needle_that_chance_would_find_is_refused() -> None:
    """Under 11 bytes; the message has its number and not its value."""
    with pytest.raises(ValueError, match=r"^needle 3 is shorter than 11 bytes") as caught:
        Scanner([(1, NEEDLES[0]), (3, "1393103598")])

    assert "1393103598" not in str(caught.value)


def _run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, canary.__file__, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def needles(tmp_path: Path) -> Path:
    """Write the needles to a file, with an empty line and both kinds of line ends."""
    path = tmp_path / "needles.txt"
    path.write_bytes(f"{NEEDLES[0]}\n\n{NEEDLES[1]}\r\n{NEEDLES[3]}".encode())
    return path


def test_the_program_names_file_and_offset_and_never_the_value(tmp_path: Path, needles: Path) -> None:
    """Exit 1; needles go by their line."""
    place = tmp_path / "state" / "log"
    place.mkdir(parents=True)
    (place / "000000.ndjson").write_bytes(NOISE + NEEDLES[1].encode())
    (place / "empty").touch()

    ended = _run("--needles", needles, tmp_path / "state")

    assert ended.returncode == 1
    assert ended.stdout == f"needle 3 as text in {place}/000000.ndjson at byte {len(NOISE)}\n1 found\n"
    assert not any(needle in ended.stdout + ended.stderr for needle in NEEDLES)


def test_a_file_of_holes_is_read_where_it_was_written(tmp_path: Path, needles: Path) -> None:
    """A terabyte of nothing costs no time, and what stands behind it is found."""
    path = tmp_path / "state"
    with path.open("wb") as file:
        file.seek(1 << 40)
        file.write(NEEDLES[1].encode())

    ended = _run("--needles", needles, path)

    assert ended.returncode == 1
    assert ended.stdout == f"needle 3 as text in {path} from byte {1 << 40} at byte 0\n1 found\n"


def test_the_program_ends_with_0_where_there_is_nothing(tmp_path: Path, needles: Path) -> None:
    """And says so."""
    (tmp_path / "log").write_bytes(NOISE * 1000)

    ended = _run("--needles", needles, tmp_path / "log")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "0 found\n", "")


def test_a_needle_in_the_name_of_a_file_is_found_and_not_printed(tmp_path: Path, needles: Path) -> None:
    """Neither with the name nor with what the file holds."""
    place = tmp_path / "state"
    place.mkdir()
    (place / f"export-{NEEDLES[0]}.csv").write_text(NEEDLES[1])

    ended = _run("--needles", needles, place)

    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        f"needle 1 as text in the name of an entry of {place} at byte 7",
        f"needle 3 as text in {place}/(an entry with a needle in its name) at byte 0",
        "2 found",
    ]


def test_what_cannot_be_looked_through_is_not_called_clean(tmp_path: Path, needles: Path) -> None:
    """Exit 2, with the reason."""
    ended = _run("--needles", needles, tmp_path / "none")

    assert ended.returncode == 2
    assert "none: there is no such file" in ended.stderr


def test_needles_that_cannot_be_used_end_the_program(tmp_path: Path) -> None:
    """Exit 2 before anything is looked through."""
    (tmp_path / "needles.txt").write_text("short\n")

    ended = _run("--needles", tmp_path / "needles.txt", tmp_path)

    assert ended.returncode == 2
    assert "needle 1 is shorter" in ended.stderr


def test_the_whole_is_counted_where_not_all_is_printed(tmp_path: Path, needles: Path) -> None:
    """A flood of findings does not flood the screen."""
    (tmp_path / "log").write_text(f"{NEEDLES[0]}\n" * 30)

    ended = _run("--needles", needles, "--most", "2", tmp_path / "log")

    assert (len(ended.stdout.splitlines()), ended.stdout.splitlines()[-1]) == (3, "30 found")


def test_a_link_out_of_a_directory_is_not_followed(tmp_path: Path, needles: Path) -> None:
    """What lies elsewhere is not the directory's."""
    (tmp_path / "outside").write_text(NEEDLES[0])
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "link").symlink_to(tmp_path / "outside")

    assert _run("--needles", needles, tmp_path / "state").returncode == 0
    assert _run("--needles", needles, tmp_path / "state" / "link").returncode == 1
