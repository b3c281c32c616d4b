# SPDX-License-Identifier: Apache-2.0
"""Joining rooms to meters: which slot counts where, and what a watchers' token must be."""

from pathlib import Path

import pytest

from gateway.app.current import decision_id
from gateway.app.signals.metering import noted_decision_id, signals_of, watchers_token
from gateway.app.signals.metrics import OWN_ANSWERS
from gateway.app.signals.page import Page
from gateway.app.slots import WORKER_SLOT, door_slot
from gateway.domain.errors import SettingsError
from gateway.settings.sections import MetricsSettings

MOST_DOORS = 64


def test_every_slot_has_a_region_of_its_own() -> None:
    """The worker, as many doors as settings allow, and the one that stands in for a restart."""
    page = Page.new()
    slots = [WORKER_SLOT, *(door_slot(number) for number in range(MOST_DOORS + 1))]
    for slot in slots:
        signals_of(page, slot).meters.add(OWN_ANSWERS, 1, slot)
    text = signals_of(page, WORKER_SLOT).text()
    assert all(f'gateway_own_answers_total{{what="{slot}"}} 1.0\n' in text for slot in slots)


def test_an_own_call_is_the_present_one() -> None:
    """Its remarks have its number."""
    assert noted_decision_id() == decision_id()


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        (b"short\n", 0o600, "16 characters"),
        (b"two words of a long enough token\n", 0o600, "one word"),
        ("sixteen-lettersé".encode(), 0o600, "ASCII"),
        (b"a-long-enough-token\n", 0o604, "chmod 600"),
    ],
)
def test_a_token_that_guards_nothing_is_refused(tmp_path: Path, content: bytes, mode: int, problem: str) -> None:
    """At the start, with what to do."""
    path = tmp_path / "token"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(SettingsError, match=problem):
        watchers_token(MetricsSettings(token_file=path))


def test_a_token_is_the_word_in_its_file(tmp_path: Path) -> None:
    """Without the line feed that an editor leaves; no file is no token, one that is missing is an error."""
    path = tmp_path / "token"
    path.write_bytes(b"a-long-enough-token\n")
    path.chmod(0o600)
    assert watchers_token(MetricsSettings(token_file=path)) == b"a-long-enough-token"
    assert watchers_token(MetricsSettings()) is None
    with pytest.raises(SettingsError, match=r"metrics\.token_file: No such file"):
        watchers_token(MetricsSettings(token_file=tmp_path / "missing"))
