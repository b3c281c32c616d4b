# SPDX-License-Identifier: Apache-2.0
"""The fields of a plan: which a row is read for, which may leave and as what, and which may link somebody's devices."""

from collections.abc import Sequence

from gateway.domain.catalog import FieldSpec
from gateway.domain.names import FieldName
from gateway.domain.treatment import Family
from gateway.domain.viewplan import FieldView, ViewPlan
from gateway.transform.inner import Value
from gateway.transform.shape import KINDS


def view_words(plan: ViewPlan) -> dict[str, tuple[FieldName, ...]]:
    """Return, by word of treatment, the fields that may leave under a plan; what is dropped is not told."""
    words: dict[str, tuple[FieldName, ...]] = {}
    for view in plan.views:
        family = view.chain.family(view.treatment)
        if family is not Family.DROP:
            words[family.value] = (*words.get(family.value, ()), view.field)
    return words


def linking(plan: ViewPlan, leaving: Sequence[FieldView]) -> frozenset[FieldName]:
    """Return the fields that leave as surrogates and may link what belongs to one person."""
    rule = plan.link_rule
    return frozenset(view.field for view in leaving if rule and view.treatment.level == 0 and view.field in rule.fields)


def spec_of(plan: ViewPlan, field: FieldName) -> FieldSpec:
    """Return what the catalogue says of a field of the plan's collection.

    Raises:
        ValueError: There is no such field.
    """
    spec = plan.collection.field(field)
    if spec is None:
        raise ValueError(f"collection {plan.dataset} has no field {field}")
    return spec


def read_fields(plan: ViewPlan, leaving: Sequence[FieldView]) -> list[FieldSpec]:
    """Return the specs of the fields that a row is read for: those that leave, then those rules need."""
    collection = plan.collection
    subject = collection.subject.field if collection.subject else None
    needed = [view.field for view in leaving]
    needed += [name for name in (subject, collection.birth_date, collection.region) if name is not None]
    return [spec_of(plan, name) for name in dict.fromkeys(needed)]


def left_kind(plan: ViewPlan, view: FieldView) -> type[Value]:
    """Return the kind that a field may leave in: its own where it is revealed, else text."""
    return KINDS[spec_of(plan, view.field).type] if view.chain.family(view.treatment) is Family.REVEAL else str
