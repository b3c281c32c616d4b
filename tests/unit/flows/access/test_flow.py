# SPDX-License-Identifier: Apache-2.0
"""The life of a call over fakes: what is entered before what is told, and how each end is entered."""

import asyncio

import msgspec
import pytest

from gateway.domain.decision import Deny, Reason
from gateway.domain.entry import End, Refused, Release
from gateway.domain.errors import LogUnavailable, Overloaded, StoreMisbehaved, StoreUnreachable
from gateway.domain.inquiry import Form
from gateway.domain.names import DecisionId, PurposeKey
from gateway.domain.principal import FRESH_SIGN_IN_US
from gateway.transform.formats import last_words
from tests.fakes.access import STATUS, AccessHouse, array, person_rows
from tests.fakes.deciding import MAILING, PERSON, equal, inquiry, needs_fresh, rules

MANY = person_rows(*(f"c{place}" for place in range(5_000)))


@pytest.fixture
def house() -> AccessHouse:
    """The flow over fakes."""
    made = AccessHouse()
    made.target.pieces = [array(person_rows("c1", "c2"))]
    return made


async def test_a_permit_is_entered_then_told_then_finished(house: AccessHouse) -> None:
    """One block, one entry, no end."""
    house.recorder.on_append = lambda: house.out.told.append("entered")
    out = await house.run()

    assert [one if isinstance(one, str) else "block" for one in out.told] == ["entered", "started", "block", "finished"]
    [entry] = house.entries
    assert isinstance(entry, Release)
    assert (entry.rows, entry.people, entry.bytes, entry.last) == (2, 2, len(out.body), True)


async def test_a_refusal_is_entered_then_told(house: AccessHouse) -> None:
    """With what was known of the call by then."""
    house.asked = inquiry(filters=(equal("religion"),))
    house.recorder.on_append = lambda: house.out.told.append("entered")
    out = await house.run()

    assert out.told == ["entered", "refused"]
    [entry] = house.entries
    assert isinstance(entry, Refused)
    assert (entry.reason, entry.fields, entry.bytes) == ("filter-not-permitted", ("religion",), 20)
    assert entry.status == STATUS[Reason.FILTER_NOT_PERMITTED]
    assert entry.facts is not None
    assert (entry.facts.account, entry.facts.filters) == (PERSON.account, ("religion eq",))
    assert house.target.calls == []


@pytest.mark.parametrize(
    ("framing", "authorization", "purpose", "bound", "reason"),
    [
        (Deny(reason=Reason.MALFORMED), None, None, Deny(reason=Reason.NO_SUCH_ROUTE), Reason.MALFORMED),
        (None, None, None, Deny(reason=Reason.NO_SUCH_ROUTE), Reason.SIGN_IN_REQUIRED),
        (None, "x", "no.such", Deny(reason=Reason.NO_SUCH_ROUTE), Reason.PURPOSE_UNKNOWN),
        (None, "x", MAILING, Deny(reason=Reason.NO_SUCH_ROUTE), Reason.NO_SUCH_ROUTE),
        (None, "x", MAILING, inquiry(fields=("religion",)), Reason.FIELD_NOT_PERMITTED),
    ],
)
async def test_problems_are_told_in_their_order(
    house: AccessHouse,
    framing: Deny | None,
    authorization: str | None,
    purpose: str | None,
    bound: Deny,
    reason: Reason,
) -> None:
    """Framing, identity, purpose, route, decision."""
    house.asked = bound
    out = await house.run(framing=framing, authorization=authorization, purpose=purpose)
    assert out.refusal is not None
    assert out.refusal.reason is reason


async def test_refusals_of_the_unknown_go_where_they_may_be_counted(house: AccessHouse) -> None:
    """Those of the known have entries of their own, with the account."""
    await house.run(authorization=None)
    assert [entry.reason for entry in house.recorder.early] == ["sign-in-required"]
    assert house.entries == []
    await house.run(purpose="no.such")
    [entry] = house.entries
    assert isinstance(entry, Refused)
    assert entry.facts is not None
    assert entry.facts.account == PERSON.account


@pytest.mark.parametrize("reason", [Reason.PARAMETER_UNDECLARED, Reason.PARAMETER_INVALID, Reason.HEADER_NOT_SUPPORTED])
async def test_names_that_a_caller_made_up_are_told_to_it_and_not_entered(house: AccessHouse, reason: Reason) -> None:
    """A name can hold anything."""
    house.asked = Deny(reason=reason, fields=("c0mpromised@example.org",))
    out = await house.run()
    assert out.refusal is not None
    assert out.refusal.fields == ("c0mpromised@example.org",)
    assert "c0mpromised" not in repr(house.entries)


async def test_the_only_purpose_of_a_bearer_needs_no_stating(house: AccessHouse) -> None:
    """Of two, one has to be stated."""
    house.identify.found = msgspec.structs.replace(PERSON, scopes=(MAILING,))
    assert (await house.run(purpose=None)).told[-1] == "finished"
    house.identify.found = msgspec.structs.replace(PERSON, scopes=(MAILING, PurposeKey("support")))
    out = await house.run(purpose=None)
    assert out.refusal is not None
    assert out.refusal.reason is Reason.PURPOSE_MISSING


async def test_a_step_up_is_a_refusal_with_the_fields(house: AccessHouse) -> None:
    """The caller may sign in again."""
    house.rules.swap(rules(assurance=(needs_fresh("user.name"),)))
    house.asked = inquiry(fields=("name",))
    house.clock.advance(us=FRESH_SIGN_IN_US + 1)
    out = await house.run()
    assert out.refusal is not None
    assert (out.refusal.reason, out.refusal.fields) == (Reason.STEP_UP_REQUIRED, ("name",))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StoreUnreachable("x"), Reason.STORE_UNREACHABLE),
        (StoreUnreachable("x", timed_out=True), Reason.STORE_TIMEOUT),
        (StoreMisbehaved("x"), Reason.STORE_ANSWER_INVALID),
        (Overloaded("x"), Reason.OVERLOADED),
    ],
)
async def test_a_store_that_fails_before_the_first_block_is_a_refusal(
    house: AccessHouse, error: Exception, reason: Reason
) -> None:
    """And after it a cut, with an end that says why."""
    house.target.error = error
    out = await house.run()
    assert out.refusal is not None
    assert out.refusal.reason is reason
    assert len(house.entries) == 1


async def test_a_store_that_fails_midway_cuts_the_stream(house: AccessHouse) -> None:
    """What was released stays released."""
    house.target.pieces, house.target.error_at_end = [array(MANY)[:-1]], StoreMisbehaved("x")
    out = await house.run()

    assert out.told[-1] == "aborted"
    release, end = house.entries
    assert isinstance(release, Release)
    assert end == End(call=release.call, how="store-failed", bytes=release.bytes, reason="store-answer-invalid")


@pytest.mark.parametrize("form", [Form.NDJSON, Form.CSV, Form.CSV_FOR_PEOPLE])
async def test_a_cut_stream_of_lines_says_so_behind_an_entry_for_these_bytes(house: AccessHouse, form: Form) -> None:
    """With the rows that left; then it is broken off all the same."""
    house.asked = msgspec.structs.replace(inquiry(), form=form)
    house.target.pieces, house.target.error_at_end = [array(MANY)[:-1]], StoreMisbehaved("x")
    house.recorder.on_append = lambda: house.out.told.append("entered")
    out = await house.run()

    release, end = house.entries
    assert isinstance(release, Release)
    words = last_words(form, release.rows, "store-answer-invalid")
    assert [len(one) if isinstance(one, bytes) else one for one in out.told] == [
        "entered", "started", release.bytes, "entered", len(words), "aborted",
    ]  # fmt: skip
    assert out.body.endswith(words)
    assert end == End(
        call=release.call, how="store-failed", bytes=release.bytes, reason="store-answer-invalid", told=len(words)
    )


async def test_a_cut_that_cannot_be_entered_is_not_told(house: AccessHouse) -> None:
    """Only the broken frame shows it."""
    house.asked = msgspec.structs.replace(inquiry(), form=Form.NDJSON)
    house.target.pieces = [array(MANY)]

    def fill_up() -> None:
        house.recorder.is_full = len(house.entries) >= 1

    house.recorder.on_append = fill_up
    out = await house.run()
    assert b"$gateway" not in out.body
    assert out.told[-1] == "aborted"


async def test_behind_a_whole_answer_nothing_is_told(house: AccessHouse) -> None:
    """Its length was announced."""
    house.asked = msgspec.structs.replace(inquiry(), form=Form.NDJSON)
    house.out.finish = fails  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await house.run()
    assert b"$gateway" not in house.out.body
    assert house.out.told[-1] == "aborted"


async def fails() -> None:
    """Stand for an error of our own behind the last block."""
    raise ZeroDivisionError


async def test_an_absent_record_is_not_found(house: AccessHouse) -> None:
    """The store's own page is not looked at."""
    house.target.absent = True
    out = await house.run()
    assert out.refusal is not None
    assert out.refusal.reason is Reason.NOT_FOUND


async def test_an_error_of_our_own_is_refused_entered_and_raised(house: AccessHouse) -> None:
    """The door logs the place of it."""
    house.target.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await house.run()
    assert house.out.refusal is not None
    assert house.out.refusal.reason is Reason.GATEWAY_FAILED
    assert len(house.entries) == 1


async def test_an_error_of_our_own_midway_cuts_the_stream(house: AccessHouse) -> None:
    """The end says that the gateway failed."""
    house.target.pieces, house.target.error_at_end = [array(MANY)[:-1]], ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await house.run()
    assert house.out.told[-1] == "aborted"
    end = house.entries[-1]
    assert isinstance(end, End)
    assert (end.how, end.reason) == ("failed", "gateway-failed")


async def test_nothing_is_told_where_nothing_can_be_entered(house: AccessHouse) -> None:
    """The door answers 503 without a body."""
    for spoil in ("has_room", "is_full"):
        house.recorder.has_room, house.recorder.is_full = spoil != "has_room", spoil == "is_full"
        with pytest.raises(LogUnavailable):
            await house.run()
        with pytest.raises(LogUnavailable):
            await house.run(purpose="no.such")
    assert house.out.told == []


async def test_a_log_that_fails_midway_cuts_the_stream(house: AccessHouse) -> None:
    """The block that has no entry does not leave; the end is entered if it can be."""
    house.target.pieces = [array(MANY)]
    house.recorder.fails_at = 1
    out = await house.run()
    release, end = house.entries
    assert isinstance(release, Release)
    assert len(out.body) == release.bytes
    assert end == End(call=release.call, how="cut", bytes=release.bytes, reason="log-unavailable")
    assert out.told[-1] == "aborted"


async def test_an_end_that_cannot_be_entered_is_left_to_the_next_start(house: AccessHouse) -> None:
    """The stream is cut all the same."""
    house.target.pieces = [array(MANY)]

    def fill_up() -> None:
        house.recorder.is_full = len(house.entries) >= 1

    house.recorder.on_append = fill_up
    out = await house.run()
    assert out.told[-1] == "aborted"
    assert len(house.entries) == 1


@pytest.mark.parametrize(("hangs_up_at", "n_bytes"), [(0, 0), (1, 0), (2, None)])
async def test_a_hang_up_is_entered_with_what_was_written(
    house: AccessHouse, hangs_up_at: int, n_bytes: int | None
) -> None:
    """Before the head, before the block, before the end."""
    house.out.hangs_up_at = hangs_up_at
    out = await house.run()
    release, end = house.entries
    assert isinstance(release, Release)
    assert end == End(call=release.call, how="hang-up", bytes=len(out.body) if n_bytes is None else n_bytes)


async def test_a_hang_up_on_a_refusal_needs_no_end(house: AccessHouse) -> None:
    """Nothing of a store was on its way."""
    house.out.hangs_up_at = 0
    await house.run(purpose="no.such")
    house.target.error = StoreMisbehaved("x")
    await house.run()
    assert [type(entry) for entry in house.entries] == [Refused, Refused]


async def test_a_call_that_is_cancelled_is_cut_and_entered(house: AccessHouse) -> None:
    """As when the server stops and cannot wait any longer."""
    house.target.pieces, house.target.error_at_end = [array(MANY)[:-1]], asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await house.run()
    end = house.entries[-1]
    assert isinstance(end, End)
    assert (end.how, end.bytes) == ("cut", len(house.out.body))


async def test_a_call_that_is_cancelled_once_its_store_was_asked_has_an_end(house: AccessHouse) -> None:
    """Nothing of it left; the log says all the same what became of the request that the store saw."""
    house.target.pieces, house.target.error_at_end = (), asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await house.run()
    assert house.out.told == []
    assert house.entries == [End(call=DecisionId("d"), how="cut", bytes=0)]


async def test_a_door_that_does_not_hear_of_changes_is_overloaded(house: AccessHouse) -> None:
    """Before anybody is identified."""
    house.is_current = False
    out = await house.run()
    assert out.refusal is not None
    assert out.refusal.reason is Reason.OVERLOADED


async def test_people_whom_a_filter_names_are_in_the_part(house: AccessHouse) -> None:
    """By number, where they have one; nobody gets one by being asked for."""
    await house.run()
    surrogate = msgspec.json.decode(house.out.body)[0]["id"]
    for value, met in ((surrogate, (100,)),):
        house.asked = inquiry(filters=(equal("id", value), equal("name", "name of c1")))
        await house.run()
        _, part = house.recorder.entries[-1]
        assert part is not None
        assert part.met == met
    house.people.known.clear()
    await house.run()
    _, part = house.recorder.entries[-1]
    assert part is not None
    assert part.met == ()


async def test_a_foreign_surrogate_is_refused_before_the_store_is_asked(house: AccessHouse) -> None:
    """And nobody is met by it."""
    house.asked = inquiry(filters=(equal("id", "c1"),))
    out = await house.run()
    assert out.refusal is not None
    assert out.refusal.reason is Reason.SURROGATE_NOT_RECOGNISED
    assert house.target.calls == []
