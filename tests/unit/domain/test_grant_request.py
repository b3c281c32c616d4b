# SPDX-License-Identifier: Apache-2.0
"""A request lapses when what it asks for would have ended, and only while it is open."""

import msgspec
import pytest

from gateway.domain.grant_request import AskedGrant, GrantRequest, GrantRequestState
from gateway.domain.names import AccountId, CategoryKey, DatasetName, PurposeKey
from gateway.domain.treatment import Rung

ASKED = AskedGrant(
    dataset=DatasetName("crm.people"),
    fields=(),
    categories=(CategoryKey("user.name"),),
    operation="read",
    purpose=PurposeKey("marketing.mail"),
    rung=Rung("reveal"),
    link=True,
    why="a reason nobody repeats",
    until_us=100,
)
REQUEST = GrantRequest(id="gr_1", account=AccountId("a_1"), asked=ASKED, covers=(), asked_us=1)


def test_an_open_request_lapses_at_its_end() -> None:
    """The end is exclusive."""
    assert [REQUEST.at(now_us).state for now_us in (99, 100)] == [GrantRequestState.OPEN, GrantRequestState.LAPSED]


@pytest.mark.parametrize("state", [GrantRequestState.APPROVED, GrantRequestState.REFUSED])
def test_what_was_decided_stays_so(state: GrantRequestState) -> None:
    """Also long after."""
    assert msgspec.structs.replace(REQUEST, state=state).at(10**18).state is state


def test_the_callers_words_are_in_no_repr() -> None:
    """They are for whoever decides alone."""
    assert "nobody repeats" not in repr(REQUEST)
