# SPDX-License-Identifier: Apache-2.0
"""Step 1 of a call: from the ``Authorization`` header to a principal, or to why there is none.

A problem is a value. The caller learns one reason whatever is wrong with a bearer; ``why`` is for staff.
This is on the way of every call and neither waits nor reads anything but memory.
"""

import re

import msgspec

from gateway.domain.decision import Reason
from gateway.domain.principal import Principal
from gateway.identify.bearers import BearerProblem, Bearers
from gateway.identify.sessions import Revocations

# One space, and one bearer in the alphabet of RFC 6750 section 2.1. The scheme's case is free (RFC 9110 section 11.1).
_AUTHORIZATION = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] ([A-Za-z0-9._~+/-]+=*)\Z")


class SignInProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call has no principal.

    Attributes:
        reason: What the caller is told.
        error: Code for ``WWW-Authenticate`` (RFC 6750 section 3.1); none if no bearer was shown.
        why: What staff are told: ``none``, ``form``, ``expired``, ``revoked`` and the like.
    """

    reason: Reason
    error: str | None
    why: str


class Identify:
    """Verifies bearers, and judges each time whether they were revoked."""

    def __init__(self, bearers: Bearers, revocations: Revocations) -> None:
        self._bearers = bearers
        self._revocations = revocations

    def principal(self, authorization: str | None, now_us: int) -> Principal | SignInProblem:
        """Return who calls.

        Args:
            authorization: Value of the one such header; ``None`` if there is none.
            now_us: Time of the call.
        """
        if authorization is None:
            return SignInProblem(reason=Reason.SIGN_IN_REQUIRED, error=None, why="none")
        match = _AUTHORIZATION.match(authorization)
        if match is None:
            return SignInProblem(reason=Reason.SIGN_IN_REQUIRED, error="invalid_request", why="form")
        found = self._bearers.verify(match[1], now_us)
        if isinstance(found, BearerProblem):
            return _invalid(found.why)
        if self._revocations.is_revoked(found.session, found.account):
            return _invalid("revoked")
        return found


def _invalid(why: str) -> SignInProblem:
    return SignInProblem(reason=Reason.SIGN_IN_REQUIRED, error="invalid_token", why=why)
