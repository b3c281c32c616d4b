# SPDX-License-Identifier: Apache-2.0
"""What is known of columns: kept, told to other processes, and forgotten where a database is older than the log."""

from gateway.app.columns import KnownColumns
from gateway.domain.names import DatasetName, FieldName
from gateway.domain.turning import UNKNOWN, ColumnState, Turn
from gateway.store.engine import Store
from gateway.store.meta import Meta
from gateway.store.versions import ChangeFeed, Topic

PEOPLE, PHONE, MAIL = DatasetName("crm.people"), FieldName("phone"), FieldName("mail")


async def test_what_is_said_of_a_column_is_there_for_every_process_and_announced(store: Store) -> None:
    """Of other columns nothing changes, and of what was never said nothing is known: it may hold values."""
    here, there = KnownColumns(Meta(store)), KnownColumns(Meta(store))
    feed = ChangeFeed(store)
    await feed.poll()
    assert await here.read(PEOPLE, PHONE) == UNKNOWN
    assert UNKNOWN.is_mixed

    await here.write(PEOPLE, {PHONE: ColumnState(Turn.DONE, 2)})
    assert Topic.KEYS in await feed.poll()
    await feed.close()
    await here.write(PEOPLE, {MAIL: ColumnState(Turn.BACK)})
    await there.refresh()
    assert there.of(PEOPLE, PHONE) == ColumnState(Turn.DONE, 2)
    assert there.of(PEOPLE, MAIL) == ColumnState(Turn.BACK)
    assert there.of(DatasetName("crm.others"), PHONE) == UNKNOWN


async def test_forgotten_columns_count_as_mixed(store: Store) -> None:
    """Every one of them."""
    columns = KnownColumns(Meta(store))
    await columns.write(PEOPLE, {PHONE: ColumnState(Turn.DONE, 2)})
    await columns.forget()
    assert (await KnownColumns(Meta(store)).read(PEOPLE, PHONE)).is_mixed
