# SPDX-License-Identifier: Apache-2.0
"""Purpose limitation: the whitelist, free text, and when a purpose may be used."""

import msgspec
import pytest

from gateway.decide.layers.purposes import ceiling, covers_call, in_force, nearest
from gateway.domain.catalog import FieldType
from gateway.domain.names import DatasetName, PurposeKey
from gateway.domain.treatment import Treatment
from gateway.domain.viewplan import Layer
from tests.fakes.deciding import DATE, NOTHING, PURPOSE, TEXT, TOP, field
from tests.fakes.deciding import ceiling as listed


@pytest.mark.parametrize(
    ("categories", "left"),
    [
        (("user.name",), TOP),
        (("user.birth",), Treatment(2, link=False)),
        (("user.birth.day",), Treatment(2, link=False)),
        (("user.name", "user.birth"), Treatment(2, link=False)),
        (("system",), NOTHING),
        (("user.name", "system"), NOTHING),
    ],
)
def test_the_longest_entry_decides_and_no_entry_is_nothing(categories: tuple[str, ...], left: Treatment) -> None:
    """Of a field of many categories the smallest counts."""
    assert ceiling(PURPOSE, field("x", *categories, chain=DATE), DATE).treatment == left


def test_the_nearest_entry_is_the_longest_that_covers() -> None:
    """Whatever the order of the whitelist."""
    entries = (listed("user"), listed("user.contact.email", "mask"), listed("user.contact"))
    assert nearest(entries, "user.contact.email.private") == entries[1]
    assert nearest(entries, "user.contact.phone") == entries[2]
    assert nearest(entries, "userland") is None


@pytest.mark.parametrize(
    ("key", "left", "rule"),
    [
        ("marketing.mail", Treatment(2, link=False), "marketing.mail (free text)"),
        ("personalize", Treatment(2, link=False), "personalize (free text)"),
        ("analytics.reporting", Treatment(2, link=False), "analytics.reporting (free text)"),
        ("essential.support", TOP, "essential.support"),
        ("marketingish", TOP, "marketingish"),
    ],
)
def test_free_text_is_never_whole_for_marketing_personalisation_or_analytics(
    key: str, left: Treatment, rule: str
) -> None:
    """It may hold anything about anybody."""
    purpose = msgspec.structs.replace(PURPOSE, key=PurposeKey(key))
    found = ceiling(purpose, field("x", "user.notes", type_=FieldType.FREE_TEXT), TEXT)
    assert (found.treatment, found.rule, found.layer) == (left, rule, Layer.PURPOSE)


def test_a_purpose_covers_its_operations_on_its_datasets() -> None:
    """No list of datasets means any; a store stands for its collections."""
    narrow = msgspec.structs.replace(PURPOSE, datasets=(DatasetName("crm"), DatasetName("shop.orders")))
    assert covers_call(PURPOSE, dataset="anything", operation="read")
    assert covers_call(narrow, dataset="crm.people", operation="read")
    assert not covers_call(narrow, dataset="crmx.people", operation="read")
    assert not covers_call(narrow, dataset="shop.carts", operation="read")
    assert not covers_call(PURPOSE, dataset="crm.people", operation="update")


@pytest.mark.parametrize(("now_us", "is_so"), [(9, False), (10, True), (19, True), (20, False)])
def test_a_purpose_is_in_force_from_its_beginning_up_to_its_end(now_us: int, is_so: bool) -> None:
    """The end itself does not belong to it."""
    assert in_force(msgspec.structs.replace(PURPOSE, from_us=10, until_us=20), now_us) is is_so


def test_a_purpose_without_an_end_is_in_force() -> None:
    """Nor does it need a beginning."""
    assert in_force(PURPOSE, 0)
