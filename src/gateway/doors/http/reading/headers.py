# SPDX-License-Identifier: Apache-2.0
"""The headers of a call: what has a meaning here is read, what would change the call is refused.

RULES

1. No header of a caller is ever forwarded. Unknown names are ignored; so are names with an
   underscore, which some servers read as a dash.
2. A header that would change what the call means is refused rather than ignored: a range, another
   method, another path; and a condition, a key or a preference, unless the route honours it.
3. A header of which there is one occurs once. ``Connection`` has no say over any other header.
4. Identity comes from ``Authorization`` alone, which is read elsewhere. The caller's address is the peer's, unless the peer
   is in a network that the operator configured as its own proxies.

Source: RFC 9110, RFC 9112 sections 3.2 and 6; W3C Trace Context for ``traceparent``.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

import msgspec
from typing_extensions import override

from gateway.domain.catalog import Honoured
from gateway.domain.decision import Deny, Reason
from gateway.domain.mandate import is_mandate_id
from gateway.domain.names import PurposeKey, is_key

RawHeaders = Sequence[tuple[bytes, bytes]]
Network = IPv4Network | IPv6Network

MAX_HEADERS = 100
MAX_HEADERS_BYTES = 16_384
MAX_USER_AGENT_CHARACTERS = 256

SINGLE = frozenset(
    {"authorization", "content-length", "content-type", "data-mandate", "data-purpose", "data-reference", "expect", "host",
     "idempotency-key", "transfer-encoding", "user-agent"}
)  # fmt: skip
REFUSED = frozenset(
    {
        "content-encoding", "content-range", "http2-settings", "if-modified-since", "if-range", "if-unmodified-since",
        "range", "trailer", "upgrade", "x-http-method", "x-http-method-override", "x-method-override", "x-original-url",
        "x-rewrite-url",
    }
)  # fmt: skip
"""Ignored, each would give the caller another answer than the one it asked for."""
PASSED_ON = frozenset(
    {"content-encoding", "content-range", "if-modified-since", "if-range", "if-unmodified-since", "range"}
)
"""Of these, what a store that is not enforced is told as it came: it is read in one way by everybody."""
CONDITIONS = frozenset(header.value for header in Honoured)
"""The same, but a route may declare that its store understands them."""
_FRAMING = frozenset({"content-length", "transfer-encoding"})
BODYLESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_REFERENCE = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?")
_LENGTH = re.compile(r"[0-9]{1,15}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What the headers of a call state.

    Attributes:
        authorization: As sent; read by ``identify`` alone and never shown.
        purpose: In the syntax of a key; whether it exists is not known here.
        mandate: In the form of its identifier; whether there is one is not known here.
        content_type: As sent; see ``is_json``.
        content_length: Announced size of the body; ``None`` if it is chunked or absent.
        traceparent: The caller's trace, if it sent exactly one that can be read.
        conditions: Headers of ``CONDITIONS``, by name; whether they are honoured is the route's to say.
    """

    authorization: str | None = None
    purpose: PurposeKey | None = None
    reference: str | None = None
    mandate: str | None = None
    user_agent: str = ""
    accept: str | None = None
    accept_language: str | None = None
    content_type: str | None = None
    content_length: int | None = None
    traceparent: str | None = None
    conditions: tuple[tuple[str, str], ...] = ()

    @override
    def __repr__(self) -> str:
        return f"Stated(purpose={self.purpose}, …)"


def judged(raw: RawHeaders, *, method: str, http_version: str, refused: frozenset[str] = REFUSED) -> Stated | Deny:
    """Return what the headers state, or why the call ends here.

    Args:
        raw: All header lines in order, names in lower case, as ASGI gives them.
        method: Of the request line.
        http_version: ``1.1``; an answer over 1.0 could be cut without a sign of it.
        refused: Names that end the call.
    """
    if http_version not in ("1.1", "2"):
        return _malformed("Use HTTP/1.1: the end of a long answer cannot be told from a cut in HTTP/1.0.")
    if len(raw) > MAX_HEADERS or sum([len(name) + len(value) for name, value in raw]) > MAX_HEADERS_BYTES:
        return _malformed(f"The headers are more than {MAX_HEADERS} or longer than {MAX_HEADERS_BYTES} bytes.")
    found = _by_name(raw)
    no = _singles(found, len(raw))
    if no is None and not _FRAMING.isdisjoint(found):
        no = _framing(found, method)
    return no or _refused(found, refused) or _stated(found)


def _by_name(raw: RawHeaders) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in raw:
        if b"_" not in name:
            found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip(" \t"))
    return found


def _singles(found: Mapping[str, list[str]], n_lines: int) -> Deny | None:
    if len(found) < n_lines:
        for name in sorted(SINGLE & found.keys()):
            if len(found[name]) > 1:
                return _malformed("The header must occur once.", _shown(name))
    if not _HOST.fullmatch(found.get("host", [""])[0]):
        return _malformed("The header must be one host name or address, with or without a port.", "Host")
    return None


def _framing(found: Mapping[str, list[str]], method: str) -> Deny | None:
    """Refuse a body where none belongs and a length that two readers could differ on."""
    length = found.get("content-length", ["0"])[0]
    if not _LENGTH.fullmatch(length) or ("content-length" in found and "transfer-encoding" in found):
        return _malformed("The length of the body cannot be read in one way.", "Content-Length")
    if found.get("transfer-encoding", ["chunked"])[0].lower() != "chunked":
        return _not_supported("transfer-encoding")
    if method in BODYLESS and (int(length) or "transfer-encoding" in found):
        return _malformed(f"A call with {method} has no body.", "Content-Length")
    return None


def _refused(found: Mapping[str, list[str]], refused: frozenset[str]) -> Deny | None:
    if not refused.isdisjoint(found):
        return _not_supported(min(refused & found.keys()))
    if "expect" in found and found["expect"][0].lower() != "100-continue":
        return _not_supported("expect")
    if "te" in found and any(value.lower() != "trailers" for value in found["te"]):
        return _not_supported("te")
    return None


def _stated(found: Mapping[str, list[str]]) -> Stated | Deny:
    purpose = found.get("data-purpose", [None])[0]
    if purpose is not None and not is_key(purpose):
        return _malformed("The header must be one purpose key.", "Data-Purpose")
    reference = found.get("data-reference", [None])[0]
    if reference is not None and not _REFERENCE.fullmatch(reference):
        return _malformed("The header must be 1 to 128 printable ASCII characters.", "Data-Reference")
    mandate = found.get("data-mandate", [None])[0]
    if mandate is not None and not is_mandate_id(mandate):
        return _malformed("The header must be the identifier of one mandate.", "Data-Mandate")
    traces = found.get("traceparent", [])
    return Stated(
        authorization=found.get("authorization", [None])[0],
        purpose=None if purpose is None else PurposeKey(purpose),
        reference=reference,
        mandate=mandate,
        user_agent=_printable(found.get("user-agent", [""])[0]),
        accept=", ".join(found["accept"]) if "accept" in found else None,
        accept_language=", ".join(found["accept-language"]) if "accept-language" in found else None,
        content_type=found.get("content-type", [None])[0],
        content_length=int(found["content-length"][0]) if "content-length" in found else None,
        # Two or an unreadable one start a new trace (W3C Trace Context section 3.2.2.5).
        traceparent=traces[0] if len(traces) == 1 and _TRACEPARENT.fullmatch(traces[0]) else None,
        conditions=()
        if CONDITIONS.isdisjoint(found)
        else tuple((name, ", ".join(found[name])) for name in sorted(CONDITIONS & found.keys())),
    )


def has_body(raw: RawHeaders) -> bool:
    """Tell whether header lines announce a body; no length and no coding are none (RFC 9112 section 6.3)."""
    for name, value in raw:
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b" \t") != b"0"):
            return True
    return False


def _printable(text: str) -> str:
    """Return the text for the log: printable ASCII, cut to a length."""
    if len(text) <= MAX_USER_AGENT_CHARACTERS and text.isascii() and text.isprintable():
        return text
    return "".join(mark if " " <= mark <= "~" else "?" for mark in text[:MAX_USER_AGENT_CHARACTERS])


def _malformed(sentence: str, *names: str) -> Deny:
    return Deny(reason=Reason.MALFORMED, fields=names, title=sentence)


def _not_supported(name: str) -> Deny:
    return Deny(reason=Reason.HEADER_NOT_SUPPORTED, fields=(_shown(name),))


def _shown(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def client_address(peer: str, raw: RawHeaders, proxies: Sequence[Network]) -> str:
    """Return the address of whoever called, as text.

    ``X-Forwarded-For`` is read from the right, past the operator's own proxies, and only if the peer
    is one of them; ``Forwarded`` and ``X-Real-IP`` are never read, because a proxy that appends to one
    of the three passes the others on as the caller made them up.

    Args:
        peer: Address of the other end of the connection.
        raw: All header lines in order.
        proxies: Networks of the operator's proxies; empty if there are none.
    """
    client = peer
    if not proxies:
        return peer
    lines = [value.decode("latin-1") for name, value in raw if name.lower() == b"x-forwarded-for"]
    hops = ",".join(lines).split(",") if lines else []
    while hops and _is_in(client, proxies):
        hop = hops.pop().strip()
        if not _is_address(hop):
            break
        client = str(ip_address(hop))
    return client


def _is_in(text: str, networks: Sequence[Network]) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        return "%" not in text and bool(ip_address(text))
    except ValueError:
        return False
