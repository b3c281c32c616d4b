# SPDX-License-Identifier: Apache-2.0
"""Mails by SMTP: over TLS that is verified, one to each person, and what is told of those that did not go."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from gateway.domain.errors import SettingsError, StoreUnreachable
from gateway.domain.names import StoreName
from gateway.domain.sending import Fate
from gateway.forward.mail import Login, MailRoad, MailServer, Tls
from gateway.forward.mail_text import Mail
from tests.fakes.certificates import LATE, START, Authority, Issued
from tests.fakes.mail import MailBox, mail_box

AT_US = 1_700_000_000_000_000


def server(port: int, **changes: Any) -> MailServer:
    """Return a server on this machine, without TLS but for the changes."""
    said: dict[str, Any] = {"tls": Tls.NONE, "sender": "news@trading.example", "timeout_s": 3.0}
    return MailServer(name=StoreName("mailer"), url=f"smtp://127.0.0.1:{port}", **(said | changes))


def mail(**changes: Any) -> Mail:
    """Return a mail to somebody."""
    said: dict[str, Any] = {
        "to": "anna@example.org",
        "subject": "Hello",
        "text": "Good evening.",
        "html": None,
        "id": "k1",
    }
    return Mail(**(said | changes))


async def fate(where: MailServer, *mails: Mail) -> list[Fate]:
    """Send mails one after the other and return what became of each."""
    async with MailRoad(where, lambda: AT_US).opened() as sending:
        return [await sending.send(one) for one in mails]


@asynccontextmanager
async def speaking(*lines: bytes) -> AsyncIterator[int]:
    """Serve what says one line to each thing that it hears, and then goes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            writer.write(line)
            await writer.drain()
            if not await reader.readline():
                break
        writer.close()

    made = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield made.sockets[0].getsockname()[1]
    finally:
        made.close()


async def test_a_mail_over_tls_comes_as_it_was_written(tmp_path: Path) -> None:
    """By STARTTLS to a server whose certificate an authority of the operator's vouches for."""
    authority = Authority("mail authority")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("127.0.0.1").file(tmp_path / "own.pem"))
    async with mail_box(tls_context=context, require_starttls=True) as box:
        where = server(box.port, tls=Tls.STARTTLS, ca_pem=authority.pem)
        told = await fate(
            where, mail(), mail(to="bo@example.org", subject="Grüße 你好", text="ä\n.\n", html="<p>ä</p>", id="k2")
        )
    assert told == [Fate.SENT, Fate.SENT]
    (first, one), (second, other) = box.taken
    assert (first, second) == (["anna@example.org"], ["bo@example.org"])
    assert (one["To"], one["Message-ID"], one["Date"]) == (
        "anna@example.org",
        "<k1@trading.example>",
        "Tue, 14 Nov 2023 22:13:20 +0000",
    )
    assert other["Subject"] == "Grüße 你好"
    plain = other.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().split() == ["ä", "."]


async def test_a_certificate_of_somebody_else_gets_no_mail(tmp_path: Path) -> None:
    """The name of the server, and who vouches for it, are verified before anything is said."""
    authority, other = Authority("mail authority"), Authority("somebody")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(other.issue("127.0.0.1").file(tmp_path / "own.pem"))
    async with mail_box(tls_context=context) as box:
        assert await fate(server(box.port, tls=Tls.STARTTLS, ca_pem=authority.pem), mail()) == [Fate.FAILED]
    assert not box.raw


@asynccontextmanager
async def secure_box(kind: Tls, context: ssl.SSLContext, **options: Any) -> AsyncIterator[MailBox]:
    """Serve a mail server over TLS, by STARTTLS or from the first byte."""
    by_kind = {"first_byte": context} if kind is Tls.TLS else {"tls_context": context, "require_starttls": True}
    async with mail_box(**by_kind, **options) as box:
        yield box


def shown(issued: Issued, folder: Path) -> ssl.SSLContext:
    """Return what a server shows a certificate by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.file(folder / "own.pem"))
    return context


SECURE = pytest.mark.parametrize("kind", [Tls.STARTTLS, Tls.TLS])


@SECURE
async def test_a_login_and_a_mail_go_over_tls_to_the_server_that_was_meant(kind: Tls, tmp_path: Path) -> None:
    """By STARTTLS and from the first byte; the password is heard by that server alone, and within TLS."""
    authority, logins = Authority("mail authority"), list[tuple[bytes, bytes, bool]]()

    def known(server: Any, session: Any, _envelope: Any, _mechanism: str, given: LoginPassword) -> AuthResult:
        is_secure = server.transport.get_extra_info("ssl_object") is not None
        logins.append((given.login, given.password, is_secure and not session.login_data))
        return AuthResult(success=given.password == b"secret")

    context = shown(authority.issue("127.0.0.1"), tmp_path)
    # aiosmtpd knows of TLS by STARTTLS alone, so the other kind is not asked to insist on it.
    insists = kind is Tls.STARTTLS
    options = {"authenticator": known, "auth_required": insists, "auth_require_tls": insists}
    async with secure_box(kind, context, **options) as box:
        where = server(box.port, tls=kind, ca_pem=authority.pem, login=Login("news", "secret"))
        assert await fate(where, mail()) == [Fate.SENT]
        wrong = msgspec.structs.replace(where, login=Login("news", "other"))
        assert await fate(wrong, mail(id="k2")) == [Fate.FAILED]
    assert logins[0] == (b"news", b"secret", True)
    assert len(box.raw) == 1


@SECURE
@pytest.mark.parametrize(
    ("by", "name", "end"),
    [("somebody", "127.0.0.1", LATE), ("own", "127.0.0.2", LATE), ("own", "mail.example", LATE),
     ("own", "127.0.0.1", START + timedelta(days=1))],
)  # fmt: skip
async def test_a_certificate_that_is_not_the_servers_own_and_good_gets_neither_mail_nor_login(
    kind: Tls, by: str, name: str, end: datetime, tmp_path: Path
) -> None:
    """Of somebody else, for another name, or one that has run out: nothing was said, so it failed."""
    authority, logins = {"own": Authority("mail authority"), "somebody": Authority("somebody")}, list[bytes]()

    def noted(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: LoginPassword) -> AuthResult:
        logins.append(given.password)
        return AuthResult(success=True)

    context = shown(authority[by].issue(name, end=end), tmp_path)
    async with secure_box(kind, context, authenticator=noted, auth_require_tls=False) as box:
        where = server(box.port, tls=kind, ca_pem=authority["own"].pem, login=Login("news", "secret"))
        assert await fate(where, mail()) == [Fate.FAILED]
    assert not box.raw
    assert not logins


@SECURE
async def test_a_server_without_tls_gets_no_mail_where_tls_is_asked_for(kind: Tls) -> None:
    """It is never left out."""
    async with mail_box() as box:
        assert await fate(server(box.port, tls=kind, login=Login("news", "secret")), mail()) == [Fate.FAILED]
    assert not box.raw


async def test_without_tls_nothing_goes_to_another_machine() -> None:
    """Whatever the operator says."""
    where = MailServer(name=StoreName("mailer"), url="smtp://192.0.2.7:25", tls=Tls.NONE, sender="news@trading.example")
    with pytest.raises(StoreUnreachable) as told:
        await fate(where, mail())
    assert told.value.not_sent


@pytest.mark.parametrize(
    "to",
    ["anna@example.org\r\nRCPT TO:<spy@evil.example>", "anna@example.org, spy@evil.example", "<anna@example.org>",
     "anna@example.org ", "@relay:anna@example.org", '"a b"@example.org', "anna", "anna@", "a@b..c", "ännä@example.org"],
)  # fmt: skip
async def test_an_address_of_an_unusual_form_is_not_mended(to: str) -> None:
    """It may be two, or a command."""
    async with mail_box() as box:
        assert await fate(server(box.port), mail(to=to)) == [Fate.REFUSED]
    assert not box.raw


@pytest.mark.parametrize("subject", ["", "a\r\nBcc: spy@evil.example", "a\nb", "a\x00b", "a\u2028b", "x" * 501])
async def test_a_subject_is_one_line(subject: str) -> None:
    """It could become a header."""
    async with mail_box() as box:
        assert await fate(server(box.port), mail(subject=subject)) == [Fate.REFUSED]
    assert not box.raw


async def test_a_connection_that_breaks_off_in_the_text_leaves_nobody_knowing() -> None:
    """The server may have it, so it is unknown and is not tried again; before the text it certainly did not go."""
    before = (b"220 hi\r\n", b"250 hi\r\n")
    async with speaking(*before, b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n") as port:
        assert await fate(server(port), mail()) == [Fate.UNKNOWN]
    async with speaking(*before, b"250 ok\r\n") as port:
        assert await fate(server(port), mail()) == [Fate.FAILED]
    async with speaking(*before, b"250 ok\r\n", b"250 ok\r\n", b"554 no\r\n") as port:
        assert await fate(server(port), mail()) == [Fate.REFUSED]
    async with speaking(*before, b"250 ok\r\n", b"250 ok\r\n", b"451 later\r\n") as port:
        assert await fate(server(port), mail()) == [Fate.FAILED]


async def test_one_connection_takes_many_mails_and_a_new_one_what_it_lets_go() -> None:
    """A connection that the server closed while it was idle costs no mail."""
    peers = set[object]()

    class Counting(MailBox):
        async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
            del server, options
            peers.add(session.peer)
            envelope.mail_from = address
            return "250 OK"

    async with mail_box(Counting()) as box:
        assert await fate(server(box.port), *(mail(id=f"k{n}") for n in range(5))) == [Fate.SENT] * 5
        assert len(peers) == 1
        async with MailRoad(server(box.port), lambda: AT_US).opened() as sending:
            assert await sending.send(mail()) is Fate.SENT
            box.let_go()
            assert await sending.send(mail()) is Fate.SENT


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"url": "http://mail.example"}, "smtp://host"),
        ({"url": "smtp://mail.example:0"}, "port"),
        ({"url": "smtp://user:pw@mail.example"}, "smtp://host"),
        ({"sender": "news"}, "sender"),
        ({"sender": "a@b.example\nBcc: c@d.example"}, "sender"),
        ({"tls": Tls.TLS, "ca_pem": b"nothing"}, "ca_file"),
    ],
)
def test_what_cannot_be_used_is_told_before_a_mail_goes(changes: dict[str, Any], says: str) -> None:
    """With the key of gateway.yaml, and without a secret."""
    said: dict[str, Any] = {"url": "smtp://mail.example", "sender": "news@trading.example"}
    with pytest.raises(SettingsError, match=says) as told:
        MailRoad(MailServer(name=StoreName("mailer"), **(said | changes)), lambda: AT_US)
    assert "pw" not in str(told.value)


def test_nothing_of_a_mail_or_a_login_is_shown() -> None:
    """Not even by accident."""
    assert "anna" not in repr(mail())
    assert "pw" not in repr(Login("user", "pw"))
