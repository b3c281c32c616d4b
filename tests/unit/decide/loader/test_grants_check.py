# SPDX-License-Identifier: Apache-2.0
"""Every grant means something beside the catalogue, the purposes and the red lines."""

import pytest

from gateway.decide.loader.shipped import shipped_files
from tests.fakes.rule_files import Broken, check, edited, sentences

ANALYTICS = "analytics.reporting.campaign_insights"
LAST = "g, marketing-lead, analyst\n"


def appended(line: str, says: str) -> Broken:
    return Broken("grants.csv", LAST, f"{line}\n{LAST}", says, at=line)


def red_line_place() -> str:
    content = shipped_files()["redlines.yaml"].decode()
    return f"redlines.yaml:{content[: content.index('id: sensitive-marketing')].count(chr(10)) + 1}"


def void(line: str) -> Broken:
    return appended(
        line, f"red line `sensitive-marketing` ({red_line_place()}) makes this grant void: nothing of it can leave"
    )


@pytest.mark.parametrize(
    "broken",
    [
        appended(
            f"p, x, crm, user.contact.emial, {ANALYTICS}, read, mask, yes, allow, ,",
            "unknown category `user.contact.emial`; did you mean `user.contact.email`?",
        ),
        appended(
            f"p, x, crm, local.tier, {ANALYTICS}, read, mask, yes, allow, ,",
            "no field has a category under `local.tier`",
        ),
        appended(f"p, x, cmr, user.name, {ANALYTICS}, read, mask, yes, allow, ,", "unknown dataset `cmr`"),
        appended(
            f"p, x, crm.customer, user.name, {ANALYTICS}, read, mask, yes, allow, ,",
            "unknown dataset `crm.customer`; did you mean `crm.customers`?",
        ),
        appended(
            f"p, x, crm, user.name, {ANALYTICS}, reed, mask, yes, allow, ,",
            "no route of `crm` has the operation `reed`; did you mean `read`?",
        ),
        appended(
            f"p, x, crm, user.name, {ANALYTICS}, write, mask, yes, allow, ,",
            "no route of `crm` has the operation `write`",
        ),
        appended(
            f"p, x, crm, user.name, {ANALYTICS}, approve, mask, yes, allow, ,",
            "no route of `crm` has the operation `approve`",
        ),
        appended(
            "p, x, gateway.access_log, user.account, essential.legal_obligation, reveal, reveal, yes, allow, ,",
            "no route of `gateway.access_log` has the operation `reveal`",
        ),
        appended(
            "p, x, gateway.access_log, user.account, essential.legal_obligation, approve, reveal, yes, allow, ,",
            "no route of `gateway.access_log` has the operation `approve`",
        ),
        appended(
            "p, x, crm, user.name, sales, read, mask, yes, allow, ,",
            "purpose `sales` is neither declared nor above a declared one",
        ),
        appended(
            "p, x, crm, user.name, marketing.communications.emails, read, mask, yes, allow, ,",
            "purpose `marketing.communications.emails` is neither declared nor above a declared one; did you mean `marketing.communications.email`?",
        ),
        appended(
            f"p, x, crm, user.name, {ANALYTICS}.more, read, mask, yes, allow, ,",
            f"purpose `{ANALYTICS}.more` is neither declared nor above a declared one; did you mean `{ANALYTICS}`?",
        ),
        appended(
            f"p, x, crm, user.name, {ANALYTICS}, read, masc, yes, allow, ,", "unknown rung `masc`; did you mean `mask`?"
        ),
        appended(
            f"p, x, crm, user.name, {ANALYTICS}, read, mask.phone, yes, allow, ,",
            "no field that the grant covers has the rung `mask.phone` on its chain",
        ),
        appended(
            f"p, analyst, crm, user.name, {ANALYTICS}, read, generalise, yes, deny, ,",
            "denies `generalise`, but chain `name` of field `name` has no such rung",
        ),
        void("p, x, crm, user.health_and_medical, marketing.communications.email, read, mask, yes, allow, ,"),
        void("p, x, crm, user.financial, marketing, read, reveal, yes, allow, ,"),
        void("p, x, crm, user.government_id.national_identification_number, personalize, read, drop, yes, allow, ,"),
        void("p, x, shop, user.content, personalize.content.profiled, read, reveal, no, allow, ,"),
    ],
    ids=lambda broken: broken.says[:60],
)
def test_a_grant_that_means_nothing_is_told(broken: Broken) -> None:
    """With its own line, and the red line's where one takes it."""
    check(broken)


@pytest.mark.parametrize(
    "line",
    [
        f"p, x, crm, user, {ANALYTICS}, read, reveal, yes, allow, ,",
        "p, x, crm, user, marketing, read, reveal, yes, allow, ,",
        f"p, x, crm, user.contact, {ANALYTICS}, read, mask.phone_tail, no, allow, ,",
        "p, analyst, crm, user.financial.bank_account, marketing, read, reveal, yes, deny, ,",
        "p, analyst, crm, user.contact, essential, read, reveal, yes, deny, ,",
        "p, analyst, crm, user, essential, read, drop, no, deny, ,",
        "p, analyst, crm, user, essential, read, -, yes, deny, ,",
    ],
)
def test_a_wide_grant_passes(line: str) -> None:
    """A grant of which something can leave is no mistake; a deny of what a red line takes is none either."""
    assert sentences(edited("grants.csv", LAST, f"{line}\n{LAST}")) == []


def test_a_local_category_of_a_field_can_be_granted() -> None:
    """Own categories are known by the fields that have them."""
    files = edited("datasets/crm.yaml", "[user.job_title]", "[user.job_title, local.work.kind]")
    line = f"p, x, crm, local.work, {ANALYTICS}, read, reveal, yes, allow, ,\n"
    assert sentences(edited("grants.csv", LAST, line + LAST, files)) == []


def test_what_depends_on_an_unreadable_file_is_not_told_a_hundred_times() -> None:
    """A broken dataset file is one problem, not one for every grant."""
    files = edited("datasets/crm.yaml", "dataset:", "dataset: &here")
    assert sentences(files) == ["datasets/crm.yaml:2: anchor `&here`: rules are written out, not referred to"]
