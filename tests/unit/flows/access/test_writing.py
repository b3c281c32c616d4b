# SPDX-License-Identifier: Apache-2.0
"""The life of a write over fakes: what is entered, what is sent, what is told, and how each end is entered."""

import msgspec
import pytest

from gateway.domain.budget import BudgetRule, Counted
from gateway.domain.catalog import Honoured
from gateway.domain.decision import Outcome, Reason
from gateway.domain.entry import End, Intent, Refused, Release
from gateway.domain.errors import LogUnavailable, Overloaded, StoreMisbehaved, StoreUnreachable
from gateway.domain.inquiry import Inquiry
from gateway.flows.access.ports.stores import StoreCall
from gateway.flows.access.writing import said, tells_etag
from tests.fakes.deciding import RULES, grant, hold, needs_fresh
from tests.fakes.writing import (
    CREATE,
    CREATE_MANY,
    DELETE,
    PATCH,
    READ_ONE,
    Answered,
    WriteHouse,
    person,
    write,
    writing_rules,
)

RENAME = write(PATCH, {"name": "Ida Berg"}, of="c1")


@pytest.fixture
def house() -> WriteHouse:
    """The flow over fakes, asked to change a name."""
    made = WriteHouse()
    made.asked = RENAME
    return made


def kinds(house: WriteHouse) -> list[str]:
    """Return the kinds of the entries."""
    return [str(entry.__struct_config__.tag) for entry in house.entries]


async def test_the_intent_is_durable_before_the_store_hears_of_the_write(house: WriteHouse) -> None:
    """Entered, sent, entered, told; the record was looked at before."""
    told: list[str] = []
    house.recorder.on_append = lambda: told.append("entered")
    house.store.on_call = lambda call: told.append(call.method)
    out = await house.run()

    assert told == ["GET", "entered", "PATCH", "entered"]
    assert kinds(house) == ["intent", "release"]
    assert [one if isinstance(one, str) else "block" for one in out.told] == ["started", "block", "finished"]


async def test_the_intent_says_what_was_decided_and_whom_it_is_about(house: WriteHouse) -> None:
    """Fields by the way their values came; facts; people in the part; the release has no second facts."""
    await house.run()

    (intent, part), (release, _) = house.recorder.entries
    assert isinstance(intent, Intent)
    assert isinstance(release, Release)
    assert (intent.records, intent.written) == (1, {"clear": ("name",)})
    assert intent.facts is not None
    assert (intent.facts.operation, intent.facts.filters, release.facts) == ("update", ("id eq",), None)
    assert "name" in intent.facts.fields["reveal"]
    assert part is not None
    assert part.met == (house.people.known["c1"],)
    assert b"Ida" not in msgspec.json.encode([entry for entry, _ in house.recorder.entries])


async def test_the_store_gets_the_judged_values_and_nothing_else(house: WriteHouse) -> None:
    """One call with a body made anew, of the declared kind."""
    await house.run()

    asked = house.store.calls[-1]
    assert (asked.method, asked.path, asked.query, asked.body) == ("PATCH", "/people/c1", (), b'{"name":"Ida Berg"}')
    assert (asked.content_type, asked.writes, asked.headers) == ("application/merge-patch+json", True, ())


async def test_what_is_told_back_is_the_callers_own_view(house: WriteHouse) -> None:
    """Notes may be written and not be read: they are not in what comes back."""
    out = await house.run()

    assert msgspec.json.decode(out.body)["email"] == "eve@x.org"
    assert "notes" not in msgspec.json.decode(out.body)
    assert out.answer is not None
    assert (out.answer.status, out.answer.length) == (200, len(out.body))
    [release] = [entry for entry in house.entries if isinstance(entry, Release)]
    assert (release.rows, release.bytes, release.people, release.last) == (1, len(out.body), 1, True)


async def test_without_a_view_for_reading_nothing_of_the_record_is_told() -> None:
    """What is created is told by 201, what is changed by 204, each without a body."""
    for asked, status in ((write(CREATE, {"name": "Ida"}), 201), (RENAME, 204)):
        house = WriteHouse(writing_rules(readable=False))
        house.asked = asked
        out = await house.run()

        assert out.answer is not None
        assert (out.answer.status, out.answer.length, out.body) == (status, 0, b"")
        assert out.told == ["started", "finished"]
        release = house.entries[-1]
        assert isinstance(release, Release)
        assert (release.status, release.rows, release.bytes, release.last) == (status, 0, 0, True)


async def test_a_deletion_is_told_by_204(house: WriteHouse) -> None:
    """One record, no body in either direction."""
    house.asked = write(DELETE, of="c1")
    out = await house.run()

    assert out.answer is not None
    assert (out.answer.status, house.store.calls[-1].body, house.store.methods) == (204, None, ["GET", "DELETE"])
    intent = house.entries[0]
    assert isinstance(intent, Intent)
    assert (intent.records, intent.written) == (1, {})


async def test_an_empty_answer_is_told_as_done(house: WriteHouse) -> None:
    """A store may answer 200 with no body where a record was declared."""
    house.store.answers["PATCH"] = Answered(status=200)
    out = await house.run()
    assert out.answer is not None
    assert out.answer.status == 204


async def test_what_may_no_longer_be_told_is_left_out_of_a_write_that_was_done(house: WriteHouse) -> None:
    """The record came back as that of somebody who is withheld: done, and nothing told."""
    house.store.answers["PATCH"] = Answered(body=person("c7"))
    (number,) = await house.people.numbers(READ_ONE.dataset, ["c7"])  # type: ignore[arg-type]
    house.choices.now = msgspec.structs.replace(house.choices.now, against=frozenset({number}))
    out = await house.run()

    assert out.answer is not None
    assert (out.answer.status, out.body) == (204, b"")


async def test_a_spent_budget_leaves_out_the_record_and_not_the_write(house: WriteHouse) -> None:
    """It was written already; a refusal would say that it was not."""
    of = house.rules.decider.rules
    budgets = (BudgetRule(counts=Counted.ROWS, most=1, hours=1),)
    spent = {key: msgspec.structs.replace(purpose, budgets=budgets) for key, purpose in of.purposes.items()}
    house.rules.swap(msgspec.structs.replace(of, purposes=spent))
    house.budgets.left = 0
    out = await house.run()
    assert out.answer is not None
    assert (out.answer.status, kinds(house)) == (204, ["intent", "release"])


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, Reason.STORE_REFUSED),
        (404, Reason.NOT_FOUND),
        (409, Reason.STORE_CONFLICT),
        (412, Reason.PRECONDITION_FAILED),
        (413, Reason.STORE_REFUSED),
        (415, Reason.STORE_REFUSED),
        (422, Reason.STORE_REFUSED),
    ],
)
async def test_a_stores_refusal_is_told_by_its_reason_alone(house: WriteHouse, status: int, reason: Reason) -> None:
    """Nothing was written, so no outcome is told; the store's words are not read."""
    house.store.answers["PATCH"] = Answered(status=status, body=b"secret words of the store")
    out = await house.run()

    assert out.refusal is not None
    assert (out.refusal.reason, out.refusal.outcome, out.told) == (reason, None, ["refused"])
    refused = house.entries[-1]
    assert isinstance(refused, Refused)
    assert (kinds(house), refused.facts) == (["intent", "refusal"], None)


@pytest.mark.parametrize(
    ("answer", "reason", "outcome"),
    [
        (Answered(error=StoreUnreachable("x", not_sent=True)), Reason.STORE_UNREACHABLE, Outcome.NOT_SENT),
        (Answered(error=Overloaded("x")), Reason.OVERLOADED, Outcome.NOT_SENT),
        (Answered(error=StoreUnreachable("x")), Reason.STORE_UNREACHABLE, Outcome.UNKNOWN),
        (Answered(error=StoreUnreachable("x", timed_out=True)), Reason.STORE_TIMEOUT, Outcome.UNKNOWN),
        (Answered(error=StoreMisbehaved("x")), Reason.STORE_ANSWER_INVALID, Outcome.UNKNOWN),
        (Answered(status=503), Reason.STORE_ANSWER_INVALID, Outcome.UNKNOWN),
        (Answered(status=202), Reason.STORE_ANSWER_INVALID, Outcome.UNKNOWN),
        (Answered(body=b'{"id"'), Reason.STORE_ANSWER_INVALID, Outcome.UNKNOWN),
        (Answered(body=b'{"id": ["c1"]}'), Reason.STORE_ANSWER_INVALID, Outcome.UNKNOWN),
        (Answered(body=b" " * (2 << 20)), Reason.STORE_ANSWER_INVALID, Outcome.UNKNOWN),
        (Answered(body=b"{}", error_at_end=StoreUnreachable("x")), Reason.STORE_UNREACHABLE, Outcome.UNKNOWN),
    ],
)
async def test_a_failure_says_whether_the_write_may_have_happened(
    house: WriteHouse, answer: Answered, reason: Reason, outcome: Outcome
) -> None:
    """One refusal after the intent, and the store was asked once."""
    house.store.answers["PATCH"] = answer
    out = await house.run()

    assert out.refusal is not None
    assert (out.refusal.reason, out.refusal.outcome) == (reason, outcome)
    assert (kinds(house), house.store.methods) == (["intent", "refusal"], ["GET", "PATCH"])


async def test_a_store_that_fails_before_the_intent_was_not_sent_the_write(house: WriteHouse) -> None:
    """The record could not be looked at."""
    house.store.answers["GET"] = Answered(error=StoreUnreachable("x", timed_out=True))
    out = await house.run()

    assert out.refusal is not None
    assert (out.refusal.outcome, kinds(house), house.store.methods) == (Outcome.NOT_SENT, ["refusal"], ["GET"])


async def test_a_sign_in_that_ages_while_the_record_is_looked_at_is_as_fresh_as_it_was() -> None:
    """As for a read: a call may outlast the five minutes in which it began."""
    house = WriteHouse(writing_rules(assurance=(needs_fresh("user.name"),)))
    house.asked = RENAME

    def an_hour_passes(call: StoreCall) -> None:
        if call.method == "GET":
            house.clock.advance(s=3_600)

    house.store.on_call = an_hour_passes
    await house.run()

    assert kinds(house) == ["intent", "release"]


async def test_without_an_intent_nothing_is_sent(house: WriteHouse) -> None:
    """The log is full: the door is told, and the store heard of no write."""
    house.recorder.is_full = True
    with pytest.raises(LogUnavailable):
        await house.run()
    assert house.store.methods == ["GET"]


async def test_a_write_whose_release_cannot_be_entered_is_told_nothing(house: WriteHouse) -> None:
    """The store has written; the entry that follows says that the call failed."""
    house.recorder.fails_at = 1
    with pytest.raises(LogUnavailable):
        await house.run()

    end = house.entries[-1]
    assert isinstance(end, End)
    assert (kinds(house), end.how, house.out.told) == (["intent", "end"], "failed", [])


async def test_a_refusal_that_cannot_be_entered_leaves_an_ending_all_the_same(house: WriteHouse) -> None:
    """The store said no; the next start need not say that the outcome is unknown."""
    house.store.answers["PATCH"] = Answered(status=409)
    house.recorder.fails_at = 1
    with pytest.raises(LogUnavailable):
        await house.run()

    end = house.entries[-1]
    assert isinstance(end, End)
    assert (kinds(house), end.how, end.reason) == (["intent", "end"], "failed", "store-conflict")


async def test_a_caller_that_hangs_up_stops_nothing(house: WriteHouse) -> None:
    """The write goes to its end and is entered; then the end says that nobody heard it."""
    house.out.hangs_up_at = 0
    await house.run()

    assert house.store.methods == ["GET", "PATCH"]
    assert kinds(house) == ["intent", "release", "end"]
    end = house.entries[-1]
    assert isinstance(end, End)
    assert (end.how, end.bytes) == ("hang-up", 0)


async def test_an_error_of_our_own_after_the_intent_leaves_the_outcome_unknown(house: WriteHouse) -> None:
    """The gate closes: a refusal, entered."""
    house.store.answers["PATCH"] = Answered(error=RuntimeError("ours"))
    with pytest.raises(RuntimeError, match="ours"):
        await house.run()
    assert house.out.refusal is not None
    assert (house.out.refusal.reason, house.out.refusal.outcome) == (Reason.GATEWAY_FAILED, Outcome.UNKNOWN)


def revoke(house: WriteHouse) -> None:
    """End the sign-in."""
    house.identify.revoked = True


def fall_behind(house: WriteHouse) -> None:
    """Hear of no changes any more."""
    house.is_current = False


def hold_names(house: WriteHouse) -> None:
    """Hold the account."""
    house.holds.now = (hold("user.name"),)


def change_rules(house: WriteHouse) -> None:
    """Put rules in force by which nobody writes."""
    house.rules.swap(RULES)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (revoke, Reason.SIGN_IN_REQUIRED),
        (fall_behind, Reason.OVERLOADED),
        (hold_names, Reason.HELD),
        (change_rules, Reason.PURPOSE_NOT_ALLOWED),
    ],
)
async def test_what_changes_while_the_record_is_looked_at_counts(
    house: WriteHouse, change: object, reason: Reason
) -> None:
    """Looked at once more before the intent; nothing was sent."""
    house.store.on_call = lambda call: change(house) if call.method == "GET" else None  # type: ignore[operator]
    out = await house.run()

    assert out.refusal is not None
    assert (out.refusal.reason, house.store.methods, kinds(house)) == (reason, ["GET"], ["refusal"])


@pytest.mark.parametrize(
    ("asked", "reason", "fields"),
    [
        (write(PATCH, {"name": "J***"}, of="c1"), Reason.UNREVEALED_VALUE_WRITTEN, ("name",)),
        (write(PATCH, {"name": 5, "email": True}, of="c1"), Reason.BODY_INVALID, ("name", "email")),
        (write(PATCH, {"id": "c2"}, of="c1"), Reason.BODY_INVALID, ("id",)),
        (write(PATCH, {}, of="c1"), Reason.BODY_INVALID, ("body",)),
        (write(PATCH, {"notes": "x"}, of="c1"), Reason.FIELD_NOT_COLLECTED, ("notes",)),
        (write(PATCH, {"religion": "x"}, of="c1"), Reason.FIELD_NOT_COLLECTED, ("religion",)),
        (
            write(PATCH, {"name": "x"}, of="c1", conditions=[("prefer", "return=minimal")]),
            Reason.HEADER_NOT_SUPPORTED,
            ("prefer",),
        ),
        (
            write(CREATE_MANY, {"name": "Ida"}, {"name": "***", "email": "sv1_" + "a" * 43}),
            Reason.UNREVEALED_VALUE_WRITTEN,
            ("[1].name", "[1].email"),
        ),
    ],
)
async def test_what_may_not_be_written_is_refused_before_anything_is_sent(
    asked: Inquiry, reason: Reason, fields: tuple[str, ...]
) -> None:
    """All places of the first kind of wrong are named, never a value; no intent, no call."""
    house = WriteHouse()
    house.asked = asked
    out = await house.run()

    assert out.refusal is not None
    assert (out.refusal.reason, out.refusal.fields) == (reason, fields)
    assert (kinds(house), house.store.calls) == (["refusal"], [])


async def test_a_clear_value_where_only_a_surrogate_may_be_written_is_not_permitted() -> None:
    """The link alone lets no value in."""
    deny = grant("user.name", "mask", allow=False, operation="update", link=False)
    house = WriteHouse(writing_rules(grants=[deny]))
    house.asked = RENAME
    out = await house.run()
    assert out.refusal is not None
    assert (out.refusal.reason, out.refusal.fields) == (Reason.FIELD_NOT_PERMITTED, ("name",))


async def test_many_records_are_all_or_nothing_and_entered_as_many(house: WriteHouse) -> None:
    """One array goes to the store; it answers nothing."""
    house.store.answers["POST"] = Answered(status=204)
    house.asked = write(CREATE_MANY, {"id": "c5", "name": "Ida"}, {"id": "c6", "name": "Eva"})
    out = await house.run()

    intent = house.entries[0]
    assert isinstance(intent, Intent)
    assert intent.records == 2
    assert house.store.calls[-1].body == b'[{"id":"c5","name":"Ida"},{"id":"c6","name":"Eva"}]'
    _, part = house.recorder.entries[-1]
    assert part is not None
    assert part.met == (100, 101)
    assert out.answer is not None
    assert out.answer.status == 204


async def test_the_stores_tag_is_told_where_callers_can_say_it_back(house: WriteHouse) -> None:
    """And nowhere else."""
    house.store.answers["PATCH"] = Answered(body=person("c1"), etag='"7"')
    out = await house.run()
    assert out.answer is not None
    assert out.answer.etag == '"7"'
    assert tells_etag(msgspec.structs.replace(READ_ONE, honours=(Honoured.IF_NONE_MATCH,)))
    assert not tells_etag(READ_ONE)


def test_a_status_that_says_neither_is_misbehaviour() -> None:
    """Accepted, partial, moved and failed are no answers to a write."""
    assert all(said(status) is None for status in (200, 201, 204))
    for status in (202, 206, 301, 401, 403, 429, 500, 503):
        with pytest.raises(StoreMisbehaved):
            said(status)
