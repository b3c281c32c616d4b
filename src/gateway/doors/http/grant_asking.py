# SPDX-License-Identifier: Apache-2.0
"""A request for a grant as JSON: read into words, and told back with what became of it.

A request has no member that names an account: whoever asks, asks for itself.
"""

from collections.abc import Mapping

from gateway.domain.decision import Deny, Reason
from gateway.domain.grant_request import GrantRequest
from gateway.flows.grant_requests import Words

NEEDED = ("dataset", "purpose", "why", "until")
_TEXTS = (*NEEDED, "operation", "rung")
_LISTS = ("fields", "categories")
MEMBERS = (*_TEXTS, *_LISTS, "link")
MOST_CHARACTERS = 500


def words_of(said: Mapping[str, object]) -> Words | Deny:
    """Return the words of a request; each member is of its kind and no other is there."""
    unknown = set(said) - set(MEMBERS)
    missing = [name for name in NEEDED if name not in said]
    bad = [name for name, value in said.items() if name in MEMBERS and not _is_of_its_kind(name, value)]
    if unknown or missing or bad:
        sentence = f"The body has the members {', '.join(NEEDED)}, fields or categories, and may have operation, rung and link."
        return Deny(reason=Reason.BODY_INVALID, fields=(*missing, *bad), title=sentence)
    texts = {name: str(said[name]) for name in _TEXTS if name in said}
    lists = {name: _texts(said[name]) for name in _LISTS if name in said}
    link = said.get("link")
    return Words(**texts, **lists, link=link if isinstance(link, bool) else None)  # type: ignore[arg-type]


def _is_of_its_kind(name: str, value: object) -> bool:
    if name == "link":
        return isinstance(value, bool)
    if name in _LISTS:
        return isinstance(value, list) and len(_texts(value)) == len(value)
    return isinstance(value, str) and 0 < len(value) <= MOST_CHARACTERS


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else []
    return tuple(one for one in items if isinstance(one, str) and 0 < len(one) <= MOST_CHARACTERS)


def told_of(request: GrantRequest) -> dict[str, object]:
    """Return what its caller may know of a request; who decided is not told."""
    asked = request.asked
    return {
        "id": request.id,
        "state": request.state,
        "dataset": asked.dataset,
        "fields": asked.fields,
        "categories": asked.categories,
        "covers": request.covers,
        "operation": asked.operation,
        "purpose": asked.purpose,
        "rung": "surrogate" if asked.rung == "drop" else asked.rung,
        "link": asked.link,
        "why": asked.why,
        "until_us": asked.until_us,
        "asked_us": request.asked_us,
        "decided_us": request.decided_us,
        "because": request.because,
        "granted_until_us": request.granted_until_us,
    }
