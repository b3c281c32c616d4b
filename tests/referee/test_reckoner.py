# SPDX-License-Identifier: Apache-2.0
"""The reckoner can fail: each thing that must not be is put into a recording or a log, and is named."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.domain.entry import Answered, End, Facts, Intent, Looked, RefusalsCounted, Refused, Release, SignIn
from gateway.domain.names import DecisionId
from tests.referee.reckoner import BARE_400, Body, Ledger, Reckoner, Reckoning

CALL = "0123456789abcdef0123456789abcdef"
BODY = b'[{"id":"a"}]'
ASKED = b"GET /crm/contacts HTTP/1.1\r\nHost: x\r\n\r\n"


def answer(body: bytes = BODY, call: str | None = CALL, status: str = "200 OK", *more: str) -> bytes:
    """Return a whole answer."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "content-type: application/json", *more]
    lines += [f"decision-id: {call}"] if call else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def release(body: bytes = BODY, n: int = 0, *, last: bool = True, call: str = CALL) -> Release:
    """Return the entry of a block."""
    facts = Facts(account="a:1", operation="read") if n == 0 else None
    digest = sha256(body).hexdigest()
    return Release(call=DecisionId(call), n=n, rows=1, bytes=len(body), people=1, last=last, digest=digest, facts=facts)


def refusal(reason: str, n_bytes: int, *, known: bool = True) -> Refused:
    """Return the entry of a refusal."""
    facts = Facts(account="a:1", operation="read") if known else None
    return Refused(call=DecisionId(CALL), reason=reason, status=403, bytes=n_bytes, facts=facts)


def end(how: str = "cut") -> End:
    """Return an end."""
    return End(call=DecisionId(CALL), how=how)


def reckoned(
    folder: Path, wire: bytes, *entries: object, asked: bytes = ASKED, n_store: int = 1, trace: str = CALL
) -> Reckoning:
    """Return what comes out of one connection and some entries."""
    for name in ("callers", "stores"):
        (folder / name).mkdir()
    (folder / "callers" / "000001.up").write_bytes(asked)
    (folder / "callers" / "000001.down").write_bytes(wire)
    store_call = f"GET /contacts HTTP/1.1\r\ntraceparent: 00-{trace}-{trace[:16]}-01\r\n\r\n".encode()
    (folder / "stores" / "000001.up").write_bytes(store_call * n_store)
    ledger = Ledger()
    for entry in entries:
        ledger.note(entry)
    reckoner = Reckoner(ledger)
    reckoner.callers(folder / "callers")
    reckoner.stores(folder / "stores")
    return reckoner.finish()


def test_what_is_right_is_found_right(tmp_path: Path) -> None:
    """One block, entered."""
    result = reckoned(tmp_path, answer(), release())
    assert (result.wrong, result.unlogged_bytes, result.n_answers, result.n_body_bytes) == ([], 0, 1, len(BODY))


@pytest.mark.parametrize(
    ("body", "entries", "unlogged"),
    [
        (BODY, [], len(BODY)),
        (BODY + b" ", [release()], 1),
        (b'[{"id":"b"}]', [release()], len(BODY)),
        (BODY, [release(call="f" * 32)], len(BODY)),
    ],
    ids=["no entry", "a byte too many", "another body", "the entry of another call"],
)
def test_bytes_that_no_entry_authorises_are_counted(
    tmp_path: Path, body: bytes, entries: list[Body], unlogged: int
) -> None:
    """Each of them."""
    result = reckoned(tmp_path, answer(body), *entries, n_store=len(entries))
    assert result.wrong
    assert result.unlogged_bytes == unlogged


WRONG: dict[str, tuple[bytes, list[object], int, str]] = {
    "a whole answer that is shorter than its entry": (answer(b"[]"), [release()], 1, "authorised"),
    "no closing": (answer(), [release(last=False)], 1, "close once"),
    "two closings": (answer(), [release(), release(b"", 1)], 1, "close once"),
    "two ends": (answer()[:-3], [release(), end(), end()], 1, "close once"),
    "an entry behind the end": (answer()[:-3], [release(last=False), end(), release(b"", 1)], 1, "close once"),
    "facts twice": (answer(), [release(b"", last=False), release()], 1, "facts"),
    "rows without a store": (answer(), [release()], 0, "without asking a store"),
    "a store asked twice": (answer(), [release()], 2, "2 times"),
    "a store asked by whom it was refused": (
        answer(b"{}", CALL, "403 Forbidden"), [refusal("red-line", 2)], 1, "not permitted",
    ),
    "a refusal of nobody known that is not counted": (
        answer(b'{"reason":"sign-in-required"}', CALL, "401 Unauthorized"), [], 0, "sign-in-required was seen 1",
    ),
    "a count of what nobody saw": (answer(), [release(), RefusalsCounted(since_us=1, reasons={"malformed": 1})], 1, "malformed"),
    "health that is not counted": (answer(b"live\n", None), [], 0, "without an entry"),
    "a 503 that is not counted": (answer(b"", None, "503 x", "retry-after: 5"), [], 0, "unavailable was seen 1"),
    "a 503 with a body": (answer(b"sorry", None, "503 x", "retry-after: 5"), [], 0, "without an entry"),
    "a call of the log that was not on the wire": (answer(), [release(), release(call="e" * 32)], 1, "not told on the wire"),
    "a sign-in of another size": (
        answer(b"{}", CALL), [SignIn(call=DecisionId(CALL), step="totp", account="a", ok=True, bytes=3)], 0, "authorised",
    ),
    "a look at oneself that asked a store": (
        answer(b"{}", CALL), [Looked(by="a", what="me", query="", rows=0, call=CALL, bytes=2)], 1, "not permitted",
    ),
    "two lengths": (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", [], 0, "framing"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named(tmp_path: Path, what: str) -> None:
    """In a sentence without any value."""
    wire, entries, n_store, sentence = WRONG[what]
    result = reckoned(tmp_path, wire, *entries, n_store=n_store)
    assert any(sentence in one for one in result.wrong), result.wrong


def test_a_store_call_of_which_the_log_knows_nothing_is_named(tmp_path: Path) -> None:
    """By the number that it carries."""
    result = reckoned(tmp_path, answer(), release(), trace="d" * 32)
    assert any("log says nothing" in one for one in result.wrong)


RIGHT: dict[str, Callable[[Path], Reckoning]] = {
    "a cut answer with its end": lambda path: reckoned(path, answer()[:-3], release(last=False), end()),
    "an answer of which not all was taken": lambda path: reckoned(path, answer()[:-3], release()),
    "an answer cut in a block that is longer than the last": lambda path: reckoned(
        path, answer(BODY * 9)[:-3], release(BODY * 9, last=False), release(b"{}", 1), end("hang-up")
    ),
    "a refusal before the store": lambda path: reckoned(
        path, answer(b"{}", CALL, "403 Forbidden"), refusal("red-line", 2), n_store=0
    ),
    "a record that is absent": lambda path: reckoned(path, answer(b"{}", CALL, "404 x"), refusal("not-found", 2)),
    "a write": lambda path: reckoned(
        path,
        b"HTTP/1.1 204 No Content\r\ndecision-id: " + CALL.encode() + b"\r\n\r\n",
        Intent(call=DecisionId(CALL), records=1, facts=Facts(account="a:1", operation="delete")),
        release(b"", 1),
        n_store=2,
    ),
    "a counted refusal": lambda path: reckoned(
        path,
        answer(b'{"reason":"malformed"}', CALL, "400 x"),
        RefusalsCounted(since_us=1, reasons={"malformed": 1}),
        n_store=0,
    ),
    "health": lambda path: reckoned(
        path,
        answer(b"live\n", None),
        Answered(since_us=1, counts={"live": 1}),
        asked=b"GET /-/livez HTTP/1.1\r\n\r\n",
        n_store=0,
    ),
    "a bare 400": lambda path: reckoned(path, BARE_400, asked=b"GARBAGE", n_store=0),
    "a bodyless 503": lambda path: reckoned(
        path, answer(b"", None, "503 x", "retry-after: 5"), Answered(since_us=1, counts={"unavailable": 1}), n_store=0
    ),
    "a call that got no answer": lambda path: reckoned(path, b"", release(), end("hang-up")),
}


@pytest.mark.parametrize("what", RIGHT)
def test_what_may_be_is_not_blamed(tmp_path: Path, what: str) -> None:
    """Everything that the design allows."""
    result = RIGHT[what](tmp_path)
    assert (result.wrong, result.unlogged_bytes) == ([], 0)
