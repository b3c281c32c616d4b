# SPDX-License-Identifier: Apache-2.0
"""How a refusal is told: problem details and the headers around them.

A rule's own sentence comes with the refusal and is put in ``detail``. Nothing that a store said is
ever here.

Source: RFC 9457 (problem details), RFC 6750 section 3 and RFC 9470 (challenges).
"""

import msgspec

from gateway.domain.decision import Reason, Refusal
from gateway.domain.principal import FRESH_SIGN_IN_US
from gateway.doors.http.problem_table import PROBLEMS, Retry
from gateway.doors.http.view import rate_limit

PROBLEM_TYPE = "/-/problems/"
CLOSING = frozenset({Reason.MALFORMED, Reason.HEADER_NOT_SUPPORTED, Reason.BODY_TOO_LARGE})
"""After these the connection is closed: two readers may differ on where the call ended."""
STEP_UP_ACR = "person-two-factors"
"""Authentication context that a fresh sign-in gives; the same word stands in bearers."""


def problem_json(refusal: Refusal, language: str = "en") -> bytes:
    """Return the body that tells a refusal; nothing when nothing can be logged (DESIGN 4)."""
    if refusal.reason is Reason.LOG_UNAVAILABLE:
        return b""
    problem = PROBLEMS[refusal.reason]
    title, remedy = problem.told(language)
    members: dict[str, object] = {
        "type": PROBLEM_TYPE + refusal.reason,
        "title": title,
        "status": problem.status,
        "instance": f"/-/me/decisions/{refusal.decision_id}",
        "reason": refusal.reason,
        "decision_id": refusal.decision_id,
        "fields": refusal.fields,
        "remediation": remedy,
        "retry": problem.retry,
        "who": problem.who,
    }
    if refusal.outcome is not None:
        members["outcome"] = refusal.outcome
    if refusal.approval is not None:
        members["approval"] = refusal.approval
    detail = dict(refusal.titles).get(language, refusal.title)
    if detail:
        members["detail"] = detail
    return msgspec.json.encode(members)


def problem_headers(
    refusal: Refusal,
    body: bytes,
    *,
    language: str = "en",
    allow: tuple[str, ...] = (),
    error: str | None = None,
    unread: bool = False,
) -> list[tuple[bytes, bytes]]:
    """Return the headers of a refusal.

    Args:
        refusal: What is told.
        body: As ``problem_json`` returned it.
        language: Of the body.
        allow: Methods of the route, for 405.
        error: Code of RFC 6750 for a bearer that was shown and is not valid.
        unread: The call may have a body that was not read; it is not waited for.
    """
    headers = {
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "decision-id": refusal.decision_id,
        "x-content-type-options": "nosniff",
    }
    if body:
        headers["content-type"] = "application/problem+json"
        headers["content-language"] = "zh-Hans" if language == "zh" else "en"
    if unread or refusal.reason in CLOSING:
        headers["connection"] = "close"
    if allow:
        headers["allow"] = ", ".join(allow)
    if PROBLEMS[refusal.reason].status == 401:
        headers["www-authenticate"] = challenge(refusal.reason, error)
    headers.update(
        (name, value)
        for name, value in zip(("ratelimit-policy", "ratelimit"), rate_limit(refusal.budgets), strict=True)
        if value
    )
    if PROBLEMS[refusal.reason].retry is Retry.AFTER or refusal.retry_after_s is not None:
        headers["retry-after"] = str(refusal.retry_after_s or 5)
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]


def challenge(reason: Reason, error: str | None = None) -> str:
    """Return the ``WWW-Authenticate`` of a 401 (RFC 6750 section 3, RFC 9470 section 3)."""
    if reason is Reason.STEP_UP_REQUIRED:
        age_s = FRESH_SIGN_IN_US // 1_000_000
        return f'Bearer error="insufficient_user_authentication", acr_values="{STEP_UP_ACR}", max_age={age_s}'
    return f'Bearer error="{error}"' if error else "Bearer"
