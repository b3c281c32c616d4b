# SPDX-License-Identifier: Apache-2.0
"""Rules with some lines made smaller, and what calls of the past would have come to under them.

A view under smaller rules is compiled as every other is; nothing of it is guessed from the lines.
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec

from gateway.decide.layers.collecting import COLLECTING
from gateway.decide.past.narrowing import Cell, Use, cell_of
from gateway.decide.plan import NEVER_US, Ask, compile_plan, lower
from gateway.decide.rules import Grant, RuleSet
from gateway.domain.catalog import WRITES
from gateway.domain.names import DatasetName, FieldName, GrantId, PurposeKey, RecipientId
from gateway.domain.principal import Assurance
from gateway.domain.treatment import NOTHING
from gateway.domain.viewplan import Caps, ViewPlan


def narrowed(line: Grant, cells: Iterable[Cell]) -> tuple[Grant, ...]:
    """Return the lines that stand in a line's place, each under a name of its own."""
    return tuple(
        line
        if cell == cell_of(line)
        else msgspec.structs.replace(
            line,
            id=GrantId(f"{line.id}/{place}"),
            dataset=cell.dataset,
            category=cell.category,
            purpose=cell.purpose,
        )
        for place, cell in enumerate(cells)
    )


def with_smaller(rules: RuleSet, changes: Mapping[GrantId, tuple[Cell, ...]]) -> RuleSet:
    """Return the rules with some lines made smaller."""
    grants = tuple(
        new for line in rules.grants for new in (narrowed(line, changes[line.id]) if line.id in changes else (line,))
    )
    return msgspec.structs.replace(rules, grants=grants)


def view_of(rules: RuleSet, use: Use, grants: Iterable[Grant]) -> ViewPlan | None:
    """Return the view that calls like these have by default; ``None`` where the rules do not know what they are about."""
    purpose = rules.purposes.get(PurposeKey(use.purpose))
    recipient = rules.recipients.get(RecipientId(use.recipient))
    collection = rules.catalog.collections.get(DatasetName(use.dataset))
    if purpose is None or recipient is None or collection is None:
        return None
    ask = Ask(
        purpose=purpose,
        recipient=recipient,
        collection=collection,
        operation=use.operation,
        proof=Assurance(min(use.assurance, Assurance.PERSON)),
        grants=tuple(grants),
        valid_until_us=NEVER_US,
        collecting=use.operation in COLLECTING,
    )
    return lower(compile_plan(rules, ask), Caps(fresh=use.assurance != Assurance.PERSON))


def refuses(before: RuleSet, after: RuleSet, use: Use, needed: Collection[FieldName]) -> bool:
    """Tell whether calls like these would be refused, or see less of what they needed, under smaller rules.

    Of what they needed only fields of the view are compared: the answer of a write is not a part of it.
    """
    held = set(use.grants)
    old = view_of(before, use, (line for line in before.grants if line.id in held))
    new = view_of(after, use, (line for line in after.grants if GrantId(line.id.partition("/")[0]) in held))
    if old is None or new is None:
        return False
    names = use.used if use.operation in WRITES else needed
    if any(not old.treatments.get(name, NOTHING).at_most(new.treatments.get(name, NOTHING)) for name in names):
        return True
    leaves = {name for name, treatment in new.treatments.items() if treatment != NOTHING}
    return not leaves and any(treatment != NOTHING for treatment in old.treatments.values())
