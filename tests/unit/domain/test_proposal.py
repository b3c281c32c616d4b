# SPDX-License-Identifier: Apache-2.0
"""Proposals are values that can be written down and read again."""

import msgspec

from gateway.domain.catalog import FieldType
from gateway.domain.names import CategoryKey, FieldName
from gateway.domain.proposal import Confidence, Evidence, FieldProposal


def test_a_proposal_is_read_back_as_it_was_written() -> None:
    """With its evidence, as JSON."""
    seen = Evidence(by="phonenumbers", says="valid phone numbers of CN and DE", n_matching=19, n_seen=20)
    field = FieldProposal(
        name=FieldName("mobile"),
        type=FieldType.TEXT,
        categories=(CategoryKey("user.contact.phone_number"),),
        confidence=Confidence.CERTAIN,
        evidence=(seen,),
        identifies=True,
    )
    assert msgspec.json.decode(msgspec.json.encode(field), type=FieldProposal) == field
