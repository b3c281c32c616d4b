# SPDX-License-Identifier: Apache-2.0
"""The client credentials grant: how credentials come, and what scope gives."""

import base64
from urllib.parse import quote_plus

import pytest
from typing_extensions import override

from gateway.domain.names import AccountId, ClientId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import PrincipalKind
from gateway.domain.signin import Account, Client, OAuthError
from gateway.identify.clients import (
    SECRET_PREFIX,
    ClientStore,
    TokenRequest,
    granted,
    narrowed,
    new_client_secret,
    secret_digest,
    token_request,
)

SECRET = SECRET_PREFIX + "0123456789abcdefghijklmnopqrstuvwxyz-_ABCDE"
"""Always the same, since it is in the names of tests, which two processes must agree on."""
DIGEST = secret_digest(SECRET)
EMAIL, REPORTS = PurposeKey("marketing.communications.email"), PurposeKey("analytics.reporting")
CLIENT = Client(
    id=ClientId("newsletter-app"),
    account=Account(
        id=AccountId("a_1"), kind=PrincipalKind.SERVICE, roles=(RoleName("campaigner"),), recipient=RecipientId("own")
    ),
    name="Newsletter",
    recipient=RecipientId("own"),
    scopes=(EMAIL, REPORTS),
    created_us=0,
    disabled_us=None,
)
FORM = f"grant_type=client_credentials&client_id=newsletter-app&client_secret={SECRET}"


class OneClient(ClientStore):
    """A store with a single client."""

    def __init__(self, client: Client = CLIENT) -> None:
        self.client = client

    @override
    async def find(self, client: str) -> tuple[Client, bytes] | None:
        return (self.client, DIGEST) if client == self.client.id else None


def basic(client: str, secret: str) -> str:
    """Return the header of HTTP Basic, with both parts form-encoded."""
    return "Basic " + base64.b64encode(f"{quote_plus(client)}:{quote_plus(secret)}".encode()).decode()


async def answer(authorization: str | None, body: str) -> object:
    """Return what the whole of reading and judging gives."""
    request = token_request(authorization, body.encode())
    return request if isinstance(request, OAuthError) else await granted(request, OneClient())


@pytest.mark.parametrize(
    ("authorization", "body"),
    [
        (None, FORM),
        (basic("newsletter-app", SECRET), "grant_type=client_credentials"),
        (basic("newsletter-app", SECRET).replace("Basic", "basic"), "grant_type=client_credentials"),
    ],
)
async def test_credentials_are_taken_from_the_form_or_from_basic(authorization: str | None, body: str) -> None:
    """Both ways of RFC 6749 section 2.3.1 give all that the client may have."""
    assert await answer(authorization, body) == (CLIENT, (EMAIL, REPORTS))


@pytest.mark.parametrize(
    ("authorization", "body", "error"),
    [
        (None, "", "invalid_request"),
        (None, "client_id=newsletter-app", "invalid_request"),
        (None, "grant_type=password&username=a&password=b", "invalid_request"),
        (None, "grant_type=authorization_code", "unsupported_grant_type"),
        (None, "grant_type=client_credentials", "invalid_client"),
        (None, FORM + "&client_id=newsletter-app", "invalid_request"),
        (None, FORM + "&scope=a&scope=b", "invalid_request"),
        (None, FORM + "&audience=x", "invalid_request"),
        (None, FORM + "&x", "invalid_request"),
        (None, FORM + "&scope=%ff", "invalid_request"),
        (None, FORM + "&scope=" + "x" * 9000, "invalid_request"),
        (None, FORM.replace("newsletter-app", "Newsletter App"), "invalid_client"),
        (None, FORM.replace("newsletter-app", "x%00"), "invalid_client"),
        (None, FORM + "A", "invalid_client"),
        (basic("newsletter-app", SECRET), FORM, "invalid_request"),
        (basic("newsletter-app", ""), "grant_type=client_credentials", "invalid_client"),
        ("Basic !!!", "grant_type=client_credentials", "invalid_client"),
        ("Basic " + base64.b64encode(b"newsletter-app").decode(), "grant_type=client_credentials", "invalid_client"),
        ("Bearer " + SECRET, "grant_type=client_credentials", "invalid_client"),
    ],
)
async def test_what_is_malformed_doubled_or_unknown_is_refused(
    authorization: str | None, body: str, error: str
) -> None:
    """With the code of RFC 6749 section 5.2 that a client library understands."""
    found = await answer(authorization, body)
    assert isinstance(found, OAuthError)
    assert found.error == error


async def test_an_unknown_client_and_a_wrong_secret_fail_alike() -> None:
    """The door tells one error; only the log knows which client it was."""
    wrong, _ = new_client_secret()
    unknown = await answer(None, FORM.replace("newsletter-app", "other-app"))
    mistaken = await answer(None, FORM.replace(SECRET, wrong))
    assert unknown == OAuthError(error="invalid_client")
    assert mistaken == OAuthError(error="invalid_client", client="newsletter-app", account="a_1")


async def test_a_disabled_client_gets_nothing() -> None:
    """Although its secret is right."""
    store = OneClient(Client(**{name: getattr(CLIENT, name) for name in CLIENT.__struct_fields__} | {"disabled_us": 1}))
    request = token_request(None, FORM.encode())
    assert isinstance(request, TokenRequest)
    assert isinstance(await granted(request, store), OAuthError)


@pytest.mark.parametrize(
    ("scope", "purposes"),
    [
        (None, (EMAIL, REPORTS)),
        ("purpose:analytics.reporting", (REPORTS,)),
        ("purpose:analytics.reporting purpose:marketing.communications.email", (REPORTS, EMAIL)),
        ("purpose:analytics.reporting.campaign_insights", ("analytics.reporting.campaign_insights",)),
    ],
)
def test_scope_narrows_to_purposes_of_the_client_and_below(scope: str | None, purposes: tuple[str, ...]) -> None:
    """Asking for less is always granted."""
    assert narrowed(scope, (EMAIL, REPORTS)) == purposes


@pytest.mark.parametrize(
    "scope",
    [
        "",
        " ",
        "analytics.reporting",
        "purpose:",
        "purpose:analytics",
        "purpose:analytics.reportingx",
        "purpose:personalize",
        "purpose:unknown.one",
        "purpose:unknown.two",
        "purpose:analytics.reporting purpose:unknown.one",
        "purpose:analytics.reporting  purpose:analytics.reporting",
        "purpose:analytics.reporting purpose:analytics.reporting",
        "purpose:analytics.reporting.",
        "openid",
        "PURPOSE:analytics.reporting",
    ],
)
def test_scope_never_widens(scope: str) -> None:
    """One word too much and nothing is granted, whether or not that purpose exists somewhere."""
    assert narrowed(scope, (EMAIL, REPORTS)) is None


def test_a_secret_is_in_no_repr() -> None:
    """A request that is printed by accident gives nothing away."""
    assert SECRET not in repr(token_request(None, FORM.encode()))
