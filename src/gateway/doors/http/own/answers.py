# SPDX-License-Identifier: Apache-2.0
"""Answers of the gateway's own paths, and the numbers that such a path names."""

import re

from starlette.responses import Response

from gateway.domain.approval import Approval
from gateway.domain.decision import Deny, Reason
from gateway.domain.explanation import Explanation
from gateway.domain.grant_request import GrantRequest
from gateway.doors.http.grant_asking import told_of as told_of_request
from gateway.doors.http.own.call import NO_STORE, BadCall, Own, json_response
from gateway.doors.http.own.evaluation import told_of
from gateway.flows.explain import NoSuchThing

_PLACE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


def evaluation(told: Explanation | NoSuchThing) -> Response:
    """Answer "could I?" as AuthZEN words it."""
    if isinstance(told, NoSuchThing):
        return json_response({"decision": False, "context": {"reason": told.reason, "detail": told.sentence}})
    return json_response({"decision": told.decision == "permit", "context": told_of(told)})


def approval(told: Approval) -> Response:
    """Answer with how a reveal that waited stands now."""
    return json_response({"id": told.id, "state": told.state, "until_us": told.until_us})


def requests(told: tuple[GrantRequest, ...]) -> Response:
    """Answer with a caller's own requests for grants."""
    return json_response({"requests": [told_of_request(one) for one in told]})


def request(told: GrantRequest) -> Response:
    """Answer with a request that was just made."""
    return json_response(told_of_request(told), 201)


def numbers(own: Own, *names: str) -> tuple[int, ...]:
    """Return the places or sizes that a path names, each in its one spelling."""
    told = [own.values[name] for name in names]
    if not all(map(_PLACE.fullmatch, told)):
        raise BadCall(Deny(reason=Reason.NOT_FOUND))
    return tuple(map(int, told))


def told_or_none(text: str | None) -> Response:
    """Answer with a text; nothing there is not found."""
    if text is None:
        raise BadCall(Deny(reason=Reason.NOT_FOUND))
    return plain(text)


def plain(text: str, status: int = 200) -> Response:
    """Answer with a text that a person can read."""
    return Response(text.encode(), status, {**NO_STORE, "content-type": "text/plain; charset=utf-8"})
