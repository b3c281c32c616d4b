# SPDX-License-Identifier: Apache-2.0
"""The command line as a test gives it commands: in this process, on an installation of its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from typer.testing import CliRunner

from gateway.cli.main import app

PASSWORD = "a lighthouse keeper reads slowly"
CHEAP = {"GATEWAY_PASSWORDS__MEMORY_KIB": "64", "GATEWAY_PASSWORDS__TIME_COST": "1"}
"""Argon2 at the least cost: these tests are about commands."""


class Answer(msgspec.Struct, frozen=True):
    """What a command answered."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """Return stdout as the one JSON document that it is."""
        return json.loads(self.out)

    def documents(self) -> list[Any]:
        """Return stdout as one JSON document a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class CommandLine:
    """Gives commands for one installation, and keeps everything that was ever answered."""

    def __init__(self, state: Path, environment: Mapping[str, str]) -> None:
        """Set up nothing; ``init`` is a command like any other."""
        self.state = state
        self.environment = {**CHEAP, **environment}
        self.answers: list[Answer] = []

    def __call__(self, *words: str, stdin: str = "", code: int = 0) -> Answer:
        """Give a command with ``--state`` and assert how it ended."""
        return self.bare(*words, "--state", str(self.state), stdin=stdin, code=code)

    def bare(self, *words: str, stdin: str = "", code: int = 0) -> Answer:
        """Give a command as it stands."""
        result = CliRunner().invoke(app, list(words), input=stdin, env=self.environment, catch_exceptions=False)
        answer = Answer(result.exit_code, result.stdout, result.stderr)
        self.answers.append(answer)
        assert answer.code == code, f"{words}: ended with {answer.code}\n{answer.out}\n{answer.err}"
        return answer

    def init(self, *words: str, code: int = 0) -> Answer:
        """Make the installation, as a script does."""
        return self.bare("init", str(self.state), *self.enrolment("admin"), *words, code=code)

    def enrolment(self, name: str) -> tuple[str, ...]:
        """Return the options by which a script enrols a person."""
        password = self.state.parent / "password"
        password.write_text(f"{PASSWORD}\n", encoding="utf-8")
        return "--password-file", str(password), "--totp-secret-out", str(self.secret_file(name))

    def secret_file(self, name: str) -> Path:
        """Return where the secret of a person's authenticator is written."""
        return self.state.parent / f"{self.state.name}-{name}.totp"

    def add_analyst(self) -> None:
        """Add a person who analyses."""
        self("user", "add", "analyst-1", "--role", "analyst", *self.enrolment("analyst-1"))

    def add_client(self, name: str = "newsletter-app") -> str:
        """Add a client app that sends newsletters, and return its secret."""
        words = ("--role", "newsletter-app", "--recipient", "mail-service", "--scope", "marketing.communications.email")
        return str(self("client", "add", name, *words, "--json").document()["client_secret"])

    def entries(self) -> list[Any]:
        """Return every entry of every log as it lies on disk, by slot and place."""
        lines = [line for file in sorted(self.state.glob("log/*/*.ndjson")) for line in file.read_text().splitlines()]
        return [json.loads(line) for line in lines]

    def kinds(self) -> list[str]:
        """Return what was changed and looked at, in order, but for the gateway's own marks."""
        bodies = [entry["body"] for entry in self.entries()]
        told = [body["what"] for body in bodies if body["kind"] in ("changed", "looked")]
        return [what for what in told if what != "database-marked"]
