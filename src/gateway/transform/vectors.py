# SPDX-License-Identifier: Apache-2.0
"""How each field that leaves is treated, by class of rows: the view's treatment, or what the rules of the class leave of it."""

from collections.abc import Sequence

from gateway.domain.treatment import NOTHING, Treatment, smaller
from gateway.domain.viewplan import FieldView, RowEffect, ViewPlan
from gateway.transform.rows import row_classes
from gateway.transform.surrogates import Surrogates
from gateway.transform.treat import Column, column_of
from gateway.transform.view_fields import spec_of


class Vectors:
    """Treatments of the leaving fields, in their order; made when a class of rows is first asked for.

    Raises:
        ValueError: The plan contradicts itself.
    """

    def __init__(self, plan: ViewPlan, leaving: Sequence[FieldView], surrogates: Surrogates) -> None:
        self._plan, self._leaving, self._surrogates = plan, leaving, surrogates
        self._rules = row_classes(plan)
        self._made: dict[int, tuple[Column | None, ...]] = {}
        self.of(0)  # a plan that contradicts itself fails here, and not with its first row

    def of(self, row_class: int) -> tuple[Column | None, ...]:
        """Return how each leaving field is treated in a class of rows."""
        if not 0 <= row_class < 1 << len(self._rules):
            raise ValueError(f"there is no class {row_class} of rows")
        if row_class not in self._made:
            self._made[row_class] = tuple(self._treatment(view, row_class) for view in self._leaving)
        return self._made[row_class]

    def _treatment(self, view: FieldView, row_class: int) -> Column | None:
        treatment = view.treatment
        for place, rule in enumerate(self._rules):
            if row_class >> place & 1 and rule.effect is RowEffect.UNLINK:
                treatment = smaller(treatment, Treatment(treatment.level, link=False))
            elif row_class >> place & 1 and view.field in rule.fields:
                treatment = smaller(treatment, NOTHING)
        return column_of(spec_of(self._plan, view.field), view.chain, treatment, self._surrogates)
