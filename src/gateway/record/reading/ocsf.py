# SPDX-License-Identifier: Apache-2.0
"""Entries of the log as events of the Open Cybersecurity Schema Framework, for systems that gather security events.

RULES

1. One entry is one event. ``metadata.uid`` is its place, ``slot:seq``, and ``raw_data_hash`` the hash of its leaf in
   the tree, so whoever holds an event can ask ``gateway log show`` for the entry and its proof.
2. A sign-in is an Authentication (3002), everything else an API Activity (6003). docs/reference/ocsf.md is the table.
3. What OCSF has no place for stands in ``unmapped``, the purpose there and in ``metadata.labels``. No number of a
   person and nothing that was spent in a sign-in goes out.
4. An address is told only from a part that is still there.

Source: OCSF 1.8.0, https://schema.ocsf.io/1.8.0.
"""

from typing import Any

import msgspec

from gateway.domain.entry import Answered, Changed, Entry, Facts, Looked, Part, RefusalsCounted, SignIn
from gateway.domain.log_query import LogRow
from gateway.record.format.merkle import leaf_hash
from gateway.record.reading.ocsf_words import (
    API_ACTIVITY,
    AUTHENTICATION,
    HTTP_METHODS,
    LOGON_TYPE_NETWORK,
    OTHER,
    Activity,
    Outcome,
    activity_of,
    outcome_of,
    sign_in_words,
    user_type,
)
from gateway.record.reading.reader import Record

OCSF_VERSION = "1.8.0"
PRODUCT = "compliance-gateway"
CLASSIFIES = "data_classification"
"""Profile of the resources of entries that are about people."""

_NOT_TOLD = frozenset({"kind", "call", "facts", "spent", "public_key", "checkpoint"})
"""Members of an entry that stand elsewhere in the event, or that nobody outside needs."""
_OF_PEOPLE = ("choice-", "person-", "request-", "subject-")
"""How words of changes begin whose target is the number of a person, if it is a number."""
_FACTS_UNMAPPED = ("filters", "rules", "grants", "assurance", "caps", "choices")


def event(row: LogRow, record: Record, version: str) -> dict[str, Any]:
    """Return an entry as an OCSF event.

    Args:
        row: The entry as the index knows it, with what the first entry of its call says.
        record: The entry itself.
        version: Of the gateway.
    """
    body = record.line.body
    activity, outcome = activity_of(body, row), outcome_of(body)
    told = {
        **_classified(body, activity, outcome),
        "time": row.at_us // 1_000,
        "metadata": _metadata(row, record, version),
        "raw_data_hash": {"algorithm_id": OTHER, "algorithm": "SHA-256 leaf (RFC 6962)", "value": _leaf(record)},
        "src_endpoint": _source(row, body, record.part),
        "unmapped": _unmapped(row, body),
        **_http(body, record.part),
        **_counted(body),
        **_observed(record.part),
    }
    own = _sign_in(row, body) if isinstance(body, SignIn) else _api(row, body, outcome)
    return {**told, **own}


def _classified(body: Entry, activity: Activity, outcome: Outcome) -> dict[str, Any]:
    one = AUTHENTICATION if isinstance(body, SignIn) else API_ACTIVITY
    said = {"status_code": outcome.code, "status_detail": outcome.detail}
    return {
        "class_uid": one.uid,
        "class_name": one.name,
        "category_uid": one.category_uid,
        "category_name": one.category,
        "activity_id": activity.id,
        "activity_name": activity.name,
        "type_uid": one.uid * 100 + activity.id,
        "type_name": f"{one.name}: {activity.name}",
        "severity_id": outcome.severity.id,
        "severity": outcome.severity.name,
        "status_id": outcome.status_id,
        "status": outcome.status,
        **{name: text for name, text in said.items() if text},
    }


def _metadata(row: LogRow, record: Record, version: str) -> dict[str, Any]:
    labels = [f"purpose:{row.purpose}"] if row.purpose else []
    correlated = {"correlation_uid": row.call} if row.call else {}
    return {
        "version": OCSF_VERSION,
        "product": {"name": PRODUCT, "vendor_name": PRODUCT, "version": version},
        "uid": f"{row.slot}:{row.seq}",
        "sequence": row.seq,
        "log_name": record.line.log,
        "event_code": row.kind,
        "labels": labels,
        "profiles": [CLASSIFIES] if row.people and row.dataset else [],
        **correlated,
    }


def _leaf(record: Record) -> str:
    return leaf_hash(record.raw).hex()


def _source(row: LogRow, body: Entry, part: Part | None) -> dict[str, Any]:
    """Return where the call came from; OCSF wants one name at least, also where no address is kept."""
    point = {"ip": part.ip if part else "", "svc_name": row.client}
    told = {name: text for name, text in point.items() if text}
    if told:
        return told
    if _who(row, body).startswith("local:"):
        return {"name": "command line"}
    # An entry of a call whose part was deleted, or one that the gateway made of its own accord.
    return {"name": "not kept" if row.call else "gateway"}


def _who(row: LogRow, body: Entry) -> str:
    return row.account or (body.by if isinstance(body, Changed | Looked) else "")


def _http(body: Entry, part: Part | None) -> dict[str, Any]:
    facts, status = _facts(body), getattr(body, "status", None)
    asked: dict[str, Any] = {}
    if facts is not None and facts.method in HTTP_METHODS:
        asked["http_method"] = facts.method
        if facts.route:
            asked["url"] = {"path": facts.route}
    if part is not None and part.user_agent:
        asked["user_agent"] = part.user_agent
    told: dict[str, Any] = {"http_request": asked} if asked else {}
    if isinstance(status, int):
        told["http_response"] = {"code": status, "body_length": getattr(body, "bytes", 0)}
    return told


def _counted(body: Entry) -> dict[str, Any]:
    match body:
        case RefusalsCounted():
            return {"count": max(1, sum(body.reasons.values())), "start_time": body.since_us // 1_000}
        case Answered():
            return {"count": max(1, sum(body.counts.values())), "start_time": body.since_us // 1_000}
        case _:
            return {}


def _observed(part: Part | None) -> dict[str, Any]:
    if part is None or not part.ip:
        return {}
    return {"observables": [{"name": "src_endpoint.ip", "type_id": 2, "type": "IP Address", "value": part.ip}]}


def _api(row: LogRow, body: Entry, outcome: Outcome) -> dict[str, Any]:
    operation = body.what if isinstance(body, Changed | Looked) else row.operation or row.kind
    call: dict[str, Any] = {"operation": operation}
    if row.call:
        call["request"] = {"uid": row.call}
    if outcome.code or outcome.detail:
        answer: dict[str, Any] = {"code": int(outcome.code)} if outcome.code else {}
        call["response"] = {**answer, **({"error": outcome.detail} if outcome.detail else {})}
    if row.dataset:
        call["service"] = {"name": row.dataset.partition(".")[0]}
    return {"actor": _actor(row, body), "api": call, **_resources(row, body)}


def _actor(row: LogRow, body: Entry) -> dict[str, Any]:
    who = _who(row, body)
    actor: dict[str, Any] = {"user": _user(who, row.client)} if who else {"app_name": row.client or PRODUCT}
    if row.session:
        actor["session"] = {"uid": row.session}
    if row.client:
        actor["app_uid"] = row.client
    if row.decision:
        facts = _facts(body)
        rules = {"uid": facts.rules} if facts is not None and facts.rules else {}
        policy = {"policy": {"name": row.purpose, **rules}} if row.purpose else {}
        actor["authorizations"] = [{"decision": row.decision, **policy}]
    return actor


def _user(who: str, client: str) -> dict[str, Any]:
    kind = user_type(who, client)
    return {"uid": who or "unknown", "type_id": kind.id, "type": kind.name}


def _resources(row: LogRow, body: Entry) -> dict[str, Any]:
    if isinstance(body, Changed):
        # OCSF wants a uid or a name.
        which = {"name": "a person"} if _is_of_a_person(body) else {"uid": body.target}
        return {"resources": [{**which, "type": body.what}]} if body.target else {}
    if not row.dataset:
        return {}
    resource: dict[str, Any] = {"name": row.dataset, "type": "dataset"}
    if row.people:
        # Rows about people left: the class of data is then known, whatever the fields.
        resource["data_classifications"] = [{"category_id": 1, "category": "Personal"}]
    return {"resources": [resource]}


def _sign_in(row: LogRow, body: SignIn) -> dict[str, Any]:
    words = sign_in_words(body.step)
    told: dict[str, Any] = {
        "user": _user(body.account, body.client),
        "service": {"name": PRODUCT},
        "auth_protocol_id": words.protocol_id,
        "auth_protocol": words.protocol,
        "logon_type_id": LOGON_TYPE_NETWORK,
        "logon_type": "Network",
        "is_remote": True,
    }
    if words.factor_id is not None:
        told["auth_factors"] = [{"factor_type_id": words.factor_id, "factor_type": words.factor}]
    if words.is_mfa is not None:
        told["is_mfa"] = words.is_mfa
    if body.session or row.session:
        told["session"] = {"uid": body.session or row.session}
    return told


def _unmapped(row: LogRow, body: Entry) -> dict[str, Any]:
    """Return what OCSF has no place for: the purpose and its company, the entry's own members, what it rested on."""
    said = {"purpose": row.purpose, "reference": row.reference, "recipient": row.recipient, "decision": row.decision}
    told: dict[str, Any] = {name: text for name, text in said.items() if text}
    if row.fields != "{}":
        told["fields_by_treatment"] = msgspec.json.decode(row.fields)
    facts = _facts(body)
    if facts is not None:
        every = msgspec.to_builtins(facts)
        told.update({name: every[name] for name in _FACTS_UNMAPPED if every.get(name)})
    left_out = _NOT_TOLD | {"target"} if isinstance(body, Changed) and _is_of_a_person(body) else _NOT_TOLD
    members = msgspec.to_builtins(body)
    told.update({name: member for name, member in members.items() if name not in left_out and member not in ("", None)})
    return told


def _is_of_a_person(body: Changed) -> bool:
    """Tell whether what was changed is a person, whose number goes out in no event."""
    return body.what.startswith(_OF_PEOPLE) and body.target.isdigit()


def _facts(body: Entry) -> Facts | None:
    found = getattr(body, "facts", None)
    return found if isinstance(found, Facts) else None
