# SPDX-License-Identifier: Apache-2.0
"""A review is entered, then written; what somebody else changed meanwhile is left as it is."""

from pathlib import Path

import pytest
from typing_extensions import override

from gateway.app.own_stores.dataset_text import FieldPlace, unreviewed
from gateway.app.own_stores.reviewing import MOST_TOLD, open_sheet, write
from gateway.app.own_stores.starting import starter_files
from gateway.domain.entry import Changed, Entry, Part
from gateway.domain.errors import LogUnavailable, RulesError, SettingsError
from gateway.domain.names import CategoryKey, DatasetName, StoreName
from gateway.settings.loading import Settings
from tests.fakes.own_dataset import UNREVIEWED

CITY = FieldPlace(dataset=DatasetName("club.people"), field="city")


class FakeLog:
    """A log that can be full."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.is_full = False

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Keep the entry."""
        if self.is_full:
            raise LogUnavailable("the disk is full")
        self.entries.append(entry)
        return 0

    def room_left(self) -> bool:
        """Tell whether there is room."""
        return True


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation with the starter rules of a club."""
    for name, text in starter_files(StoreName("club"), UNREVIEWED).items():
        (tmp_path / "policies" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "policies" / name).write_bytes(text)
    return Settings(installation="i", state=tmp_path, policies=tmp_path / "policies")


def sheet_file(settings: Settings) -> Path:
    """Return the dataset's file."""
    return settings.policies_dir / "datasets" / "club.yaml"


async def test_a_review_is_entered_and_written(settings: Settings) -> None:
    """The entry names who, what and the rules that come of it."""
    log = FakeLog()
    digest = await write(settings, open_sheet(settings, None), [CITY], {}, log, by="local:test")
    assert log.entries == [
        Changed(
            by="local:test",
            what="dataset-reviewed",
            target="club",
            facts={"n_confirmed": 1, "confirmed": "city", "categories": "", "rules": digest},
        )
    ]
    assert CITY not in unreviewed(sheet_file(settings).read_text())
    assert open_sheet(settings, "club").rules.digest == digest


async def test_a_file_that_was_changed_meanwhile_is_left_alone(settings: Settings) -> None:
    """Whoever changed it meant something."""
    log, sheet = FakeLog(), open_sheet(settings, "club")
    sheet_file(settings).write_text(UNREVIEWED + "# mine\n")
    with pytest.raises(SettingsError, match="changed meanwhile"):
        await write(settings, sheet, [CITY], {}, log, by="local:test")
    assert sheet_file(settings).read_text() == UNREVIEWED + "# mine\n"
    assert log.entries == []


async def test_a_file_that_was_changed_while_the_review_was_entered_is_left_alone(settings: Settings) -> None:
    """The log may be slow, and what was written meanwhile may take something away from somebody."""
    sheet, path = open_sheet(settings, "club"), sheet_file(settings)

    class SlowLog(FakeLog):
        @override
        async def append(self, entry: Entry, part: Part | None = None) -> int:
            path.write_text(UNREVIEWED + "# mine\n")
            return await super().append(entry, part)

    with pytest.raises(SettingsError, match="changed meanwhile"):
        await write(settings, sheet, [CITY], {}, SlowLog(), by="local:test")
    assert path.read_text() == UNREVIEWED + "# mine\n"


async def test_what_cannot_be_entered_is_not_written(settings: Settings) -> None:
    """Nor what would not load."""
    log = FakeLog()
    log.is_full = True
    with pytest.raises(LogUnavailable):
        await write(settings, open_sheet(settings, "club"), [CITY], {}, log, by="local:test")
    log.is_full = False
    with pytest.raises(RulesError):
        await write(settings, open_sheet(settings, "club"), [], {CITY: CategoryKey("local.town")}, log, by="local:test")
    assert sheet_file(settings).read_text() == UNREVIEWED
    assert log.entries == []


async def test_an_entry_stays_short(settings: Settings) -> None:
    """However many fields a store has."""
    extra = "".join(
        f"          - {{name: attribute_of_the_store_{place}, data_categories: [user], gateway: {{type: text, reviewed: no}}}}\n"
        for place in range(100)
    )
    sheet_file(settings).write_text(UNREVIEWED + extra)
    log, sheet = FakeLog(), open_sheet(settings, "club")
    await write(settings, sheet, [place for place, _ in sheet.fields], {}, log, by="local:test")
    (entry,) = log.entries
    assert isinstance(entry, Changed)
    assert len(str(entry.facts["confirmed"])) == MOST_TOLD
    assert entry.facts["n_confirmed"] == 111
