# SPDX-License-Identifier: Apache-2.0
"""Entries as OCSF events, held against the published schema of version 1.8.0."""

import json
from typing import Any, get_args

import msgspec
import pytest

from gateway.domain.entry import Changed, Entry, Part, Refused, Release, SignIn
from gateway.identify.sessions import PERSON_CLIENT
from gateway.record.format.merkle import leaf_hash
from gateway.record.reading.ocsf import OCSF_VERSION, event
from gateway.record.reading.ocsf_words import user_type
from tests.fakes import ocsf
from tests.fakes.entries import CALL, EVERY, FACTS, FROM, pairs


def events() -> list[Any]:
    """Return every entry as an event, by way of JSON."""
    return [json.loads(msgspec.json.encode(event(row, record, "9.9"))) for row, record in pairs()]


def event_of(kind: type, place: int = 0) -> Any:
    """Return the event of one of the entries of a kind."""
    return [told for (body, _), told in zip(EVERY, events(), strict=True) if isinstance(body, kind)][place]


def test_the_schema_is_that_of_the_version_which_events_name() -> None:
    """The published text and the events speak of the same version."""
    assert ocsf.published()["version"] == OCSF_VERSION


def test_every_kind_of_entry_is_an_event_that_the_published_schema_allows() -> None:
    """No kind is left out of these tests, and none of its events has an attribute too many or too few."""
    assert {type(body) for body, _ in EVERY} == set(get_args(Entry))
    for (body, _), told in zip(EVERY, events(), strict=True):
        assert ocsf.wrong_with(told) == [], body


@pytest.mark.parametrize("place", range(len(EVERY)))
def test_the_schema_would_find_what_is_wrong(place: int) -> None:
    """An attribute that is not published, one that is missing, a number that is none, a class of another kind."""
    told = events()[place]

    assert ocsf.wrong_with({**told, "purpose": "x"})
    assert ocsf.wrong_with({name: each for name, each in told.items() if name != "metadata"} | {"metadata": {}})
    assert ocsf.wrong_with({**told, "severity_id": 7})
    assert ocsf.wrong_with({**told, "type_uid": told["type_uid"] + 1})
    assert ocsf.wrong_with({**told, "severity": "Dreadful"})


def test_an_event_leads_back_to_its_entry_and_its_proof() -> None:
    """The place, the log, and the hash of the leaf that the tree holds."""
    (row, record), told = pairs()[1], events()[1]

    assert told["metadata"]["uid"] == f"{row.slot}:{row.seq}"
    assert told["metadata"]["log_name"] == "demo/node-1/door-0"
    assert told["raw_data_hash"]["value"] == leaf_hash(record.raw).hex()
    assert told["time"] == row.at_us // 1_000


def test_a_later_block_says_what_the_first_entry_of_its_call_said() -> None:
    """Who, for what and of which dataset stand in every event of a call."""
    first, later = event_of(Release, 0), event_of(Release, 1)

    for told in (first, later):
        assert told["actor"]["user"] == {"uid": "a_someone", "type_id": 4, "type": "Service"}
        assert told["metadata"]["labels"] == ["purpose:marketing.communications.email"]
        assert told["unmapped"]["purpose"] == "marketing.communications.email"
        assert told["unmapped"]["fields_by_treatment"] == {"reveal": ["email", "name"], "surrogate": ["id"]}
        assert told["resources"][0]["name"] == "crm.customers"
        assert (told["activity_name"], told["api"]["operation"]) == ("Read", "read")
    assert first["metadata"]["correlation_uid"] == later["metadata"]["correlation_uid"]


def test_a_refusal_is_a_failure_with_its_reason() -> None:
    """Status, code and reason, where a watcher looks for them."""
    told = event_of(Refused)

    assert (told["status"], told["status_code"], told["status_detail"]) == ("Failure", "403", "red-line")
    assert told["api"]["response"] == {"code": 403, "error": "red-line"}
    assert told["actor"]["authorizations"] == [
        {"decision": "deny", "policy": {"name": "marketing.communications.email", "uid": "ab" * 32}}
    ]


def test_sign_ins_are_authentications() -> None:
    """The second factor makes the sign-in one of several; what was spent is not told."""
    password, totp, refused, client = (event_of(SignIn, place) for place in range(4))

    assert {one["class_uid"] for one in (password, totp, refused, client)} == {3002}
    assert [one.get("is_mfa") for one in (password, totp, client)] == [False, True, False]
    assert (totp["activity_name"], totp["session"]) == ("Logon", {"uid": "s_1"})
    assert (refused["user"]["uid"], refused["status"]) == ("unknown", "Failure")
    assert "spent" not in totp["unmapped"]
    assert client["auth_protocol"] == "OAUTH 2.0"


def test_people_are_in_no_event() -> None:
    """Neither released nor met: their numbers stay in the log, and an event counts them."""
    told = pairs(((Release(call=CALL, n=0, rows=1, bytes=2, people=1, facts=FACTS), Part(met=(77_001,))),))
    text = msgspec.json.encode(event(*told[0], "9.9"))

    assert b"77001" not in text
    assert json.loads(text)["unmapped"]["people"] == 1


@pytest.mark.parametrize("what", ["choice-recorded", "person-merged", "person-shredded", "person-erased"])
def test_what_was_changed_of_a_person_is_told_without_the_number(what: str) -> None:
    """The entry's core holds it for good; a copy in another system would too."""
    body = Changed(by="local:x", what=what, target="4711", facts={"into": 4712})
    told = event(*pairs(((body, Part(met=(4711,))),))[0], "9.9")

    assert "4711" not in json.dumps(told["resources"]) + json.dumps(told["unmapped"])
    assert "4712" not in json.dumps(told["unmapped"])
    assert told["resources"] == [{"name": "a person", "type": what}]
    assert ocsf.wrong_with(told) == []


def test_an_address_is_told_only_while_its_part_is_kept() -> None:
    """The index may still know the address of a part that was deleted; the event does not tell it."""
    (row, record) = pairs(((EVERY[8][0], FROM),))[0]
    kept, gone = event(row, record, "9.9"), event(row, type(record)(record.line, record.raw, None), "9.9")

    assert kept["src_endpoint"]["ip"] == FROM.ip
    assert kept["observables"][0]["value"] == FROM.ip
    assert FROM.ip not in json.dumps(gone)
    assert ocsf.wrong_with(gone) == []


@pytest.mark.parametrize(
    ("what", "activity"),
    [("account-added", 1), ("key-shredded", 4), ("account-lock-lifted", 4), ("choice-recorded", 3), ("anything", 3)],
)
def test_a_change_is_told_by_how_its_word_ends(what: str, activity: int) -> None:
    """What is new is created, what is gone is deleted, everything else is updated."""
    told = event(*pairs(((Changed(by="local:x", what=what, target="t"), None),))[0], "9.9")

    assert told["activity_id"] == activity
    assert ocsf.wrong_with(told) == []


@pytest.mark.parametrize(
    ("who", "client", "name"),
    [
        ("a_1", PERSON_CLIENT, "User"),
        ("a_1", "newsletter-app", "Service"),
        ("local:root", "", "Admin"),
        ("gateway", "", "System"),
        ("gateway:rights", "", "System"),
        ("", "newsletter-app", "Unknown"),
    ],
)
def test_who_acts_is_told_by_kind(who: str, client: str, name: str) -> None:
    """People sign in through the gateway's own client; whoever acts through another is a service."""
    assert user_type(who, client).name == name
