# SPDX-License-Identifier: Apache-2.0
"""``gateway doctor``: every thing is broken for real; the doctor names it, and what it says mends it."""

import datetime as dt
import json
import shlex
import shutil
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from gateway.domain.entry import LogSeen
from tests.fakes.certificates import Authority, TlsServer, server_context
from tests.fakes.command_line import CommandLine
from tests.fakes.log import START_US, checkpoint_of, enter, opened, written
from tests.fakes.raw_store import json_reply

EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is written into a file, and nothing listens

Found = dict[str, Any]


def doctor(command: CommandLine, *, code: int = 0) -> list[Found]:
    """Return what the doctor finds."""
    return list(command("doctor", "--json", code=code).document()["findings"])


def graded(found: list[Found], grade: str) -> list[Found]:
    return [one for one in found if one["grade"] == grade]


def the_one(found: list[Found], grade: str, words: str) -> Found:
    """Return the one finding of a grade that holds these words."""
    (one,) = [one for one in graded(found, grade) if words in one["sentence"]]
    return one


def mend(one: Found) -> None:
    """Do what a finding says, as it stands."""
    subprocess.run(shlex.split(one["fix"]), check=True)


def configure(command: CommandLine, **changes: object) -> None:
    """Change gateway.yaml."""
    path = command.state / "gateway.yaml"
    path.write_text(yaml.safe_dump({**(yaml.safe_load(path.read_text()) or {}), **changes}))


def test_a_new_installation_has_no_problem(fresh: CommandLine) -> None:
    """On both engines; what it has not got yet is a note or a warning, with what to do."""
    fresh.init()
    found = doctor(fresh)
    assert graded(found, "problem") == []
    assert {one["check"] for one in graded(found, "ok")} >= {
        "permissions",
        "keys",
        "database",
        "log",
        "disk",
        "rules",
        "clock",
    }
    assert the_one(found, "warning", "the database was never copied")["fix"] == "gateway db backup DIR"
    assert all(one["fix"] for one in found if one["grade"] in {"warning", "problem"})
    assert fresh.kinds()[-1] == "check-up"
    told = fresh("doctor").out
    assert "mend: gateway db backup DIR" in told
    assert told.splitlines()[-1].endswith("0 problems")


def test_an_open_state_is_closed_by_what_it_says(command: CommandLine) -> None:
    """The command that opens installations refuses such a state; the doctor looks all the same."""
    command.state.chmod(0o755)
    found = doctor(command, code=1)
    (one,) = [one for one in graded(found, "problem") if one["check"] == "permissions"]
    assert one["sentence"].endswith("is open to others (mode 755)")
    assert the_one(found, "problem", "could not be entered")
    mend(one)
    assert graded(doctor(command), "problem") == []


def test_an_open_key_file_is_closed_by_what_it_says(command: CommandLine) -> None:
    """Nothing can be opened with it until then."""
    kek = command.state / "keys" / "kek"
    kek.chmod(0o644)
    found = doctor(command, code=1)
    mend(next(one for one in graded(found, "problem") if one["check"] == "keys"))
    assert graded(doctor(command), "problem") == []


def test_rules_that_others_can_change_are_closed(command: CommandLine) -> None:
    """A warning, since the state's own mode keeps others out as long as it stands."""
    grants = command.state / "policies" / "grants.csv"
    grants.chmod(0o666)
    mend(the_one(doctor(command), "warning", "grants.csv can be changed by others"))
    assert grants.stat().st_mode & 0o022 == 0


def test_a_key_encryption_key_of_another_is_found(command: CommandLine, tmp_path: Path) -> None:
    """The file is good and opens nothing."""
    kek = command.state / "keys" / "kek"
    kept = kek.read_bytes()
    kek.write_bytes(b"A" * 43 + b"=\n")
    one = next(one for one in doctor(command, code=1) if one["grade"] == "problem" and one["check"] == "keys")
    assert "cannot be opened with the key-encryption key" in one["sentence"]
    assert "keys/kek" in one["fix"]
    kek.write_bytes(kept)
    assert graded(doctor(command), "problem") == []


def test_an_old_key_is_rotated_by_what_it_says(command: CommandLine) -> None:
    """Those that have one version for life are not asked to be."""
    path = command.state / "keys" / "keyring.json"
    ring = json.loads(path.read_text())
    for one in ring["keys"]:
        one["created_us"] -= 400 * 24 * 3600 * 1_000_000
    path.write_text(json.dumps(ring))
    old = [one for one in graded(doctor(command), "note") if one["check"] == "keys"]
    assert old
    assert not any(word in one["sentence"] for one in old for word in ("log/", "credentials", "lookup", "backup"))
    for one in old:
        command(*one["fix"].split()[1:])
    assert not [one for one in graded(doctor(command), "note") if one["check"] == "keys"]


def test_a_changed_entry_is_found(command: CommandLine) -> None:
    """With the entry; the check-up still tells everything else."""
    segment = command.state / "log" / "cli" / "000000.ndjson"
    content = segment.read_bytes()
    segment.write_bytes(content.replace(b'"account-added"', b'"account-addef"', 1))
    found = doctor(command, code=1)
    assert [one for one in graded(found, "problem") if one["check"] == "log"]
    assert [one for one in graded(found, "ok") if one["check"] == "rules"]
    segment.write_bytes(content)
    assert graded(doctor(command), "problem") == []


def test_a_check_up_that_cannot_be_entered_tells_nothing_of_people(command: CommandLine) -> None:
    """Everything that reads them is entered first."""
    segment = command.state / "log" / "cli" / "000000.ndjson"
    segment.write_bytes(segment.read_bytes()[:-400])
    found = doctor(command, code=1)
    assert the_one(found, "problem", "could not be entered in the log")
    assert not [one for one in found if one["check"] == "accounts"]


def test_a_lost_log_is_found(command: CommandLine) -> None:
    """All of it."""
    (command.state / "log").rename(command.state / "elsewhere")
    (command.state / "log").mkdir()
    assert the_one(doctor(command, code=1), "problem", "holds no log")["fix"].startswith("put STATE/log back")


def test_a_lost_database_is_put_back_from_its_copy(command: CommandLine, tmp_path: Path) -> None:
    """What rests on it is told as not known, once each, and not as further problems."""
    command("db", "backup", str(tmp_path / "copy.gwb"))
    assert the_one(doctor(command), "ok", "the database was copied 0 days ago")
    assert the_one(doctor(command), "ok", "keys of people counts for 29 days more")
    for file in command.state.glob("gateway.db*"):
        file.unlink()
    found = doctor(command, code=1)
    one = the_one(found, "problem", "gateway.db is missing")
    assert len(graded(found, "problem")) == 1
    assert [one["check"] for one in graded(found, "note") if "while the database is missing" in one["sentence"]]
    command("db", "restore", str(tmp_path / "copy.gwb"), "--without-keys")
    assert "gateway db restore" in one["fix"]
    assert graded(doctor(command), "problem") == []


def test_tables_of_an_older_version_are_upgraded_by_what_it_says(command: CommandLine) -> None:
    """The doctor changes nothing by looking."""
    with sqlite3.connect(command.state / "gateway.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    one = the_one(doctor(command, code=1), "problem", "the base main is at revision 0000")
    assert one["fix"] == "gateway db upgrade"


def test_a_damaged_file_of_a_database_is_put_back_from_its_copy(command: CommandLine) -> None:
    """There is no server that could be started."""
    for file in command.state.glob("people-keys.db*"):
        file.unlink()
    (command.state / "people-keys.db").write_bytes(b"no database at all, whatever it was before")
    one = the_one(doctor(command, code=1), "problem", "the base keys does not answer")
    assert one["fix"] == "gateway db restore FILE --keys FILE"


def test_a_database_server_that_is_away_is_found(command: CommandLine) -> None:
    """Its address holds a password, which is not told."""
    command.environment = {**command.environment, "GATEWAY_DATABASE": "postgresql://u:s3cret-w0rd@127.0.0.1:1/none"}
    answer = command("doctor", code=1)
    assert "the base main does not answer" in answer.out
    assert "GATEWAY_DATABASE stands in the environment" in answer.out
    assert "s3cret" not in answer.out + answer.err


def test_rules_that_do_not_load_are_found_with_their_line(command: CommandLine) -> None:
    """Nothing else of the check-up needs them."""
    grants = command.state / "policies" / "grants.csv"
    kept = grants.read_text()
    grants.write_text(kept + "p, analyst, nothing\n")
    found = doctor(command, code=1)
    assert the_one(found, "problem", f"grants.csv:{len(kept.splitlines()) + 1}")
    assert [one for one in graded(found, "ok") if one["check"] == "database"]
    grants.write_text(kept)
    assert graded(doctor(command), "problem") == []


def test_a_setting_that_cannot_be_read_is_a_finding(command: CommandLine) -> None:
    """The command that looks for what is wrong does not end in what is wrong."""
    configure(command, lisen={"port": 1})
    assert the_one(doctor(command, code=1), "problem", "lisen")["check"] == "settings"
    assert command.bare("doctor", "--state", str(command.state / "nowhere"), code=2).out == ""


def test_trust_in_everybody_is_found(command: CommandLine) -> None:
    """Whoever is believed about addresses, and whoever may read metrics."""
    configure(command, trusted_proxies=["0.0.0.0/0"], metrics={"networks": ["::/0"]}, listen={"host": EVERYWHERE})
    found = doctor(command, code=1)
    assert the_one(found, "problem", "trusted_proxies holds 0.0.0.0/0")
    assert the_one(found, "problem", "metrics.networks holds ::/0")
    assert the_one(found, "note", "listens on 0.0.0.0 without TLS")
    configure(command, trusted_proxies=[], metrics={}, listen={"host": EVERYWHERE})
    assert the_one(doctor(command), "warning", "listens on 0.0.0.0 without TLS")["fix"].startswith(
        "listen.host: 127.0.0.1"
    )


def test_nobody_who_can_look_after_it_is_a_problem(command: CommandLine) -> None:
    """And a second factor that was never confirmed a note."""
    command("user", "disable", "admin")
    command("user", "reset-factors", "analyst-1")
    found = doctor(command, code=1)
    assert the_one(found, "problem", "nobody with the role admin")
    assert the_one(found, "note", "1 of 1 people have no confirmed second factor")


def test_a_nearly_full_disk_is_found(command: CommandLine) -> None:
    """By the limit that the settings give."""
    configure(command, log={"least_free_bytes": 1 << 60})
    assert the_one(doctor(command, code=1), "problem", "data calls are refused")["check"] == "disk"


def test_too_few_handles_are_found(command: CommandLine) -> None:
    """For as many connections as the settings allow."""
    configure(command, limits={"connections": 5_000_000})
    assert "LimitNOFILE=5000256" in the_one(doctor(command), "warning", "file handles are allowed")["fix"]


def test_a_store_is_asked(command: CommandLine, tmp_path: Path) -> None:
    """One that is away, one with a certificate of nobody's, one that is good, one whose clock is wrong."""
    authority = Authority("authority.test")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.pem)
    with free_port() as port:
        configure(command, stores={"crm": {"base_url": f"http://127.0.0.1:{port}"}})
        assert the_one(doctor(command, code=1), "problem", "it does not answer")["check"] == "store:crm"
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=5)
    with tls_store(authority.issue("127.0.0.1", end=soon).file(tmp_path / "one.pem")) as port:
        store = {"base_url": f"https://127.0.0.1:{port}"}
        configure(command, stores={"crm": store})
        one = the_one(doctor(command, code=1), "problem", "its certificate is not accepted")
        assert "stores.crm.ca_file" in one["fix"]
        configure(command, stores={"crm": {**store, "ca_file": str(ca)}})
        found = doctor(command)
        assert the_one(found, "ok", "it answers (status 200")
        assert the_one(found, "warning", "its certificate ends in 4 days")
        assert the_one(found, "warning", "the clock of the store is")
        assert the_one(found, "ok", "stores.crm.ca_file is good for")


@contextmanager
def tls_store(pem: Path) -> Iterator[int]:
    """Serve a store over TLS whose clock stands still."""
    server, stop = TlsServer(server_context(pem), b"[]"), threading.Event()
    server._reply = json_reply(more=b"Date: Wed, 01 Jan 2025 00:00:00 GMT\r\n").content
    thread = threading.Thread(target=server.serve, args=(stop,))
    thread.start()
    try:
        yield server.port
    finally:
        stop.set()
        thread.join()


@contextmanager
def free_port() -> Iterator[int]:
    """Hold a port on which nobody answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_lost_log_is_to_be_put_back_and_not_to_be_verified_again(command: CommandLine) -> None:
    """Verifying it would say what the doctor says, and mend nothing."""
    logs = command.state / "log"
    name = checkpoint_of(logs / "cli").split("\n")[0].replace("/cli", "/door-0")
    written(logs / "door-0", 8, name)
    door = opened(logs / "door-1", name.replace("/door-0", "/door-1"))
    enter(door, LogSeen(origin=name, checkpoint=checkpoint_of(logs / "door-0")))
    door.close(START_US)
    assert graded(doctor(command), "problem") == []
    shutil.rmtree(logs / "door-0")

    one = the_one(doctor(command, code=1), "problem", "door-0 is missing; door-1 saw it")

    assert "put the newest copy of that log in its place" in one["fix"]


def test_a_commands_own_log_that_was_lost_is_to_be_put_back(command: CommandLine) -> None:
    """Nothing can be entered; that has the same mend."""
    cli = command.state / "log" / "cli"
    note = checkpoint_of(cli)
    door = opened(command.state / "log" / "door-0", note.split("\n")[0].replace("/cli", "/door-0"))
    enter(door, LogSeen(origin=note.split("\n")[0], checkpoint=note))
    door.close(START_US)
    shutil.rmtree(cli)

    found = doctor(command, code=1)

    assert "put the newest copy" in the_one(found, "problem", "could not be entered in the log")["fix"]
    assert "put the newest copy" in the_one(found, "problem", "is missing; door-0 saw it")["fix"]


def test_under_a_wrong_key_encryption_key_no_finding_asks_to_verify_the_log(command: CommandLine) -> None:
    """The log is right; its key cannot be opened."""
    kek = command.state / "keys" / "kek"
    kek.write_bytes(b"A" * 43 + b"=\n")

    found = doctor(command, code=1)

    assert "keys/kek" in the_one(found, "problem", "could not be entered in the log")["fix"]
    assert not [one for one in found if one["fix"] == "gateway log verify"]
