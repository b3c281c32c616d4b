# SPDX-License-Identifier: Apache-2.0
"""A client of the compliance gateway: signs in, states purposes, reads rows to their true end, tells refusals apart."""

from gateway_client.answers import Page, Record, Row, Written
from gateway_client.client import Gateway, Timeouts, new_idempotency_key
from gateway_client.errors import (
    CutStream,
    GatewayError,
    MoreMayFollow,
    NotTheGateway,
    Refused,
    SignInFailed,
    StepUpNeeded,
    Unreachable,
)
from gateway_client.signin import Bearer, ClientCredentials, Person, SignIn, totp
from gateway_client.streaming import Rows

__all__ = [
    "Bearer",
    "ClientCredentials",
    "CutStream",
    "Gateway",
    "GatewayError",
    "MoreMayFollow",
    "NotTheGateway",
    "Page",
    "Person",
    "Record",
    "Refused",
    "Row",
    "Rows",
    "SignIn",
    "SignInFailed",
    "StepUpNeeded",
    "Timeouts",
    "Unreachable",
    "Written",
    "new_idempotency_key",
    "totp",
]

__version__ = "0.1.0"
