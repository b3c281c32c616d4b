# SPDX-License-Identifier: Apache-2.0
"""Whether a call still stands: each thing that may have changed refuses it with its own reason."""

from collections.abc import Callable

import msgspec
import pytest

from gateway.decide.decide import Decider
from gateway.domain.decision import Permit, Reason
from gateway.flows.access.call import Call, RefusedError
from gateway.flows.access.standing import check_still_permitted
from tests.fakes.access import AccessHouse
from tests.fakes.deciding import NOW_US, RULES, grant, hold, inquiry

ASKED = inquiry(fields=("email",))


def less(house: AccessHouse) -> None:
    """Take the grant for half of what was permitted."""
    house.rules.swap(msgspec.structs.replace(RULES, grants=(*RULES.grants, grant("user.contact", "mask", allow=False))))


def none(house: AccessHouse) -> None:
    """Take every grant."""
    house.rules.swap(msgspec.structs.replace(RULES, grants=()))


def held(house: AccessHouse) -> None:
    """Let a hold come over it."""
    house.holds.now = (hold("user.contact", "mask"),)


def stale(house: AccessHouse) -> None:
    """Let this process hear nothing of changes."""
    house.is_current = False


def revoked(house: AccessHouse) -> None:
    """End the sign-in."""
    house.identify.revoked = True


def permitted() -> Permit:
    """Return what was permitted."""
    found = Decider(RULES, lambda _rung, _text: True).decide(ASKED, (), NOW_US)
    assert isinstance(found, Permit)
    return found


def checked(change: Callable[[AccessHouse], None]) -> None:
    """Check after a change."""
    house = AccessHouse()
    permit = permitted()
    change(house)
    check_still_permitted(house.rooms, Call(None, house.out), ASKED, permit)  # type: ignore[arg-type]


def test_what_is_as_it_was_goes_on() -> None:
    """Nothing is raised."""
    checked(lambda _house: None)


@pytest.mark.parametrize(("change", "reason"), [
    (none, Reason.GRANT_MISSING), (held, Reason.HELD), (stale, Reason.OVERLOADED), (revoked, Reason.SIGN_IN_REQUIRED),
    (less, Reason.GRANT_MISSING),
])  # fmt: skip
def test_what_is_less_now_is_refused(change: Callable[[AccessHouse], None], reason: Reason) -> None:
    """With the reason that it would have from the start, or that the view has changed."""
    with pytest.raises(RefusedError) as raised:
        checked(change)
    assert raised.value.deny.reason in (reason, Reason.FIELD_NOT_PERMITTED)
