# SPDX-License-Identifier: Apache-2.0
"""Accounts, clients and sign-ins as they stand at the end of a log: each entry is taken in, the last word counts."""

from gateway.domain.entry import Changed, SignIn
from gateway.domain.names import AccountId, ClientId
from gateway.domain.replay import AccountSince, ClientSince, Since
from gateway.flows.restore.reading import FOLDED, cannot
from gateway.identify.sessions import PERSON_CLIENT
from gateway.record.reading.reader import Record

FAILED_CODES = frozenset({"code", "replayed", "spent", "not-enrolled"})
"""Reasons against a code that counted as a failure of the account; the others were not judged."""


class Folding:
    """Takes entries in, oldest first.

    Attributes:
        since: What became of everything so far.
    """

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.since = Since()

    def take(self, record: Record) -> None:
        """Take an entry in; one that says nothing of accounts changes nothing.

        Raises:
            StateBehind: The entry does not say all that is needed.
        """
        body, at_us = record.line.body, record.line.at_us
        try:
            if isinstance(body, SignIn) and body.account:
                self._sign_in(body, at_us)
            elif isinstance(body, Changed) and body.what in FOLDED:
                self._changed(body, at_us)
        except (KeyError, ValueError) as error:
            raise cannot(record, "it does not say all that is needed") from error

    def _sign_in(self, body: SignIn, at_us: int) -> None:
        became = self._account(body.account)
        if body.ok:
            if body.session:
                became.sessions[body.session] = (body.client or PERSON_CLIENT, at_us)
            if body.step in ("totp", "recovery"):
                _end_failures(became)
            if body.step == "totp":
                became.step = max(became.step, int(body.spent))
            elif body.step == "recovery":
                became.recovery.add(_said(body.spent))
        elif body.step == "password" and body.reason == "password":
            became.failures_us.append(at_us)
        elif body.step in ("totp", "recovery") and body.reason in FAILED_CODES:
            became.failures_us.append(at_us)
            became.wrong_codes_us.append(at_us)

    def _changed(self, body: Changed, at_us: int) -> None:
        if body.what.startswith("client-"):
            self._client_changed(body, at_us)
            return
        became, facts = self._account(body.target), body.facts
        match body.what:
            case "account-added":
                became.added, became.added_us = ("person", str(facts["recipient"])), at_us
            case "account-disabled":
                became.disabled_us = at_us
            case "account-roles-changed":
                became.roles = tuple(str(facts["roles"]).split())
            case "account-unlocked":
                _end_failures(became)
                became.wrong_codes_us.clear()
            case "password-changed":
                became.password = _said(facts["credential"])
                became.wrong_codes_us.clear()
            case "factors-reset":
                self._new_factors(became, "")
            case "authenticator-set":
                self._new_factors(became, _said(facts["credential"]))
            case "authenticator-confirmed":
                became.confirmed, became.step = True, int(facts["spent"])
            case _:
                raise ValueError(f"{body.what} is not folded")

    def _new_factors(self, became: AccountSince, digest: str) -> None:
        """Take the authenticator for another, or for none; what was spent of the one before counts no more."""
        became.authenticator, became.confirmed, became.step = digest, False, -1
        became.recovery.clear()
        became.wrong_codes_us.clear()

    def _client_changed(self, body: Changed, at_us: int) -> None:
        changed = self.since.clients.setdefault(ClientId(body.target), ClientSince())
        if body.what == "client-added":
            became = self._account(str(body.facts["account"]))
            became.added, became.added_us = ("service", str(body.facts["recipient"])), at_us
        elif body.what == "client-disabled":
            changed.disabled_us = at_us
        else:
            changed.secret = _said(body.facts["credential"])

    def _account(self, account: str) -> AccountSince:
        return self.since.accounts.setdefault(AccountId(account), AccountSince())


def _end_failures(became: AccountSince) -> None:
    became.failures_ended = True
    became.failures_us.clear()


def _said(text: str | int) -> str:
    """Return a digest, or refuse an empty one."""
    if not text:
        raise ValueError("a digest is missing")
    return str(text)
