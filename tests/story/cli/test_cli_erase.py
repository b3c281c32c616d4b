# SPDX-License-Identifier: Apache-2.0
"""A person erased from the command line: certified, proved, found in older backups until these end, and let back."""

import json
from pathlib import Path

import msgspec
import pytest

from gateway.app.backups import end_copies
from gateway.app.installation import open_installation
from gateway.app.slots import CLI_SLOT, DOOR_SLOT
from gateway.cli.desk.desk import run_to_end
from gateway.cli.rights.certificate_text import certificate_text
from gateway.domain.entry import Changed
from gateway.domain.identifier import Identifier, IdentifierForm
from gateway.domain.names import IdentityKind, JoinDomain, PersonNumber
from gateway.keys import envelope
from gateway.record.format.certificate import Certificate, parse_certificate
from gateway.settings.loading import load
from gateway.store.vault import Vault
from gateway.transform.identifying import identified, identity_of
from tests.fakes.command_line import CommandLine

KIND = IdentityKind("crm.customer_id")
PHONES = JoinDomain("phones")
ERASE = ("rights", "erase", "--because", "case 7", "--yes")
IDA = ("--identity", KIND, "c-1")
WAL_OF_SERVER = "the write-ahead log of the database server, its archives and replicas"
STATED = "phone +49 151 2345678\nemail ida@example.org\nname Ida Berg\nbirth_date 1980-05-01\n"


@pytest.fixture
def alive(fresh: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """An installation that knows two people, who share a phone in its vault; on both databases."""
    for name, value in fresh.environment.items():
        monkeypatch.setenv(name, value)
    fresh.init()
    return filled(fresh)


@pytest.fixture
def local(command: CommandLine) -> CommandLine:
    """The same on SQLite, for what does not depend on the database."""
    return filled(command)


def filled(command: CommandLine) -> CommandLine:
    """Let two people be known, who share a phone."""

    async def fill() -> None:
        async with open_installation(load(state=command.state), DOOR_SLOT) as rooms:
            people = await rooms.people.numbers(KIND, ["c-1", "c-2"])
            vault = Vault(rooms.store, rooms.keyring, envelope)
            await vault.tokens(PHONES, ["+491512345678"] * 2, people)
            await vault.tokens(PHONES, ["+491510000001"], people[:1])

    run_to_end(fill())
    return command


def number_of(command: CommandLine, value: str) -> int:
    """Return somebody's number."""
    document = command("choice", "show", "--identity", KIND, value, "--json").document()
    return int(document["person"])


def erased(command: CommandLine, out: Path, *words: str) -> Certificate:
    """Erase the first of the two and return the certificate."""
    command(*ERASE, *IDA, "--out", str(out), *words, stdin=STATED)
    return parse_certificate(out.read_text())


def proven(command: CommandLine, certificate: Path, *words: str, code: int = 0) -> dict[str, object]:
    """Prove that somebody is unreadable."""
    answer = command("surrogate", "prove-unreadable", str(certificate), *words, "--json", code=code)
    return dict(answer.document())


def known_by(command: CommandLine, *identifiers: Identifier) -> bool:
    """Tell whether somebody who is known by these was erased."""

    async def ask() -> bool:
        async with open_installation(load(state=command.state), DOOR_SLOT) as rooms:
            [found] = await rooms.tombstones.matching([identifiers])
            return bool(found)

    return run_to_end(ask())


def test_a_person_is_erased_certified_and_proved(alive: CommandLine, tmp_path: Path) -> None:
    """Unreadable at once; what the other one shares is theirs still; the certificate is checked by two commands."""
    out, person = tmp_path / "ida.md", number_of(alive, "c-1")
    said = erased(alive, out, "--identifiers", "-").statement

    assert (said.person, said.identities, said.vault_copies) == (person, ((KIND, 1),), 2)
    assert said.known_again_by == 4
    assert "crm.customers" in said.stores
    assert 0 < said.backups_until_us - said.erased_us <= 31 * 24 * 3600 * 1_000_000
    assert proven(alive, out) == {
        "proven": True,
        "person": person,
        "problems": [],
        "remains": [],
        "unseen": [WAL_OF_SERVER] if "GATEWAY_DATABASE" in alive.environment else [],
    }
    assert proven(alive, out.with_suffix(".json"))["proven"]
    alive("log", "prove", "--check", str(out), "--key", str(alive.state / "log" / "cli" / "log.pub"))
    assert alive("choice", "show", "--identity", KIND, "c-1", "--json").document()["person"] is None
    assert number_of(alive, "c-2") != person

    async def shared() -> list[str]:
        async with open_installation(load(state=alive.state), DOOR_SLOT) as rooms:
            vault = Vault(rooms.store, rooms.keyring, envelope)
            values = ["+491512345678", "+491510000001"]
            tokens = [one for one in await vault.find(PHONES, values) if one is not None]
            return list((await vault.opened(PHONES, tokens)).values())

    assert run_to_end(shared()) == ["+491512345678"]


def test_no_value_is_in_an_entry_or_in_an_answer(local: CommandLine, tmp_path: Path) -> None:
    """Nor in the certificate: a number, counts and digests under a key."""
    erased(local, tmp_path / "ida.md", "--identifiers", "-")
    told = [answer.out + answer.err for answer in local.answers]
    told += [(tmp_path / name).read_text() for name in ("ida.md", "ida.json")]
    told += [file.read_text() for file in local.state.glob("log/*/*.ndjson")]
    for value in ("2345678", "ida@example.org", "Ida Berg", "1980-05-01", '"c-1"'):
        assert not [text for text in told if value in text], value
    [entry] = [one["body"] for one in local.entries() if one["body"].get("what") == "person-erased"]
    assert (entry["facts"]["because"], entry["facts"]["identities"]) == ("case 7", f"{KIND}=1")
    assert len(entry["facts"]["digests"].split()) == 4


def test_a_backup_from_before_holds_the_person_until_its_keys_end(alive: CommandLine, tmp_path: Path) -> None:
    """Which is told; the copy of the state alone holds nothing that opens."""
    folder = tmp_path / "copies"
    folder.mkdir()
    alive("db", "backup", str(folder / "a.gwb"), "--keys-days", "7")
    out = tmp_path / "ida.md"
    erased(alive, out)
    alive("db", "backup", str(folder / "b.gwb"))

    told = proven(alive, out, "--backup", str(folder / "a.gwb"), code=1)
    remains = {(Path(one["where"]).name, one["what"]): one for one in told["remains"]}  # type: ignore[attr-defined]
    assert set(remains) == {("a.keys.gwb", "key"), ("a.gwb", "identity"), ("a.gwb", "vault copy")}
    assert remains["a.keys.gwb", "key"]["until_us"] is not None
    words = alive("surrogate", "prove-unreadable", str(out), "--backup", str(folder / "a.keys.gwb"), code=1)
    assert "until 20" in words.out

    assert proven(alive, out, "--backup", str(folder / "b.gwb"))["proven"]
    (folder / "a.keys.gwb").unlink()
    assert proven(alive, out, "--backup", str(folder / "a.gwb"))["proven"]


def test_a_restored_backup_is_erased_again_before_anybody_is_ready(alive: CommandLine, tmp_path: Path) -> None:
    """Keys, identities and copies go again, and the tombstone stands; parts of the log may be deleted by then."""
    alive("db", "backup", str(tmp_path / "a.gwb"))
    hers, shared = tokens_of(alive, "+491510000001", "+491512345678")
    out = tmp_path / "ida.md"
    erased(alive, out, "--identifiers", "-", "--and-log")
    alive("db", "restore", str(tmp_path / "a.gwb"), "--keys", str(tmp_path / "a.keys.gwb"))

    assert proven(alive, out)["proven"]
    assert alive("choice", "show", "--identity", KIND, "c-1", "--json").document()["person"] is None
    assert known_by(alive, *identified([("phone", "0151 2345678"), ("email", "IDA@example.org")]))
    own = identity_of(KIND, "c-1")
    assert own is not None
    assert known_by(alive, own)
    # Of the vault, what was hers alone is gone with its token and look-up; what another shares is the other's.
    other = number_of(alive, "c-2")
    assert in_vault(alive, hers, shared) == {shared: ("+491512345678", {other})}
    assert tokens_of(alive, "+491510000001") == [None]
    # The copy that was put back still holds her, which is told with its end; one that is made now holds nothing of her.
    told = proven(alive, out, "--backup", str(tmp_path / "a.gwb"), code=1)
    assert {(Path(one["where"]).name, one["what"]) for one in told["remains"]} == {  # type: ignore[attr-defined]
        ("a.keys.gwb", "key"),
        ("a.gwb", "identity"),
        ("a.gwb", "vault copy"),
    }
    alive("db", "backup", str(tmp_path / "b.gwb"))
    assert proven(alive, out, "--backup", str(tmp_path / "b.gwb"))["proven"]


def tokens_of(command: CommandLine, *phones: str) -> list[bytes | None]:
    """Return the tokens that phones have in the vault."""

    async def ask() -> list[bytes | None]:
        async with open_installation(load(state=command.state), DOOR_SLOT) as rooms:
            return await rooms.vault.find(PHONES, list(phones))

    return run_to_end(ask())


def in_vault(command: CommandLine, *tokens: bytes | None) -> dict[bytes, tuple[str, set[int]]]:
    """Return what tokens stand for, and whose it is."""

    async def ask() -> dict[bytes, tuple[str, set[int]]]:
        async with open_installation(load(state=command.state), DOOR_SLOT) as rooms:
            found = await rooms.vault.found(PHONES, [one for one in tokens if one is not None])
            return {token: (value, set(map(int, people))) for token, (value, people) in found.items()}

    return run_to_end(ask())


def test_two_who_became_one_are_erased_as_one_after_a_restore(alive: CommandLine, tmp_path: Path) -> None:
    """Merged after the backup: what the vault has of the one is the other's, and goes with them when they are erased."""
    first, second = number_of(alive, "c-1"), number_of(alive, "c-2")

    async def merge() -> None:
        async with open_installation(load(state=alive.state), DOOR_SLOT) as rooms:
            facts: dict[str, str | int] = {"into": second}
            entry = Changed(by="local:test", what="person-merged", target=str(first), facts=facts)
            await rooms.log.append(entry)
            await rooms.people.merge(PersonNumber(first), PersonNumber(second))

    [hers] = tokens_of(alive, "+491510000001")
    alive("db", "backup", str(tmp_path / "a.gwb"))
    run_to_end(merge())
    restore = ("db", "restore", str(tmp_path / "a.gwb"), "--keys", str(tmp_path / "a.keys.gwb"))
    alive(*restore)
    assert in_vault(alive, hers) == {hers: ("+491510000001", {second})}
    alive(*ERASE, "--identity", KIND, "c-2", "--out", str(tmp_path / "both.md"))
    assert proven(alive, tmp_path / "both.md")["proven"]
    alive(*restore)
    assert proven(alive, tmp_path / "both.md")["proven"]
    assert tokens_of(alive, "+491510000001", "+491512345678") == [None, None]


def test_an_officer_lifts_a_tombstone_and_a_restore_keeps_it_lifted(alive: CommandLine, tmp_path: Path) -> None:
    """With a reference for the evidence, which is entered; the old data stays erased."""
    out = tmp_path / "ida.md"
    erased(alive, out, "--identifiers", "-")
    alive("db", "backup", str(tmp_path / "a.gwb"))
    alive("rights", "lift-tombstone", *IDA, "--because", "letter of 3 May")
    alive("rights", "lift-tombstone", *IDA, "--because", "letter of 3 May", code=1)
    alive("db", "restore", str(tmp_path / "a.gwb"), "--without-keys")

    assert not known_by(alive, *identified([("phone", "0151 2345678"), ("email", "ida@example.org")]))
    [entry] = [one["body"] for one in alive.entries() if one["body"].get("what") == "tombstone-lifted"]
    assert entry["facts"] == {"how": "officer", "reference": "letter of 3 May"}
    alive("rights", "lift-tombstone", "--tombstone", entry["target"], "--because", "letter", code=1)
    assert proven(alive, out)["proven"]


def test_no_choice_brings_the_erased_back(alive: CommandLine, tmp_path: Path) -> None:
    """Neither one nor a file, of which the others are imported; lifted first, both do."""
    erased(alive, tmp_path / "ida.md")
    chosen = ("choice", "set", *IDA, "--purpose", "marketing", "--choice", "refused")
    file = tmp_path / "choices.csv"
    lines = [f"{KIND},{value},marketing,refused,2026-01-02T03:04:05Z" for value in ("c-2", "c-1")]
    file.write_text("\n".join(["identity_kind,identity,purpose,state,at", *lines, ""]))

    assert "was erased" in alive(*chosen, code=1).err
    answer = alive("choice", "import", str(file), "--json")
    assert (answer.document()["new"], answer.document()["erased"]) == (1, 1)
    assert f"{file}:3: not imported" in answer.err
    assert alive("choice", "show", *IDA, "--json").document()["person"] is None
    alive("rights", "lift-tombstone", *IDA, "--because", "letter of 3 May")
    assert alive("choice", "import", str(file), "--json").document()["new"] == 1
    alive(*chosen)


def test_every_line_that_knows_nobody_is_told_at_once(local: CommandLine, tmp_path: Path) -> None:
    """By its number and what was expected, without a word of it; nobody is erased."""
    lines = "phone 12\nemail ida@example.org\nbirth_date 5.6.84\nfax x-canary-90PLMZ\nname Ida Berg\n"
    said = local(*ERASE, *IDA, "--out", str(tmp_path / "ida.md"), "--identifiers", "-", stdin=lines, code=2).err
    for told in (
        "line 1: this is no phone: write it with +",
        "line 3: this is no birth_date",
        "line 4: expected one of",
    ):
        assert told in said
    assert "line 2" not in said
    assert "canary" not in said
    assert "person-erased" not in local.kinds()


def test_whoever_was_erased_can_be_certified_again(local: CommandLine, tmp_path: Path) -> None:
    """By the identity, which the tombstone knows, or by the number; the entry is that of the first time."""
    first = erased(local, tmp_path / "one.md").statement
    again = erased(local, tmp_path / "two.md").statement
    local(*ERASE, "--person", str(first.person), "--out", str(tmp_path / "three.md"))
    third = parse_certificate((tmp_path / "three.md").read_text()).statement

    assert {(one.person, one.entry, one.erased_us) for one in (again, third)} == {
        (first.person, first.entry, first.erased_us)
    }
    local(*ERASE, "--person", "4000000000", "--out", str(tmp_path / "nobody.md"), code=1)
    local(*ERASE, "--identity", KIND, "c-9", "--out", str(tmp_path / "nobody.md"), code=1)
    assert not (tmp_path / "nobody.md").exists()


def test_a_certificate_that_was_changed_proves_nothing(local: CommandLine, tmp_path: Path) -> None:
    """Not its words, not its statement, not its proof."""
    out = tmp_path / "ida.md"
    certificate = erased(local, out)
    words = out.read_text()
    changed = tmp_path / "changed.md"

    changed.write_text(words.replace("Certificate of erasure", "Certificate of nothing"))
    assert proven(local, changed, code=1)["problems"]
    other = msgspec.structs.replace(certificate.statement, person=certificate.statement.person + 1)
    changed.write_text(certificate_text(msgspec.structs.replace(certificate, statement=other)))
    assert "signature" in str(proven(local, changed, code=1)["problems"])
    changed.write_text(certificate_text(msgspec.structs.replace(certificate, proof=certificate.proof[:-9])))
    assert proven(local, changed, code=1)["problems"]
    changed.write_text("nothing")
    local("surrogate", "prove-unreadable", str(changed), code=1)


def test_what_cannot_be_meant_erases_nobody(local: CommandLine, tmp_path: Path) -> None:
    """Nobody asked for, two asked for, a file that is there, identifiers that are none, a reason that is none."""
    out = str(tmp_path / "ida.md")
    local(*ERASE, "--out", out, code=2)
    local(*ERASE, *IDA, "--person", "7", "--out", out, code=2)
    local("rights", "erase", "--because", " ", *IDA, "--out", out, "--yes", code=2)
    local(*ERASE, *IDA, "--out", str(tmp_path / "no-folder" / "ida.md"), code=2)
    for lines in ("fax 1", "phone", "phone x-canary-90PLMZ", "name Ida Berg"):
        answer = local(*ERASE, *IDA, "--out", out, "--identifiers", "-", stdin=lines, code=2)
        assert "canary" not in answer.err
    Path(out).write_text("kept")
    local(*ERASE, *IDA, "--out", out, code=2)
    assert "person-erased" not in local.kinds()
    assert number_of(local, "c-1")


def test_the_days_of_the_keys_are_those_of_the_settings_at_most(local: CommandLine, tmp_path: Path) -> None:
    """And the certificate names the end of the last copy that was made, also where later ones end sooner."""
    local("db", "backup", str(tmp_path / "a.gwb"), "--keys-days", "20")
    with (local.state / "gateway.yaml").open("a") as file:
        file.write("backups: {keys_days: 5}\n")
    local("db", "backup", str(tmp_path / "b.gwb"), "--keys-days", "6", code=2)
    local("db", "backup", str(tmp_path / "b.gwb"))
    said = erased(local, tmp_path / "ida.md").statement

    days = (said.backups_until_us - said.erased_us) / (24 * 3600 * 1_000_000)
    assert 19.9 < days < 21.1
    with (local.state / "gateway.yaml").open("a") as file:
        file.write("limits: {}\n")
    content = (local.state / "gateway.yaml").read_text().replace("keys_days: 5", "keys_days: 31")
    (local.state / "gateway.yaml").write_text(content)
    local("db", "path", code=2)


def test_a_sealed_copy_of_the_keys_ends_with_its_day(local: CommandLine, tmp_path: Path) -> None:
    """Its key is deleted when the day is over, so nobody opens the copy any more; until then it is put back."""
    with (local.state / "gateway.yaml").open("a") as file:
        file.write("backups: {seal_keys: yes, keys_days: 1}\n")
    copy = tmp_path / "a.gwb"
    local("db", "backup", str(copy))
    local("db", "restore", str(copy))
    out = tmp_path / "ida.md"
    until_us = erased(local, out).statement.backups_until_us
    assert proven(local, out, "--backup", str(copy), code=1)["remains"]

    async def the_day_is_over() -> int:
        async with open_installation(load(state=local.state), CLI_SLOT, with_rules=False) as rooms:
            return await end_copies(msgspec.structs.replace(rooms, clock=lambda: until_us))

    assert run_to_end(the_day_is_over()) == 1
    assert proven(local, out, "--backup", str(copy))["proven"]
    assert "past its end" in local("db", "restore", str(copy), code=2).err
    [entry] = [one["body"] for one in local.entries() if one["body"].get("what") == "key-shredded"]
    assert entry["target"].startswith("backup-keys/20")


def test_identities_alone_know_a_person_again_where_nothing_else_was_said(local: CommandLine, tmp_path: Path) -> None:
    """One way, by the identity; a phone with a mail address finds nobody then."""
    assert erased(local, tmp_path / "ida.json").statement.known_again_by == 1
    assert json.loads((tmp_path / "ida.json").read_text())["statement"]["format"] == "gateway-erasure/1"
    assert not known_by(local, *identified([("phone", "0151 2345678"), ("email", "ida@example.org")]))
    assert known_by(local, Identifier(IdentifierForm.IDENTITY, f"{KIND}\x00c-1"))
