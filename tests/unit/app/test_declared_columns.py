# SPDX-License-Identifier: Apache-2.0
"""What rules declared of columns at rest is remembered, and later rules that forget it are told where."""

import pytest

from gateway.app.columns import KnownColumns
from gateway.app.declared_columns import DeclaredColumns, place_of
from gateway.domain.catalog import AtRest, Catalog, Collection, FieldSpec
from gateway.domain.names import DatasetName, FieldName
from gateway.domain.turning import ColumnState, Turn
from gateway.store.engine import Store
from gateway.store.meta import Meta
from tests.fakes.migrating import PEOPLE, spec

PHONE, MAIL = spec("phone", at_rest="phones"), spec("mail", at_rest="mails", kind=AtRest.VAULT)
FILES = {
    "datasets/shop.yaml": b"dataset:\n  - fides_key: shop\n    collections:\n      - name: people\n",
    "datasets/crm.yaml": b"""dataset:
  - fides_key: crm
    collections:
      - name: others
        fields:
          - {name: phone}
      - name: people
        fields:
          - name: id
          - {name: phone, data_categories: [user.contact.phone_number]}
""",
}


def catalog(*fields: FieldSpec, dataset: DatasetName = PEOPLE) -> Catalog:
    """Return a catalogue of one collection."""
    return Catalog(collections={dataset: Collection(dataset=dataset, subject=None, fields=fields)}, routes=())


@pytest.fixture
def known(store: Store) -> KnownColumns:
    """Of nothing anything."""
    return KnownColumns(Meta(store))


@pytest.fixture
def declared(store: Store, known: KnownColumns) -> DeclaredColumns:
    """Of nothing anything."""
    return DeclaredColumns(Meta(store), known)


async def test_rules_that_would_read_a_column_in_another_way_are_told_where(declared: DeclaredColumns) -> None:
    """Without the declaration, of another domain, and of another kind; the sentence says what to do."""
    await declared.remember(catalog(PHONE, MAIL))
    assert await declared.forgotten(catalog(PHONE, MAIL), FILES) == ()
    for other in (spec("phone"), spec("phone", at_rest="numbers"), spec("phone", at_rest="phones", kind=AtRest.VAULT)):
        [problem] = await declared.forgotten(catalog(other, MAIL), FILES)
        assert (problem.file, problem.line) == ("datasets/crm.yaml", 10)
        assert "at_rest: {domain: phones, kind: siv}" in problem.message
        assert "gateway surrogate migrate crm.people --field phone --back" in problem.message


async def test_what_is_not_read_at_all_is_no_problem(declared: DeclaredColumns) -> None:
    """A field or a collection that the rules no longer have; and one of another dataset was never remembered."""
    await declared.remember(catalog(PHONE, MAIL))
    assert await declared.forgotten(catalog(MAIL), FILES) == ()
    assert await declared.forgotten(catalog(spec("phone"), dataset=DatasetName("crm.others")), FILES) == ()


async def test_a_column_that_was_turned_back_is_let_go(declared: DeclaredColumns, known: KnownColumns) -> None:
    """Also by a start with the rules that declare it still; turned over again, it is held again."""
    await declared.remember(catalog(PHONE, MAIL))
    await known.write(PEOPLE, {PHONE.name: ColumnState(Turn.BACK)})
    assert len(await declared.forgotten(catalog(spec("phone"), MAIL), FILES)) == 1
    await declared.let_go(PEOPLE, [PHONE.name])
    await declared.remember(catalog(PHONE, MAIL))
    assert await declared.forgotten(catalog(spec("phone"), MAIL), FILES) == ()
    assert len(await declared.forgotten(catalog(spec("phone"), spec("mail")), FILES)) == 1

    await declared.hold(PEOPLE, [PHONE])
    assert len(await declared.forgotten(catalog(spec("phone"), MAIL), FILES)) == 1


async def test_every_process_knows_what_one_remembered(store: Store, declared: DeclaredColumns) -> None:
    """It lies in the database."""
    await declared.remember(catalog(PHONE))
    elsewhere = DeclaredColumns(Meta(store), KnownColumns(Meta(store)))
    assert len(await elsewhere.forgotten(catalog(spec("phone")), FILES)) == 1


def test_a_field_that_cannot_be_found_in_the_files_has_a_place_all_the_same() -> None:
    """The collection's, or the folder's."""
    assert place_of(FILES, PEOPLE, FieldName("mail")) == ("datasets/crm.yaml", 7)
    assert place_of(FILES, DatasetName("erp.people"), FieldName("mail")) == ("datasets", 1)
