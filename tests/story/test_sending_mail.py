# SPDX-License-Identifier: Apache-2.0
"""Messages that go as mails, by a real mail server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.people import Customer
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.fakes.mail import MailBox, mail_box
from tests.fakes.sending import Sender, a_sender, message
from tests.story.conftest import World


@pytest.fixture
async def box() -> AsyncIterator[MailBox]:
    """A mail server that takes what it is given."""
    async with mail_box() as box:
        yield box


@pytest.fixture
def settings(settings: Settings, box: MailBox) -> Settings:
    """The settings of a story, with a mail server beside the stores."""
    mailer = StoreSettings(
        base_url=f"smtp://127.0.0.1:{box.port}", kind="smtp", tls="none", sender="news@trading.example", read_s=5
    )
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


@pytest.fixture
async def sender(world: World) -> Sender:
    """A service with a mandate."""
    return await a_sender(world)


async def test_each_person_gets_a_mail_of_their_own(
    world: World, sender: Sender, box: MailBox, crowd: list[Customer]
) -> None:
    """One envelope a person, the header To names that person alone, and there is no Cc or Bcc."""
    known = (await sender.surrogates())[:40]
    reply = await sender.send([message(address, f"mail-{n}") for n, (_, address) in enumerate(known)])
    assert reply.json == {"sent": 40, "rows": []}
    assert len(set(box.reached)) == len(box.taken) == 40
    for to, mail in box.taken:
        assert [mail["To"]] == to
        assert (mail["From"], mail["Cc"], mail["Bcc"]) == ("news@trading.example", None, None)
        assert mail["Subject"] == "The newest from us"
        assert mail.get_content().split() == ["Good", "evening.", "This", "is", "it."]
    assert set(box.reached) <= {one.email.lower() for one in crowd}
    heard = bytes(sender.received).lower()
    assert not [to for to in box.reached if to.encode() in heard]
    assert world.verdict().is_right


async def test_a_server_that_refuses_an_address_tells_the_caller_nothing_of_it(sender: Sender, box: MailBox) -> None:
    """Its words hold the address; the answer says refused, and the others go."""
    known = (await sender.surrogates())[:3]
    await sender.send(message(known[0][1], "first"))
    box.refused.add(box.reached[0])
    reply = await sender.send([message(address, f"next-{n}") for n, (_, address) in enumerate(known)])
    assert reply.json == {"sent": 2, "rows": [{"row": 0, "cause": "refused"}]}
    assert box.reached[0].encode() not in bytes(sender.received)


async def test_a_subject_that_is_no_one_line_is_not_mended(sender: Sender, box: MailBox) -> None:
    """The call is refused and says which, and nothing of it reaches the server."""
    address = (await sender.surrogates())[0][1]
    subjects = ("Hello\nBcc: spy@evil.example", "Hello\tthere", "x" * 501, "", "Hello\u2028Bcc: spy@evil.example")
    for n, subject in enumerate(subjects):
        reply = await sender.send(message(address, f"injected-{n}", subject=subject))
        assert (reply.status, reply.json["fields"]) == (422, ["[0].subject"]), subject
        assert not box.taken, subject


async def test_a_mail_has_a_text_or_an_html_with_ends_of_lines_as_they_come(sender: Sender, box: MailBox) -> None:
    """Without either the call is refused; lines may end in any way that texts are written in."""
    address = (await sender.surrogates())[0][1]
    bare = await sender.send({"id": "bare", "to": address, "subject": "News"})
    assert (bare.status, bare.json["fields"]) == (422, ["[0].text"])
    only_html = {"id": "html", "to": address, "subject": "News", "html": "<p>Good evening</p>"}
    assert (await sender.send(only_html)).json["sent"] == 1
    assert (await sender.send(message(address, "lines", text="Good\r\nevening\n"))).json["sent"] == 1
    (_, html), (_, lines) = box.taken
    assert (html.get_content_type(), html.get_content().strip()) == ("text/html", "<p>Good evening</p>")
    assert lines.get_content().splitlines() == ["Good", "evening"]


async def test_a_mail_server_that_is_not_there_is_told_as_failed(sender: Sender, box: MailBox, tmp_path: Path) -> None:
    """Nothing was sent, so the same keys may be tried again when it is back."""
    del tmp_path
    known = (await sender.surrogates())[:2]
    messages = [message(address, f"down-{n}") for n, (_, address) in enumerate(known)]
    box.says = "421 come again"
    down = await sender.send(messages)
    assert down.json == {"sent": 0, "rows": [{"row": n, "cause": "failed"} for n in range(2)]}
    box.says = ""
    assert (await sender.send(messages)).json == {"sent": 2, "rows": []}
