# SPDX-License-Identifier: Apache-2.0
"""What a grant that is asked for covers, whether it would help, and the lines that would give it."""

from typing import Any

import msgspec
import pytest

from gateway.decide import granting
from gateway.decide.decide import Decider
from gateway.decide.granting import Asker, Settled
from gateway.decide.rules import RuleSet
from gateway.domain.decision import Deny, Reason
from gateway.domain.grant_request import AskedGrant
from gateway.domain.names import AccountId, CategoryKey, FieldName, RecipientId, RoleName
from gateway.domain.principal import Assurance
from gateway.domain.treatment import Rung
from tests.fakes.deciding import MAILING, NOW_US, PEOPLE, RULES, grant, red_line, rules, with_purpose

WHO = Asker(
    account=AccountId("a_1"), roles=(RoleName("campaigner"),), recipient=RecipientId("own"), proof=Assurance.PERSON
)
ONE_GRANT = (grant("user.id", "drop"),)


def decider(of: RuleSet = RULES) -> Decider:
    return Decider(of, in_band=lambda _rung, _text: True)


def asked(*fields: str, rung: str = "reveal", link: bool = True, **changed: Any) -> AskedGrant:
    made = AskedGrant(
        dataset=PEOPLE,
        fields=tuple(map(FieldName, fields)),
        categories=(),
        operation="read",
        purpose=MAILING,
        rung=Rung(rung),
        link=link,
        why="because",
        until_us=NOW_US + 86_400_000_000,
    )
    return msgspec.structs.replace(made, **changed)


def settled(one: AskedGrant, of: RuleSet = RULES) -> Settled:
    found = granting.settled(decider(of), one)
    assert isinstance(found, Settled), found
    return found


def test_fields_become_their_categories_and_all_that_these_reach_is_told() -> None:
    """A category that lies under another of them is not named beside it."""
    of = rules()
    one = settled(asked("name", "email"), of)
    assert one.asked.categories == ("user.contact.email", "user.name")
    assert one.covers == ("name", "email")
    wide = settled(asked(categories=(CategoryKey("user"), CategoryKey("user.name"))), of)
    assert wide.asked.categories == ("user",)
    assert len(wide.covers) == 6


@pytest.mark.parametrize(("changed", "member"), [
    ({"dataset": "crm.others"}, "dataset"), ({"operation": "delete"}, "operation"), ({"purpose": "no.such"}, "purpose"),
    ({"rung": "mask.nothing"}, "rung"), ({"rung": "surrogate"}, "rung"), ({"fields": ("nope",)}, "fields"),
    ({"fields": (), "categories": ("user.none",)}, "categories"),
])  # fmt: skip
def test_what_the_rules_do_not_know_is_named(changed: dict[str, Any], member: str) -> None:
    """By the member that says it, without the value."""
    found = granting.settled(decider(), asked("name", **changed))
    assert isinstance(found, Deny)
    assert (found.reason, found.fields) == (Reason.BODY_INVALID, (member,))


def test_a_grant_helps_where_nothing_else_stands_against_it() -> None:
    """The gains are what the view would be, by the code that compiles views."""
    of = rules(grants=ONE_GRANT)
    one = settled(asked("name", "born"), of)
    help_ = granting.helps(decider(of), WHO, one, NOW_US)
    assert help_.gains == (("name", "reveal"), ("born", "generalise.year"))
    assert granting.refused(decider(of), WHO, one, NOW_US) is None


def test_what_leaves_like_this_already_is_not_granted_again() -> None:
    """And the sentence says so."""
    denied = granting.refused(decider(), WHO, settled(asked("name")), NOW_US)
    assert denied is not None
    assert (denied.reason, denied.title) == (
        Reason.FIELD_NOT_PERMITTED,
        "A grant would not help: it leaves like this already.",
    )


def test_a_red_line_is_told_with_its_sentence() -> None:
    """For a named field at once; for a category where all that it covers is behind it."""
    of = rules(grants=ONE_GRANT, red_lines=(red_line("no-belief", "user.belief"),))
    named = granting.refused(decider(of), WHO, settled(asked("name", "religion"), of), NOW_US)
    whole = granting.refused(decider(of), WHO, settled(asked(categories=(CategoryKey("user"),)), of), NOW_US)
    assert named is not None
    assert (named.reason, named.fields, named.title) == (Reason.RED_LINE, ("religion",), "no-belief in English.")
    assert whole is None


def test_a_purpose_that_does_not_list_the_category_is_what_stands_against_it() -> None:
    """No grant gives what the purpose's whitelist has not."""
    of = msgspec.structs.replace(with_purpose(categories=()), grants=ONE_GRANT)
    denied = granting.refused(decider(of), WHO, settled(asked("name"), of), NOW_US)
    assert denied is not None
    assert "the purpose does not list its category that far" in str(denied.title)


def test_a_deny_in_force_stands_against_a_grant() -> None:
    """An allow more does not lift it."""
    of = rules(grants=(*ONE_GRANT, grant("user.name", "drop", allow=False, link=False)))
    denied = granting.refused(decider(of), WHO, settled(asked("name"), of), NOW_US)
    assert denied is not None
    assert "a grant in force denies it" in str(denied.title)


@pytest.mark.parametrize(("of", "reason"), [
    (with_purpose(until_us=NOW_US), Reason.PURPOSE_NOT_IN_FORCE), (with_purpose(operations=("delete",)), Reason.PURPOSE_NOT_ALLOWED),
    (rules(recipients={}), Reason.RECIPIENT_NOT_IN_FORCE),
])  # fmt: skip
def test_a_call_that_no_grant_would_permit_is_refused_as_the_call_would_be(of: RuleSet, reason: Reason) -> None:
    """Purpose and recipient come before grants."""
    denied = granting.refused(decider(of), WHO, settled(asked("name"), of), NOW_US)
    assert denied is not None
    assert denied.reason is reason


def test_what_came_under_the_categories_since_is_told() -> None:
    """A request covers what it said that it covers."""
    one = settled(asked("name", "email"))
    assert granting.beyond(decider(), one.asked, one.covers) == ()
    assert granting.beyond(decider(), one.asked, (FieldName("name"),)) == ("email",)


def test_lines_are_those_that_the_loader_reads() -> None:
    """One for each category, in force until the second that was said."""
    one = settled(asked("name", rung="mask", link=False))
    assert granting.lines(one.asked, RoleName("gr_1"), 1_800_000_000_500_000) == (
        "p,gr_1,crm.people,user.name,marketing.mail,read,mask,no,allow,,2027-01-15T08:00:00Z",
    )


@pytest.mark.parametrize(("word", "told"), [
    ("surrogate", ("drop", True)), ("reveal", ("reveal", True)), ("mask.tail", ("mask.tail", False)), ("drop", None),
])  # fmt: skip
def test_words_become_rung_and_link(word: str, told: tuple[str, bool] | None) -> None:
    """Nothing is no wish."""
    assert granting.as_rung(word) == told
