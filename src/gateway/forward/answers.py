# SPDX-License-Identifier: Apache-2.0
"""Which answers of a store are acceptable, judged by status and headers alone; no I/O.

RULES

1. A read is answered by 200 with one of the declared media types, or by 404. Anything else is
   misbehaviour: also 204, 304, every redirect and every error; and 206, unless the route declares that its
   store says so of a page.
2. A write may be refused by the store in so many words (``WRITE_STATUSES``); its body is looked at
   only where it says 200 or 201, and then it must be of the declared type.
3. A body is in UTF-8, not encoded, and framed so that its end can be told from a cut.

A store is treated as hostile: what its declaration does not allow is refused, not repaired. The body
itself is the codec's business.

Source: RFC 9110, RFC 9112 section 6, RFC 4180 (text/csv) with RFC 7111.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from gateway.domain.errors import StoreMisbehaved
from gateway.domain.media import CARRIED, CSV_TYPES, STORE_TYPES

MAX_HEAD_BYTES = 32_768
"""Names and values of an answer's headers together; hyper itself stops at 100 headers."""

WRITE_STATUSES = frozenset({200, 201, 204, 400, 404, 409, 412, 413, 415, 422})
"""What a store may answer to a write: done, or one of the refusals that say that nothing was done."""

WITH_BODY = frozenset({200, 201, 206})

_DIGITS = re.compile(r"[0-9]{1,15}")
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,256}"')

_PARAMETERS = frozenset({"charset=utf-8", 'charset="utf-8"'})
_CSV_PARAMETERS = _PARAMETERS | {"header=present"}


def check_answer(
    status: int,
    headers: Sequence[tuple[str, str]],
    *,
    kind: str = "array",
    writes: bool = False,
    partial: bool = False,
) -> str | None:
    """Return the content type of an answer, ``None`` where no body is looked at.

    Args:
        status: Of the final answer; interim answers are never seen here.
        headers: All of them, in order, names in any case.
        kind: Of the route's declared answer (``AnswerShape.kind``).
        writes: The call changes what the store holds.
        partial: The store says 206 where a page is not the whole list.

    Raises:
        StoreMisbehaved: Any other status, a body that is not of the declared type in UTF-8, an encoded
            body, or a framing in which a cut looks like an end.
    """
    found: dict[str, list[str]] = {}
    n_bytes = 0
    for name, value in headers:
        n_bytes += len(name) + len(value)
        found.setdefault(name.lower(), []).append(value)
    if n_bytes > MAX_HEAD_BYTES:
        raise StoreMisbehaved(f"the store's headers are longer than {MAX_HEAD_BYTES} bytes")
    if kind == CARRIED:
        return None
    if status not in (WRITE_STATUSES if writes else (200, 206, 404) if partial else (200, 404)):
        raise StoreMisbehaved(f"the store answered with status {status}")
    if status not in WITH_BODY or ((writes or kind == "nothing") and _is_empty(found)):
        return None
    if "content-encoding" in found and [text.strip().lower() for text in found["content-encoding"]] != ["identity"]:
        raise StoreMisbehaved("the store encoded its answer although only identity was accepted")
    check_framing(found)
    return _media_type(tuple(found.get("content-type", ())), STORE_TYPES[kind])


def entity_tag(headers: Sequence[tuple[str, str]]) -> str | None:
    """Return the entity tag of an answer; nothing if it has none, several, or one that is none."""
    tags = [value.strip() for name, value in headers if name.lower() == "etag"]
    return tags[0] if len(tags) == 1 and _ETAG.fullmatch(tags[0]) else None


def _is_empty(found: Mapping[str, list[str]]) -> bool:
    return found.get("content-length") == ["0"] and "transfer-encoding" not in found


def check_framing(found: Mapping[str, list[str]]) -> None:
    """Refuse what two readers could frame differently (RFC 9112 section 6.3), and open ends.

    Args:
        found: All values by lower-case name.

    Raises:
        StoreMisbehaved: With what is wrong.
    """
    lengths, codings = found.get("content-length", []), found.get("transfer-encoding", [])
    if lengths and codings:
        raise StoreMisbehaved("the store framed its answer in two ways at once")
    if codings and [text.strip().lower() for text in codings] != ["chunked"]:
        raise StoreMisbehaved("the store used a transfer coding other than chunked")
    if lengths and (len(lengths) > 1 or not _DIGITS.fullmatch(lengths[0])):
        raise StoreMisbehaved("the store's content length cannot be read in one way")
    if not lengths and not codings:
        raise StoreMisbehaved("the store's answer ends with its connection, so a cut would look like an end")


@lru_cache(maxsize=64)
def _media_type(values: tuple[str, ...], accepted: frozenset[str]) -> str:
    if len(values) != 1:
        raise StoreMisbehaved(f"the store's answer has {len(values)} content types, not one")
    media_type, *parameters = (text.strip().lower() for text in values[0].split(";"))
    if media_type not in accepted:
        raise StoreMisbehaved(f"the store's answer is not {' or '.join(sorted(accepted))}")
    known = _CSV_PARAMETERS if media_type in CSV_TYPES else _PARAMETERS
    if not known.issuperset(parameters) or len({text.partition("=")[0] for text in parameters}) < len(parameters):
        raise StoreMisbehaved("the store's media type has a parameter other than charset=utf-8")
    return media_type
