# SPDX-License-Identifier: Apache-2.0
"""From the header to a principal, or to why there is none."""

import pytest

from gateway.domain.decision import Reason
from gateway.domain.principal import Principal
from gateway.domain.signin import Revoked
from gateway.identify.identify import Identify, SignInProblem
from gateway.identify.sessions import Revocations
from tests.unit.identify.test_bearers import NOW_US, PERSON, S, bearers
from tests.unit.identify.test_sessions import Told


@pytest.fixture
async def identify() -> Identify:
    """A gateway that knows of one revoked session and one disabled account."""
    told = Told()
    told.answer = Revoked(sessions=frozenset({"s_gone"}), accounts=frozenset({"a_gone"}))
    revocations = Revocations(told)
    await revocations.refresh(NOW_US)
    return Identify(bearers(), revocations)


def bearer(**changes: str) -> str:
    """Return a bearer for the person, or for one that differs."""
    values = {name: getattr(PERSON, name) for name in PERSON.__struct_fields__}
    return bearers().issue(Principal(**(values | changes)), amr=("pwd",), now_us=NOW_US)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_bearer_gives_its_principal(identify: Identify, scheme: str) -> None:
    """The scheme's case is free, as RFC 9110 says."""
    assert identify.principal(f"{scheme} {bearer()}", NOW_US) == PERSON


def test_no_header_asks_for_a_sign_in_without_an_error(identify: Identify) -> None:
    """RFC 6750: who showed nothing is not told that something was wrong with it."""
    assert identify.principal(None, NOW_US) == SignInProblem(reason=Reason.SIGN_IN_REQUIRED, error=None, why="none")


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{}",
        "Bearer",
        "Bearer ",
        "Bearer  {}",
        " Bearer {}",
        "Bearer {} ",
        "Bearer\t{}",
        "Bearer {},{}",
        "Bearer {} {}",
        "Bearer {}\n",
        "Bearer {}\r\nX: y",
        "Bearer é",
        "Bearer={}",
        "Basic {}",
        "Token {}",
    ],
)
def test_any_other_spelling_of_the_header_is_refused(identify: Identify, template: str) -> None:
    """One scheme, one space, one bearer."""
    problem = identify.principal(template.replace("{}", bearer()), NOW_US)
    assert isinstance(problem, SignInProblem)
    assert (problem.reason, problem.error) == (Reason.SIGN_IN_REQUIRED, "invalid_request")


@pytest.mark.parametrize("changes", [{"session": "s_gone"}, {"account": "a_gone"}])
def test_a_revoked_session_or_account_has_no_principal(identify: Identify, changes: dict[str, str]) -> None:
    """Although the bearer itself is good and was remembered."""
    for _ in range(2):
        problem = identify.principal(f"Bearer {bearer(**changes)}", NOW_US)
        assert problem == SignInProblem(reason=Reason.SIGN_IN_REQUIRED, error="invalid_token", why="revoked")


def test_an_expired_bearer_has_no_principal(identify: Identify) -> None:
    """The caller learns that it is not good; staff learn why."""
    problem = identify.principal(f"Bearer {bearer()}", NOW_US + 311 * S)
    assert problem == SignInProblem(reason=Reason.SIGN_IN_REQUIRED, error="invalid_token", why="expired")
