# SPDX-License-Identifier: Apache-2.0
"""An authenticator that is confirmed with the code of the step before, so that the present one is not spent."""

from gateway.app.installation import Rooms
from gateway.domain.names import AccountId
from gateway.flows.enrolment import Confirmed
from gateway.identify.totp import code_at, step_at

MOST_TRIES = 3
"""A step that ends between reading the clock and showing the code makes that code two steps old."""


async def confirmed(rooms: Rooms, account: AccountId, secret: bytes) -> Confirmed:
    """Confirm a new authenticator and return what its owner is told."""
    for _ in range(MOST_TRIES):
        code = code_at(secret, step_at(rooms.clock()) - 1)
        answer = await rooms.enrolment.confirm_totp(account, code, by="local:test")
        if isinstance(answer, Confirmed):
            return answer
    raise AssertionError("the code of the step before was not taken")
