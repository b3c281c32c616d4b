# SPDX-License-Identifier: Apache-2.0
"""Of accounts, clients and sign-ins the last word counts."""

import pytest

from gateway.domain.entry import Changed, Entry, Line, SignIn
from gateway.domain.errors import StateBehind
from gateway.domain.names import AccountId, ClientId, DecisionId
from gateway.domain.replay import AccountSince, Since
from gateway.flows.restore.folding import Folding
from gateway.record.reading.reader import Record

WHO = AccountId("a_1")


def folded(*bodies: Entry) -> Since:
    """Take entries in, a microsecond apart."""
    folding = Folding()
    for place, body in enumerate(bodies):
        folding.take(Record(Line(log="i/n/cli", seq=place, prev="", at_us=100 + place, body=body), b"", None))
    return folding.since


def became(*bodies: Entry) -> AccountSince:
    """Return what became of the account."""
    return folded(*bodies).accounts[WHO]


def changed(what: str, target: str = WHO, **facts: str | int) -> Changed:
    """Return a change."""
    return Changed(by="local:root", what=what, target=target, facts=facts)


def step(name: str, reason: str | None = None, *, spent: str = "", session: str = "") -> SignIn:
    """Return a step of a sign-in."""
    call = DecisionId("d")
    return SignIn(call=call, step=name, account=WHO, ok=reason is None, reason=reason, spent=spent, session=session)


def test_the_newest_password_counts() -> None:
    """By its digest."""
    assert (
        became(changed("password-changed", credential="x"), changed("password-changed", credential="y")).password == "y"
    )


def test_an_authenticator_that_was_taken_away_takes_what_was_spent_of_it_along() -> None:
    """Steps and codes belong to the one before."""
    found = became(
        step("totp", spent="40", session="s_1"),
        step("recovery", spent="digest"),
        changed("authenticator-set", credential="z"),
        changed("authenticator-confirmed", spent=7, recovery_codes=10),
    )
    assert (found.authenticator, found.confirmed, found.step, found.recovery) == ("z", True, 7, set())
    assert became(changed("authenticator-set", credential="z"), changed("factors-reset")).authenticator == ""


def test_failures_count_from_the_last_success_or_unlock_on() -> None:
    """Tries that were not judged are no failures."""
    found = became(
        step("password", "password"),
        step("totp", spent="40"),
        step("totp", "code"),
        step("password", "locked"),
        step("totp", "password"),
        step("recovery", "spent"),
        step("totp", "codes-spent"),
        step("refresh", "reused"),
    )
    assert (found.failures_ended, found.failures_us, found.wrong_codes_us) == (True, [102, 105], [102, 105])
    unlocked = became(step("totp", "code"), changed("account-unlocked"))
    assert (unlocked.failures_ended, unlocked.failures_us, unlocked.wrong_codes_us) == (True, [], [])


def test_sign_ins_are_known_by_their_sessions() -> None:
    """A person's, and a client's."""
    client = SignIn(call=DecisionId("d"), step="client", account=WHO, ok=True, client="letters", session="s_2")
    found = became(step("totp", spent="1", session="s_1"), client)
    assert found.sessions == {"s_1": ("gateway:login", 100), "s_2": ("letters", 101)}


def test_what_came_and_went_is_told() -> None:
    """Accounts, roles, clients with the accounts that they act by."""
    since = folded(
        changed("account-added", roles="analyst", recipient="own"),
        changed("account-roles-changed", roles="analyst officer"),
        changed("account-disabled"),
        changed("client-added", "letters", account="a_2", recipient="mail", scopes="marketing"),
        changed("client-secret-changed", "letters", credential="x"),
        changed("client-disabled", "letters"),
    )
    one, two, client = since.accounts[WHO], since.accounts[AccountId("a_2")], since.clients[ClientId("letters")]
    assert (one.added, one.roles, one.disabled_us) == (("person", "own"), ("analyst", "officer"), 102)
    assert (two.added, client.secret, client.disabled_us) == (("service", "mail"), "x", 105)


def test_steps_of_nobody_known_are_nobodys() -> None:
    """A name that no account has."""
    nobody = SignIn(call=DecisionId("d"), step="password", account="", ok=False, reason="unknown")
    assert folded(nobody) == Since()


@pytest.mark.parametrize(
    "body",
    [
        step("totp"),
        step("recovery"),
        changed("password-changed"),
        changed("client-added", "x"),
        changed("account-added"),
    ],
    ids=["no step", "no code", "no digest", "no account", "no recipient"],
)
def test_an_entry_that_does_not_say_what_was_spent_or_set_cannot_be_replayed(body: Entry) -> None:
    """As one of an older version."""
    with pytest.raises(StateBehind, match="entry 0 of i/n/cli cannot be replayed"):
        folded(body)
