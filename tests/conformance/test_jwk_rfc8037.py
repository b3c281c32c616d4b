# SPDX-License-Identifier: Apache-2.0
"""Bearer keys and signatures against the published example of RFC 8037 appendix A."""

import base64

import jwt

from gateway.identify.bearers import BearerKey
from gateway.keys.signing import SigningKey


def unpadded(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


KEY = BearerKey("a", SigningKey(unpadded("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")))


def test_the_public_key_is_written_as_in_appendix_a2() -> None:
    """Type, curve and number are those of the example."""
    jwk = KEY.jwk()
    assert (jwk["kty"], jwk["crv"], jwk["x"]) == ("OKP", "Ed25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")


def test_the_signature_is_that_of_appendix_a4() -> None:
    """Ed25519 is deterministic, so the whole of the signed text must come out."""
    signed = jwt.PyJWS(algorithms=["EdDSA"]).encode(
        b"Example of Ed25519 signing", KEY.private, algorithm="EdDSA", headers={"typ": ""}
    )
    assert signed == (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )
