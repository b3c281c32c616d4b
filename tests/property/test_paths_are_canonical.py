# SPDX-License-Identifier: Apache-2.0
"""Paths: whatever is accepted has one meaning, however often it is decoded or normalised."""

import posixpath
import unicodedata
from urllib.parse import quote, unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.doors.http.reading.paths import segments_of
from gateway.forward.calls import path_below

PIECES = ["/", ".", "..", "%2e", "%2E", "%2f", "%2F", "%5C", "%25", "%252f", ";", "a", "b", "%E5%BC%A0", "%20", "%41", "@",
          "%40", "\\", "?", "%00", "%EF%BC%8F", "%EF%BC%8E", "ü", "~", "%7E"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join).map(str.encode) | st.binary(max_size=30))
@settings(max_examples=1000, deadline=None)
def test_an_accepted_path_means_the_same_to_every_reader(raw: bytes) -> None:
    """Decoding again, normalising and resolving change nothing; writing it anew gives the same segments."""
    segments = segments_of(raw)
    if segments is None:
        return
    for segment in segments:
        assert unquote(segment) == segment
        assert not set("/\\;%?#\x00") & set(unicodedata.normalize("NFKC", segment))
    joined = "/" + "/".join(segments)
    assert posixpath.normpath(joined) == joined
    assert unquote(raw.decode("ascii")) == joined
    assert segments_of(path_below(segments).encode() or b"/") == segments


@given(st.lists(st.text("azAZ09-._~@:張 é", min_size=1, max_size=6), max_size=4))
@settings(max_examples=300, deadline=None)
def test_the_canonical_writing_of_plain_segments_is_accepted(segments: list[str]) -> None:
    """Writing is the inverse of reading for every value that is plain."""
    plain = [part for part in segments if part == part.strip() and not part.endswith(".")]
    assert segments_of(("/" + "/".join(quote(part, safe="") for part in plain)).encode()) == tuple(plain)
