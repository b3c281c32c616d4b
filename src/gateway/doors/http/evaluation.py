# SPDX-License-Identifier: Apache-2.0
"""The question "could I?" in the words of AuthZEN: read from JSON, and answered without the inside of the rules.

Source: OpenID AuthZEN Authorization API 1.0, sections 5 and 6.
"""

from gateway.domain.decision import Deny, Reason
from gateway.domain.explanation import Explanation
from gateway.domain.names import DatasetName, PurposeKey, is_key
from gateway.domain.principal import Principal
from gateway.flows.explain import Question


def question_of(asked: dict[str, object], who: Principal) -> Question | Deny:
    """Return the question of an AuthZEN evaluation; the subject may only be the caller itself."""
    subject, action, resource = (asked.get(name) or {} for name in ("subject", "action", "resource"))
    context = asked.get("context") or {}
    if not (isinstance(subject, dict) and isinstance(action, dict) and isinstance(resource, dict)):
        return Deny(reason=Reason.MALFORMED, title="subject, action and resource must be objects.")
    if subject.get("id") not in (None, who.account):
        return Deny(reason=Reason.MALFORMED, fields=("subject",), title="A caller may ask about itself alone.")
    properties = resource.get("properties") or {}
    if not isinstance(context, dict) or not isinstance(properties, dict):
        return Deny(reason=Reason.MALFORMED, title="context and properties must be objects.")
    texts = [action.get("name"), resource.get("id"), context.get("purpose")]
    names = [properties.get("fields") or [], properties.get("filters") or []]
    # Keys, because the question is entered in the log.
    if not all(isinstance(text, str) and is_key(text) for text in texts) or not all(_is_texts(each) for each in names):
        return Deny(reason=Reason.MALFORMED, title="action.name, resource.id and context.purpose must be keys.")
    reference = context.get("reference")
    return Question(
        principal=who,
        dataset=DatasetName(str(texts[1])),
        purpose=PurposeKey(str(texts[2])),
        operation=str(texts[0]),
        reference=reference if isinstance(reference, str) else None,
        fields=tuple(names[0]),
        filters=tuple(names[1]),
    )


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
