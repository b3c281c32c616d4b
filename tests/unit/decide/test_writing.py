# SPDX-License-Identifier: Apache-2.0
"""The decision on writes, rule by rule: what may be named, in which order it is refused, what is stepped up."""

import msgspec
import pytest

from gateway.decide.decide import Decider
from gateway.decide.rules import AgeCondition, RuleSet
from gateway.decide.writing import as_read, is_writable, written_fields
from gateway.domain.catalog import BodyKind, BodyShape
from gateway.domain.decision import Decision, Deny, Permit, Reason, StepUp, Use
from gateway.domain.inquiry import Inquiry
from gateway.domain.principal import FRESH_SIGN_IN_US
from gateway.domain.treatment import Treatment
from gateway.domain.viewplan import Hold, RowEffect
from tests.fakes.deciding import NOW_US, grant, hold, needs_fresh, red_line
from tests.fakes.writing import CREATE, CREATE_MANY, DELETE, PATCH, route, write, writing_rules

STALE_US = NOW_US + FRESH_SIGN_IN_US + 1
RENAME = write(PATCH, {"name": "Ida"}, of="c1")


def decided(
    asked: Inquiry, of: RuleSet | None = None, *, holds: tuple[Hold, ...] = (), now_us: int = NOW_US
) -> Decision:
    """Decide once."""
    return Decider(writing_rules() if of is None else of, lambda _rung, _text: False).decide(asked, holds, now_us)


def denied(decision: Decision) -> tuple[Reason, tuple[str, ...]]:
    """Return reason and fields of a refusal."""
    assert isinstance(decision, Deny)
    return decision.reason, decision.fields


def test_a_write_is_permitted_under_the_grants_of_its_own_operation() -> None:
    """A grant to read lets nothing be written, and a grant to write nothing be read."""
    permit = decided(RENAME)
    assert isinstance(permit, Permit)
    assert [use.use for use in permit.filters] == [Use.CLEAR]
    assert permit.plan.operation == "update"
    only_read = writing_rules()
    only_read = msgspec.structs.replace(only_read, grants=tuple(g for g in only_read.grants if g.operation == "read"))
    assert denied(decided(RENAME, only_read)) == (Reason.GRANT_MISSING, ())
    assert isinstance(decided(as_read(RENAME), writing_rules(readable=False)), Deny)


def test_what_may_be_shown_is_the_view_for_reading() -> None:
    """Nothing, where there is none."""
    permit, blind = decided(RENAME), decided(RENAME, writing_rules(readable=False))
    assert isinstance(permit, Permit)
    assert isinstance(blind, Permit)
    assert permit.shown is not None
    assert (permit.shown.operation, blind.shown) == ("read", None)
    held = decided(RENAME, holds=(hold("user.contact"),))
    assert isinstance(held, Permit)
    assert held.shown is not None
    assert held.shown.treatments["email"] == Treatment(0, link=False)  # type: ignore[index]


def test_what_a_path_in_clear_names_is_not_answered_with_its_surrogate() -> None:
    """Whoever knows a number would learn its surrogate; the view for reading has to permit the path in the same way."""
    no_clear = {"allow": False, "link": False}
    linked = {one: grant("user.id", "reveal", operation=one, **no_clear) for one in ("read", "update")}  # type: ignore[arg-type]
    unread = grant("user.id", "drop", allow=False, operation="read")
    shown = [
        permit.shown is not None
        for grants in ([], [linked["read"]], [linked["update"]], [*linked.values()], [unread])
        if isinstance(permit := decided(RENAME, writing_rules(grants=grants)), Permit)
    ]
    assert shown == [True, False, False, True, False]
    created = decided(write(CREATE, {"name": "Ida"}), writing_rules(grants=[linked["read"]]))
    assert isinstance(created, Permit)
    assert created.shown is not None


def test_the_collection_whitelist_stands_in_the_whitelists_place() -> None:
    """All fields outside it are named; what may leave for the purpose need not be collected."""
    assert denied(decided(write(PATCH, {"notes": "x", "name": "y", "religion": "z"}, of="c1"))) == (
        Reason.FIELD_NOT_COLLECTED,
        ("notes", "religion"),
    )
    narrow = writing_rules(collects=["user.contact"])
    assert denied(decided(RENAME, narrow)) == (Reason.FIELD_NOT_COLLECTED, ("name",))
    assert isinstance(decided(write(PATCH, {"email": "a@b.org"}, of="c1"), narrow), Permit)


def test_a_field_that_is_collected_and_not_granted_is_not_permitted() -> None:
    """Named, after the fields that are not collected at all."""
    denying = writing_rules(grants=[grant("user.name", "drop", allow=False, operation="update")])
    assert denied(decided(RENAME, denying)) == (Reason.FIELD_NOT_PERMITTED, ("name",))
    both = write(PATCH, {"name": "Ida", "notes": "x"}, of="c1")
    assert denied(decided(both, denying)) == (Reason.FIELD_NOT_COLLECTED, ("notes",))


def test_a_red_line_is_told_first() -> None:
    """No collection whitelist, role or grant gets over it."""
    drawn = writing_rules(red_lines=(red_line("names", "user.name"),))
    asked = write(PATCH, {"notes": "x", "name": "Ida"}, of="c1")
    deny = decided(asked, drawn)
    assert denied(deny) == (Reason.RED_LINE, ("name",))
    assert isinstance(deny, Deny)
    assert deny.rule == "names"


def test_a_hold_is_told_as_one() -> None:
    """An officer can lift it."""
    assert denied(decided(RENAME, holds=(hold("user.name"),))) == (Reason.HELD, ("name",))


def test_only_reveal_and_the_link_can_be_written() -> None:
    """A mask in between is no way to write."""
    capped = writing_rules(grants=[grant("user.name", "reveal", allow=False, operation="update")])
    linked = writing_rules(grants=[grant("user.name", "mask.tail", allow=False, operation="update", link=False)])
    assert denied(decided(RENAME, capped)) == (Reason.FIELD_NOT_PERMITTED, ("name",))
    permit = decided(RENAME, linked)
    assert isinstance(permit, Permit)
    assert permit.plan.treatments["name"] == Treatment(0, link=True)  # type: ignore[index]
    assert not is_writable(None)


def test_the_path_is_a_filter_under_the_writes_own_grants() -> None:
    """Judged with the whitelist of what may leave: a number need not be collected to name a record."""
    unnumbered = writing_rules(collects=["user.name"])
    assert isinstance(decided(RENAME, unnumbered), Permit)
    assert denied(decided(write(PATCH, {"id": "c1"}, of="c1"), unnumbered)) == (Reason.FIELD_NOT_COLLECTED, ("id",))
    blind = writing_rules(grants=[grant("user.id", "drop", allow=False, operation="update")])
    assert denied(decided(RENAME, blind)) == (Reason.FILTER_NOT_PERMITTED, ("id",))


def test_a_path_may_name_a_record_by_a_surrogate() -> None:
    """Where the write's grants give the link alone."""
    linked = writing_rules(grants=[grant("user.id", "reveal", allow=False, operation="update", link=False)])
    permit = decided(RENAME, linked)
    assert isinstance(permit, Permit)
    assert [use.use for use in permit.filters] == [Use.SURROGATE]


def test_a_deletion_needs_the_field_that_says_whom_it_is_about() -> None:
    """Also where its path names the record by something else."""
    removed = write(DELETE, of="c1")
    assert isinstance(decided(removed), Permit)
    by_name = msgspec.structs.replace(
        removed,
        filters=tuple(msgspec.structs.replace(each, field="name", parameter="name") for each in removed.filters),
    )
    nameless = writing_rules(grants=[grant("user.id", "drop", allow=False, operation="delete")])
    assert isinstance(decided(by_name), Permit)
    assert denied(decided(by_name, nameless)) == (Reason.FIELD_NOT_PERMITTED, ("id",))
    assert denied(decided(removed, nameless)) == (Reason.FILTER_NOT_PERMITTED, ("id",))


def test_about_nobody_a_deletion_needs_every_field_of_its_path() -> None:
    """And there must be one."""
    of = writing_rules()
    collections = {
        name: msgspec.structs.replace(one, subject=None, birth_date=None)
        for name, one in of.catalog.collections.items()
    }
    nobody = msgspec.structs.replace(of, catalog=msgspec.structs.replace(of.catalog, collections=collections))
    assert isinstance(decided(write(DELETE, of="c1"), nobody), Permit)
    assert denied(decided(write(DELETE), nobody)) == (Reason.FIELD_NOT_PERMITTED, ())


def test_a_write_names_its_fields_so_it_is_stepped_up() -> None:
    """Also where an old sign-in would let a surrogate be written; a step that would not help is not asked for."""
    for link in (True, False):
        fresh = writing_rules(assurance=(needs_fresh("user.name", "drop", link=link),))
        assert decided(RENAME, fresh, now_us=STALE_US) == StepUp(fields=("name",))
        assert isinstance(decided(RENAME, fresh), Permit)
    other = writing_rules(assurance=(needs_fresh("user.contact", "drop"),))
    assert isinstance(decided(RENAME, other, now_us=STALE_US), Permit)
    useless = write(PATCH, {"name": "x", "notes": "y"}, of="c1")
    fresh = writing_rules(assurance=(needs_fresh("user.name", "drop"),))
    assert denied(decided(useless, fresh, now_us=STALE_US)) == (Reason.FIELD_NOT_COLLECTED, ("notes",))
    path = writing_rules(assurance=(needs_fresh("user.id", "mask"),))
    assert decided(RENAME, path, now_us=STALE_US) == StepUp(fields=("id",))


def test_put_needs_a_store_that_leaves_what_is_not_named() -> None:
    """A defence behind the loader's."""
    put = route("PUT", "update", BodyKind.RECORD)
    kept = msgspec.structs.replace(put, body=BodyShape(kind=BodyKind.RECORD, keeps_unseen=True))
    assert denied(decided(write(put, {"name": "Ida"}, of="c1"))) == (Reason.METHOD_NOT_ALLOWED, ())
    assert isinstance(decided(write(kept, {"name": "Ida"}, of="c1")), Permit)


@pytest.mark.parametrize(
    ("effect", "asked", "withholds"),
    [
        (RowEffect.BLANK, {"name": "Ida"}, True),
        (RowEffect.BLANK, {"email": "a@b.org"}, False),
        (RowEffect.UNLINK, {"name": "Ida"}, True),
        (RowEffect.UNLINK, {"email": "a@b.org"}, False),
        (RowEffect.WITHHOLD, {"email": "a@b.org"}, True),
    ],
)
def test_a_rule_on_rows_that_a_write_would_get_round_withholds(
    effect: RowEffect, asked: dict[str, str], *, withholds: bool
) -> None:
    """Names are blanked, and may be written by surrogate alone."""
    line = red_line("minors", "user.name", age=AgeCondition(under_years=18, effect=effect))
    linked = grant("user.name", "mask.tail", allow=False, operation="update", link=False)
    decision = decided(write(PATCH, asked, of="c1"), writing_rules(red_lines=(line,), grants=[linked]))
    assert isinstance(decision, Permit)
    [rule] = [one for one in decision.plan.row_rules if getattr(one, "red_line", "") == "minors"]
    assert (getattr(rule, "effect", None) is RowEffect.WITHHOLD) == withholds


def test_a_plan_is_remembered_for_writes_as_for_reads() -> None:
    """The same object for the same call, so that its codec is kept."""
    decider = Decider(writing_rules(), lambda _rung, _text: False)
    one, two = (decider.decide(RENAME, (), NOW_US) for _ in range(2))
    assert isinstance(one, Permit)
    assert isinstance(two, Permit)
    assert one.plan is two.plan
    assert one.shown is two.shown


def test_what_names_nothing_is_permitted_only_where_something_could_be_written() -> None:
    """The values refuse an empty body afterwards."""
    assert isinstance(decided(write(CREATE)), Permit)
    assert denied(decided(write(CREATE), writing_rules(collects=["system"]))) == (Reason.FIELD_NOT_PERMITTED, ())


def test_fields_are_those_of_all_records_each_once() -> None:
    """In the order in which they are first named."""
    assert written_fields(write(CREATE_MANY, {"name": "x", "id": "1"}, {"id": "2", "email": "y"})) == (
        "name", "id", "email",
    )  # fmt: skip
