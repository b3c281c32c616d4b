# SPDX-License-Identifier: Apache-2.0
"""What the gateway decided, and the closed list of reasons for saying no.

A refusal is a value. The reason's code is kebab-case and stable: problem pages, translations,
documentation and tests are made from this list.
"""

from enum import StrEnum

import msgspec

from gateway.domain.budget import BudgetState
from gateway.domain.inquiry import Filter
from gateway.domain.names import DecisionId, FieldName
from gateway.domain.viewplan import ViewPlan


class Reason(StrEnum):
    """Why a call was refused."""

    MALFORMED = "malformed"
    PATH_NOT_CANONICAL = "path-not-canonical"
    HEADER_NOT_SUPPORTED = "header-not-supported"
    PARAMETER_UNDECLARED = "parameter-undeclared"
    PARAMETER_INVALID = "parameter-invalid"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    BODY_TOO_LARGE = "body-too-large"
    CONTENT_TYPE_NOT_SUPPORTED = "content-type-not-supported"
    BODY_INVALID = "body-invalid"
    FIELD_NOT_COLLECTED = "field-not-collected"
    UNREVEALED_VALUE_WRITTEN = "unrevealed-value-written"
    PRECONDITION_FAILED = "precondition-failed"
    ERASED_PERSON = "erased-person"
    STORE_CONFLICT = "store-conflict"
    STORE_REFUSED = "store-refused"
    BUDGET_SPENT = "budget-spent"
    SIGN_IN_REQUIRED = "sign-in-required"
    SIGN_IN_FAILED = "sign-in-failed"
    STEP_UP_REQUIRED = "step-up-required"
    PURPOSE_MISSING = "purpose-missing"
    PURPOSE_UNKNOWN = "purpose-unknown"
    PURPOSE_NOT_IN_SCOPE = "purpose-not-in-scope"
    PURPOSE_NOT_IN_FORCE = "purpose-not-in-force"
    PURPOSE_NOT_ALLOWED = "purpose-not-allowed"
    REFERENCE_MISSING = "reference-missing"
    NO_SUCH_ROUTE = "no-such-route"
    NOT_FOUND = "not-found"
    GRANT_MISSING = "grant-missing"
    GRANT_REQUESTS_WAITING = "grant-requests-waiting"
    RED_LINE = "red-line"
    FIELD_NOT_PERMITTED = "field-not-permitted"
    FILTER_NOT_PERMITTED = "filter-not-permitted"
    SORT_NOT_PERMITTED = "sort-not-permitted"
    SURROGATE_NOT_RECOGNISED = "surrogate-not-recognised"
    RECIPIENT_NOT_IN_FORCE = "recipient-not-in-force"
    MANDATE_NEEDED = "mandate-needed"
    MANDATE_NOT_IN_FORCE = "mandate-not-in-force"
    MANDATE_SPENT = "mandate-spent"
    HELD = "held"
    APPROVAL_REQUIRED = "approval-required"
    STORE_UNREACHABLE = "store-unreachable"
    STORE_TIMEOUT = "store-timeout"
    STORE_ANSWER_INVALID = "store-answer-invalid"
    LOG_UNAVAILABLE = "log-unavailable"
    OVERLOADED = "overloaded"
    GATEWAY_FAILED = "gateway-failed"


CALLERS_WORDS = frozenset(
    {Reason.PARAMETER_UNDECLARED, Reason.PARAMETER_INVALID, Reason.HEADER_NOT_SUPPORTED, Reason.BODY_INVALID}
)
"""Reasons whose fields are names that a caller may have made up: told back to it, but no facts for the log."""


VIEW_CHANGED = "view-changed"
"""Rule of a refusal where the call was permitted and, while it ran, would have shown less than it had begun with."""


class Use(StrEnum):
    """How a permitted filter is compared at the store."""

    CLEAR = "clear"
    SURROGATE = "surrogate"
    """The value is an outgoing surrogate; the store is asked for what it stands for."""
    BAND = "band"


class FilterUse(msgspec.Struct, frozen=True, kw_only=True):
    """A filter that the view permits, and how."""

    filter: Filter
    use: Use


class Permit(msgspec.Struct, frozen=True, kw_only=True):
    """The call may go on under this view.

    Attributes:
        step_up: Fields of which a fresh sign-in would show more, told in ``Data-View``.
        shown: Of a write: the view under which the caller may see the record that the store answers
            with; ``None`` where it may see nothing of it.
        unjoined: Of a write: fields that take no surrogate but one of what the record holds, because they would show
            the caller more of the value than another field that the surrogate may be of.
    """

    plan: ViewPlan
    filters: tuple[FilterUse, ...] = ()
    step_up: tuple[FieldName, ...] = ()
    shown: ViewPlan | None = None
    unjoined: tuple[FieldName, ...] = ()


class Deny(msgspec.Struct, frozen=True, kw_only=True):
    """The call ends here.

    Attributes:
        fields: Fields or parameters that the reason is about, as the caller named them.
        rule: Which rule said so (red line id, purpose key); staff see it, callers its title.
        title: Sentence that a caller may read, beside the reason's own.
        titles: The same in the languages of the rules, by language tag.
        retry_after_s: When the same call may be asked again, where that is known.
        outcome: Of a write that failed: whether it may have happened.
        budgets: What is left of the budgets that the call counts against.
        approval: Identifier of what somebody else has to approve before the same call can succeed.
    """

    reason: Reason
    fields: tuple[str, ...] = ()
    rule: str | None = None
    title: str | None = None
    titles: tuple[tuple[str, str], ...] = ()
    retry_after_s: int | None = None
    outcome: "Outcome | None" = None
    budgets: tuple[BudgetState, ...] = ()
    approval: str | None = None


class Outcome(StrEnum):
    """What became of a write of which no answer can be given (DESIGN 8)."""

    NOT_SENT = "not-sent"
    UNKNOWN = "unknown"


class StepUp(msgspec.Struct, frozen=True, kw_only=True):
    """The call would go on after a fresh sign-in (RFC 9470)."""

    fields: tuple[str, ...] = ()


Decision = Permit | Deny | StepUp


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A decision against a call, as the door tells it."""

    decision_id: DecisionId
    reason: Reason
    fields: tuple[str, ...] = ()
    title: str | None = None
    titles: tuple[tuple[str, str], ...] = ()
    retry_after_s: int | None = None
    outcome: Outcome | None = None
    budgets: tuple[BudgetState, ...] = ()
    approval: str | None = None
