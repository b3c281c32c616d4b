# SPDX-License-Identifier: Apache-2.0
"""The strict reader of callers' JSON: what it takes, what it refuses, and what its errors keep to themselves."""

from decimal import Decimal

import pytest

from gateway.domain.strictjson import read


def test_a_whole_text_is_read() -> None:
    """Every kind of value, and a surrogate pair as one character."""
    text = '{"s":"\\ud83d\\ude00 é \\\\","i":-12,"d":1.50,"e":1e3,"t":true,"f":false,"n":null,"a":[[],{}]}'.encode()
    assert read(text) == {
        "s": "😀 é \\",
        "i": -12,
        "d": Decimal("1.50"),
        "e": Decimal("1E+3"),
        "t": True,
        "f": False,
        "n": None,
        "a": [[], {}],
    }


def test_numbers_keep_all_their_digits() -> None:
    """No number passes through a float."""
    assert read(b"[9007199254740993, 0.10, 3.14159265358979323846264338327950288]") == [
        9007199254740993,
        Decimal("0.10"),
        Decimal("3.14159265358979323846264338327950288"),
    ]
    assert str(read(b"0.10")) == "0.10"


REFUSED = {
    "empty": b"",
    "white space": b"  ",
    "two texts": b"1 2",
    "open string": b'"abc',
    "open array": b"[1",
    "trailing comma": b"[1,]",
    "comment": b"[1] // x",
    "single quotes": b"{'a':1}",
    "leading zero": b"[01]",
    "plus": b"[+1]",
    "hex": b"[0x10]",
    "full-width digit": "[１]".encode(),
    "control character": b'"a\nb"',
    "NUL": b'"a\x00b"',
    "short escape": b'"\\u12"',
    "unknown escape": b'"\\x41"',
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": '{"a":1}'.encode("utf-16"),
    "latin-1": '"é"'.encode("latin-1"),
    "overlong": b'"\xc0\xaf"',
    "surrogate bytes": b'"\xed\xa0\x80"',
    "lone high": b'"\\ud800"',
    "lone low": b'"\\udc00"',
    "low before high": b'"\\udc00\\ud800"',
    "two highs": b'"\\ud83d\\ud83d\\ude00"',
    "lone in key": b'{"\\uD800":1}',
    "NaN": b"[NaN]",
    "Infinity": b"[Infinity]",
    "-Infinity": b"[-Infinity]",
    "1e999": b"[1e999]",
    "1e-999": b"[1e-999]",
    "0e999": b"[0e999]",
    "long exponent": b"[1e" + b"9" * 5000 + b"]",
    "65 digits": b"[" + b"9" * 65 + b"]",
    "65 places": b"[0." + b"9" * 65 + b"]",
    "6,000 digits": b"9" * 6000,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_two_readers_could_read_differently_is_refused(name: str) -> None:
    """One way to read a text, or none."""
    with pytest.raises(ValueError, match="JSON") as caught:
        read(REFUSED[name])
    assert caught.value.__context__ is None


def test_escaped_backslashes_before_a_u_are_no_escape() -> None:
    """A string that only talks of surrogates is fine."""
    assert read(b'"\\\\ud800"') == "\\ud800"
    with pytest.raises(ValueError, match="surrogate"):
        read(b'"\\\\\\ud800"')


@pytest.mark.parametrize("text", [b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'[{"b":{"a":1,"c":2,"a":3}}]'])
def test_a_key_occurs_once(text: bytes) -> None:
    """At any depth and in any spelling."""
    with pytest.raises(ValueError, match="twice"):
        read(text)


def test_the_limits_are_exact() -> None:
    """The last that fits is read, the first that does not is refused."""
    assert read(b"[[]]", max_depth=2) == [[]]
    assert read(b"123", max_digits=3) == 123
    assert read(b"-1.2e5", max_digits=2) == Decimal("-1.2e5")
    assert read(b"[1]", max_bytes=3) == [1]
    for text, limits in ((b"[[]]", {"max_depth": 1}), (b"1234", {"max_digits": 3}), (b"[1]", {"max_bytes": 2})):
        with pytest.raises(ValueError, match=r"deeper|digits|long"):
            read(text, **limits)


def test_brackets_in_strings_are_no_depth() -> None:
    """Only structure counts."""
    assert read(b'"' + b"[{" * 100 + b'\\"[["') == "[{" * 100 + '"[['


@pytest.mark.parametrize(
    "text",
    [b"[" * 65_000, b'{"a":' * 13_000, b'"' + b'\\"' * 32_000, b'"' * 65_000, b"\\" * 65_000, b'["\\ud8' * 9_000],
)
def test_hostile_texts_are_refused_without_deep_recursion(text: bytes) -> None:
    """Neither the stack nor the time of a caller's choice."""
    with pytest.raises(ValueError, match="JSON"):
        read(text)


def test_no_error_repeats_the_text() -> None:
    """A password in a broken body stays out of messages."""
    for text in (b'{"password":"hunter22"', b'{"hunter22":1,"hunter22":2}', b'"hunter22\xff"', b"[hunter22]"):
        with pytest.raises(ValueError, match="JSON") as caught:
            read(text)
        assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "n_values"),
    [
        ("1", 1),
        ("[1,2]", 3),
        ('{"a":1,"b":[2,3]}', 5),
        ('["a,b","[","\\\\","\\""]', 5),
        ('{"a\\"":"b\\"","c":""}', 3),
    ],
)
def test_values_are_counted_before_they_are_made(text: str, n_values: int) -> None:
    """What stands inside strings is not counted."""
    assert read(text.encode(), max_values=n_values) is not None
    with pytest.raises(ValueError, match="more than"):
        read(text.encode(), max_values=n_values - 1)


def test_many_strings_are_refused_before_they_are_looked_for() -> None:
    """By their marks, of which there are never fewer than counted."""
    with pytest.raises(ValueError, match="more than 5 values"):
        read(b'["","","","","","","","","","","",""]', max_values=5)
    assert read(b'["' + b'\\"' * 1000 + b'"]', max_values=2) == ['"' * 1000]
