# SPDX-License-Identifier: Apache-2.0
"""A mail as it goes over the wire: what is a part of one, and what is refused and not mended."""

import email.policy
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.forward.mail_text import Mail, is_address, wire_text

AT_US = 1_700_000_000_000_000
SENDER = "news@trading.example"


def written(**changes: str | None) -> bytes:
    """Return a mail to somebody as it goes over the wire."""
    said: dict[str, str | None] = {"to": "anna@example.org", "subject": "Hi", "text": "Good evening.", "html": None}
    return wire_text(Mail(id="k1", **(said | changes)), SENDER, AT_US)  # type: ignore[arg-type]


@given(subject=st.text(min_size=1, max_size=500), text=st.text(max_size=200))
def test_whatever_is_said_a_mail_has_one_recipient_and_these_headers(subject: str, text: str) -> None:
    """Of a subject that is none there is no mail; of any other the lines are ASCII, and no header is new."""
    try:
        raw = written(subject=subject, text=text)
    except (ValueError, UnicodeError):
        return
    assert raw.isascii()
    made = BytesParser(policy=email.policy.default).parsebytes(raw)
    assert made.get_all("To") == ["anna@example.org"]
    assert {name.lower() for name in made} <= {
        "from", "to", "subject", "date", "message-id", "content-type", "content-transfer-encoding", "mime-version",
    }  # fmt: skip


@pytest.mark.parametrize("to", ["a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "a..b@c.example", "a"])
def test_an_address_of_an_unusual_form_makes_no_mail(to: str) -> None:
    """It may be two, or a header."""
    with pytest.raises(ValueError, match="common form"):
        written(to=to)
    assert is_address("a.b+c@d-e.example")
    assert not is_address("a b@c.example")


def test_a_second_form_of_the_text_is_a_part_of_its_own() -> None:
    """As plain text and as HTML, of which a reader shows one."""
    made = BytesParser(policy=email.policy.default).parsebytes(written(html="<p>Good evening.</p>"))
    assert [part.get_content_type() for part in made.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert "anna" not in repr(Mail(to="anna@example.org", subject="x", text="y", html=None, id="z"))
