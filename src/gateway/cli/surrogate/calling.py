# SPDX-License-Identifier: Apache-2.0
"""Calls that a command makes at the running gateway, as somebody who signs in for it; the session ends with the command.

Values of people are revealed by the door and nowhere else, so whatever counts, holds or asks for a second person
does so here as well. No bearer and no password is in a message, and none is sent to a port of this machine that
another account holds.
"""

import http.client
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.cli.desk.desk import Desk, Exit, Stop
from gateway.cli.desk.listening import check_listener
from gateway.cli.first_call import HOST, program

if TYPE_CHECKING:
    from gateway.settings.loading import Settings

WITHIN_S = 60
MOST_BYTES = 64 << 20


OPTIONS = {
    "reference-missing": "Give its reference with --reference REF.",
    "purpose-missing": "State it with --purpose KEY.",
    "purpose-unknown": "Give --purpose one of those that /-/me lists, or ask for it to be declared.",
    "not-found": "`gateway surrogate approvals --as NAME --reference REF` lists those that wait.",
    "step-up-required": "Give the command again: it signs in anew, with both factors.",
}
"""What can be done, by the reason of a refusal, where the door speaks of headers and a command has options."""


class Refused(Stop):
    """The door refused a call.

    Attributes:
        told: What it said, as a value.
        beside: What came before it, that is to be told with it in one document.
    """

    def __init__(self, told: Mapping[str, Any], status: int) -> None:
        """Keep what was said, in the words of a command line."""
        mend = OPTIONS.get(str(told.get("reason")))
        self.told = dict(told) | ({} if mend is None else {"remediation": mend}) | {"status": status}
        self.beside: dict[str, Any] = {}
        super().__init__(refusal(self.told, status), Exit.DENIED if status in (401, 403) else Exit.FAILED)


class Caller:
    """Somebody who is signed in, at the door of an installation."""

    def __init__(self, settings: "Settings", purpose: str, reference: str | None) -> None:
        """Keep where, and what calls are for; nothing is asked yet."""
        listen = settings.listen
        self._host = HOST if listen.host in {"0.0.0.0", ""} else listen.host  # noqa: S104 - what it listens on, not what is bound
        self._port, self._state = listen.port, settings.state
        self._said = {"Data-Purpose": purpose} | ({} if reference is None else {"Data-Reference": reference})
        self._bearer = ""

    def sign_in(self, name: str, password: str, code: str) -> None:
        """Sign in with both factors, or end the command."""
        check_listener(self._port, self._state)
        started = self._told("POST", "/-/login", {"username": name, "password": password})
        status, told = self._sent("POST", "/-/login/totp", {"login": started.get("login", ""), "code": code})
        if status != 200:
            raise Stop("not signed in: name, password or code is not right, or the code was used already", Exit.DENIED)
        self._bearer = str(told.get("access_token", ""))

    def sign_out(self) -> None:
        """End the session; one that cannot be ended now ends by itself."""
        if self._bearer:
            with suppress(Stop):
                self._sent("POST", "/-/logout", None)

    def call(self, method: str, path: str, content: object = None) -> dict[str, Any]:
        """Return the answer of a call that was permitted.

        Raises:
            Refused: It was refused, in the words of the refusal.
        """
        status, told = self._sent(method, path, content)
        if status != 200:
            raise Refused(told, status)
        return told

    def _told(self, method: str, path: str, content: object) -> dict[str, Any]:
        status, told = self._sent(method, path, content)
        if status != 200:
            raise Stop(refusal(told, status), Exit.FAILED)
        return told

    def _sent(self, method: str, path: str, content: object) -> tuple[int, dict[str, Any]]:
        headers = dict(self._said)
        body = None if content is None else msgspec.json.encode(content)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._bearer:
            headers["Authorization"] = f"Bearer {self._bearer}"
        connection = http.client.HTTPConnection(self._host, self._port, timeout=WITHIN_S)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            raw = answer.read(MOST_BYTES)
        except (OSError, http.client.HTTPException):
            raise Stop(
                f"nothing answers at {self._host}:{self._port}; start it: {program()} serve --state {self._state}",
                Exit.FAILED,
            ) from None
        finally:
            connection.close()
        return answer.status, _object(raw)


@contextmanager
def signed_in(
    desk: Desk, name: str, proof: tuple[str, str], *, purpose: str, reference: str | None
) -> Iterator[Caller]:
    """Yield somebody who is signed in at the running gateway until the block ends.

    With ``--json``, a refusal is a document on stdout, beside the sentence on stderr.
    """
    caller = Caller(desk.settings, purpose, reference)
    caller.sign_in(name, *proof)
    try:
        yield caller
    except Refused as refused:
        if desk.json:
            desk.paper.answer({**refused.beside, "refusal": refused.told}, lambda: None)
        raise
    finally:
        caller.sign_out()


def refusal(told: Mapping[str, Any], status: int) -> str:
    """Return a refusal as a sentence: what happened, what can be done, and where the log tells of it."""
    said = [str(told[name]) for name in ("title", "detail", "remediation") if told.get(name)]
    if told.get("approval"):
        said.append(f"Whoever approves says: gateway surrogate approve {told['approval']} --as NAME --reference REF")
    found = f" [decision {told['decision_id']}]" if told.get("decision_id") else ""
    sentences = " ".join(one if one.endswith((".", "。")) else f"{one}." for one in said)
    return f"{sentences or f'the gateway answered with status {status}'}{found}"


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any]) if raw else {}
    except msgspec.DecodeError:
        return {}


def is_terminal() -> bool:
    """Tell whether the answer is seen by somebody."""
    return sys.stdout.isatty()
