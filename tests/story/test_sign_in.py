# SPDX-License-Identifier: Apache-2.0
"""Signing in, over the wire: the two steps, refresh, sign-out, services, and what none of them tells."""

import base64
import json
from collections import Counter
from pathlib import Path

import pytest

from gateway.app.making import Enrolled, enrol_at_once, totp_now
from gateway.domain.entry import SignIn
from gateway.domain.names import PurposeKey, RecipientId
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.identify.sessions import PERSON_CLIENT, new_session_id
from tests.story.conftest import ANALYST, EMAIL, SMS, Reply, World

PASSWORD = "seven lamps of architecture"
NAME = "tessera"


@pytest.fixture
async def person(world: World) -> Enrolled:
    """A person who can sign in."""
    return await enrol_at_once(world.rooms, NAME, PASSWORD, roles=("campaigner",), recipient="own", by="local:test")


async def password_shown(world: World, password: str = PASSWORD, name: str = NAME) -> Reply:
    """Take the first step."""
    return await world.post("/-/login", {"username": name, "password": password})


async def code_shown(world: World, login: str, code: str) -> Reply:
    """Take the second step."""
    return await world.post("/-/login/totp", {"login": login, "code": code})


async def signed_in(world: World, person: Enrolled) -> Reply:
    """Take both steps."""
    started = await password_shown(world)
    return await code_shown(world, started.json["login"], totp_now(person.totp_secret))


def failed(reply: Reply) -> bool:
    """Tell whether an answer is the one answer to everything that is wrong."""
    return (reply.status, reply.json["reason"]) == (401, "sign-in-failed")


async def test_both_steps_give_a_bearer_that_is_good_for_its_purposes(world: World, person: Enrolled) -> None:
    """Password, code, bearer, data: the whole way of a client app of a person."""
    started = await password_shown(world)
    tokens = await code_shown(world, started.json["login"], totp_now(person.totp_secret))
    bearer = "Bearer " + tokens.json["access_token"]
    me = await world.get("/-/me", None, None, Authorization=bearer)
    data = await world.get("/crm/customers?limit=5", None, EMAIL, Authorization=bearer)
    other = await world.get("/crm/customers?limit=5", None, ANALYST, Authorization=bearer)

    assert started.status == tokens.status == me.status == data.status == 200
    assert set(started.json) == {"login", "factors"}
    assert len(started.json["login"]) >= 22
    assert {"access_token", "refresh_token", "expires_in"} <= set(tokens.json)
    assert 0 < tokens.json["expires_in"] <= 300
    assert (me.json["account"], me.json["assurance"]) == (person.account, 4)
    assert {EMAIL, SMS} <= set(me.json["purposes"])
    assert other.json["reason"] == "purpose-not-in-scope"
    assert tokens.headers["cache-control"] == "no-store"


async def test_the_first_step_answers_alike_whatever_is_wrong(world: World, person: Enrolled) -> None:
    """Right, wrong, unknown, locked, disabled: one status, one form, one length, the same headers."""
    account = await world.rooms.accounts.named("officer")
    assert account is not None
    await world.rooms.accounts.disable(account.account.id, now_us=world.rooms.clock())
    replies = [
        *[await password_shown(world, "wrong", "admin") for _ in range(11)],
        await password_shown(world),
        await password_shown(world, "wrong"),
        await password_shown(world, "wrong", "nobody-has-this-name"),
        await password_shown(world, "officer correct horse battery", "officer"),
        await password_shown(world, "admin correct horse battery", "admin"),
        await password_shown(world, "x" * 5_000, "y" * 5_000),
        await password_shown(world, "", ""),
    ]

    assert {reply.status for reply in replies} == {200}
    assert {tuple(reply.json) for reply in replies} == {("login", "factors")}
    assert len({len(reply.body) for reply in replies}) == 1
    assert len({tuple(sorted(reply.headers)) for reply in replies}) == 1
    assert len({reply.json["login"] for reply in replies}) == len(replies)


async def test_the_second_step_fails_in_one_way(world: World, person: Enrolled) -> None:
    """A wrong code, a wrong password before, an unknown or spent challenge: nothing tells them apart."""
    good, bad = await password_shown(world), await password_shown(world, "wrong")
    nobody = await password_shown(world, "wrong", "nobody-has-this-name")
    code = totp_now(person.totp_secret)
    wrong = "000000" if code != "000000" else "111111"
    replies = [
        await code_shown(world, good.json["login"], wrong),
        await code_shown(world, bad.json["login"], code),
        await code_shown(world, nobody.json["login"], code),
        await code_shown(world, "a" * 43, code),
        await code_shown(world, "", code),
        await code_shown(world, good.json["login"], ""),
    ]
    right = await code_shown(world, good.json["login"], code)
    spent = await code_shown(world, good.json["login"], code)

    assert all(failed(reply) for reply in [*replies, spent])
    assert len({reply.body.replace(reply.json["decision_id"].encode(), b"") for reply in [*replies, spent]}) == 1
    assert right.status == 200


async def test_a_code_is_good_once(world: World, person: Enrolled) -> None:
    """A second sign-in with the same code fails, though its password is right."""
    code = totp_now(person.totp_secret)
    first = await code_shown(world, (await password_shown(world)).json["login"], code)
    again = await code_shown(world, (await password_shown(world)).json["login"], code)

    assert first.status == 200
    assert failed(again)


async def test_a_refresh_bearer_is_good_once_and_its_reuse_ends_the_session(world: World, person: Enrolled) -> None:
    """Two hold it, so nobody may: the newest bearers of the session are dead as well."""
    first = (await signed_in(world, person)).json
    second = await world.post("/-/login/refresh", {"refresh_token": first["refresh_token"]})
    bearer = "Bearer " + second.json["access_token"]
    before = await world.get("/-/me", None, None, Authorization=bearer)
    reused = await world.post("/-/login/refresh", {"refresh_token": first["refresh_token"]})
    after = await world.get("/-/me", None, None, Authorization=bearer)
    dead = await world.post("/-/login/refresh", {"refresh_token": second.json["refresh_token"]})

    assert second.status == before.status == 200
    assert failed(reused)
    assert after.status == 401
    assert failed(dead)


async def test_signing_out_ends_bearers_at_once(world: World, person: Enrolled) -> None:
    """Both of them, and the second sign-out is no sign-in either."""
    tokens = (await signed_in(world, person)).json
    bearer = {"Authorization": "Bearer " + tokens["access_token"]}
    out = await world.ask("POST", "/-/logout", bearer)
    after = await world.get("/-/me", None, None, **bearer)
    refreshed = await world.post("/-/login/refresh", {"refresh_token": tokens["refresh_token"]})
    again = await world.ask("POST", "/-/logout", bearer)

    assert (out.status, out.body) == (204, b"")
    assert [after.status, again.status] == [401, 401]
    assert failed(refreshed)


def principal_of(person: Enrolled, signed_in_us: int) -> Principal:
    """Return the person as it signed in at a time."""
    return Principal(
        account=person.account,
        kind=PrincipalKind.PERSON,
        roles=(),
        client=PERSON_CLIENT,
        recipient=RecipientId("own"),
        proof=Assurance.PERSON,
        signed_in_us=signed_in_us,
        scopes=(PurposeKey(EMAIL),),
        session=new_session_id(),
    )


@pytest.mark.parametrize(("ago_s", "status"), [(0, 200), (250, 200), (400, 401), (86_400, 401), (-3_600, 401)])
async def test_a_bearer_is_good_for_its_life_alone(world: World, person: Enrolled, ago_s: int, status: int) -> None:
    """Not after it, and not before it was issued."""
    issued_us = world.rooms.clock() - ago_s * 1_000_000
    made = world.rooms.bearers.issue(principal_of(person, issued_us), amr=("pwd", "otp"), now_us=issued_us)
    reply = await world.get("/-/me", None, None, Authorization=f"Bearer {made}")
    assert reply.status == status
    assert ('error="invalid_token"' in reply.headers.get("www-authenticate", "")) == (status == 401)


async def test_a_service_gets_the_purposes_it_asks_for_and_no_others(world: World) -> None:
    """Scopes only narrow; each wrong try has its own word of RFC 6749, and no bearer."""
    secret = await client(world)
    whole = await token(world, secret)
    narrow = await token(world, secret, scope=f"purpose:{EMAIL}")
    wide = await token(world, secret, scope="purpose:analytics")
    wrong = await token(world, secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    body = f"grant_type=client_credentials&client_id=newsletter-app&client_secret={secret}".encode()
    typed = await world.ask("POST", "/-/oauth/token", {"Content-Type": "application/json"}, body)

    assert [whole.status, narrow.status, wide.status, wrong.status, typed.status] == [200, 200, 400, 401, 415]
    assert "refresh_token" not in whole.json
    assert set(whole.json["scope"].split()) == {f"purpose:{EMAIL}", f"purpose:{SMS}"}
    assert narrow.json["scope"] == f"purpose:{EMAIL}"
    assert (wide.json["error"], wrong.json["error"]) == ("invalid_scope", "invalid_client")
    bearer = "Bearer " + narrow.json["access_token"]
    assert (await world.get("/crm/customers?limit=1", None, EMAIL, Authorization=bearer)).status == 200
    refused = await world.get("/crm/customers?limit=1", None, SMS, Authorization=bearer)
    assert refused.json["reason"] == "purpose-not-in-scope"


async def client(world: World) -> str:
    """Add a client app and return its secret."""
    _, secret = await world.rooms.enrolment.add_client(
        "newsletter-app",
        name="newsletter",
        roles=("newsletter-app",),
        recipient="own",
        scopes=(PurposeKey(EMAIL), PurposeKey(SMS)),
        by="local:test",
    )
    return secret


async def token(world: World, secret: str, **more: str) -> Reply:
    """Ask for a bearer of the client."""
    form = {"grant_type": "client_credentials", "client_id": "newsletter-app", "client_secret": secret, **more}
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    return await world.ask("POST", "/-/oauth/token", {"Content-Type": "application/x-www-form-urlencoded"}, body)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b'{"username":"a","password":"b"}'),
        ("application/json; charset=latin-1", b'{"username":"a","password":"b"}'),
        ("application/x-www-form-urlencoded", b"username=a&password=b"),
        ("application/json", b'{"username":"a","password":"b","password":"c"}'),
        ("application/json", b'{"username":"a","password":"b","more":1}'),
        ("application/json", b'{"username":"a"}'),
        ("application/json", b'{"username":1,"password":"b"}'),
        ("application/json", b'["a","b"]'),
        ("application/json", b'{"username":NaN,"password":"b"}'),
        ("application/json", b'{"username":"\\ud800","password":"b"}'),
        ("application/json", b""),
        ("application/json", b'{"username":"' + b"a" * 70_000 + b'","password":"b"}'),
    ],
)
async def test_what_is_no_sign_in_is_refused_before_anything_is_looked_up(
    world: World, content_type: str, body: bytes
) -> None:
    """The form is strict: one JSON object with two texts."""
    reply = await world.ask("POST", "/-/login", {"Content-Type": content_type}, body)
    assert reply.status in (400, 413, 415)
    assert not any(isinstance(entry, SignIn) for entry, _ in world.entries())


async def test_every_step_is_in_the_log_and_no_secret_is_anywhere(
    world: World, person: Enrolled, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Right and wrong steps are entered; password, codes, challenges and bearers are in nothing on disk."""
    secret = await client(world)
    started = await password_shown(world)
    code = totp_now(person.totp_secret)
    tokens = await code_shown(world, started.json["login"], code)
    await password_shown(world, PASSWORD, PASSWORD)
    await password_shown(world, "a-wrong-password-that-was-typed")
    turned = await world.post("/-/login/refresh", {"refresh_token": tokens.json["refresh_token"]})
    told = await token(world, secret)
    wrong = await token(world, secret, grant_type="password")

    steps = Counter((entry.step, entry.ok) for entry, _ in world.entries() if isinstance(entry, SignIn))
    assert wrong.status == 400
    assert steps["password", True] == 1
    assert steps["password", False] == 2
    assert (steps["totp", True], steps["refresh", True]) == (1, 1)
    assert (steps["client", True], steps["client", False]) == (1, 1)
    hidden = [
        PASSWORD,
        "a-wrong-password-that-was-typed",
        person.totp_secret,
        base64.b32decode(person.totp_secret).hex(),
        started.json["login"],
        secret,
        *(reply.json[name] for reply in (tokens, turned) for name in ("access_token", "refresh_token")),
        told.json["access_token"],
    ]
    captured = capfd.readouterr()
    written = contents(tmp_path)
    for needle in hidden:
        assert needle not in captured.out + captured.err
        assert not any(needle.encode() in content for content in written)


def contents(folder: Path) -> list[bytes]:
    """Return what is in all files but the record of what the tests themselves were sent."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "wire.log"]


async def test_the_keys_of_bearers_are_told_and_verify_them(world: World, person: Enrolled) -> None:
    """Whoever verifies a bearer elsewhere finds its key by its id."""
    tokens = await signed_in(world, person)
    head = json.loads(base64.urlsafe_b64decode(tokens.json["access_token"].split(".")[0] + "=="))
    keys = (await world.get("/-/jwks.json")).json["keys"]
    assert (head["typ"], head["alg"]) == ("at+jwt", "EdDSA")
    assert head["kid"] in {key["kid"] for key in keys}
    assert not any("d" in key for key in keys)
