# SPDX-License-Identifier: Apache-2.0
"""The one normal form of a path."""

import pytest

from gateway.doors.http.reading.paths import MAX_PATH_BYTES, segments_of


@pytest.mark.parametrize(
    ("raw", "segments"),
    [
        (b"/", ()),
        (b"/crm/customers", ("crm", "customers")),
        (b"/crm/customers/a%20b", ("crm", "customers", "a b")),
        (b"/crm/customers/%E5%BC%A0%E4%BC%9F", ("crm", "customers", "张伟")),
        (b"/crm/alice@example.org", ("crm", "alice@example.org")),
        (b"/crm/alice%40example.org", ("crm", "alice@example.org")),
        (b"/.well-known/openid-configuration", (".well-known", "openid-configuration")),
        (b"/-/problems/red-line", ("-", "problems", "red-line")),
        (b"/a/!$&'()*+,=:@-._~a", ("a", "!$&'()*+,=:@-._~a")),
        (b"/a/..b", ("a", "..b")),
    ],
)
def test_a_path_in_normal_form_comes_apart(raw: bytes, segments: tuple[str, ...]) -> None:
    """Segments are decoded once."""
    assert segments_of(raw) == segments


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"crm", b"//", b"//crm", b"/crm/", b"/crm//x", b"*", b"http://host/crm", b"host:80", b"/crm?x", b"/crm#x",
        b"/.", b"/..", b"/crm/.", b"/crm/../x", b"/crm/...", b"/crm/x.", b"/crm/%2E", b"/crm/%2e%2e/x", b"/crm/.%2E",
        b"/crm/%2F", b"/crm/%2f", b"/crm/%5C", b"/crm\\x", b"/crm/%252F", b"/crm/%25", b"/crm/x;y=z", b"/crm/x%3By",
        b"/crm/..;/x", b"/crm/%00", b"/crm/%0A", b"/crm/%0d%0a", b"/crm/%7F", b"/crm/x%20", b"/crm/%20x", b"/crm/a b",
        b"/crm/%41", b"/crm/%7E", b"/crm/%e5%bc%a0", b"/crm/%E5%BC", b"/crm/%FF", b"/crm/%C0%AF", b"/crm/%ED%A0%80",
        b"/crm/\xe5\xbc\xa0", b"/crm/%", b"/crm/%2", b"/crm/%ZZ", b"/crm/%u002F", b"/crm/%3F", b"/crm/%23",
        b"/crm/<x>", b'/crm/"', b"/crm/{id}", b"/crm/|", b"/crm/^", b"/crm/`", b"/crm/[x]", b"/crm\t", b"/crm\n", b"/crm\r\n",
    ],
)  # fmt: skip
def test_any_other_path_is_refused(raw: bytes) -> None:
    """Whatever it might have meant."""
    assert segments_of(raw) is None


@pytest.mark.parametrize("text", ["／", "＼", "．．", "；", "％2f", "\u200b", "\u202e", "\ufeff", "\u2028", "\u00a0", "\u3000x", "…", "\ue000", "\u0378", "\u0085", "\u2044", "\u2215", "\u2216"])  # fmt: skip
def test_characters_that_become_borders_or_are_not_seen_are_refused(text: str) -> None:
    """Compatibility forms of a slash or a dot, invisible and unassigned characters."""
    escaped = "".join(f"%{byte:02X}" for byte in text.encode())
    assert segments_of(f"/crm/a{escaped}".encode()) is None


def test_a_long_path_is_refused() -> None:
    """The limit is exact."""
    assert segments_of(b"/" + b"a" * (MAX_PATH_BYTES - 1))
    assert segments_of(b"/" + b"a" * MAX_PATH_BYTES) is None
