# SPDX-License-Identifier: Apache-2.0
"""``tests/*.yaml``: cases are checked before they are run."""

import pytest

from gateway.domain.principal import Assurance
from tests.fakes.rule_files import Broken, check, edited, loaded, sentences

FILE = "tests/analyst.yaml"
HEAD = "tests:\n"
CASE = """
  - name: One more
    role: analyst
    recipient: own
    assurance: 3
    dataset: crm.customers
    purpose: analytics.reporting.campaign_insights
    expect: {id: surrogate}
"""


def case(old: str, new: str, says: str, at: str = "") -> Broken:
    """Return the mistake of one more case, written otherwise."""
    assert old in CASE
    return Broken(FILE, HEAD, HEAD + CASE.replace(old, new), says, at=at or new)


@pytest.mark.parametrize(
    "broken",
    [
        case("role: analyst", "role: analist", "unknown role `analist`; did you mean `analyst`?"),
        case("recipient: own", "recipient: nobody", "unknown recipient `nobody`"),
        case("assurance: 3", "assurance: 5", "`assurance` is 5, expected 0 to 4"),
        case("dataset: crm.customers", "dataset: crm", "unknown dataset `crm`"),
        case(
            "dataset: crm.customers",
            "dataset: crm.customer",
            "unknown dataset `crm.customer`; did you mean `crm.customers`?",
        ),
        case(
            "purpose: analytics.reporting.campaign_insights",
            "purpose: analytics.reporting",
            "purpose `analytics.reporting` is not declared",
        ),
        case("{id: surrogate}", "{idd: surrogate}", "unknown field `idd`; did you mean `id`?"),
        case(
            "{id: surrogate}",
            "{id: surogate}",
            "field `id`: `surogate` is no word for what leaves by chain `word`; did you mean `surrogate`?",
        ),
        case(
            "{id: surrogate}", "{id: mask.phone}", "field `id`: `mask.phone` is no word for what leaves by chain `word`"
        ),
        case("{id: surrogate}", "{}", "a case says either `expect` or `refused`", at="  - name: One more"),
        case(
            "    expect:",
            "    refused: red-line\n    expect:",
            "a case says either `expect` or `refused`",
            at="  - name: One more",
        ),
        case("    expect:", "    filters: [idd]\n    expect:", "unknown field `idd`; did you mean `id`?", at="[idd]"),
        case(
            "    expect:",
            "    filters: [sort -idd]\n    expect:",
            "unknown field `idd`; did you mean `id`?",
            at="[sort",
        ),
        case(
            "    expect:",
            "    filters: [id = 5]\n    expect:",
            "`id = 5` is no filter; write `<field> <comparison>`, `<field> eq bands` or `sort <field>`",
            at="[id =",
        ),
        case(
            "    expect:",
            "    filters: [age ge bands more]\n    expect:",
            "`age ge bands more` is no filter; write `<field> <comparison>`, `<field> eq bands` or `sort <field>`",
            at="[age ge",
        ),
        case("    expect:", "    fields: [idd]\n    expect:", "unknown field `idd`; did you mean `id`?", at="[idd]"),
        case(
            "    expect:",
            "    at: someday\n    expect:",
            "`at` is the text `someday`, expected a day such as 2027-01-31 or an instant such as 2027-01-31T18:00:00Z",
            at="at: someday",
        ),
        case(
            "One more",
            "A fresh sign-in shows an analyst nothing more",
            "a second case `A fresh sign-in shows an analyst nothing more`; first in line 4",
            at="  - name: A fresh sign-in shows an analyst nothing more\n    role: analyst\n    recipient: own\n    assurance: 4",
        ),
    ],
    ids=lambda broken: broken.says[:50],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what was expected."""
    check(broken)


def test_a_reason_is_one_of_the_closed_list() -> None:
    """A mistyped reason would be a case that no refusal meets."""
    (told,) = sentences(edited(FILE, HEAD, HEAD + CASE.replace("expect: {id: surrogate}", "refused: redline")))
    assert told.startswith(f"{FILE}:10: `refused` is `redline`, expected one of `malformed`, ")
    assert told.endswith("; did you mean `red-line`?")


def test_the_shipped_cases_cover_every_role() -> None:
    """More than twenty, with permits and refusals."""
    cases = loaded().tests
    assert len(cases) > 20
    assert {one.role for one in cases} >= {
        "analyst",
        "campaigner",
        "service-agent",
        "officer",
        "admin",
        "newsletter-app",
        "partner-adnet",
    }
    assert {one.refused for one in cases} >= {
        None,
        "red-line",
        "grant-missing",
        "filter-not-permitted",
        "step-up-required",
        "recipient-not-in-force",
    }


def test_a_case_is_what_its_lines_say() -> None:
    """Filters are spelt as the log spells them."""
    one = next(one for one in loaded().tests if one.name == "An analyst may cut by what is revealed")
    assert (one.file, one.role, one.recipient, one.assurance, one.operation) == (
        FILE,
        "analyst",
        "own",
        Assurance.PERSON,
        "read",
    )
    assert one.filters == ("country eq", "job eq", "sort -duration")
    assert (dict(one.expect), one.refused, one.fields, one.at_us) == (
        {"job": "reveal", "country": "reveal"},
        None,
        None,
        None,
    )
