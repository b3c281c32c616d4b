# SPDX-License-Identifier: Apache-2.0
"""Enrolling a person at the terminal: password, authenticator, first code, recovery codes.

The log's slot is held only while something is entered, never while somebody looks for a telephone; so
each step opens the installation anew. Everything secret is shown once, to stderr or in the answer, or
written to one new file that only its owner can read.
"""

import base64
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gateway.cli.desk import asking
from gateway.cli.desk.desk import Desk, Exit, Stop, run_to_end

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from gateway.app.installation import Rooms
    from gateway.domain.names import AccountId
    from gateway.flows.enrolment import NewAuthenticator

TRIES = 3

PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="FILE", help="Read the password from the first line of FILE; - for stdin."),
]
SecretOut = Annotated[
    Path | None,
    typer.Option(
        "--totp-secret-out",
        metavar="FILE",
        help="For scripts: write the authenticator's secret to FILE (mode 600) and confirm it at once.",
    ),
]
Opening = Callable[[], "AbstractAsyncContextManager[Rooms]"]


class Steps(msgspec.Struct, frozen=True):
    """How an enrolment is done: where the installation is opened, and what stands in for a person.

    Attributes:
        password_file / secret_out: As the options of the command say.
    """

    desk: Desk
    opening: Opening
    password_file: Path | None
    secret_out: Path | None

    def check_password(self) -> None:
        """Stop before anything is done if nobody can say a password."""
        if self.password_file is None:
            asking.insist_on_terminal("for a password; use --password-file FILE")

    def check_authenticator(self) -> None:
        """Stop before anything is done if an authenticator could not be confirmed."""
        if self.secret_out is None:
            asking.insist_on_terminal("for the code; use --totp-secret-out FILE")
        elif self.secret_out.exists():
            raise Stop(f"{self.secret_out} is there already; a secret is written to a new file only")

    def with_password(self, prompt: str, use: "Callable[[Rooms, str], Awaitable[AccountId]]") -> "AccountId":
        """Return the account that was made with a password, asking again while the password cannot be taken."""
        from gateway.flows.enrolment import EnrolmentRefused

        tries_left = 1 if self.password_file is not None else TRIES
        while True:
            password = asking.password(prompt, self.password_file)
            tries_left -= 1
            try:
                return run_to_end(self._used(password, use))
            except EnrolmentRefused as refused:
                if not tries_left or "password" not in str(refused):
                    raise
                self.desk.paper.tell(f"{refused}. It needs 15 characters or more, and must not be a common one.")

    def authenticator(self, account: "AccountId") -> tuple[str, ...]:
        """Give an account an authenticator, confirm it, and return its recovery codes."""
        fresh = run_to_end(self._fresh(account))
        if self.secret_out is not None:
            _write_private(self.secret_out, fresh.secret)
            # The step before: its owner can then sign in with the present one at once. Twice, because a step can end
            # between the making of its code and the look at it.
            for _ in range(2):
                codes = run_to_end(self._confirmed(account, partial(_code_before, fresh.secret)))
                if not isinstance(codes, str):
                    return codes
            raise Stop("the first code was not taken: is the clock of this machine right?", Exit.FAILED)
        self._show(fresh)
        for _ in range(TRIES):
            codes = run_to_end(self._confirmed(account, partial(str, asking.code("Code that the app shows"))))
            if not isinstance(codes, str):
                return codes
            self.desk.paper.tell(codes)
        raise Stop("the authenticator was not confirmed; begin again", Exit.FAILED)

    def _show(self, fresh: "NewAuthenticator") -> None:
        import io

        import segno

        drawn = io.StringIO()
        segno.make(fresh.uri, error="m").terminal(drawn, border=2, compact=True)
        self.desk.paper.tell("Scan this with an authenticator app:")
        self.desk.paper.raw(drawn.getvalue())
        self.desk.paper.tell(f"or type this secret into it: {fresh.secret}")

    async def _used(self, password: str, use: "Callable[[Rooms, str], Awaitable[AccountId]]") -> "AccountId":
        async with self.opening() as rooms:
            return await use(rooms, password)

    async def _fresh(self, account: "AccountId") -> "NewAuthenticator":
        async with self.opening() as rooms:
            return await rooms.enrolment.enrol_totp(account, by=self.desk.by)

    async def _confirmed(self, account: "AccountId", code: "Callable[[], str]") -> tuple[str, ...] | str:
        """Return the recovery codes, or why the code, which is asked for when it can be looked at, was not taken."""
        from gateway.flows.enrolment import Confirmed

        async with self.opening() as rooms:
            found = await rooms.enrolment.confirm_totp(account, code(), by=self.desk.by)
        if isinstance(found, Confirmed):
            return found.recovery_codes
        if found.skew_steps is not None:
            return f"That code is {found.skew_steps * 30} s off: set the clock of the app or of this machine right."
        return "That code is not right."


def show_recovery(desk: Desk, codes: tuple[str, ...]) -> None:
    """Show recovery codes to people, once."""
    desk.paper.say(
        "Recovery codes, each good once in place of a code. They are shown now and never again:", style="bold"
    )
    for code in codes:
        desk.paper.say(f"  {code}")


def _code_before(secret: str) -> str:
    from gateway.app.clock import now_us
    from gateway.identify.totp import code_at, step_at

    return code_at(base64.b32decode(secret), step_at(now_us()) - 1)


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
