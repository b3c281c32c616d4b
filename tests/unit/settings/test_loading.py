# SPDX-License-Identifier: Apache-2.0
"""Settings of an installation: what the file says, what the environment overrides, what is refused."""

import os
from pathlib import Path

import pytest

from gateway.domain.errors import SettingsError
from gateway.settings.loading import FILE_NAME, load


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small settings file, and no variable of ours around it."""
    for name in [name for name in os.environ if name.startswith("GATEWAY_") and not name.startswith("GATEWAY_TEST_")]:
        monkeypatch.delenv(name)
    (tmp_path / FILE_NAME).write_text("installation: shop\nstores:\n  crm: {base_url: http://127.0.0.1:9/crm}\n")
    return tmp_path


def test_what_the_file_does_not_say_has_a_default(state: Path) -> None:
    """The state folder is the file's own, and the database lies in it."""
    settings = load(state=state)
    assert (settings.installation, settings.state, settings.listen.port) == ("shop", state, 8080)
    assert settings.database is None
    assert settings.policies_dir == state / "policies"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("installation: shop\ninstalation: x\n", "gateway.yaml:2: instalation: "),
        ("stores:\n  crm:\n    base_ur: x\n", "gateway.yaml:3: stores.crm.base_ur: "),
        ("listen: {prot: 8080}\n", "gateway.yaml:1: listen.prot: "),
    ],
)
def test_an_unknown_key_is_told_with_its_line_and_the_nearest_one(state: Path, text: str, told: str) -> None:
    """At the top, in a section and in a store; and one that is like none says where they stand."""
    near = {"instalation": "installation", "base_ur": "base_url", "prot": "port"}
    (state / FILE_NAME).write_text(text)
    with pytest.raises(SettingsError) as refused:
        load(state=state)
    [line] = [one for one in str(refused.value).splitlines() if told in one]
    assert line.endswith(f"; did you mean `{near[told.split(': ')[1].rpartition('.')[2]]}`?")
    (state / FILE_NAME).write_text("zzzzzzzz: 1\n")
    with pytest.raises(SettingsError, match=r"configuration\.md has every key"):
        load(state=state)


def test_the_environment_stands_above_the_file(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested keys are reached by two underscores."""
    monkeypatch.setenv("GATEWAY_LISTEN__PORT", "9090")
    monkeypatch.setenv("GATEWAY_INSTALLATION", "other")
    settings = load(state=state)
    assert (settings.listen.port, settings.installation) == (9090, "other")


def test_a_secret_is_read_from_the_file_that_its_variable_names(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never shown."""
    (state / "url").write_text("postgresql+psycopg://canary-secret@127.0.0.1/x\n")
    monkeypatch.setenv("GATEWAY_DATABASE_FILE", str(state / "url"))
    settings = load(state=state)
    assert settings.database is not None
    assert settings.database.get_secret_value() == "postgresql+psycopg://canary-secret@127.0.0.1/x"
    assert "canary-secret" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("instalation: x\n", "instalation"),
        ("listen: {port: 70000}\n", "listen.port"),
        ("installation: 'two words'\n", "installation"),
        ("- a\n- b\n", "expected keys and values"),
        ("a: [\n", "gateway.yaml"),
        ("stores: {crm: {base: x}}\n", "stores.crm"),
        (
            "stores: {mailer: {base_url: 'smtp://localhost', kind: smtp, enforced: no}}\n",
            "stores.mailer: Value error, a mail server cannot have `enforced: false`",
        ),
    ],
)
def test_what_cannot_be_used_is_told_with_its_key(state: Path, text: str, told: str) -> None:
    """Unknown keys are errors, so a mistyped one cannot be passed over."""
    (state / FILE_NAME).write_text(text)
    with pytest.raises(SettingsError, match=told.replace(".", r"\.")):
        load(state=state)


def test_a_folder_without_settings_says_what_to_run(tmp_path: Path) -> None:
    """The sentence holds the command."""
    with pytest.raises(SettingsError, match="gateway init"):
        load(state=tmp_path)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"GATEWAY_INSTALATION": "x"}, "GATEWAY_INSTALATION is no setting"),
        ({"GATEWAY_KEK": "x", "GATEWAY_KEK_FILE": "y"}, "both set"),
        ({"GATEWAY_KEK_FILE": "/nowhere/at/all"}, "cannot read"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    """A mistyped variable would otherwise leave a setting as it was."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=told):
        load(state=state)


def test_a_wrong_value_is_not_repeated(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was typed may be a secret in the wrong place."""
    monkeypatch.setenv("GATEWAY_LISTEN__PORT", "canary-secret")
    with pytest.raises(SettingsError) as caught:
        load(state=state)
    assert "canary-secret" not in str(caught.value)
