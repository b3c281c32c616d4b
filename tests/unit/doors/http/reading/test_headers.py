# SPDX-License-Identifier: Apache-2.0
"""Headers: what is read, what is refused, what has no effect, and where a call came from."""

from ipaddress import ip_network

import pytest

from gateway.domain.decision import Deny, Reason
from gateway.doors.http.reading.headers import CONDITIONS, REFUSED, Stated, client_address, has_body, judged

BASE = [(b"host", b"gateway.example"), (b"data-purpose", b"marketing.mail")]


def of(*more: tuple[bytes, bytes], method: str = "GET", http_version: str = "1.1") -> Stated | Deny:
    return judged([*BASE, *more], method=method, http_version=http_version)


def reason_of(outcome: Stated | Deny) -> tuple[Reason, tuple[str, ...]]:
    assert isinstance(outcome, Deny)
    return outcome.reason, outcome.fields


def test_what_has_a_meaning_is_read() -> None:
    """Each header once, as text."""
    stated = of(
        (b"authorization", b"Bearer abc"),
        (b"data-reference", b"campaign 2026/11"),
        (b"user-agent", b"newsletter-app/2"),
        (b"accept", b"application/json"),
        (b"accept", b"*/*;q=0.1"),
        (b"accept-language", b"zh-CN"),
        (b"content-type", b"application/json"),
        (b"content-length", b"12"),
        (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        method="POST",
    )
    assert stated == Stated(
        authorization="Bearer abc",
        purpose="marketing.mail",  # type: ignore[arg-type]
        reference="campaign 2026/11",
        user_agent="newsletter-app/2",
        accept="application/json, */*;q=0.1",
        accept_language="zh-CN",
        content_type="application/json",
        content_length=12,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


def test_a_bearer_is_not_shown() -> None:
    """Neither by repr nor by str."""
    stated = of((b"authorization", b"Bearer s3cret"))
    assert "s3cret" not in repr(stated) + str(stated)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_header_that_would_change_the_call_is_refused(name: str) -> None:
    """Ignored, it would give another answer than the one asked for."""
    reason, fields = reason_of(of((name.encode(), b"x")))
    assert reason is Reason.HEADER_NOT_SUPPORTED
    assert fields[0].lower() == name


@pytest.mark.parametrize(
    ("name", "value"), [(b"expect", b"200-ok"), (b"te", b"gzip"), (b"te", b"trailers, deflate"), (b"transfer-encoding", b"gzip")]
)  # fmt: skip
def test_expectations_and_codings_that_nobody_keeps_are_refused(name: bytes, value: bytes) -> None:
    """Only 100-continue and trailers are known words."""
    assert reason_of(of((name, value), method="POST"))[0] is Reason.HEADER_NOT_SUPPORTED
    assert isinstance(of((b"expect", b"100-Continue"), (b"te", b"trailers"), method="POST"), Stated)


@pytest.mark.parametrize(
    "name",
    [b"authorization", b"data-purpose", b"data-reference", b"host", b"content-type", b"content-length", b"user-agent",
     b"transfer-encoding", b"expect"],
)  # fmt: skip
def test_a_header_of_which_there_is_one_occurs_once(name: bytes) -> None:
    """Equal or not, two are one too many."""
    value = b"chunked" if name == b"transfer-encoding" else b"5"
    outcome = judged([(b"host", b"a"), (name, value), (name, value)], method="POST", http_version="1.1")
    assert reason_of(outcome)[0] is Reason.MALFORMED


@pytest.mark.parametrize(
    "value", [b"", b" ", b"a b", b"marketing.mail,analytics", b"marketing..mail", b"a" * 201, b"m\xc3\xbc", b".a", b"a.", b"*"]
)  # fmt: skip
def test_a_purpose_is_one_key(value: bytes) -> None:
    """No list, no wildcard, no other script."""
    outcome = judged([(b"host", b"a"), (b"data-purpose", value)], method="GET", http_version="1.1")
    assert reason_of(outcome) == (Reason.MALFORMED, ("Data-Purpose",))


@pytest.mark.parametrize("value", [b"", b" ", b"a" * 129, b"a\tb", b"caf\xc3\xa9", b"a\x00b"])
def test_a_reference_is_short_printable_ascii(value: bytes) -> None:
    """1 to 128 characters."""
    assert reason_of(of((b"data-reference", value))) == (Reason.MALFORMED, ("Data-Reference",))
    assert isinstance(of((b"data-reference", b"a" * 128)), Stated)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"5")],
        [(b"transfer-encoding", b"chunked")],
    ],
)
def test_a_read_has_no_body(headers: list[tuple[bytes, bytes]]) -> None:
    """Neither announced nor chunked; a length of 0 is none."""
    for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
        assert reason_of(of(*headers, method=method))[0] is Reason.MALFORMED
    assert isinstance(of((b"content-length", b"0")), Stated)


@pytest.mark.parametrize("value", [b"", b"-1", b"+1", b"0x1", b"1,1", b"1_0", b"9" * 16, b"\xb2"])
def test_a_length_is_digits(value: bytes) -> None:
    """Nothing that a lenient reader takes for a number."""
    assert reason_of(of((b"content-length", value), method="POST")) == (Reason.MALFORMED, ("Content-Length",))


def test_a_length_and_a_coding_together_are_malformed() -> None:
    """The root of request smuggling."""
    both = ((b"content-length", b"5"), (b"transfer-encoding", b"chunked"))
    assert reason_of(of(*both, method="POST"))[0] is Reason.MALFORMED


def test_http_1_0_is_refused() -> None:
    """Its answers could be cut without a sign of it."""
    assert reason_of(of(http_version="1.0"))[0] is Reason.MALFORMED


def test_heads_have_limits() -> None:
    """By count and by bytes."""
    assert reason_of(of(*[(b"x", b"y")] * 99))[0] is Reason.MALFORMED
    assert reason_of(of((b"x", b"y" * 16_384)))[0] is Reason.MALFORMED
    assert isinstance(of(*[(b"x", b"y")] * 98), Stated)


def test_names_with_underscores_and_unknown_names_mean_nothing() -> None:
    """They are ignored, not read as something like them."""
    stated = of(
        (b"data_reference", b"x"), (b"content_length", b"5"), (b"x_http_method_override", b"DELETE"),
        (b"x-user", b"admin"), (b"x-forwarded-host", b"evil"), (b"cookie", b"a=b"), (b"dnt", b"1"),
        (b"sec-fetch-mode", b"cors"), (b"priority", b"u=1"), (b"x-request-id", b"7"), (b"cache-control", b"no-cache"),
    )  # fmt: skip
    assert stated == of()


@pytest.mark.parametrize("value", [b"data-purpose", b"close, authorization", b"keep-alive, host, data-reference", b"x"])
def test_connection_has_no_say_over_other_headers(value: bytes) -> None:
    """Naming one of ours there changes nothing."""
    ours = ((b"authorization", b"Bearer a"), (b"data-reference", b"r"))
    assert of(*ours, (b"connection", value)) == of(*ours)


@pytest.mark.parametrize("traces", [[b"00-0-0-01"], [b"01-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"],
                                    [b"00-" + b"0" * 32 + b"-" + b"b" * 16 + b"-01"],
                                    [b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"] * 2])  # fmt: skip
def test_a_trace_that_cannot_be_read_in_one_way_is_none(traces: list[bytes]) -> None:
    """A new trace begins; the call goes on."""
    stated = of(*((b"traceparent", trace) for trace in traces))
    assert isinstance(stated, Stated)
    assert stated.traceparent is None


def test_a_user_agent_is_cut_to_printable_ascii() -> None:
    """It goes into the log."""
    stated = of((b"user-agent", b"a\x1b[31m\xff" + b"b" * 300))
    assert isinstance(stated, Stated)
    assert stated.user_agent.startswith("a?[31m?b")
    assert len(stated.user_agent) == 256


PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", [b"1.2.3.4"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", [b"1.2.3.4, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", [b"1.2.3.4", b"198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", [b"198.51.100.7, 10.9.9.9"], "198.51.100.7"),
        ("10.0.0.1", [b"10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("10.0.0.1", [b"198.51.100.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.7, "], "10.0.0.1"),
        ("fd00::1", [b"2001:DB8::0:1"], "2001:db8::1"),
        ("", [b"1.2.3.4"], ""),
        ("not an address", [b"1.2.3.4"], "not an address"),
        ("fe80::1%eth0", [b"1.2.3.4"], "fe80::1%eth0"),
    ],
)
def test_the_caller_is_the_peer_unless_the_peer_is_our_proxy(peer: str, forwarded: list[bytes], client: str) -> None:
    """From the right, past our own proxies, to the first address that is not ours."""
    raw = [(b"X-Forwarded-For", value) for value in forwarded]
    others = [(b"forwarded", b"for=6.6.6.6"), (b"x-real-ip", b"6.6.6.6"), (b"x_forwarded_for", b"6.6.6.6")]
    assert client_address(peer, [*others, *raw], PROXIES) == client


def test_without_proxies_nothing_is_believed() -> None:
    """The default."""
    assert client_address("10.0.0.1", [(b"x-forwarded-for", b"1.2.3.4")], ()) == "10.0.0.1"


@pytest.mark.parametrize("name", sorted(CONDITIONS))
def test_a_condition_is_read_and_left_to_the_route(name: str) -> None:
    """Whether it is honoured is not known yet; a list in two lines is one."""
    stated = of((name.encode(), b'"a"'))
    assert isinstance(stated, Stated)
    assert stated.conditions == ((name, '"a"'),)
    two = of((name.encode(), b'"a"'), (name.encode(), b'"b"'))
    if name == "idempotency-key":
        assert isinstance(two, Deny)
    else:
        assert isinstance(two, Stated)
        assert two.conditions == ((name, '"a", "b"'),)


@pytest.mark.parametrize(
    ("lines", "is_so"),
    [
        ([], False),
        ([(b"content-length", b"0")], False),
        ([(b"content-length", b" 0 ")], False),
        ([(b"content-length", b"1")], True),
        ([(b"content-length", b"00")], True),
        ([(b"transfer-encoding", b"chunked")], True),
    ],
)
def test_a_body_is_announced_by_a_length_or_a_coding(lines: list[tuple[bytes, bytes]], is_so: bool) -> None:
    """What is announced in a doubtful way counts as a body, of which nothing is read."""
    assert has_body([*BASE, *lines]) is is_so
