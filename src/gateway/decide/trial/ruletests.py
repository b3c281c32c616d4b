# SPDX-License-Identifier: Apache-2.0
"""Runs the cases of ``policies/tests`` against the rules that they stand beside.

A case asks as a principal of its role whose bearer is for exactly its purpose, with a reference unless
the refusal it expects is the missing one. Filters have no values here: what a clear or a surrogate
filter is compared with does not change the decision, and one in bands counts as a proper band. Of a case
that writes, the fields are those that the body names, the filters those of the path, and what is expected
of a field is how it may be written: ``reveal``, ``surrogate`` or not at all.
"""

import msgspec

from gateway.decide.decide import Decider
from gateway.decide.rules import RuleSet, RuleTest
from gateway.domain.catalog import WRITES, AnswerShape, Route
from gateway.domain.decision import Decision, Deny, Permit, Reason, StepUp
from gateway.domain.inquiry import Filter, Inquiry, Sort, Written
from gateway.domain.names import AccountId, ClientId, DecisionId, FieldName
from gateway.domain.parameters import Comparison
from gateway.domain.principal import FRESH_SIGN_IN_US, Assurance, Principal, PrincipalKind
from gateway.domain.treatment import Family
from gateway.domain.viewplan import ViewPlan

REFERENCE = "rule-test"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A case that the rules decide in another way than it says.

    Attributes:
        field: The field that it is about; ``None`` where the call as a whole is.
    """

    file: str
    line: int
    test: str
    field: str | None
    expected: str
    got: str

    def sentence(self) -> str:
        """Return place, case, got and expected in one line."""
        about = "the call" if self.field is None else f"field {self.field}"
        return f"{self.file}:{self.line}: {self.test}: {about}: expected {self.expected}, got {self.got}"


def failures(rules: RuleSet, now_us: int) -> tuple[Failure, ...]:
    """Return what the rules decide in another way than their cases say, in the order of the cases.

    Args:
        rules: The rules with their cases.
        now_us: Time of the cases that do not name one.
    """
    decider = Decider(rules, in_band=lambda _rung, _text: True)
    return tuple(failure for case in rules.tests for failure in _failures(decider, case, now_us))


def _failures(decider: Decider, case: RuleTest, now_us: int) -> list[Failure]:
    at_us = now_us if case.at_us is None else case.at_us
    decision = decider.decide(inquiry_of(case, at_us), (), at_us)
    if case.refused is not None:
        got = outcome(decision)
        return [] if got == case.refused else [_failure(case, None, case.refused, got)]
    if not isinstance(decision, Permit):
        return [_failure(case, None, "a permit", outcome(decision))]
    return [
        _failure(case, field, expected, leaves(decision.plan, field))
        for field, expected in case.expect.items()
        if not _is_as_expected(decision.plan, field, expected)
    ]


def inquiry_of(case: RuleTest, at_us: int) -> Inquiry:
    """Return the call that a case describes."""
    comparisons = [text for text in case.filters if not text.startswith("sort ")]
    writes = case.operation in WRITES
    return Inquiry(
        decision_id=DecisionId(""),
        principal=_principal(case, at_us),
        purpose=None if case.refused == Reason.PURPOSE_MISSING else case.purpose,
        reference=None if case.refused == Reason.REFERENCE_MISSING else REFERENCE,
        operation=case.operation,
        dataset=case.dataset,
        route=Route(
            method="GET",
            template=f"/{case.dataset.replace('.', '/')}",
            operation=case.operation,
            dataset=case.dataset,
            answer=AnswerShape(kind="array"),
            parameters={},
        ),
        fields=None if writes else case.fields,
        filters=tuple(msgspec.structs.replace(_filter(text), in_path=writes) for text in comparisons),
        sorts=tuple(_sort(text.removeprefix("sort ")) for text in case.filters if text.startswith("sort ")),
        written=(Written(tuple((name, None) for name in case.fields)),) if writes and case.fields else (),
    )


def outcome(decision: Decision) -> str:
    """Return the reason of a refusal, or ``a permit``."""
    match decision:
        case Permit():
            return "a permit"
        case StepUp():
            return Reason.STEP_UP_REQUIRED.value
        case Deny(reason=reason):
            return reason.value


def leaves(plan: ViewPlan, field: str) -> str:
    """Return the rung that leaves of a field; ``surrogate`` and ``drop`` where the value does not."""
    view = plan.view(field)
    if view is None:
        return Family.DROP.value
    family = view.chain.family(view.treatment)
    return family.value if view.treatment.level == 0 else view.chain.rungs[view.treatment.level]


def _is_as_expected(plan: ViewPlan, field: str, expected: str) -> bool:
    """Tell whether a rung, or a family of rungs, is what leaves."""
    got = leaves(plan, field)
    return expected in (got, got.partition(".")[0])


def _failure(case: RuleTest, field: str | None, expected: str, got: str) -> Failure:
    return Failure(file=case.file, line=case.line, test=case.name, field=field, expected=expected, got=got)


def _principal(case: RuleTest, at_us: int) -> Principal:
    is_person = case.assurance >= Assurance.PERSON
    is_fresh = case.assurance == Assurance.PERSON_FRESH
    return Principal(
        account=AccountId(""),
        kind=PrincipalKind.PERSON if is_person else PrincipalKind.SERVICE,
        roles=(case.role,),
        client=ClientId(""),
        recipient=case.recipient,
        proof=Assurance.PERSON if is_person else case.assurance,
        signed_in_us=at_us if is_fresh else at_us - FRESH_SIGN_IN_US - 1,
        scopes=(case.purpose,),
        session="",
    )


def _filter(text: str) -> Filter:
    """Read a filter as the loader left it: ``country eq``, ``age eq bands``."""
    field, comparison, *bands = text.split(" ")
    return Filter(
        field=FieldName(field), comparison=Comparison(comparison), value="", parameter=text, bands=bool(bands)
    )


def _sort(text: str) -> Sort:
    return Sort(field=FieldName(text.removeprefix("-")), descending=text.startswith("-"))
