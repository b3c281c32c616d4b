# SPDX-License-Identifier: Apache-2.0
"""Opening an installation: what is refused, what is joined, and rules that are read again."""

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.app.installation import open_installation, reload_rules
from gateway.app.keyring import make_keyring, open_keyring
from gateway.app.making import make_installation
from gateway.app.slots import CLI_SLOT, DOOR_SLOT, check_private, log_name, log_signer, open_log
from gateway.domain.entry import Changed
from gateway.domain.errors import LogUnavailable, SettingsError, StateUnavailable
from gateway.domain.names import RoleName
from gateway.settings.loading import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a new installation."""
    return make_installation(tmp_path / "state", {"log": {"least_free_bytes": 0, "least_free_percent": 0}})


def test_a_folder_that_others_can_look_into_is_refused(tmp_path: Path) -> None:
    """With the command that mends it; so is one that is not there."""
    with pytest.raises(SettingsError, match="gateway init"):
        check_private(tmp_path / "nothing")
    tmp_path.chmod(0o750)
    with pytest.raises(SettingsError, match="chmod 700"):
        check_private(tmp_path)
    tmp_path.chmod(0o700)
    check_private(tmp_path)


def test_each_log_has_its_own_name_and_key(settings: Settings) -> None:
    """The key of a slot is always the same."""
    keyring = open_keyring(settings)
    keys = [log_signer(keyring, slot).public_key for slot in (DOOR_SLOT, CLI_SLOT, DOOR_SLOT)]
    assert log_name(settings, CLI_SLOT) == "gateway/node1/cli"
    assert keys[0] == keys[2] != keys[1]


def test_a_key_encryption_key_can_be_handed_in(tmp_path: Path) -> None:
    """Then there is none on the disk, and another one opens nothing."""
    kek = SecretStr(base64.b64encode(bytes(32)).decode())
    settings = Settings(state=tmp_path, kek=kek)
    secret = make_keyring(settings).ensure("cursor").secret
    assert open_keyring(settings).ensure("cursor").secret == secret
    assert not (tmp_path / "keys" / "kek").exists()


async def test_a_slot_has_one_process(settings: Settings) -> None:
    """A second door is refused at once; the command line has a slot of its own."""
    async with open_installation(settings, DOOR_SLOT):
        with pytest.raises(LogUnavailable):
            async with open_installation(settings, DOOR_SLOT):
                pass
        async with open_installation(settings, CLI_SLOT, with_rules=False) as rooms:
            assert not hasattr(rooms.policy, "decider")


async def test_a_log_can_be_opened_alone(settings: Settings) -> None:
    """For what needs neither database nor rules."""
    async with open_log(settings, CLI_SLOT) as log:
        assert await log.append(Changed(by="local:test", what="x", target="y")) > 0


async def test_purposes_follow_from_roles_by_the_rules_in_force(settings: Settings) -> None:
    """An unknown role has none."""
    async with open_installation(settings, DOOR_SLOT) as rooms:
        assert "analytics.reporting.campaign_insights" in rooms.purposes_of((RoleName("analyst"),))
        assert rooms.purposes_of((RoleName("nobody"),)) == ()
        assert rooms.changes.is_current()


async def test_rules_that_cannot_be_used_or_read_stay_out(settings: Settings) -> None:
    """What is in force stays in force."""
    async with open_installation(settings, DOOR_SLOT) as rooms:
        before = rooms.policy.decider
        (settings.policies_dir / "grants.csv").write_text("nonsense")
        await reload_rules(rooms.policy, settings.policies_dir)
        await reload_rules(rooms.policy, settings.state / "nothing")
        assert rooms.policy.decider is before


async def test_rules_that_cannot_be_archived_are_tried_again(settings: Settings) -> None:
    """A full disk is not a mistake in the rules: whoever asked is told that it was not done."""
    async with open_installation(settings, DOOR_SLOT) as rooms:
        before = rooms.policy.decider
        path = settings.policies_dir / "grants.csv"
        path.write_text(path.read_text() + "# another\n")
        rooms.archive._folder = settings.state / "gateway.yaml" / "rules"
        with pytest.raises(StateUnavailable):
            await reload_rules(rooms.policy, settings.policies_dir)
        assert rooms.policy.decider is before
