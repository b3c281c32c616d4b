# SPDX-License-Identifier: Apache-2.0
"""One-time codes from an authenticator app, and recovery codes on paper; no state, no clock.

Rules:

1. A code is normalised before anything else looks at it: ASCII spaces and hyphens go, what is left is six ASCII
   digits or is wrong. Replay is then judged by the step that a code belongs to, never by its spelling.
2. All steps of the window are computed and compared in constant time, whether or not one matched already.
3. This module tells which step a code belongs to. That each step is spent once is decided in the database.
4. A clock that is off is told to who enrols, and never makes a code right.

Source: RFC 6238 (SHA-1, 6 digits, 30 s, T0 = 0), RFC 4226 section 5.3.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Final

import pyotp

STEP_S: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
"""160 bits, as long as the output of the HMAC (RFC 4226 section 4, R6)."""
WINDOW: Final = (-1, 0)
"""The present step and the one before: one step for slow typing and slow networks (RFC 6238 section 5.2)."""
SKEW_REACH: Final = 10

N_RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 15
"""120 bits: past the 112 from which a plain hash is enough (OWASP ASVS 5.0, 6.5.2)."""
LONGEST_CODE: Final = 64

_DIGITS = re.compile(r"[0-9]{6}\Z")
_RECOVERY = re.compile(r"[A-Z2-7]{24}\Z")


def new_secret() -> bytes:
    """Return a secret for a new authenticator."""
    return secrets.token_bytes(SECRET_BYTES)


def base32(secret: bytes) -> str:
    """Return the secret as people type it into an app, and as apps read it."""
    return base64.b32encode(secret).decode("ascii")


def provisioning_uri(secret: bytes, *, name: str, issuer: str) -> str:
    """Return the ``otpauth://`` address that an app reads from a QR code."""
    return pyotp.TOTP(base32(secret), name=name, issuer=issuer).provisioning_uri()


def step_at(now_us: int) -> int:
    """Return the number of the time step."""
    return now_us // (STEP_S * 1_000_000)


def code_at(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """Return the code of a step."""
    return pyotp.HOTP(base32(secret), digits=digits, digest=hashlib.sha1).generate_otp(step)


def digits_of(code: str) -> str | None:
    """Return the one spelling of a code, or ``None`` if it is no code of six digits."""
    plain = _unspaced(code)
    return plain if _DIGITS.match(plain) else None


def matching_step(secret: bytes, digits: str, now_us: int, *, window: Iterable[int] = WINDOW) -> int | None:
    """Return the newest step of the window that the code belongs to, or ``None``.

    Args:
        secret: Of the authenticator.
        digits: From ``digits_of``; anything else matches nothing.
        now_us: Time of the submission.
        window: Offsets from the present step that are accepted.
    """
    found: int | None = None
    for step in sorted(step_at(now_us) + offset for offset in window):
        # Not left early: how many steps are compared must not depend on the code.
        if step >= 0 and hmac.compare_digest(code_at(secret, step).encode(), digits.encode()):
            found = step
    return found


def skew_steps(secret: bytes, digits: str, now_us: int) -> int | None:
    """Return by how many steps the authenticator's clock is off, if that explains a wrong code.

    Only for who enrols: it knows the secret already. Such a code is still wrong.
    """
    step = matching_step(secret, digits, now_us, window=range(-SKEW_REACH, SKEW_REACH + 1))
    return None if step is None else step - step_at(now_us)


def new_recovery_codes() -> tuple[str, ...]:
    """Return codes that each stand in for the authenticator once, in groups of six for writing down."""
    codes = (base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode("ascii") for _ in range(N_RECOVERY_CODES))
    return tuple("-".join(code[place : place + 6] for place in range(0, len(code), 6)) for code in codes)


def recovery_digest(code: str) -> bytes | None:
    """Return what is stored of a recovery code, or ``None`` if it has not the form of one.

    A code of 120 random bits needs no slow hash and no salt: it cannot be guessed from its digest.
    """
    plain = _unspaced(code).upper()
    return hashlib.sha256(b"recovery code\0" + plain.encode("ascii")).digest() if _RECOVERY.match(plain) else None


def _unspaced(code: str) -> str:
    # Cut before work, and no str.strip or str.isdigit: both know far more spaces and digits than ASCII has.
    return code.replace(" ", "").replace("-", "") if len(code) <= LONGEST_CODE else ""
