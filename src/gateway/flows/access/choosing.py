# SPDX-License-Identifier: Apache-2.0
"""Choices while rows are on their way: by which of them rows were judged, and whether they are the newest still.

Rows wait for their block as long as the store takes to fill it. Somebody in it may choose meanwhile, so that a block is
looked at once more before its entry is written: whoever chose against it is in none.
"""

from collections import deque
from collections.abc import Sequence

from gateway.domain.decision import Deny, Reason
from gateway.domain.names import PersonNumber
from gateway.domain.viewplan import ViewPlan
from gateway.flows.access.call import RefusedError
from gateway.flows.access.ports.state import Choices
from gateway.flows.access.verdicts import choice_rule, let_link, withheld_by
from gateway.transform.codec import Codec
from gateway.transform.reading import Batch
from gateway.transform.rows import WITHHELD, Verdict


class Choosing:
    """The choices that count for the rows of one answer."""

    def __init__(self, choices: Choices, plan: ViewPlan, codec: Codec) -> None:
        """Begin before the first row was judged."""
        self._choices, self._plan, self._codec = choices, plan, codec
        self._first_judged_by: int | None = None
        """Version of the choices by which the first rows were judged; those that wait may be as old."""
        self._let_link = deque[PersonNumber | None]()
        """Of rows that wait for their block, the people whose devices they show as one."""

    def against(self, numbers: Sequence[PersonNumber | None]) -> Sequence[bool]:
        """Tell of each row's person whether their choice withholds it."""
        rule = choice_rule(self._plan)
        if rule is None:
            return [False] * len(numbers)
        chosen = self._choices.sets_for(rule.purpose)
        if self._first_judged_by is None:
            self._first_judged_by = chosen.version
        return withheld_by(chosen, rule, [number for number in numbers if number is not None])

    def linked(
        self,
        batch: Batch,
        subjects: Sequence[str | None],
        numbers: Sequence[PersonNumber | None],
        verdict: Verdict,
    ) -> Batch:
        """Return the rows, those of people who let their devices be linked standing for these people."""
        rule = self._plan.link_rule
        if rule is None or not self._codec.linking:
            return batch
        chosen = self._choices.sets_for(rule.purpose)
        if self._first_judged_by is None:
            self._first_judged_by = chosen.version
        people = let_link(chosen, rule, subjects, numbers)
        self._let_link.extend(one for one, own in zip(people, verdict.classes, strict=True) if own != WITHHELD)
        return self._codec.linked(batch, people)

    def check(self, people: Sequence[PersonNumber], n_rows: int) -> None:
        """Refuse a block with a person in it who chose against it after the rows were judged.

        So is a block refused that shows devices as one of a person who has them apart by now. The caller may ask again
        at once.

        Raises:
            RefusedError: The choice of one of them counts from now on.
        """
        linked = [self._let_link.popleft() for _ in range(min(n_rows, len(self._let_link)))]
        shown_as_one = [one for one in linked if one is not None]
        for rule, asked in ((choice_rule(self._plan), people), (self._plan.link_rule, shown_as_one)):
            if rule is None or not asked:
                continue
            newest = self._choices.sets_for(rule.purpose)
            if self._first_judged_by != newest.version and any(withheld_by(newest, rule, asked)):
                raise RefusedError(Deny(reason=Reason.OVERLOADED, rule=f"choice:{rule.purpose}"))
