# SPDX-License-Identifier: Apache-2.0
"""When certificates end; nothing of a key is looked at."""

from cryptography import x509


def ends_us(pem: bytes) -> int | None:
    """Return when the first of some certificates ends, in UTC microseconds; ``None`` where there is none.

    Args:
        pem: One certificate or several, with or without keys between them.
    """
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError:
        return None
    return min(round(one.not_valid_after_utc.timestamp() * 1_000_000) for one in found)
