# SPDX-License-Identifier: Apache-2.0
"""Time stamps of others: what a time authority is asked, and what its answer proves. RFC 3161.

The library is an extra, ``[stamp]``; without it nothing here works and nothing else needs it.
"""

from collections.abc import Callable

from gateway.domain.errors import GatewayError, SettingsError

NEEDS = "time stamps need the extra [stamp]: pip install 'compliance-gateway[stamp]'"
QUERY_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"


class StampInvalid(GatewayError):
    """A time authority's answer does not prove what it should; the message says in which way."""


def stamp_query(content: bytes, roots_pem: bytes) -> tuple[bytes, Callable[[bytes], int]]:
    """Return what a time authority is asked, and what checks its answer and returns its time in UTC microseconds.

    The answer must be to this very question (its nonce), so an older one does not pass.

    Raises:
        SettingsError: The library or the certificates are missing.
    """
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError:
        raise SettingsError(NEEDS) from None
    builder = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256)
    asked = builder.nonce(nonce=True).cert_request(cert_request=True).build()

    def check(answer: bytes) -> int:
        return stamped_us(content, answer, roots_pem, nonce=asked.nonce)

    return asked.as_bytes(), check


def stamped_us(content: bytes, answer: bytes, roots_pem: bytes, *, nonce: int | None = None) -> int:
    """Return when a time authority saw some content, in UTC microseconds, after its stamp was found right.

    Args:
        content: What was stamped.
        answer: The authority's whole answer, DER.
        roots_pem: Certificates to trust, PEM.
        nonce: Of the question, where it is known.

    Raises:
        StampInvalid: The stamp is not right, of something else, or of nobody who is trusted.
        SettingsError: The library or the certificates are missing.
    """
    from cryptography import x509

    try:
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
    except ImportError:
        raise SettingsError(NEEDS) from None
    builder = VerifierBuilder() if nonce is None else VerifierBuilder().nonce(nonce)
    try:
        for root in x509.load_pem_x509_certificates(roots_pem):
            builder = builder.add_root_certificate(root)
    except ValueError:
        raise SettingsError("the time authority's certificates are no PEM") from None
    try:
        response = decode_timestamp_response(answer)
        builder.build().verify_message(response, content)
        at_s: float = response.tst_info.gen_time.timestamp()
        return round(at_s * 1_000_000)
    except (VerificationError, ValueError) as error:
        raise StampInvalid(f"the time stamp is not right: {error}") from None
