# SPDX-License-Identifier: Apache-2.0
"""The client against a peer that answers in every way a gateway, or something on the way to it, can."""

import json
from decimal import Decimal

import pytest

from gateway_client import (
    Bearer,
    ClientCredentials,
    CutStream,
    Gateway,
    MoreMayFollow,
    NotTheGateway,
    Person,
    Refused,
    SignInFailed,
    StepUpNeeded,
    Unreachable,
    totp,
)
from tests.fakes.scripted_gateway import ScriptedGateway, answer, lines, problem, scripted, tokens

SERVICE = ClientCredentials("app", "not-a-secret-of-anybody")
STEP = b'{"login": "gwl_1", "factors": ["totp"]}'


def client(peer: ScriptedGateway, sign_in: object = None, **options: object) -> Gateway:
    return Gateway(peer.url, sign_in or Bearer("b"), purpose="p.q", sleep=lambda _s: None, **options)  # type: ignore[arg-type]


def test_rows_are_streamed_over_all_pages_with_purpose_and_reference() -> None:
    """The link of a page is asked for as it is; nothing else ends the loop than the last page."""
    first = lines({"id": 1}, {"id": 2}, data_page="more", link='</crm/people?limit=2&cursor=c1>; rel="next"')
    with scripted(first, lines({"id": 3}, data_page="last")) as peer, client(peer) as gateway:
        rows = gateway.rows("/crm/people", {"limit": 2, "id": ["a b", "c"]}, reference="spring")
        found = list(rows)

    assert found == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert [one.line for one in peer.asked] == [
        "GET /crm/people?limit=2&id=a%20b%2Cc HTTP/1.1", "GET /crm/people?limit=2&cursor=c1 HTTP/1.1",
    ]  # fmt: skip
    assert {one.headers["data-purpose"] for one in peer.asked} == {"p.q"}
    assert {one.headers["data-reference"] for one in peer.asked} == {"spring"}
    assert len(rows.decision_ids) == 2


@pytest.mark.parametrize(("told", "n_rows", "reason"), [
    (lines({"id": 1}, cut="store-timeout", missing=5), 1, "store-timeout"),
    (lines({"id": 1}, cut="held"), 1, "held"),
    (lines({"id": 1}, missing=9), 1, ""),
    (answer(b'{"id": 1}\n{"id"', media="application/x-ndjson"), 1, ""),
])  # fmt: skip
def test_a_cut_stream_is_never_taken_for_whole(told: bytes, n_rows: int, reason: str) -> None:
    """A control record, a missing end, half a line: each raises, and says how many rows had come."""
    with scripted(told) as peer, client(peer) as gateway, pytest.raises(CutStream) as raised:
        list(gateway.rows("/crm/people"))
    assert (raised.value.n_rows, raised.value.reason) == (n_rows, reason)


@pytest.mark.parametrize("told", [
    b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ndata-page: last\r\n\r\n%b",
    b"HTTP/1.0 200 OK\r\ncontent-type: %b\r\ndata-page: last\r\n\r\n%b",
    b"HTTP/1.1 206 Partial Content\r\ncontent-type: %b\r\ncontent-length: 10\r\ndata-page: last\r\n\r\n%b",
    b"HTTP/1.1 203 Changed\r\ncontent-type: %b\r\ncontent-length: 10\r\ndata-page: last\r\n\r\n%b",
    b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: 10\r\ncontent-encoding: gzip\r\ndata-page: last\r\n\r\n%b",
], ids=["until the end", "HTTP/1.0", "a part", "changed", "coded"])  # fmt: skip
def test_what_a_machine_in_between_may_have_cut_is_never_taken_for_whole(told: bytes) -> None:
    """The gateway frames its answers so that a cut is seen; what has lost that, or is a part, is none of its answers."""
    lined, paged = told % (b"application/x-ndjson", b'{"id": 1}\n'), told % (b"application/json", b'[{"id":1}]')
    with scripted(lined, paged) as peer, client(peer) as gateway:
        with pytest.raises(NotTheGateway):
            list(gateway.rows("/crm/people"))
        with pytest.raises(NotTheGateway):
            gateway.page("/crm/people")
    written = told % (b"application/json", b'{"id":"1"}')
    with scripted(written) as peer, client(peer) as gateway, pytest.raises(Unreachable) as raised:
        gateway.write("POST", "/crm/people", {"id": "1"})
    assert raised.value.may_be_written


def test_an_answer_that_does_not_say_whether_more_follows_raises_at_its_end() -> None:
    """Unless the caller wants this one answer alone."""
    with scripted(lines({"id": 1}), lines({"id": 1})) as peer, client(peer) as gateway:
        rows = gateway.rows("/crm/people")
        assert next(rows) == {"id": 1}
        with pytest.raises(MoreMayFollow):
            next(rows)
        assert list(gateway.rows("/crm/people", pages=False)) == [{"id": 1}]


def test_a_half_page_of_json_raises() -> None:
    """Whatever of it could be read."""
    with scripted(answer(b'[{"id": 1}]', missing=3)) as peer, client(peer) as gateway, pytest.raises(CutStream):
        gateway.page("/crm/people")


def test_a_problem_is_raised_with_all_that_it_tells() -> None:
    """Reason, fields, what can be done and by whom."""
    with (
        scripted(problem("grant-missing", "403 Forbidden", "with-grant")) as peer,
        client(peer) as gateway,
        pytest.raises(Refused) as raised,
    ):
        gateway.record("/crm/people/1")
    told = raised.value
    assert (told.status, told.reason, told.fields, told.retry, told.who) == (
        403, "grant-missing", ("phone",), "with-grant", "owner",
    )  # fmt: skip
    assert told.decision_id == "d" * 32
    assert "Ask." in str(told)


def test_a_service_signs_in_once_and_again_when_its_bearer_is_not_taken_any_more() -> None:
    """The call that met it is asked once more."""
    script = (tokens("b1"), answer(b"{}"), problem("sign-in-required", "401 Unauthorized"), tokens("b2"), answer(b"{}"))
    with scripted(*script) as peer, client(peer, SERVICE) as gateway:
        gateway.me()
        gateway.me()
    assert [one.headers.get("authorization") for one in peer.asked] == [
        None,
        "bearer b1",
        "bearer b1",
        None,
        "bearer b2",
    ]
    assert b"grant_type=client_credentials" in peer.asked[0].body


def test_a_person_signs_in_with_both_factors_and_refreshes_before_the_end() -> None:
    """A refresh that is good no more leads to a whole sign-in."""
    now = [0.0]
    script = (
        answer(STEP), tokens("b1", refresh="r1"), answer(b"{}"), tokens("b2", refresh="r2"), answer(b"{}"),
        problem("sign-in-failed", "401 Unauthorized"), answer(STEP), tokens("b3"), answer(b"{}"),
    )  # fmt: skip
    person = Person("ana", "a password", lambda: "123456")
    with scripted(*script) as peer, client(peer, person, clock=lambda: now[0]) as gateway:
        for moment in (0.0, 290.0, 600.0):
            now[0] = moment
            gateway.me()
    paths = [one.line.split()[1] for one in peer.asked]
    assert paths == [
        "/-/login", "/-/login/totp", "/-/me", "/-/login/refresh", "/-/me", "/-/login/refresh", "/-/login",
        "/-/login/totp", "/-/me",
    ]  # fmt: skip
    assert json.loads(peer.asked[1].body) == {"login": "gwl_1", "code": "123456"}


def test_a_step_up_asks_and_signs_in_anew() -> None:
    """Once; and without somebody to ask it is raised."""
    script = (answer(STEP), tokens("b1"), problem("step-up-required", "401 Unauthorized", "with-step-up"), answer(STEP), tokens("b2"), answer(b"{}"))  # fmt: skip
    asked: list[StepUpNeeded] = []

    def step_up(needed: StepUpNeeded) -> bool:
        asked.append(needed)
        return True

    person = Person("ana", "a password", lambda: "1")
    with scripted(*script) as peer, client(peer, person, on_step_up=step_up) as gateway:
        gateway.record("/crm/people/1")
    assert [one.fields for one in asked] == [("phone",)]
    with scripted(script[2]) as peer, client(peer) as gateway, pytest.raises(StepUpNeeded):
        gateway.record("/crm/people/1")


def test_retry_after_is_waited_for_within_bounds() -> None:
    """A read is asked again; past the bound the refusal is raised."""
    busy = problem("overloaded", "503 Service Unavailable", "after", retry_after="7")
    waited: list[float] = []
    with scripted(busy, answer(b"{}")) as peer, Gateway(peer.url, Bearer("b"), sleep=waited.append) as gateway:
        gateway.me()
    with (
        scripted(busy) as peer,
        Gateway(peer.url, Bearer("b"), most_wait_s=5, sleep=waited.append) as gateway,
        pytest.raises(Refused),
    ):
        gateway.me()
    assert waited == [7.0]


def test_a_write_is_repeated_only_where_that_is_safe() -> None:
    """With a key, or where nothing was sent; never otherwise."""
    told = json.loads(problem("store-timeout", "504 Gateway Timeout", "after").split(b"\r\n\r\n", 1)[1])
    unknown = answer(json.dumps({**told, "outcome": "unknown"}).encode(), "504 Gateway Timeout", "application/problem+json", retry_after="1")  # fmt: skip
    with scripted(unknown) as peer, client(peer) as gateway, pytest.raises(Refused) as raised:
        gateway.write("POST", "/crm/people", {"name": "x"})
    assert raised.value.outcome == "unknown"
    with scripted(unknown, answer(b'{"id": "7"}', "201 Created")) as peer, client(peer) as gateway:
        made = gateway.write("POST", "/crm/people", {"name": "x"}, idempotency_key="k1")
    assert made.fields == {"id": "7"}
    assert [one.headers["idempotency-key"] for one in peer.asked] == ["k1", "k1"]


def test_a_write_whose_answer_never_came_says_that_it_may_be_written() -> None:
    """The peer reads it and hangs up."""
    with scripted(b"") as peer, client(peer) as gateway, pytest.raises(Unreachable) as raised:
        gateway.write("DELETE", "/crm/people/1")
    assert raised.value.may_be_written


def test_the_bodyless_503_is_a_refusal_that_can_be_asked_again() -> None:
    """Nothing can be logged, so nothing is told."""
    silent = answer(b"", "503 Service Unavailable", "", retry_after="5")
    with scripted(silent, answer(b"{}")) as peer, client(peer) as gateway:
        assert gateway.me() == {}


@pytest.mark.parametrize("told", [
    answer(b"<html>sign in</html>", media="text/html"),
    answer(b"", "302 Found", location="http://elsewhere.example/"),
    answer(b"<html>no</html>", "502 Bad Gateway", "text/html"),
])  # fmt: skip
def test_what_is_no_answer_of_a_gateway_is_told_as_such(told: bytes) -> None:
    """A captive page, a redirect, a proxy's own error; the bearer goes nowhere else."""
    with scripted(told) as peer, client(peer) as gateway, pytest.raises(NotTheGateway):
        gateway.me()
    assert len(peer.asked) == 1


def test_a_link_to_another_host_is_not_followed() -> None:
    """Only a path of this gateway is a next page."""
    page = lines({"id": 1}, data_page="more", link='<//elsewhere.example/crm?cursor=c>; rel="next"')
    with scripted(page) as peer, client(peer) as gateway, pytest.raises(MoreMayFollow):
        list(gateway.rows("/crm/people"))


def test_plain_http_goes_to_this_machine_alone() -> None:
    """A bearer on the network in clear is nobody's wish."""
    with pytest.raises(ValueError, match="https"):
        Gateway("http://gateway.example.com", SERVICE)


def test_numbers_keep_their_digits() -> None:
    """An amount is no float."""
    with scripted(answer(b'{"amount": 1234567.10, "n": 12345678901234567890}')) as peer, client(peer) as gateway:
        told = gateway.record("/shop/orders/1").fields
    assert str(told["amount"]) == "1234567.10"
    assert isinstance(told["amount"], Decimal)
    assert told["n"] == 12345678901234567890


def test_a_wrong_secret_is_a_failed_sign_in_and_no_secret_is_in_any_text() -> None:
    """Neither in the exception nor in a repr."""
    with (
        scripted(answer(b'{"error": "invalid_client"}', "401 Unauthorized")) as peer,
        client(peer, SERVICE) as gateway,
        pytest.raises(SignInFailed) as raised,
    ):
        gateway.me()
    assert SERVICE.client_secret not in f"{raised.value} {raised.value!r} {SERVICE!r} {Person('a', 'b-secret', str)!r}"
    assert "b-secret" not in repr(Person("a", "b-secret", str))


def test_codes_are_those_of_rfc_6238() -> None:
    """Appendix B, the last six digits."""
    assert totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 59) == "287082"
    assert totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 1111111109) == "081804"


def test_values_of_surrogates_come_back_in_their_order() -> None:
    """What is not told has its cause; a value is in no repr."""
    told = b'{"values": [{"surrogate": "sv1_0", "value": "+49"}, {"surrogate": "sv1_1", "cause": "choice"}]}'
    with scripted(answer(told)) as peer, client(peer) as gateway:
        first, second = gateway.reveal("crm.people", "phone", ["sv1_0", "sv1_1"], reference="case-1")

    assert (first.value, first.cause, second.value, second.cause) == ("+49", None, None, "choice")
    assert "+49" not in repr(first)
    (asked,) = peer.asked
    assert asked.line == "POST /-/surrogates/reveal HTTP/1.1"
    assert asked.headers["data-reference"] == "case-1"
    assert json.loads(asked.body) == {"dataset": "crm.people", "field": "phone", "surrogates": ["sv1_0", "sv1_1"]}


def test_a_reveal_that_needs_a_second_person_says_what_they_approve() -> None:
    """By its identifier."""
    needed = problem("approval-required", "403 Forbidden", "with-approval", approval="ap_1")
    with scripted(needed) as peer, client(peer) as gateway, pytest.raises(Refused) as raised:
        gateway.reveal("crm.people", "phone", ["sv1_0"])
    assert (raised.value.reason, raised.value.approval) == ("approval-required", "ap_1")
