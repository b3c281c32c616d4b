# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, as exceptions that say what can be done. No secret and no value of a row is in any of them."""

from collections.abc import Mapping


class GatewayError(Exception):
    """Every error of this client."""


class Refused(GatewayError):
    """The gateway refused the call, and says why.

    Attributes:
        status: Of HTTP.
        reason: Code of the closed list, such as ``grant-missing``; empty if the answer had no body.
        decision_id: Finds the call in the gateway's log.
        title / detail: What happened; the rule's own sentence, where it has one.
        fields: Fields or parameters that it is about, as the caller named them.
        remediation: What can be done.
        retry: ``never``, ``after``, ``with-step-up``, ``with-grant`` or ``with-approval``.
        who: Who can change it: ``caller``, ``owner``, ``officer`` or ``operator``.
        outcome: Of a write: ``not-sent`` or ``unknown``; ``None`` if nothing was asked of the store.
        retry_after_s: When to ask again, where that is known.
        approval: What somebody else has to approve before the same call can succeed.
    """

    def __init__(
        self, status: int, told: Mapping[str, object], *, decision_id: str = "", retry_after_s: int | None = None
    ) -> None:
        """Keep what a problem tells; members that are missing or of another kind are empty."""
        self.status = status
        self.reason = _text(told, "reason")
        self.decision_id = _text(told, "decision_id") or decision_id
        self.title, self.detail = _text(told, "title"), _text(told, "detail")
        fields = told.get("fields")
        self.fields = tuple(one for one in fields if isinstance(one, str)) if isinstance(fields, list) else ()
        self.remediation = _text(told, "remediation")
        self.retry, self.who = _text(told, "retry") or "after", _text(told, "who") or "operator"
        self.outcome = _text(told, "outcome") or None
        self.approval = _text(told, "approval") or None
        self.retry_after_s = retry_after_s
        about = f" ({', '.join(self.fields)})" if self.fields else ""
        said = " ".join(part for part in (self.title and f"{self.title}.", self.detail, self.remediation) if part)
        found = f" [decision {self.decision_id}]" if self.decision_id else ""
        super().__init__(f"{status} {self.reason or 'no body'}{about}: {said}{found}")


def _text(told: Mapping[str, object], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


class SignInFailed(Refused):
    """Name, password, code or secret: something was wrong, and nobody is told what."""


class StepUpNeeded(Refused):
    """The call is permitted after a fresh sign-in with both factors."""


class CutStream(GatewayError):
    """The answer ended before its end. What came of it is not the whole and must not be taken for it.

    Attributes:
        n_rows: Rows that had come.
        reason: What the gateway said in its last record; empty if the connection just ended.
        decision_id: Finds the call in the gateway's log; ``Gateway.decision`` tells its final counts.
    """

    def __init__(self, n_rows: int, reason: str, decision_id: str) -> None:
        """Keep what is known of the cut."""
        self.n_rows, self.reason, self.decision_id = n_rows, reason, decision_id
        super().__init__(
            f"the answer was cut after {n_rows} rows: {reason or 'the connection ended'} [decision {decision_id}]"
        )


class MoreMayFollow(GatewayError):
    """The answer came whole, but it was too long to say whether another page follows. Ask for smaller pages."""

    def __init__(self, n_rows: int, decision_id: str) -> None:
        """Keep what is known of the answer."""
        self.n_rows, self.decision_id = n_rows, decision_id
        super().__init__(
            f"{n_rows} rows came, and the answer does not say whether another page follows: ask for smaller pages, "
            f"or for one answer alone with pages=False [decision {decision_id}]"
        )


class Unreachable(GatewayError):
    """The gateway did not answer.

    Attributes:
        may_be_written: Of a write: it may have arrived. Look, or repeat it with the same idempotency key.
    """

    def __init__(self, why: str, *, may_be_written: bool = False) -> None:
        """Keep what failed, and what it means for a write."""
        self.may_be_written = may_be_written
        super().__init__(why)


class NotTheGateway(GatewayError):
    """Something else answered: a proxy, a redirect, a page."""
