# SPDX-License-Identifier: Apache-2.0
"""What of a line the calls of a period used, what of it nobody used further, and how small it can be made."""

from typing import Any

import msgspec

from gateway.decide.past.narrowed import refuses, with_smaller
from gateway.decide.past.narrowing import Cell, Needs, Times, Use, cell_of
from gateway.decide.rules import Grant, RuleSet
from gateway.domain.catalog import Catalog
from gateway.domain.names import CategoryKey, DatasetName, FieldName, PurposeKey
from tests.fakes.deciding import COLLECTION, MAILING, NOW_US, PEOPLE, PURPOSE, ROUTE, grant, rules

NEWS, NOTES = PurposeKey("marketing.news"), DatasetName("crm.notes")
ID, NAME, CONTACT = grant("user.id", "drop", line=1), grant("user.name", line=2), grant("user.contact", line=3)
EVERYTHING = grant("user", line=4)
ALL = ("email", "id", "name")


def wide(*grants: Grant) -> RuleSet:
    """Return rules of two collections and two purposes."""
    notes = msgspec.structs.replace(COLLECTION, dataset=NOTES)
    return rules(
        catalog=Catalog(
            collections={PEOPLE: COLLECTION, NOTES: notes},
            routes=(ROUTE, msgspec.structs.replace(ROUTE, dataset=NOTES)),
        ),
        purposes={MAILING: PURPOSE, NEWS: msgspec.structs.replace(PURPOSE, key=NEWS)},
        grants=grants,
    )


def use(*lines: Grant, leaving: tuple[str, ...] = ALL, **changed: Any) -> Use:
    """Return a call that these lines were in force for."""
    made = Use(
        client="app",
        account="a_app",
        recipient="own",
        purpose=MAILING,
        dataset=PEOPLE,
        operation="read",
        assurance=4,
        grants=tuple(line.id for line in lines),
        leaving=tuple(map(FieldName, leaving)),
        used=(),
        named=(),
    )
    return msgspec.structs.replace(made, **changed)


def needs(of: RuleSet, *uses: Use) -> Needs:
    """Return what calls needed, each made three times."""
    return Needs(of, dict.fromkeys(uses, Times(3, NOW_US, NOW_US + 9)))


def cell(dataset: str, category: str, purpose: str) -> Cell:
    """Return what a line speaks of."""
    return Cell(DatasetName(dataset), CategoryKey(category), PurposeKey(purpose))


def test_a_line_is_used_by_calls_that_it_was_in_force_for_and_whose_fields_it_covers() -> None:
    """Told by client, with how often and when; in force alone is no use."""
    found = needs(wide(ID, NAME, CONTACT), use(ID, NAME, leaving=("id",)), use(ID, client="desk", leaving=("id",)))

    assert {name: times.calls for name, times in found.used(ID).items()} == {"app": 3, "desk": 3}
    assert found.used(ID)["app"] == Times(3, NOW_US, NOW_US + 9)
    assert found.used(NAME) == {}
    assert found.used(CONTACT) == {}


def test_a_field_that_was_compared_is_used_though_it_did_not_leave() -> None:
    """Fields used are fields read."""
    found = needs(wide(NAME), use(NAME, leaving=("id",), used=(FieldName("name"),)))

    assert set(found.used(NAME)) == {"app"}


def test_what_nobody_used_becomes_nothing() -> None:
    """A line that no call stood on can go."""
    assert needs(wide(ID, NAME), use(ID, leaving=("id",))).smaller(NAME) == ()


def test_a_line_that_was_used_as_a_whole_stays_as_it_is() -> None:
    """Both collections, both purposes, everything below its category."""
    uses = [use(ID, leaving=("id",), purpose=p, dataset=d) for p in (MAILING, NEWS) for d in (PEOPLE, NOTES)]

    assert needs(wide(ID), *uses).smaller(ID) == (cell_of(ID),)


def test_a_line_is_made_smaller_by_collection_purpose_and_category() -> None:
    """Only what calls stood on is left of a line that speaks of everything."""
    found = needs(wide(EVERYTHING), use(EVERYTHING, leaving=("email", "name")))

    assert found.smaller(EVERYTHING) == (
        cell("crm.people", "user.contact.email", "marketing.mail"),
        cell("crm.people", "user.name", "marketing.mail"),
    )


def test_a_field_is_idle_where_others_of_the_view_were_named_and_it_never_was() -> None:
    """Two calls took what there is, two others named a field: the one that was never named counts."""
    default = use(NAME, CONTACT, leaving=("email", "name"))
    named = use(NAME, leaving=("name",), named=(FieldName("name"),))
    found = needs(wide(NAME, CONTACT), default, named)

    assert [(one.field, one.fetched, one.named) for one in found.idle] == [("email", 3, 3)]
    assert found.smaller(CONTACT) == ()
    assert found.smaller(NAME) == (cell("crm.people", "user.name", "marketing.mail"),)


def test_without_a_projection_nothing_is_known_of_a_client() -> None:
    """It took what there is, and filters by one field of it: it may well use the others."""
    filtering = use(NAME, CONTACT, leaving=("email", "name"), used=(FieldName("name"),))

    assert needs(wide(NAME, CONTACT), filtering).idle == ()


def test_what_one_client_never_uses_another_can_need() -> None:
    """The line is of a role, so what anybody needs stays."""
    default, named = (
        use(NAME, CONTACT, leaving=("email", "name")),
        use(NAME, named=(FieldName("name"),), leaving=("name",)),
    )
    other = use(CONTACT, client="desk", leaving=("email",))
    found = needs(wide(NAME, CONTACT), default, named, other)

    assert [one.client for one in found.idle] == ["app"]
    assert found.smaller(CONTACT) == (cell("crm.people", "user.contact", "marketing.mail"),)


def test_a_field_that_was_named_anywhere_in_its_dataset_is_not_idle() -> None:
    """In a filter, an order, a write or a projection, also for another purpose."""
    default, named = (
        use(NAME, CONTACT, leaving=("email", "name")),
        use(NAME, named=(FieldName("name"),), leaving=("name",)),
    )
    elsewhere = use(CONTACT, purpose=NEWS, leaving=(), used=(FieldName("email"),))

    assert needs(wide(NAME, CONTACT), default, named, elsewhere).idle == ()


def test_smaller_rules_that_take_what_was_needed_are_found_out() -> None:
    """The check that stands behind the proposal would tell."""
    of, one = wide(NAME, CONTACT), use(NAME, CONTACT, leaving=("email", "name"))
    less = with_smaller(of, {CONTACT.id: ()})

    assert refuses(of, less, one, (FieldName("email"), FieldName("name")))
    assert not refuses(of, less, one, (FieldName("name"),))
    assert not refuses(of, of, one, ALL)  # type: ignore[arg-type]
    assert refuses(of, with_smaller(of, {CONTACT.id: (), NAME.id: ()}), one, ())


def test_a_line_that_would_need_too_many_lines_stays() -> None:
    """Nobody reads nine lines in the place of one."""
    fields = tuple(
        msgspec.structs.replace(COLLECTION.fields[1], name=FieldName(f"f{n}"), categories=(CategoryKey(f"user.x{n}"),))
        for n in range(12)
    )
    collection = msgspec.structs.replace(COLLECTION, fields=fields)
    of = rules(catalog=Catalog(collections={PEOPLE: collection}, routes=(ROUTE,)), grants=(EVERYTHING,))
    few, many = (use(EVERYTHING, leaving=tuple(f"f{n}" for n in range(count))) for count in (3, 11))

    assert len(needs(of, few).smaller(EVERYTHING)) == 3
    assert needs(of, many).smaller(EVERYTHING) == (cell_of(EVERYTHING),)


def test_of_one_person_nothing_is_known_by_what_another_named() -> None:
    """They sign in through the same client, and may work in other ways."""
    default = use(NAME, CONTACT, leaving=("email", "name"), account="a_1")
    named = use(NAME, leaving=("name",), named=(FieldName("name"),), account="a_2")

    assert needs(wide(NAME, CONTACT), default, named).idle == ()


def test_what_the_answer_to_a_write_showed_counts_for_lines_that_read() -> None:
    """The log names the lines that let it be written, not those that let it be shown."""
    writing = grant("user.name", operation="update", line=7)
    one = use(writing, leaving=("email",), used=(FieldName("name"),), operation="update")
    found = needs(wide(NAME, CONTACT, writing, grant("user.birth", line=8)), one)

    assert [set(found.used(line)) for line in (writing, CONTACT)] == [{"app"}, {"app"}]
    assert found.used(grant("user.birth", line=8)) == {}
