# SPDX-License-Identifier: Apache-2.0
"""The first call before a store of one's own: the line that makes it, and the bearer that it needs.

The bearer comes from the running gateway, by the client's own secret, as any bearer of a client does.
"""

import http.client
import shlex
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gateway.cli.desk.desk import Desk, Exit, Stop
from gateway.cli.desk.listening import check_listener

if TYPE_CHECKING:
    from gateway.decide.decide import Decider
    from gateway.domain.catalog import Collection, Route
    from gateway.settings.loading import Settings

HOST = "127.0.0.1"
TOKEN_S = 10


def program() -> str:
    """Return the program as it was called."""
    return shlex.quote(sys.argv[0]) if Path(sys.argv[0]).name == "gateway" else "gateway"


def first_call(folder: Path, settings: "Settings", decider: "Decider") -> str:
    """Return the line that makes the first call of the client."""
    from gateway.domain.own_data import OWN_STORE
    from gateway.domain.parameters import LimitParameter

    catalog = decider.rules.catalog
    routes = [route for route in catalog.routes if route.store != OWN_STORE]
    lists = [route for route in routes if route.operation == "read" and "{" not in route.template]
    route: Route = max(lists or routes, key=lambda one: _worth(catalog.collections[one.dataset], one))
    limit = next((name for name, one in route.parameters.items() if isinstance(one, LimitParameter)), None)
    query = f"?{limit}=3" if limit else ""
    base = f"http://{settings.listen.host}:{settings.listen.port}"
    told = f"$({program()} try --bearer --state {shlex.quote(str(folder))})"
    return f'curl -s "{base}{route.template}{query}" -H "Authorization: Bearer {told}"'


def _worth(collection: "Collection", route: "Route") -> tuple[bool, bool, int]:
    """Return how telling a first call of a route would be: about people, a list, and many fields."""
    return collection.subject is not None, route.answer.kind in {"array", "object"}, len(collection.fields)


def bearer(desk: Desk) -> str:
    """Return a bearer that the running gateway gave the client."""
    from gateway.app.own_stores.trying import client_of

    client, listen = client_of(desk.state), desk.settings.listen
    check_listener(listen.port, desk.state)
    shown = b64encode(f"{client.client_id}:{client.client_secret}".encode()).decode()
    host = HOST if listen.host in {"0.0.0.0", ""} else listen.host  # noqa: S104 - what it listens on, not what is bound
    connection = http.client.HTTPConnection(host, listen.port, timeout=TOKEN_S)
    try:
        headers = {"Authorization": f"Basic {shown}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/-/oauth/token", "grant_type=client_credentials", headers)
        answer = connection.getresponse()
        body = answer.read(65_536)
    except (OSError, http.client.HTTPException):
        raise Stop(
            f"nothing answers at {host}:{listen.port}; start it: {program()} serve --state {desk.state}", Exit.FAILED
        ) from None
    finally:
        connection.close()
    try:
        return str(msgspec.json.decode(body, type=dict[str, object])["access_token"])
    except (msgspec.DecodeError, KeyError):
        raise Stop(
            f"{host}:{listen.port} gave no bearer (status {answer.status}); does the gateway of {desk.state} listen there?",
            Exit.FAILED,
        ) from None
