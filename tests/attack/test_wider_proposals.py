# SPDX-License-Identifier: Apache-2.0
"""Attack: somebody writes rules or makes calls so that the review of access proposes rules by which more would leave.

A proposal is applied with ``patch`` by somebody who trusts it to be smaller. So it is, at any time, for any call,
whatever denies, periods, trees and spellings stand in the file.
"""

import itertools
import random

import msgspec
import pytest

from gateway.app.rule_files import read_folder
from gateway.decide.decide import Decider, caps_for
from gateway.decide.past.narrowing import Needs, Times, Use
from gateway.decide.past.smaller_file import smaller_text
from gateway.decide.rules import Grant, RuleSet
from gateway.domain.decision import Deny
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import FieldName, GrantId, is_under
from gateway.domain.treatment import NOTHING, Treatment
from tests.attack.test_rules_archive import POLICIES
from tests.fakes import rules as draw
from tests.fakes.rule_files import loaded, sentences
from tests.property.test_layers_only_take_away import decider
from tests.property.test_smaller_rules import drawn, history, smaller, use_of

GRANTS = "grants.csv"
TIMES_US = tuple(draw.NOW_US + one for one in (-1_000_000, -51, -20, -1, 0, 1, 20, 49, 99, 1_000_000))
ODD = {
    ", ": ",   ", "p, ": "p,", " allow": "allow", "read, reveal": "read  ,reveal", ", ,": ",,", "user.contact,": "user.contact ,",
}  # fmt: skip


def shown(by: Decider, inquiry: Inquiry, now_us: int) -> dict[FieldName, Treatment]:
    """Return what a call would have of each field at a time."""
    rule = by.purpose(inquiry.purpose, inquiry.principal, None, now_us)
    plan = rule if isinstance(rule, Deny) else by.plan(inquiry, rule, now_us)
    if isinstance(plan, Deny):
        return {}
    return dict(by.lowered(plan, caps_for(inquiry, (), now_us)).treatments)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("denies", [0.1, 0.3, 0.6])
def test_no_proposal_shows_more_at_any_time(seed: int, denies: float) -> None:
    """Lines that begin and end, a third of them denies, under one another and beside each other."""
    rng = random.Random(f"{seed} {denies}")
    n_smaller = n_shown = 0
    for _ in range(6):
        rules = draw.rule_set(rng, n_grants=rng.randint(30, 120), timed=True, denies=denies)
        needs = Needs(rules, {use_of(inquiry, permit): Times(1, 0, 0) for inquiry, permit in history(rng, rules)})
        after = smaller(rules, needs)
        n_smaller += after.grants != rules.grants
        old, new = decider(rules), decider(after)
        for _ in range(30):
            inquiry, now_us = drawn(rng, rules), rng.choice(TIMES_US)
            wide = shown(old, inquiry, now_us)
            n_shown += bool(wide)
            assert all(t.at_most(wide.get(name, NOTHING)) for name, t in shown(new, inquiry, now_us).items())
    assert n_smaller > 0
    assert n_shown > 0


@pytest.mark.parametrize("seed", range(4))
def test_calls_that_somebody_made_up_widen_nothing(seed: int) -> None:
    """The log names lines, datasets, purposes and fields; whatever stands there, a line stays under itself."""
    rng = random.Random(seed)
    rules = draw.rule_set(rng, n_grants=60, timed=True, denies=0.3)
    words = (
        "",
        "*",
        ".",
        "crm",
        "crm.",
        ".crm",
        "crm.customers",
        "user",
        "user.contact",
        "marketing",
        "no.such",
        "é",
        "../x",
    )
    lines = tuple(line.id for line in rules.grants)
    uses = {
        Use(
            client=rng.choice(words),
            account=rng.choice(words),
            recipient=rng.choice(("own", "adnet", "nobody")),
            purpose=rng.choice((*words, *draw.PURPOSES)),
            dataset=rng.choice((*words, *draw.DATASETS)),
            operation=rng.choice((*draw.OPERATIONS, "everything")),
            assurance=rng.randint(0, 4),
            grants=(*rng.sample(lines, 8), GrantId("g:unknown")),
            leaving=tuple(FieldName(rng.choice((*words, "email", "id", "name"))) for _ in range(3)),
            used=tuple(FieldName(rng.choice((*words, "email", "id", "name"))) for _ in range(2)),
            named=(),
        ): Times(1, 0, 0)
        for _ in range(200)
    }
    needs = Needs(rules, uses)

    after = smaller(rules, needs)

    _insist_on_smaller(rules, after.grants)


def _insist_on_smaller(rules: RuleSet, after: tuple[Grant, ...]) -> None:
    """See that each line lies under the one it comes from, and that no deny is gone or changed."""
    lines = {str(line.id): line for line in rules.grants}
    assert [line for line in after if not line.allow] == [line for line in rules.grants if not line.allow]
    for line in after:
        old = lines[line.id.partition("/")[0]]
        assert is_under(line.dataset, old.dataset)
        assert is_under(line.category, old.category)
        assert is_under(line.purpose, old.purpose)
        of_old = {"id": old.id, "dataset": old.dataset, "category": old.category, "purpose": old.purpose}
        assert msgspec.structs.replace(line, **of_old) == old


@pytest.mark.parametrize("seed", range(3))
def test_the_file_says_what_was_proposed_however_it_is_spelled(seed: int) -> None:
    """Blanks where nobody puts them; each line of the new file stands under the one of the old file that it comes from."""
    rng = random.Random(seed)
    files = read_folder(POLICIES)
    text = files[GRANTS].decode()
    lines = text.split("\n")
    for place, plain in itertools.product(range(len(lines)), ODD):
        if lines[place].startswith("p") and rng.random() < 0.2:
            lines[place] = lines[place].replace(plain, ODD[plain])
    odd_text = "\n".join(lines)
    rules = loaded({**files, GRANTS: odd_text.encode()})
    by_line = {line.line: line for line in rules.grants}
    uses = _uses(rng, rules)
    needs = Needs(rules, uses)
    changes = {line.line: needs.smaller(line) for line in rules.grants if line.allow}

    told, origins = smaller_text(odd_text, changes)

    # A deny without an allow of its role is the one thing that the loader has against it; the review keeps one.
    assert all("denies to" in one for one in sentences({**files, GRANTS: told.encode()}) if GRANTS in one)
    for new, origin in zip(told.split("\n"), origins, strict=True):
        if origin not in by_line:
            assert new == odd_text.split("\n")[origin - 1]
            continue
        old, cells = by_line[origin], [cell.strip(" ") for cell in new.split(",")]
        was = [cell.strip(" ") for cell in odd_text.split("\n")[origin - 1].split(",")]
        assert cells[:2] + cells[5:] == was[:2] + was[5:]
        assert is_under(cells[2], old.dataset)
        assert is_under(cells[3], old.category)
        assert is_under(cells[4], old.purpose)


def _uses(rng: random.Random, rules: RuleSet) -> dict[Use, Times]:
    """Return calls by some of the lines, of some of the fields that they give."""
    found: dict[Use, Times] = {}
    for line in rng.sample(rules.grants, 30):
        name = rng.choice([one for one in rules.catalog.collections if is_under(one, line.dataset)])
        fields = [one.name for one in rules.catalog.collections[name].fields]
        purpose = rng.choice([key for key in rules.purposes if is_under(key, line.purpose)] or [line.purpose])
        use = Use(
            client="app",
            account="a",
            recipient="own",
            purpose=purpose,
            dataset=name,
            operation=line.operation,
            assurance=4,
            grants=(line.id,),
            leaving=tuple(sorted(rng.sample(fields, 3))),
            used=(),
            named=(),
        )
        found[use] = Times(1, 0, 0)
    return found
