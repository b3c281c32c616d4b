# SPDX-License-Identifier: Apache-2.0
"""Which keys are for life, and what is made under the others."""

import pytest

from gateway.domain.key_labels import for_life, made_under


@pytest.mark.parametrize(
    "label", ["people/lookup", "backup", "credentials", "tombstones", "log/cli", "log/door-0", "vault/phones/lookup"]
)
def test_what_others_are_found_by_is_for_life(label: str) -> None:
    """Another key would find nothing of what there is."""
    assert for_life(label)


@pytest.mark.parametrize(
    "label", ["people/wrap", "totp", "bearer", "vault/phones", "surrogate/a", "logs", "at-rest/log"]
)
def test_the_others_can_be_rotated(label: str) -> None:
    """Also those whose names begin alike."""
    assert for_life(label) is None


def test_what_is_made_under_a_label_is_told_where_it_is_known() -> None:
    """Labels with a domain by their beginning."""
    assert made_under("people/wrap") == "the keys of people"
    assert made_under("at-rest/phones") == "surrogates that stores hold"
    assert made_under("vault/phones") != made_under("vault/phones/lookup")
    assert made_under("something/else") == ""
