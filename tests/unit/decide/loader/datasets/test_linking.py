# SPDX-License-Identifier: Apache-2.0
"""Fields that link devices: declared of what names a device, for a purpose that a person can say no to."""

import pytest

from gateway.decide.loader.shipped import shipped_files
from gateway.domain.catalog import Linking
from gateway.domain.names import DatasetName
from tests.fakes.rule_files import NEEDED, edited, loaded, sentences

CRM, PURPOSES = "datasets/crm.yaml", "purposes.yaml"
SAID = "gateway: {links: device}"
LINKS = "links: personalize.content.profiled\n"


def needed() -> dict[str, bytes]:
    """Return the shipped files but their cases."""
    return {name: content for name, content in shipped_files().items() if name in NEEDED}


def told(files: dict[str, bytes]) -> list[str]:
    """Return the problems, without where they stand."""
    return [sentence.split(": ", 1)[1] for sentence in sentences(files)]


def test_a_linking_field_joins_all_others_unless_it_names_a_domain() -> None:
    """So that somebody's cookie and phone meet."""
    files = edited(CRM, SAID, "gateway: {links: device, join_domain: cookies}", needed())
    for rules, domain in ((loaded(needed()), "devices"), (loaded(files), "cookies")):
        field = rules.catalog.collections[DatasetName("crm.contacts")].field("device_id")
        assert field is not None
        assert (field.links, field.join_domain) == (Linking.DEVICE, domain)
        assert rules.linking == "personalize.content.profiled"


@pytest.mark.parametrize(
    ("gateway", "says"),
    [
        ("gateway: {links: person}", "`links` is `person`, expected one of `device`"),
        ("gateway: {links: device, type: free_text}", "is free text, which names no device"),
        ("gateway: {links: device, at_rest: {domain: d, kind: vault}}", "it cannot link"),
    ],
)
def test_what_cannot_link_is_told(gateway: str, says: str) -> None:
    """Each with its own sentence."""
    assert any(says in one for one in told(edited(CRM, SAID, gateway, needed()))), told(
        edited(CRM, SAID, gateway, needed())
    )


def test_only_what_names_a_device_may_link() -> None:
    """A name, a city or what somebody did does not become a key of a person by a line in a file."""
    city = "          - name: city\n            data_categories: [user.contact.address.city]\n            fides_meta: {data_type: string}\n"
    files = edited(CRM, city, city + "            gateway: {links: device}\n", needed())
    assert told(files) == ["field `city` is of no category below `user.device`: only what names a device may link"]


def test_a_category_of_an_installation_may_link() -> None:
    """Such as an advertising identifier, for which the vocabulary has no word."""
    files = edited(CRM, "[user.device.device_id]", "[local.advertising_id]", needed())
    first = "  - {category: local.behavior_signals,"
    files = edited(
        "treatments.yaml",
        first,
        first.replace("behavior_signals", "advertising_id") + " chain: word, form: text, surrogate: hmac}\n" + first,
        files,
    )
    assert told(files) == []


def test_rows_are_judged_by_no_field_that_links() -> None:
    """Nor can be linked what is about nobody."""
    id_ = "            gateway: {join_domain: crm.customer_id, identifies: yes}\n          - name: channel"
    files = edited(CRM, id_, id_.replace("identifies: yes", "identifies: yes, links: device"), needed())
    assert any("is read of every row to judge it: it cannot link" in one for one in told(files))
    subject = "          subject: {identity: crm.customer_id, field: customer_id}\n"
    files = edited(CRM, subject, "          subject: none\n          reviewed: yes\n", needed())
    assert any("links what belongs to a person, but no row is about one" in one for one in told(files))


@pytest.mark.parametrize(
    ("links", "says"),
    [
        (
            "",
            "`crm.contacts.device_id` links a person's devices: name the purpose whose choices decide on it, `links: <purpose>`",
        ),
        ("links: marketing.nonsense\n", "unknown purpose `marketing.nonsense`"),
        (
            "links: essential.legal_obligation\n",
            "`essential.legal_obligation` passes over objections; nobody could keep their devices apart",
        ),
    ],
)
def test_the_purpose_of_linking_is_declared_and_can_be_objected_to(links: str, says: str) -> None:
    """Without it nothing loads that would link."""
    assert told(edited(PURPOSES, LINKS, links, needed())) == [says]
