# SPDX-License-Identifier: Apache-2.0
"""Which file a store's dataset is in, and how it is written."""

from pathlib import Path

import pytest

from gateway.app.own_stores.discovering import Found
from gateway.app.own_stores.inferring import file_for, text_for, write
from gateway.discover.propose import propose
from gateway.discover.sample import Sample
from gateway.domain.errors import SettingsError
from gateway.domain.names import StoreName
from gateway.settings.loading import Settings

CRM = StoreName("crm")
FOUND = Found(proposal=propose(CRM, None, [Sample(path="/customers", body=[{"id": "c-1", "email": "a@example.com"}])]))


def test_the_file_that_describes_a_store_is_its_file_whatever_it_is_called(tmp_path: Path) -> None:
    """A new one has the store's name; what is no YAML is passed over."""
    settings = Settings(state=tmp_path)
    folder = settings.policies_dir / "datasets"
    assert file_for(settings, CRM) == folder / "crm.yaml"
    folder.mkdir(parents=True)
    (folder / "broken.yaml").write_text("a: [", "utf-8")
    (folder / "own.yaml").write_text("dataset: [{fides_key: crm}]\n", "utf-8")
    assert file_for(settings, CRM) == folder / "own.yaml"


def test_a_file_that_cannot_be_added_to_is_left_and_said_so(tmp_path: Path) -> None:
    """Unless it is to be written anew."""
    path = tmp_path / "crm.yaml"
    path.write_text("dataset: [{fides_key: crm}]\n", "utf-8")
    with pytest.raises(SettingsError, match="--replace"):
        text_for(path, FOUND, replace=False)
    assert text_for(path, FOUND, replace=True).collections == ("customers",)


def test_a_file_is_written_whole_with_the_mode_that_it_had(tmp_path: Path) -> None:
    """A new one is the owner's alone."""
    path = tmp_path / "crm.yaml"
    write(path, "one\n")
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    write(path, "two\n")
    assert (path.read_text("utf-8"), path.stat().st_mode & 0o777) == ("two\n", 0o640)
    assert list(tmp_path.iterdir()) == [path]
