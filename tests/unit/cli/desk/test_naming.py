# SPDX-License-Identifier: Apache-2.0
"""Accounts as a person reads them."""

from pathlib import Path

from gateway.cli.desk.desk import Desk
from gateway.cli.desk.naming import Names, names_here


def test_a_known_account_has_its_name_beside_its_number_and_another_is_as_it_is() -> None:
    """Nothing is made up for one that nobody knows."""
    names = Names({"a_1": "analyst-1"})
    assert (names.named("a_1"), names.named("a_2"), names.named("")) == ("analyst-1 (a_1)", "a_2", "")


def test_where_the_installation_cannot_be_opened_numbers_are_told(tmp_path: Path) -> None:
    """The names are a help, and no reason to answer nothing."""
    assert names_here(Desk(tmp_path, None, json=False)).named("a_1") == "a_1"
