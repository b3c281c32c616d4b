# SPDX-License-Identifier: Apache-2.0
"""What stands behind a surrogate shows itself to nobody by accident."""

from gateway.domain.names import PersonNumber
from gateway.domain.revealed import Found


def test_no_value_is_in_a_repr() -> None:
    """How many people it is of, and no more."""
    assert repr(Found(value="+4930901820", people=(PersonNumber(7),))) == "<Found of 1>"
