# SPDX-License-Identifier: Apache-2.0
"""What a sign-in is answered with."""

import msgspec
from typing_extensions import override

from gateway.domain.decision import Reason
from gateway.domain.signin import (
    OAuthError,
)
from gateway.identify.factors import OFFERED


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to every password: a challenge, and the factors that the installation offers."""

    login: str
    factors: tuple[str, ...] = OFFERED

    @override
    def __repr__(self) -> str:
        return "<a challenge>"


class Tokens(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bearers, in the words of RFC 6749 section 5.1; services get none to refresh with."""

    access_token: str
    expires_in: int
    refresh_token: str | None = None
    token_type: str = msgspec.field(default_factory=lambda: "Bearer")  # a default would be left out of the answer
    scope: str | None = None

    @override
    def __repr__(self) -> str:
        return "<bearers>"


class SignInFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The one answer to everything that is wrong."""

    reason: Reason = Reason.SIGN_IN_FAILED


Answer = Started | Tokens | SignInFailed | OAuthError | None


def body_bytes(answer: Answer) -> int:
    """Return the size of an answer that is sent as it is, in JSON; the door may count otherwise."""
    return len(msgspec.json.encode(answer)) if isinstance(answer, Started | Tokens) else 0
