# SPDX-License-Identifier: Apache-2.0
"""A review of access: from entries of the log to what became of each line, and what is proposed in its place."""

from collections.abc import Iterable, Mapping

import msgspec
import pytest

from gateway.decide.rules import RuleSet, RuleTest
from gateway.domain.entry import Facts, Intent, Release, RulesInForce
from gateway.domain.names import DecisionId, FieldName, RecipientId, RoleName
from gateway.domain.principal import Assurance
from gateway.flows.least_privilege import Gathered, LineReview, Period, Review, Rules, gathered, review, use_of
from gateway.record.reading.calls import CallLine
from tests.fakes.deciding import MAILING, NOW_US, PEOPLE, grant, rules

DAY_US = 86_400_000_000
PERIOD = Period(NOW_US - 90 * DAY_US, NOW_US)
CALL = DecisionId("d")
NAME, CONTACT, BIRTH = grant("user.name", line=1), grant("user.contact", line=2), grant("user.birth", line=3)
FACTS = Facts(
    client="app",
    recipient="own",
    purpose=MAILING,
    dataset=PEOPLE,
    operation="read",
    rules="now",
    assurance=4,
    grants=(NAME.id, CONTACT.id, BIRTH.id),
    roles=("campaigner",),
    fields={"reveal": ("name",)},
)


def line(*, at_us: int = NOW_US - DAY_US, **facts: object) -> CallLine:
    """Return the first entry of a call that released."""
    told = msgspec.structs.replace(FACTS, **facts)
    return CallLine(at_us, Release(call=CALL, n=0, rows=1, bytes=1, people=1, facts=told), 1)


def in_force(at_us: int, digest: str = "now") -> CallLine:
    """Return the entry of rules that came into force."""
    return CallLine(at_us, RulesInForce(rules=digest, before=None), 1)


LONG_AGO = in_force(NOW_US - 400 * DAY_US)


def reviewed(
    of: RuleSet,
    lines: Iterable[CallLine],
    roles: frozenset[str] | None = None,
    kept: Mapping[str, frozenset[str]] | None = None,
) -> Review:
    """Return the review of some entries; rules of other days had the lines of today unless it is said."""
    now = frozenset(str(one.id) for one in of.grants)
    then = Rules(now=of, lines_then=lambda digest: now if kept is None else kept.get(digest, frozenset()))
    return review(then, gathered([LONG_AGO, *lines] if kept is None else lines, PERIOD), PERIOD, roles, NOW_US)


def by_line(found: Review) -> dict[int, LineReview]:
    """Return the reviews by their lines."""
    return {one.line.line: one for one in found.lines}


def verdicts(found: Review) -> dict[int, str]:
    """Return the verdicts by line."""
    return {number: one.verdict for number, one in by_line(found).items()}


OF = rules(grants=(NAME, CONTACT, BIRTH))


def test_lines_that_no_call_used_are_proposed_to_go() -> None:
    """In force for every call, and of no field that left."""
    found = reviewed(OF, [line(), line()])

    assert verdicts(found) == {1: "used", 2: "unused", 3: "unused"}
    assert found.changes[CONTACT.id] == ()
    assert (found.calls, found.refused, found.narrower) == (2, 0, 0)
    assert by_line(found)[1].clients["app"].calls == 2


def test_calls_outside_of_the_period_count_for_nothing() -> None:
    """The end is exclusive."""
    found = reviewed(OF, [line(at_us=PERIOD.since_us - 1), line(at_us=PERIOD.until_us), line(at_us=PERIOD.since_us)])

    assert found.calls == 1


@pytest.mark.parametrize(
    ("in_rules", "verdict"),
    [
        ((in_force(NOW_US - 91 * DAY_US),), "unused"),
        ((in_force(NOW_US - 89 * DAY_US),), "new"),
        ((in_force(NOW_US - 400 * DAY_US), in_force(NOW_US - 200 * DAY_US, "without")), "new"),
        ((in_force(NOW_US - 200 * DAY_US, "without"), in_force(NOW_US - 100 * DAY_US)), "unused"),
        ((in_force(NOW_US - 400 * DAY_US, "not kept"), in_force(NOW_US - 10 * DAY_US)), "new"),
        ((), "new"),
    ],
)
def test_a_line_is_judged_only_if_it_was_in_the_rules_through_the_period(
    in_rules: tuple[CallLine, ...], verdict: str
) -> None:
    """A line that was added yesterday had no time to be used; where nothing is known of it, it counts as new."""
    kept = {"now": frozenset({str(NAME.id), str(CONTACT.id), str(BIRTH.id)}), "without": frozenset({str(NAME.id)})}
    found = reviewed(OF, [*in_rules, line()], kept=kept)

    assert by_line(found)[2].verdict == verdict
    assert by_line(found)[2].is_proposed == (verdict == "unused")


def test_a_line_that_begins_within_the_period_is_new() -> None:
    """It is in the rules and was not in force."""
    later = grant("user.contact", line=2, from_us=NOW_US - DAY_US)

    assert verdicts(reviewed(rules(grants=(NAME, later)), [line()]))[2] == "new"


def test_denies_are_not_reviewed_and_stay() -> None:
    """Taking one away could only widen."""
    deny = grant("user.contact", "drop", allow=False, line=9)
    found = reviewed(rules(grants=(NAME, CONTACT, deny)), [line()])

    assert 9 not in by_line(found)


def test_a_role_that_is_denied_something_keeps_a_line_that_allows() -> None:
    """The loader refuses a deny to a role that nothing else names."""
    deny = grant("user.contact", "drop", allow=False, line=9, role="desk")
    mine, other = grant("user.name", line=7, role="desk"), grant("user.birth", line=8, role="desk")
    found = reviewed(rules(grants=(NAME, mine, other, deny)), [line()])

    assert [found.changes.get(one.id) for one in (mine, other)] == [None, ()]
    assert by_line(found)[7].kept_by == ("a deny of the same role",)


def case(name: str, **expect: str) -> RuleTest:
    """Return a case of ``policies/tests``."""
    return RuleTest(
        name=name,
        file="tests/a.yaml",
        line=1,
        role=RoleName("campaigner"),
        recipient=RecipientId("own"),
        assurance=Assurance.PERSON_FRESH,
        dataset=PEOPLE,
        purpose=MAILING,
        operation="read",
        at_us=None,
        fields=None,
        filters=(),
        expect={FieldName(field): word for field, word in expect.items()},
        refused=None,
    )


def test_what_a_case_of_the_rules_tests_says_is_meant_is_not_proposed_to_go() -> None:
    """The review says which case it is, and proposes the rest."""
    found = reviewed(rules(grants=(NAME, CONTACT, BIRTH), tests=(case("mails", email="reveal"),)), [line()])

    assert by_line(found)[2].kept_by == ("mails",)
    assert BIRTH.id in found.changes
    assert CONTACT.id not in found.changes


def test_of_two_lines_that_give_the_same_one_stays_for_a_case() -> None:
    """Neither fails the case alone."""
    twin = grant("user.contact.email", line=4)
    found = reviewed(rules(grants=(NAME, CONTACT, twin), tests=(case("mails", email="reveal"),)), [line()])

    assert len({CONTACT.id, twin.id} & set(found.changes)) == 1


def test_only_the_roles_that_are_asked_for_are_reviewed_and_everybodys_needs_count() -> None:
    """Other lines are no part of the proposal."""
    other = grant("user.birth", line=5, role="desk")
    found = reviewed(rules(grants=(NAME, CONTACT, other)), [line()], roles=frozenset({"desk"}))

    assert list(by_line(found)) == [5]


def test_calls_that_would_show_less_are_counted() -> None:
    """A field that is fetched by default and never used further goes; no call is refused for it."""
    default = line(fields={"reveal": ("name", "email")})
    named = line(fields={"reveal": ("name",)}, named=("name",))
    found = reviewed(OF, [default, default, named])

    assert [(one.field, one.fetched, one.named) for one in found.idle] == [("email", 2, 1)]
    assert found.changes[CONTACT.id] == ()
    assert (found.refused, found.narrower) == (0, 2)


def test_an_entry_of_an_older_version_does_not_tell_what_was_named_so_all_counts_as_named() -> None:
    """Nothing is proposed to go that might have been asked for."""
    old = line(fields={"reveal": ("name", "email")}, roles=())
    found = reviewed(OF, [old, line(fields={"reveal": ("name",)}, named=("name",))])

    assert found.idle == ()


def test_compared_ordered_and_written_fields_are_used() -> None:
    """As the log tells them: comparisons with the field first, orders with it behind."""
    facts = msgspec.structs.replace(
        FACTS, filters=("age ge", "id in(3)", "sort -born", "sort name"), operation="update"
    )
    found = use_of(Intent(call=CALL, records=1, written={"clear": ("email",), "surrogate": ("id",)}, facts=facts))

    assert found is not None
    assert set(found.used) >= {"age", "id", "born", "name", "email"}


def test_a_call_without_lines_is_none_that_used_one() -> None:
    """Such as one of a store that is not enforced."""
    assert use_of(Release(call=CALL, n=0, rows=0, bytes=0, people=0, facts=Facts(client="x"))) is None
    assert gathered([CallLine(0, None, 5)], PERIOD) == Gathered(uses={}, in_force=())
