# SPDX-License-Identifier: Apache-2.0
"""What is counted and spent, statement by statement, on both engines."""

import pytest

from gateway.domain.names import AccountId, ClientId, RecipientId, RoleName
from gateway.domain.principal import PrincipalKind
from gateway.domain.signin import Account, Lockout, RecoveryCode, Refresh, Session, TotpStep
from gateway.store.accounts import Accounts
from gateway.store.engine import Store
from gateway.store.factors import DAY_US, FactorTries

NOW_US = 1_750_000_000_000_000
ANA = AccountId("a_1")
S = 1_000_000


@pytest.fixture
async def tries(store: Store) -> FactorTries:
    """A store with one enrolled account, ``ana``, whose newest spent step is 100."""
    accounts = Accounts(store)
    account = Account(id=ANA, kind=PrincipalKind.PERSON, roles=(RoleName("analyst"),), recipient=RecipientId("own"))
    await accounts.add(account, name="ana", password_hash="hash", now_us=NOW_US)
    await accounts.set_totp(ANA, b"sealed", now_us=NOW_US)
    await accounts.confirm_totp(ANA, sealed=b"sealed", step=100, recovery=(b"r1", b"r2"), now_us=NOW_US)
    return FactorTries(store, Lockout(failures=3, first_s=30, most_s=60))


async def challenge(tries: FactorTries, digest: bytes = b"c1", *, right: bool = True, now_us: int = NOW_US) -> None:
    """Open a challenge that is worth something, or is not."""
    tried = await tries.admit_password("ana", challenge=digest, expires_us=now_us + 180 * S, now_us=now_us)
    await tries.settle_password(digest, tried, right=right, refund=right, rehashed=None)


def session(name: str = "s_1") -> Session:
    """Return a session of the account."""
    return Session(
        id=name,
        account=ANA,
        client=ClientId("gateway:login"),
        created_us=NOW_US,
        auth_time_us=NOW_US,
        amr=("pwd", "otp"),
        scopes=(),
        expires_us=NOW_US + DAY_US,
    )


async def accept(tries: FactorTries, proof: TotpStep | RecoveryCode, digest: bytes = b"c1", name: str = "s_1") -> bool:
    """Spend a proof on a challenge."""
    refresh = Refresh(digest=name.encode(), issued_us=NOW_US, expires_us=NOW_US + S)
    return await tries.accept(digest, ANA, proof=proof, session=session(name), refresh=refresh, now_us=NOW_US)


async def test_an_unknown_name_has_a_challenge_that_is_worth_nothing(tries: FactorTries) -> None:
    """It is written like any other."""
    tried = await tries.admit_password("nobody", challenge=b"c1", expires_us=NOW_US + S, now_us=NOW_US)
    await tries.settle_password(b"c1", tried, right=False, refund=False, rehashed=None)
    found = await tries.admit_code(b"c1", recovery=None, now_us=NOW_US)
    assert (tried.account, tried.password_hash, tried.admitted) == (None, None, False)
    assert (found.why, found.challenged, found.account) == ("password", "", None)


async def test_a_challenge_that_is_not_settled_is_worth_nothing(tries: FactorTries) -> None:
    """A process that dies while it judges a password has let nobody in."""
    await tries.admit_password("ana", challenge=b"c1", expires_us=NOW_US + S, now_us=NOW_US)
    found = await tries.admit_code(b"c1", recovery=None, now_us=NOW_US)
    assert found.why == "password"


async def test_a_try_is_counted_before_it_is_judged(tries: FactorTries) -> None:
    """The third begins the wait, the fourth is not admitted, though none was judged yet."""
    tried = [
        await tries.admit_password("ana", challenge=bytes([n]), expires_us=NOW_US + S, now_us=NOW_US) for n in range(4)
    ]
    assert [one.admitted for one in tried] == [True, True, True, False]
    assert [one.lock_us for one in tried] == [None, None, NOW_US + 30 * S, None]


async def test_a_right_try_gives_back_its_count_and_its_own_wait(tries: FactorTries) -> None:
    """Also when it was the one that began the wait."""
    for n in range(20):
        await challenge(tries, bytes([n]))
    tried = await tries.admit_password("ana", challenge=b"x", expires_us=NOW_US + S, now_us=NOW_US)
    assert tried.admitted


async def test_a_right_try_does_not_end_the_wait_of_another(tries: FactorTries) -> None:
    """A slow right one cannot undo what later wrong ones began after the limit."""
    slow = await tries.admit_password("ana", challenge=b"slow", expires_us=NOW_US + S, now_us=NOW_US)
    for n in range(2):
        await tries.admit_password("ana", challenge=bytes([n]), expires_us=NOW_US + S, now_us=NOW_US)
    later_us = NOW_US + 31 * S
    await tries.admit_password("ana", challenge=b"later", expires_us=later_us + S, now_us=later_us)
    await tries.settle_password(b"slow", slow, right=True, refund=True, rehashed=None)
    next_us = later_us + 1
    tried = await tries.admit_password("ana", challenge=b"next", expires_us=next_us + S, now_us=next_us)
    assert not tried.admitted


async def test_the_proof_is_spent_once(tries: FactorTries) -> None:
    """Of two challenges with one step, the second opens nothing and leaves nothing behind."""
    await challenge(tries, b"c1")
    await challenge(tries, b"c2")
    assert await accept(tries, TotpStep(101), b"c1", "s_1")
    assert not await accept(tries, TotpStep(101), b"c2", "s_2")
    assert await accept(tries, TotpStep(102), b"c2", "s_2")


async def test_a_challenge_is_spent_once_whatever_proofs_come(tries: FactorTries) -> None:
    """Two proofs that are each good and were admitted together open one session."""
    await challenge(tries)
    assert await accept(tries, TotpStep(101), name="s_1")
    assert not await accept(tries, TotpStep(102), name="s_2")
    assert not await accept(tries, RecoveryCode(b"r1"), name="s_3")


@pytest.mark.parametrize("step", [0, 99, 100])
async def test_no_step_is_accepted_that_is_not_newer(tries: FactorTries, step: int) -> None:
    """What is spent stays spent when the clock goes back."""
    await challenge(tries)
    assert not await accept(tries, TotpStep(step))


async def test_a_recovery_code_is_spent_once(tries: FactorTries) -> None:
    """And only if it is one of the account's."""
    for place, (code, expected) in enumerate([(b"r1", True), (b"r1", False), (b"other", False), (b"r2", True)]):
        await challenge(tries, bytes([place]))
        found = await tries.admit_code(bytes([place]), recovery=code, now_us=NOW_US)
        assert found.recovery is expected
        assert await accept(tries, RecoveryCode(code), bytes([place]), f"s_{place}") is expected


async def test_a_challenge_of_a_wrong_password_accepts_nothing(tries: FactorTries) -> None:
    """Whatever is shown with it, the database says no."""
    await challenge(tries, right=False)
    assert not await accept(tries, TotpStep(101))


async def test_a_challenge_of_another_account_accepts_nothing(tries: FactorTries) -> None:
    """It is bound to the account that it was opened for."""
    await challenge(tries)
    refresh = Refresh(digest=b"d", issued_us=NOW_US, expires_us=NOW_US + S)
    assert not await tries.accept(
        b"c1", AccountId("a_2"), proof=TotpStep(101), session=session(), refresh=refresh, now_us=NOW_US
    )


async def test_codes_that_were_not_judged_use_up_nothing(tries: FactorTries) -> None:
    """While an account waits, neither its challenge nor its day of codes gets smaller."""
    await challenge(tries, b"good")
    for n in range(3):
        await challenge(tries, bytes([n]), right=False)
    for _ in range(20):
        assert (await tries.admit_code(b"good", recovery=None, now_us=NOW_US)).why == "locked"
    later_us = NOW_US + 30 * S
    assert (await tries.admit_code(b"good", recovery=None, now_us=later_us)).why is None


async def test_challenges_are_kept_as_long_as_their_codes_count(tries: FactorTries) -> None:
    """Cleaning up does not give anybody new codes."""
    await challenge(tries)
    assert await tries.purge(NOW_US + DAY_US + 180 * S) == 0
    assert await tries.purge(NOW_US + 3 * DAY_US) == 1


async def test_a_name_with_quotes_is_only_an_unknown_name(tries: FactorTries) -> None:
    """Values are parameters, never SQL."""
    tried = await tries.admit_password("ana' OR '1'='1", challenge=b"c", expires_us=NOW_US, now_us=NOW_US)
    assert tried.account is None
