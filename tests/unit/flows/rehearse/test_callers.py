# SPDX-License-Identifier: Apache-2.0
"""Callers are told apart by the first rule of which everything fits."""

from hashlib import sha256
from ipaddress import ip_network

import pytest

from gateway.decide.decide import Decider
from gateway.domain.decision import Deny
from gateway.domain.names import ClientId, PurposeKey, RoleName
from gateway.domain.principal import Assurance, Principal, assurance_at
from gateway.flows.rehearse.callers import UNKNOWN, CallerRule, Callers, Installed
from gateway.flows.rehearse.ports import Seen
from tests.fakes.deciding import NOW_US, PERSON, RULES

DECIDER = Decider(RULES, lambda _rung, _text: True)
SECRET = "Aladdin:open sesame"
SIGNED = f"Basic {SECRET}"
ROLE = RoleName("analyst")


def rule(name: str, **more: object) -> CallerRule:
    return CallerRule(name=name, role=ROLE, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "fits", "not_"),
    [
        (rule("net", networks=(ip_network("10.0.0.0/8"),)), Seen(address="10.1.2.3"), Seen(address="11.1.2.3")),
        (rule("v6", networks=(ip_network("2001:db8::/32"),)), Seen(address="2001:db8::1"), Seen(address="10.1.2.3")),
        (rule("none", networks=(ip_network("10.0.0.0/8"),)), Seen(address="10.0.0.1"), Seen(address="no address")),
        (rule("agent", user_agent="app/"), Seen(user_agent="app/1.0"), Seen(user_agent="my app/1.0")),
        (
            rule("signed", scheme="basic", digest=sha256(SECRET.encode()).hexdigest()[:16]),
            Seen(authorization=SIGNED),
            Seen(authorization=f"Bearer {SECRET}"),
        ),
        (rule("other", scheme="basic", digest="0" * 16), Seen(authorization="Basic x"), Seen(authorization=SIGNED)),
        (
            rule("marked", header="x-app", value="mail"),
            Seen(headers={"x-app": ("a", "mailer")}),
            Seen(headers={"x-app": ("a",)}),
        ),
    ],
    ids=lambda one: one.name if isinstance(one, CallerRule) else "",
)
async def test_a_rule_fits_by_its_condition(one: CallerRule, fits: Seen, not_: Seen) -> None:
    """And not by what only looks alike."""
    if one.name != "other":
        assert (await Callers([one]).of(fits, DECIDER, NOW_US)).name == one.name
    assert (await Callers([one]).of(not_, DECIDER, NOW_US)).name == UNKNOWN


async def test_the_first_that_fits_names_the_caller_and_one_without_conditions_fits_everybody() -> None:
    """Nobody known has no principal."""
    callers = Callers([rule("app", user_agent="app/"), rule("rest")])
    assert (await callers.of(Seen(user_agent="app/1"), DECIDER, NOW_US)).name == "app"
    assert (await callers.of(Seen(), DECIDER, NOW_US)).name == "rest"
    assert isinstance((await Callers([]).of(Seen(), DECIDER, NOW_US)).who, Deny)


async def test_how_strongly_a_caller_signed_in_is_what_the_rule_says() -> None:
    """A service, a person some time ago, or a person just now; and just now stays so."""
    levels = {}
    for name, proof, fresh in (
        ("service", Assurance.SERVICE_SECRET, False), ("stale", Assurance.PERSON, False), ("fresh", Assurance.PERSON, True)
    ):  # fmt: skip
        callers = Callers([rule(name, proof=proof, fresh=fresh)])
        for now_us in (NOW_US, NOW_US + 3_600_000_000):
            who = (await callers.of(Seen(), DECIDER, now_us)).who
            assert isinstance(who, Principal)
            levels[name] = assurance_at(who, now_us)
    assert levels == {"service": Assurance.SERVICE_SECRET, "stale": Assurance.PERSON, "fresh": Assurance.PERSON_FRESH}


async def test_a_client_of_the_installation_is_looked_up_once() -> None:
    """One that does not exist is nobody."""
    asked: list[str] = []

    async def find(client: ClientId) -> Installed | None:
        asked.append(client)
        return Installed(principal=PERSON) if client == "there" else None

    rules = [
        CallerRule(name="a", user_agent="a", client=ClientId("there"), purpose=PurposeKey("p")),
        CallerRule(name="b", client=ClientId("gone")),
    ]
    callers = Callers(rules, find)
    for _ in range(3):
        found = await callers.of(Seen(user_agent="a"), DECIDER, NOW_US)
        assert isinstance(found.who, Principal)
        assert (found.who.account, found.who.scopes) == (PERSON.account, ("p",))
        assert isinstance((await callers.of(Seen(), DECIDER, NOW_US)).who, Deny)
    assert asked == ["there", "gone"]


def test_what_was_seen_is_in_no_repr() -> None:
    """It holds credentials."""
    assert "sesame" not in repr(Seen(authorization=SIGNED, headers={"cookie": ("sesame",)}))
