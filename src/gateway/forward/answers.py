# SPDX-License-Identifier: Apache-2.0
"""Which answers of a store are acceptable, judged by status and headers alone; no I/O.

A store is treated as hostile: what its declaration does not allow is refused, not repaired. The body
is the codec's business; here it is only made sure that its end can be told from a cut.

Source: RFC 9110, RFC 9112 section 6.
"""

import re
from collections.abc import Mapping, Sequence

from gateway.domain.errors import StoreMisbehaved

MAX_HEAD_BYTES = 32_768
"""Names and values of an answer's headers together; hyper itself stops at 100 headers."""

_DIGITS = re.compile(r"[0-9]{1,15}")


def check_answer(status: int, headers: Sequence[tuple[str, str]]) -> str | None:
    """Return the content type of a read's answer, ``None`` where the record is absent (404).

    Args:
        status: Of the final answer; interim answers are never seen here.
        headers: All of them, in order, names in any case.

    Raises:
        StoreMisbehaved: Any other status, a body that is not JSON in UTF-8, an encoded body, or a
            framing in which a cut looks like an end.
    """
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEAD_BYTES:
        raise StoreMisbehaved(f"the store's headers are longer than {MAX_HEAD_BYTES} bytes")
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    if status == 404:
        return None
    if status != 200:
        raise StoreMisbehaved(f"the store answered a read with status {status}")
    if [text.strip().lower() for text in found.get("content-encoding", [])] not in ([], ["identity"]):
        raise StoreMisbehaved("the store encoded its answer although only identity was accepted")
    _check_framing(found)
    return _json_type(found.get("content-type", []))


def _check_framing(found: Mapping[str, list[str]]) -> None:
    """Refuse what two readers could frame differently (RFC 9112 section 6.3), and open ends."""
    lengths, codings = found.get("content-length", []), found.get("transfer-encoding", [])
    if lengths and codings:
        raise StoreMisbehaved("the store framed its answer in two ways at once")
    if codings and [text.strip().lower() for text in codings] != ["chunked"]:
        raise StoreMisbehaved("the store used a transfer coding other than chunked")
    if lengths and (len(lengths) > 1 or not _DIGITS.fullmatch(lengths[0])):
        raise StoreMisbehaved("the store's content length cannot be read in one way")
    if not lengths and not codings:
        raise StoreMisbehaved("the store's answer ends with its connection, so a cut would look like an end")


def _json_type(values: list[str]) -> str:
    if len(values) != 1:
        raise StoreMisbehaved(f"the store's answer has {len(values)} content types, not one")
    media_type, *parameters = (text.strip().lower() for text in values[0].split(";"))
    if media_type != "application/json":
        raise StoreMisbehaved("the store's answer is not application/json")
    if parameters not in ([], ["charset=utf-8"], ['charset="utf-8"']):
        raise StoreMisbehaved("the store's JSON has a parameter other than charset=utf-8")
    return media_type
