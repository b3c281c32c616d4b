# SPDX-License-Identifier: Apache-2.0
"""Somebody proves who they are at the command line: a whole sign-in, whose session ends at once.

The steps are those of every sign-in, with its limits and its entries; no bearer of it leaves this process.
"""

import secrets

from gateway.app.installation import Rooms
from gateway.domain.names import DecisionId
from gateway.domain.principal import Principal
from gateway.domain.signin import Origin
from gateway.flows.incident.ports import Officer
from gateway.flows.login.answers import Tokens
from gateway.flows.login.flow import LoginFlow
from gateway.identify.factors import Factors
from gateway.identify.identify import Identify


async def proven(rooms: Rooms, name: str, password: str, code: str) -> Officer | None:
    """Return who proved themselves by password and code; ``None`` where either was not right.

    Raises:
        LogUnavailable / StateUnavailable: Nothing was proved; a code that was right is spent all the same.
    """
    flow = LoginFlow(
        factors=Factors(rooms.tries, rooms.passwords, rooms.keyring),
        sessions=rooms.sessions,
        clients=rooms.clients,
        bearers=rooms.bearers,
        revocations=rooms.revocations,
        recorder=rooms.log,
        clock=rooms.clock,
        purposes_of=lambda _roles: (),
        digest=rooms.credentials,
        size_of=lambda _answer: 0,
    )
    started = await flow.start(name, password, _origin())
    answer = await flow.finish_totp(started.login, code, _origin())
    if not isinstance(answer, Tokens):
        return None
    who = Identify(rooms.bearers, rooms.revocations).principal(f"Bearer {answer.access_token}", rooms.clock())
    if not isinstance(who, Principal):
        return None
    await flow.logout(who, _origin())
    return Officer(account=who.account)


def _origin() -> Origin:
    return Origin(call=DecisionId(secrets.token_hex(16)), user_agent="gateway incident open")
