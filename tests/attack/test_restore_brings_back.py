# SPDX-License-Identifier: Apache-2.0
"""Attack: an older copy of the database is put back, by whatever means, so that what was ended goes on.

Whoever may restore a snapshot wants a lifted lock, a password that was changed after it leaked, a code that
was used, a consent that was withdrawn. The copy is put back here past every command of the gateway.
"""

import base64
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.app.doors import _login_flow
from gateway.app.installation import Rooms, open_installation
from gateway.app.making import make_installation
from gateway.app.slots import DOOR_SLOT
from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.entry import Changed
from gateway.domain.names import AccountId, CategoryKey, DecisionId, IdentityKind, PurposeKey
from gateway.domain.signin import Origin
from gateway.domain.treatment import DROP
from gateway.domain.viewplan import Hold
from gateway.flows.login.answers import Tokens
from gateway.flows.restore.flow import Restore
from gateway.settings.loading import Settings
from gateway.settings.sections import PasswordSettings
from gateway.store.backup import Header, Wanted, dump
from gateway.store.putting_back import put_back
from gateway.store.settling import Settling
from tests.fakes.enrolled import confirmed

OLD, NEW = "seven lamps of architecture", "a lighthouse keeper reads slowly"
CUSTOMER, MARKETING = IdentityKind("crm.customer_id"), PurposeKey("marketing")
ORIGIN = Origin(call=DecisionId("d"))


class Target:
    """What the attacker is after: an account, its factors, and somebody's consent."""

    account: AccountId
    secret: bytes
    codes: tuple[str, ...]
    bearer: str

    def __init__(self, settings: Settings, tmp_path: Path) -> None:
        """Nothing is there yet."""
        self.settings, self._folder = settings, tmp_path
        self._place = settings.database.get_secret_value() if settings.database else str(settings.state)
        self._copies: list[tuple[Path, Header]] = []

    async def set_up(self, rooms: Rooms) -> None:
        """Enrol, sign in, and consent; then take the copy."""
        self.account = await rooms.enrolment.add_person(
            "eve", OLD, roles=("analyst",), recipient="own", by="local:test"
        )
        fresh = await rooms.enrolment.enrol_totp(self.account, by="local:test")
        self.secret = base64.b32decode(fresh.secret)
        self.codes = (await confirmed(rooms, self.account, self.secret)).recovery_codes
        tokens = await self.sign_in(rooms, self.codes[-1])
        assert tokens is not None
        self.bearer = str(tokens.refresh_token)
        await choose(rooms, ChoiceState.GIVEN)
        for base in ("main", "keys"):
            wanted = Wanted(base=base, installation="x", created_us=1, expires_us=None, places={})
            file = self._folder / f"{base}.copy"
            self._copies.append((file, dump(self._place, wanted, file, lambda _header: "", lambda _n: None)))

    def put_back(self) -> None:
        """Put the copy back past every command; nothing tells the gateway."""
        for file, header in self._copies:
            put_back(file, header, self._place, lambda _n: None, is_noted=False)

    async def sign_in(self, rooms: Rooms, code: str, password: str = OLD) -> Tokens | None:
        """Show password and code."""
        flow = _login_flow(rooms)
        started = await flow.start("eve", password, ORIGIN)
        answer = await flow.finish_totp(started.login, code, ORIGIN)
        return answer if isinstance(answer, Tokens) else None


async def choose(rooms: Rooms, state: ChoiceState) -> None:
    """Record a choice as a command does: the log first."""
    [number] = await rooms.people.numbers(CUSTOMER, ["c-1"])
    facts: dict[str, str | int] = {"purpose": MARKETING, "state": state.value, "at_us": rooms.clock(), "source": "x"}
    await rooms.log.append(Changed(by="local:test", what="choice-recorded", target=str(number), facts=facts))
    one = Choice(person=number, purpose=MARKETING, state=state, at_us=int(facts["at_us"]))
    await rooms.choices.record([one], "x")


async def lock(target: Target, rooms: Rooms) -> None:
    """Lock the account as a command does."""
    facts: dict[str, str | int] = {"categories": "user", "rung": "drop", "link": 0, "said": "lock", "holds": "h_x"}
    await rooms.log.append(Changed(by="local:test", what="account-locked", target=target.account, facts=facts))
    cap = Hold(category=CategoryKey("user"), rung=DROP, link=False, reason="lock")
    await rooms.holds.set(target.account, cap, hold_id="h_x")


async def is_locked(target: Target, rooms: Rooms) -> bool:
    """Tell whether nothing leaves to the account."""
    return [hold_id for hold_id, _ in await rooms.holds.on(target.account)] == ["h_x"]


async def withdraw(_: Target, rooms: Rooms) -> None:
    """Withdraw the consent."""
    await choose(rooms, ChoiceState.WITHDRAWN)


async def is_withdrawn(_: Target, rooms: Rooms) -> bool:
    """Tell whether the person counts as not agreeing."""
    await rooms.choices.load([MARKETING])
    [number] = await rooms.people.numbers(CUSTOMER, ["c-1"])
    return number in rooms.choices.sets_for(MARKETING).negative


async def change_password(target: Target, rooms: Rooms) -> None:
    """Replace a password that leaked."""
    await rooms.enrolment.set_password(target.account, NEW, by="local:test")


async def old_password_fails(target: Target, rooms: Rooms) -> bool:
    """Tell whether the leaked one opens nothing."""
    return await target.sign_in(rooms, target.codes[1]) is None


async def use_code(target: Target, rooms: Rooms) -> None:
    """Spend a recovery code."""
    assert await target.sign_in(rooms, target.codes[0]) is not None


async def code_fails(target: Target, rooms: Rooms) -> bool:
    """Tell whether it is spent."""
    return await target.sign_in(rooms, target.codes[0]) is None


async def sign_out(target: Target, rooms: Rooms) -> None:
    """Use the refresh bearer, then again, which ends the session."""
    flow = _login_flow(rooms)
    await flow.refresh(target.bearer, ORIGIN)
    await flow.refresh(target.bearer, ORIGIN)


async def bearer_fails(target: Target, rooms: Rooms) -> bool:
    """Tell whether the stolen bearer gives no other."""
    return not isinstance(await _login_flow(rooms).refresh(target.bearer, ORIGIN), Tokens)


async def disable(target: Target, rooms: Rooms) -> None:
    """Put the account out of force."""
    await rooms.enrolment.disable(target.account, by="local:test")


async def is_disabled(target: Target, rooms: Rooms) -> bool:
    """Tell whether it is."""
    record = await rooms.accounts.get(target.account)
    return record is not None and record.disabled_us is not None


Act = Callable[[Target, Rooms], Awaitable[None]]
Look = Callable[[Target, Rooms], Awaitable[bool]]
ENDED: dict[str, tuple[Act, Look]] = {
    "lock": (lock, is_locked),
    "consent": (withdraw, is_withdrawn),
    "password": (change_password, old_password_fails),
    "recovery-code": (use_code, code_fails),
    "session": (sign_out, bearer_fails),
    "account": (disable, is_disabled),
}


@pytest.fixture
async def target(place: str, tmp_path: Path) -> Target:
    """An installation with its copy."""
    state = Path(place) if "://" not in place else tmp_path / "state"
    content: dict[str, object] = {"installation": "x", "log": {"least_free_bytes": 0, "least_free_percent": 0}}
    made = make_installation(state, content | ({"database": place} if "://" in place else {}))
    cheap = PasswordSettings(memory_kib=64, time_cost=1)
    target = Target(made.model_copy(update={"passwords": cheap}), tmp_path)
    async with open_installation(target.settings, DOOR_SLOT) as rooms:
        await target.set_up(rooms)
    return target


@pytest.mark.parametrize("what", ENDED)
async def test_an_older_copy_brings_nothing_back(target: Target, what: str) -> None:
    """Nor does putting it back a second time."""
    end, is_ended = ENDED[what]
    async with open_installation(target.settings, DOOR_SLOT) as rooms:
        await end(target, rooms)

    for _ in range(2):
        target.put_back()
        async with open_installation(target.settings, DOOR_SLOT) as rooms:
            assert rooms.restored is not None
            assert await is_ended(target, rooms)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", ENDED)
async def test_without_the_replay_the_copy_would_bring_it_back(
    target: Target, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the test above can fail."""
    end, is_ended = ENDED[what]
    async with open_installation(target.settings, DOOR_SLOT) as rooms:
        await end(target, rooms)
    target.put_back()

    async def nothing(_: Restore) -> None:
        return

    monkeypatch.setattr(Restore, "bring_up", nothing)
    async with open_installation(target.settings, DOOR_SLOT) as rooms:
        assert not await is_ended(target, rooms)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_killing_the_replay_brings_nothing_back(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins again, and until it has ended nobody is ready."""
    async with open_installation(target.settings, DOOR_SLOT) as rooms:
        for end, _ in (ENDED["lock"], ENDED["consent"], ENDED["recovery-code"]):
            await end(target, rooms)
    target.put_back()

    async def killed(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Settling, "settle", killed)
        for _ in range(2):
            with pytest.raises((RuntimeError, ExceptionGroup)):
                async with open_installation(target.settings, DOOR_SLOT):
                    pass

    async with open_installation(target.settings, DOOR_SLOT) as rooms:
        assert rooms.restored is not None
        for _, is_ended in (ENDED["lock"], ENDED["consent"], ENDED["recovery-code"]):
            assert await is_ended(target, rooms)
