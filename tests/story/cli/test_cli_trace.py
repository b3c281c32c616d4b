# SPDX-License-Identifier: Apache-2.0
"""``gateway surrogate trace``: files as they are found, exit codes, and an answer without a value."""

import codecs
import gzip
import json
from pathlib import Path

from gateway.app.installation import open_installation
from gateway.app.joins import SurrogateKeyring
from gateway.app.slots import CLI_SLOT
from gateway.cli.desk.desk import run_to_end
from gateway.domain.catalog import Form, SurrogateKind
from gateway.domain.names import IdentityKind
from gateway.settings.loading import load
from gateway.transform.surrogates import Surrogates
from tests.fakes.command_line import CommandLine
from tests.fakes.plans import spec

WHO = "C-canary-5TRACE"


def surrogates(command: CommandLine, n: int, kind: SurrogateKind = SurrogateKind.SIV) -> list[str]:
    """Return surrogates that the installation could have given, the first of somebody who is known to it."""

    async def made() -> list[str]:
        async with open_installation(load(state=command.state), CLI_SLOT, with_rules=False) as rooms:
            await rooms.people.numbers(IdentityKind("crm.customer_id"), [WHO])
            field = spec("id", form=Form.TEXT, surrogate=kind, join_domain="crm.customer_id")
            of = Surrogates(SurrogateKeyring(rooms.keyring), key_class="support", recipient="mail-service")
            return [str(of.of(field, WHO if place == 0 else f"unknown-{place}")) for place in range(n)]

    return run_to_end(made())


def test_a_list_is_read_in_whatever_encoding_it_came(command: CommandLine, tmp_path: Path) -> None:
    """Told by its first bytes, or by whoever has it; a row is a line, also of one that ends with a return."""
    text = "客户,城市\r\n" + "".join(f'"{one.upper()}",北京\r\n' for one in surrogates(command, 3))
    path = tmp_path / "list.csv"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-be with a mark", "gb18030", "utf-16-le"):
        content = text.encode(encoding.split(maxsplit=1)[0])
        path.write_bytes(codecs.BOM_UTF16_BE + content if "mark" in encoding else content)
        option = ("--encoding", encoding) if encoding in ("gb18030", "utf-16-le") else ()

        document = command("surrogate", "trace", str(path), *option, "--json", code=1).document()

        (party,) = document["parties"]
        assert (document["named"], document["unit"], document["rows"]) == (True, "line", 3), encoding
        assert (party["recipient"], party["key_class"], party["rows_with_person"]) == ("mail-service", "support", 1), (
            encoding
        )
        assert party["scopes"][0]["first_row"] == 2, encoding
        assert WHO not in json.dumps(document), encoding


def test_what_can_be_said_and_what_cannot_is_told_in_words(command: CommandLine, tmp_path: Path) -> None:
    """Scope, rows, and why no decision is named; never a cell of the list."""
    cells = [*surrogates(command, 2), *surrogates(command, 1, SurrogateKind.HMAC)]
    told = command("surrogate", "trace", "-", stdin="\n".join([*cells, "sv1_" + "0" * 96]), code=1)
    assert "recipient mail-service, purpose class support: 3 rows" in told.out
    for words in (
        "digests (sh…): 1 cell;",
        "of people not known today: 1 cell;",
        "no decision that the log still holds",
        "1 cell of the shape of a surrogate",
    ):
        assert words in told.out, told.out
    assert not any(one in told.out + told.err for one in (WHO, *cells))


def test_rules_that_cannot_be_read_are_counted_in_a_remark(command: CommandLine, tmp_path: Path) -> None:
    """A kept rule set under a name that is not its own, and a file of the folder that is no YAML."""
    path = tmp_path / "list.txt"
    path.write_text("nothing of ours\n", encoding="utf-8")
    assert "could not be read" not in command("surrogate", "trace", str(path)).err
    (command.state / "rules").mkdir(exist_ok=True)
    (command.state / "rules" / f"{'0' * 64}.tar").write_bytes(b"no archive")
    (command.state / "policies" / "datasets" / "broken.yaml").write_text("a: [", encoding="utf-8")
    told = command("surrogate", "trace", str(path)).err
    assert "1 rule set of this installation could not be read" in told
    assert "1 rule file of this installation could not be read" in told


def test_a_clean_list_ends_well_and_the_look_is_entered(command: CommandLine, tmp_path: Path) -> None:
    """Whatever is in it."""
    path = tmp_path / "clean.txt"
    path.write_bytes(bytes(range(256)) * 40)
    before = len(command.kinds())
    told = command("surrogate", "trace", str(path))
    assert "no surrogate of this installation is in this list" in told.out
    assert command.kinds()[before:] == ["trace"]


def test_what_is_no_text_is_refused_with_what_to_do(command: CommandLine, tmp_path: Path) -> None:
    """A spreadsheet's file, something packed, an encoding that there is none of, a file that is not there."""
    sheet, packed = tmp_path / "list.xlsx", tmp_path / "list.csv.gz"
    sheet.write_bytes(b"PK\x03\x04rest")
    packed.write_bytes(gzip.compress(b"x"))
    assert "save it as CSV" in command("surrogate", "trace", str(sheet), code=2).err
    assert "packed by gzip" in command("surrogate", "trace", str(packed), code=2).err
    assert "no encoding" in command("surrogate", "trace", str(sheet), "--encoding", "utf-99", code=2).err
    assert "No such file" in command("surrogate", "trace", str(tmp_path / "none"), code=1).err
    assert "trace" not in command.kinds()


def test_nothing_is_made_by_looking(command: CommandLine, tmp_path: Path) -> None:
    """Neither a key nor a person."""
    path = tmp_path / "list.txt"
    path.write_text("\n".join(f"sv{n}_{n:096x} sh{n}_{n:048x} as{n}_{n:096x}" for n in range(1, 50)))
    before = command("key", "list", "--json").document()
    command("surrogate", "trace", str(path))
    assert command("key", "list", "--json").document() == before
