# SPDX-License-Identifier: Apache-2.0
"""The question "could I?" in the words of AuthZEN: read from JSON, and answered without the inside of the rules.

Source: OpenID AuthZEN Authorization API 1.0, sections 5 and 6.
"""

from collections.abc import Mapping
from typing import Any

from gateway.domain.decision import Deny, Reason
from gateway.domain.explanation import Explanation
from gateway.domain.names import DatasetName, PurposeKey, is_key
from gateway.domain.principal import Principal
from gateway.flows.explain import Question


def question_of(asked: dict[str, object], who: Principal) -> Question | Deny:
    """Return the question of an AuthZEN evaluation; the subject may only be the caller itself."""
    unknown = _unknown("", asked)
    if unknown is not None:
        return Deny(
            reason=Reason.MALFORMED, fields=(unknown,), title="The question has a member that is not known here."
        )
    subject, action, resource, context = (_object(asked, name) for name in ("subject", "action", "resource", "context"))
    properties = _object(resource, "properties")
    if subject.get("id") not in (None, who.account):
        return Deny(reason=Reason.MALFORMED, fields=("subject",), title="A caller may ask about itself alone.")
    texts = [action.get("name"), resource.get("id"), context.get("purpose")]
    names = [properties.get("fields", []), properties.get("filters", [])]
    # Keys, because the question is entered in the log.
    if not all(isinstance(text, str) and is_key(text) for text in texts) or not all(_is_texts(each) for each in names):
        return Deny(reason=Reason.MALFORMED, title="action.name, resource.id and context.purpose must be keys.")
    reference = context.get("reference")
    if reference is not None and not isinstance(reference, str):
        return Deny(reason=Reason.MALFORMED, fields=("context.reference",), title="context.reference must be a text.")
    return Question(
        principal=who,
        dataset=DatasetName(str(texts[1])),
        purpose=PurposeKey(str(texts[2])),
        operation=str(texts[0]),
        reference=reference,
        fields=tuple(names[0]),
        filters=tuple(names[1]),
    )


_MEMBERS: dict[str, frozenset[str]] = {
    "": frozenset({"subject", "action", "resource", "context"}),
    "subject": frozenset({"type", "id"}),
    "action": frozenset({"name"}),
    "resource": frozenset({"type", "id", "properties"}),
    "resource.properties": frozenset({"fields", "filters"}),
    "context": frozenset({"purpose", "reference"}),
}


def _unknown(place: str, value: object) -> str | None:
    """Return the first member that the question should not have, or a place that should be an object."""
    if not isinstance(value, dict):
        return place
    for name, inner in value.items():
        path = f"{place}.{name}".removeprefix(".")
        if name not in _MEMBERS[place]:
            return path if path.isascii() and path.isprintable() and len(path) <= 100 else place
        found = _unknown(path, inner) if path in _MEMBERS else None
        if found is not None:
            return found
    return None


def _object(within: Mapping[str, object], name: str) -> Mapping[str, Any]:
    """Return an object inside another, empty if it is not there."""
    value = within.get(name, {})
    return value if isinstance(value, dict) else {}


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def told_of(told: Explanation) -> dict[str, object]:
    """Return what an outsider may know of an explanation: the outcome, not the inside of the rules."""
    return {
        "reason": told.reason,
        "fields": told.about,
        "detail": told.title,
        "remediation": told.change,
        "who": told.ask,
        "view": {
            word.field: word.rung if word.rung != "drop" else word.leaves
            for word in told.fields
            if word.leaves != "drop"
        },
        "rows": told.rows,
    }
