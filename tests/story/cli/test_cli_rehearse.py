# SPDX-License-Identifier: Apache-2.0
"""Calls that were recorded are decided by a command, which tells who would be refused and why, and no value."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.fakes.command_line import CommandLine

INSIGHTS = "analytics.reporting.campaign_insights"
EMAIL = "marketing.communications.email"
AGENT = "Mozilla/5.0 (X11)"
SECRETS = ("chen.haoran", "c-000007", "13722412954", "hunter2", "Prague")

CALLS = (
    ("GET", "/api/customers?limit=50&city=Prague"),
    ("GET", "/api/customers/c-000007"),
    ("GET", "/api/customers?email=chen.haoran%40example.org"),
    ("GET", "/api/customers?phone_like=13722412954"),
    ("GET", "/api/invoices/c-000007"),
    ("DELETE", "/api/contacts"),
    ("GET", "/static/app.js"),
)


def line(method: str, target: str, *, address: str = "192.0.2.7", agent: str = AGENT) -> str:
    """Return a line of the combined format."""
    return f'{address} - bob [10/Oct/2026:13:55:36 +0000] "{method} {target} HTTP/1.1" 200 2326 "-" "{agent}"\n'


@pytest.fixture
def command(command: CommandLine) -> CommandLine:
    """An installation with two stores."""
    file = command.state / "gateway.yaml"
    content = yaml.safe_load(file.read_text())
    content["stores"] = {
        name: {"base_url": f"http://127.0.0.1:9/{path}"} for name, path in (("crm", "api"), ("shop", "shop"))
    }
    file.write_text(yaml.safe_dump(content))
    return command


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """An access log with those calls, and two lines that are none."""
    file = tmp_path / "access.log"
    file.write_text("".join(line(*call) for call in CALLS) + "not a line\n" + line(*CALLS[0]) + "\n" + "x" * 9 + "\n")
    return file


def test_an_access_log_tells_who_would_be_refused_and_what_would_let_it_pass(command: CommandLine, log: Path) -> None:
    """By reason, with the names that would have to be declared."""
    told = command("rehearse", "--access-log", str(log), "--as", f"analyst:{INSIGHTS}", "--json", code=1).document()
    rows = {row["reason"]: row for row in told["refused"]}
    assert (told["calls"], told["passing"], told["elsewhere"], told["unread"]) == (7, 3, 1, 2)
    assert told["unread_lines"] == [8, 11]
    assert told["clear_values"] == 1
    assert rows["parameter-undeclared"]["about"] == ["phone_like"]
    assert (
        rows["parameter-undeclared"]["change"]
        == "Declare below `parameters` of GET /crm/customers: phone_like: {field: …}"
    )
    assert rows["no-such-route"]["path"] == "/crm/invoices/{id}"
    assert "method: GET, path: /crm/invoices/{id}, operation: read" in rows["no-such-route"]["change"]
    assert rows["filter-not-permitted"]["about"] == ["email"]
    assert rows["filter-not-permitted"]["ask"] == "owner"


def test_no_value_of_a_call_is_told(command: CommandLine, log: Path) -> None:
    """Neither to people nor in JSON, whatever is refused."""
    for form in ((), ("--json",)):
        answer = command("rehearse", "--access-log", str(log), "--as", f"analyst:{INSIGHTS}", *form, code=1)
        assert [value for value in SECRETS if value in answer.out + answer.err] == []


def test_a_purpose_that_is_not_stated_is_told_with_those_that_would_do(command: CommandLine, tmp_path: Path) -> None:
    """A role with several purposes has to say for which."""
    log = tmp_path / "one.log"
    log.write_text(line("GET", "/api/customers?limit=50"))
    (row,) = command("rehearse", "--access-log", str(log), "--as", "campaigner", "--json", code=1).document()["refused"]
    assert row["reason"] == "purpose-missing"
    assert EMAIL in row["change"]
    assert row["ask"] == "caller"


def test_a_slash_at_the_end_is_told_as_what_is_in_the_way(command: CommandLine, tmp_path: Path) -> None:
    """Many apps ask so, and the gateway has one form of a path."""
    log = tmp_path / "access.log"
    log.write_text(line("GET", "/api/customers/"))
    (row,) = command("rehearse", "--access-log", str(log), "--as", "analyst", "--json", code=1).document()["refused"]
    assert (row["reason"], row["ask"]) == ("path-not-canonical", "caller")
    assert "without a slash at the end" in row["change"]


def test_all_that_passes_ends_well_packed_or_from_stdin(command: CommandLine, tmp_path: Path) -> None:
    """The exit code is 0, for a file of gzip as well."""
    file = tmp_path / "access.log.gz"
    file.write_bytes(gzip.compress(line("GET", "/api/customers?limit=50").encode() * 3))
    out = command("rehearse", "--access-log", str(file), "--as", f"analyst:{INSIGHTS}").out
    assert "3 of 3 calls would pass: 100.0%" in out
    said = line("GET", "/x/customers?limit=50")
    words = ("rehearse", "--access-log", "-", "--as", f"analyst:{INSIGHTS}", "--base-path", "/x=crm", "--json")
    assert command(*words, stdin=said).document()["share"] == 1


def test_a_file_says_who_calls_by_address_agent_credentials_and_header(command: CommandLine, tmp_path: Path) -> None:
    """The first that fits; a client of the installation as its bearer would describe it; nobody else is known."""
    clients = tmp_path / "clients.yaml"
    clients.write_text(
        "clients:\n"
        f"  - {{name: office, match: {{network: 192.0.2.0/24, user_agent: Mozilla}}, role: analyst, purpose: {INSIGHTS}}}\n"
        f"  - {{name: signed, match: {{authorization: Basic 5e884898da280471}}, role: analyst, purpose: {INSIGHTS}}}\n"
        f"  - {{name: marked, match: {{header: 'X-App: mail'}}, role: campaigner, purpose: {EMAIL}, reference: autumn}}\n"
        "  - {name: app, match: {user_agent: app/}, client: newsletter-app}\n"
    )
    entries = [
        {"User-Agent": "curl/8", "Authorization": "Basic password"},
        {"User-Agent": "curl/8", "X-App": "mailer"},
        {"User-Agent": "app/1.0"},
        {"User-Agent": "curl/8", "Authorization": "Bearer hunter2"},
    ]
    har = tmp_path / "calls.har"
    har.write_text(
        json.dumps(archive([("GET", "https://crm.example/api/customers?limit=50", one, None) for one in entries]))
    )
    told = command("rehearse", "--har", str(har), "--clients", str(clients), "--json", code=1).document()
    calls = {row["client"]: (row["calls"], row["passing"]) for row in told["clients"]}
    assert calls["signed"] == (1, 1)
    assert calls["marked"] == (1, 1)
    assert calls["unknown"] == (1, 0)
    assert calls["app"][0] == 1
    assert {row["reason"] for row in told["refused"] if row["client"] == "unknown"} == {"sign-in-required"}
    log = tmp_path / "access.log"
    log.write_text(
        line("GET", "/api/customers?limit=50") + line("GET", "/api/customers?limit=50", address="198.51.100.1")
    )
    told = command("rehearse", "--access-log", str(log), "--clients", str(clients), "--json", code=1).document()
    assert {row["client"]: row["passing"] for row in told["clients"]} == {"office": 1, "unknown": 0}


def archive(calls: list[tuple[str, str, dict[str, str], str | None]]) -> dict[str, object]:
    """Return an HTTP archive of these calls."""
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "test", "version": "1"},
            "entries": [
                {
                    "startedDateTime": "2026-10-10T13:55:36.000Z",
                    "request": {
                        "method": method,
                        "url": url,
                        "httpVersion": "HTTP/2.0",
                        "headers": [{"name": name, "value": value} for name, value in headers.items()],
                        **({} if body is None else {"postData": {"mimeType": "application/json", "text": body}}),
                    },
                    "response": {"status": 200, "content": {"text": "x" * 1000}},
                }
                for method, url, headers, body in calls
            ],
        }
    }


def test_an_archive_is_decided_with_its_bodies(command: CommandLine, tmp_path: Path) -> None:
    """A search in a body is bound and judged as on the road; an entry that is none is counted."""
    json_type = {"Content-Type": "application/json", ":authority": "crm.example", "X-Odd": "1"}
    url = "https://crm.example/api/customers/search"
    document = archive(
        [
            ("POST", url, json_type, '{"page": {"limit": 50}, "where": {"city": "Prague"}}'),
            ("POST", url, json_type, '{"where": {"religion": "hunter2"}, "page": {"limit": 50}}'),
            ("POST", url, json_type, '{"where": {"shoe": 1}}'),
        ]
    )
    document["log"]["entries"].append({"request": {"method": 3}})  # type: ignore[index]
    har = tmp_path / "calls.har"
    har.write_text(json.dumps(document))
    told = command("rehearse", "--har", str(har), "--as", f"analyst:{INSIGHTS}", "--json", code=1)
    found = told.document()
    assert (found["calls"], found["passing"], found["unread"], found["unread_lines"]) == (3, 1, 1, [4])
    assert {row["reason"]: row["about"] for row in found["refused"]} == {
        "filter-not-permitted": ["where.religion"],
        "parameter-undeclared": ["where.shoe"],
    }
    assert "hunter2" not in told.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "one of --har, --access-log and --listen"),
        (("--har", "x", "--access-log", "y"), "one of --har, --access-log and --listen"),
        (("--access-log", "-", "--as", "analist"), "the rules know no role analist"),
        (("--access-log", "-", "--as", "analyst:no.such"), "the rules know no purpose no.such"),
        (("--access-log", "-", "--as", "analyst", "--base-path", "/api"), "which store is it?"),
        (("--access-log", "-", "--as", "analyst", "--base-path", "/api=erp"), "there is no store erp"),
        (("--listen", "0.0.0.0:0", "--as", "analyst"), "say from where: --allow-networks"),
        (("--listen", "here:80", "--as", "analyst"), "--listen is an address and a port"),
    ],
)
def test_what_cannot_be_asked_is_told(command: CommandLine, words: tuple[str, ...], said: str) -> None:
    """With a sentence and exit code 2."""
    assert said in command("rehearse", *words, code=2).err


def test_a_file_without_a_call_fails(command: CommandLine, tmp_path: Path) -> None:
    """Nothing found is nothing rehearsed."""
    (tmp_path / "empty.log").write_text("")
    (tmp_path / "no.har").write_text("{}")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(line(*CALLS[0]).encode() * 9999)[:500])
    assert "no call to a store" in command("rehearse", "--access-log", "empty.log", "--as", "analyst", code=1).err
    assert "no HTTP archive" in command("rehearse", "--har", "no.har", "--as", "analyst", code=1).err
    assert "breaks off" in command("rehearse", "--access-log", "cut.gz", "--as", "analyst", code=1).err


@pytest.mark.alone
def test_a_long_log_takes_no_more_memory_than_a_short_one(command: CommandLine, tmp_path: Path) -> None:
    """Ten times as many lines, of as many different kinds as a caller can make up."""
    grown = [_peak_kib(command, tmp_path, n_lines) for n_lines in (4_000, 40_000)]
    assert grown[1] - grown[0] < 16 * 1024, grown


def _peak_kib(command: CommandLine, tmp_path: Path, n_lines: int) -> int:
    """Return the most memory that a rehearsal of so many lines takes, in a process of its own."""
    log = tmp_path / f"{n_lines}.log"
    with log.open("w") as file:
        for n in range(n_lines):
            path = (
                f"/api/customers?limit={n % 900 + 1}",
                f"/api/customers?p{n}=1",
                f"/api/x{n}/y",
                f"/api/customers/c-{n}",
            )
            file.write(line("GET", path[n % 4], address=f"10.{n % 256}.{n // 256 % 256}.1"))
    script = (
        "import resource, sys\n"
        "from gateway.cli.main import app\n"
        "try:\n    app()\n"
        "finally:\n    sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))\n"
    )
    words = (
        "rehearse",
        "--access-log",
        str(log),
        "--as",
        f"analyst:{INSIGHTS}",
        "--state",
        str(command.state),
        "--json",
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["calls"] == n_lines
    return int(done.stderr)
