# SPDX-License-Identifier: Apache-2.0
"""Ways to sign in, and the bearers that come of it. Secrets are in no repr."""

import base64
import hmac
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

TOTP_STEP_S = 30


@dataclass(frozen=True)
class Tokens:
    """What a sign-in gave.

    Attributes:
        lives_s: Seconds that the access bearer lives.
        refresh: For the next pair, once; ``None`` for services.
    """

    access: str = field(repr=False)
    lives_s: int
    refresh: str | None = field(default=None, repr=False)


class Ask(Protocol):
    """How a way to sign in asks the gateway."""

    def json(self, path: str, body: dict[str, str]) -> dict[str, object]:
        """Return the answer to a body of JSON, or raise ``Refused``."""

    def form(self, path: str, body: dict[str, str]) -> dict[str, object]:
        """Return the answer to a form, or raise ``Refused``."""


class SignIn(Protocol):
    """A way to sign in."""

    def tokens(self, ask: Ask) -> Tokens:
        """Sign in and return the bearers."""


@dataclass(frozen=True)
class ClientCredentials:
    """A service: its identifier and secret.

    Attributes:
        scope: Purposes as ``purpose:<key>``, separated by blanks; empty for all that the client has.
    """

    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""

    def tokens(self, ask: Ask) -> Tokens:
        """Sign in and return the bearer; services get none to refresh with."""
        body = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        return tokens_of(ask.form("/-/oauth/token", body | ({"scope": self.scope} if self.scope else {})))


@dataclass(frozen=True)
class Person:
    """A person: name, password, and whatever returns the code that the authenticator shows now.

    Attributes:
        code: Asked for at each sign-in, also at a step-up; each code is good once.
    """

    username: str
    password: str = field(repr=False)
    code: Callable[[], str] = field(repr=False)

    def tokens(self, ask: Ask) -> Tokens:
        """Sign in with both factors and return the bearers."""
        started = ask.json("/-/login", {"username": self.username, "password": self.password})
        login = started.get("login")
        return tokens_of(ask.json("/-/login/totp", {"login": str(login), "code": self.code()}))


@dataclass(frozen=True)
class Bearer:
    """A bearer that somebody else got; when it ends, so does this."""

    access: str = field(repr=False)

    def tokens(self, ask: Ask) -> Tokens:
        """Return the bearer as it is; when it ends is not known here."""
        del ask
        return Tokens(access=self.access, lives_s=10**9)


def tokens_of(told: dict[str, object]) -> Tokens:
    """Return the bearers of an answer."""
    access, lives_s, refresh = told.get("access_token"), told.get("expires_in"), told.get("refresh_token")
    return Tokens(
        access=access if isinstance(access, str) else "",
        lives_s=lives_s if isinstance(lives_s, int) else 0,
        refresh=refresh if isinstance(refresh, str) else None,
    )


def totp(secret: str, at_s: float | None = None) -> str:
    """Return the code of an authenticator's secret, in base 32, for scripts that stand for a person.

    Source: RFC 6238 with SHA-1, 30 seconds, six digits.
    """
    now_s = time.time() if at_s is None else at_s  # noqa: TID251 - this package has no clock handed in
    step = int(now_s) // TOTP_STEP_S
    padded = secret.upper() + "=" * (-len(secret) % 8)
    mac = hmac.digest(base64.b32decode(padded), struct.pack(">Q", step), "sha1")
    start = mac[-1] & 15
    number = struct.unpack(">I", mac[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"
