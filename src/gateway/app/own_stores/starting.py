# SPDX-License-Identifier: Apache-2.0
"""The rules that a store of one's own begins with: two roles, two purposes, and a dataset that was proposed.

Beside them the gateway's own log, which officers read for a purpose of its own; nobody is one yet.

They name categories and never fields, and more categories than a store has at first, so that a field which gets
another category in the review needs no change here. What they do not name is dropped.
"""

from collections.abc import Mapping

import msgspec

from gateway.decide.loader.shipped import shipped_files
from gateway.domain.names import PurposeKey, RoleName, StoreName
from gateway.domain.own_data import OWN_STORE

ANALYST, CAMPAIGNER, OFFICER = RoleName("analyst"), RoleName("campaigner"), RoleName("officer")
INSIGHTS = PurposeKey("analytics.reporting.campaign_insights")
MAILING = PurposeKey("marketing.communications.email")
LEGAL = PurposeKey("essential.legal_obligation")
RECIPIENT = "own"


class Ceiling(msgspec.Struct, frozen=True):
    """The most that a role gets of a category; every rung is a family, which each chain knows or drops at."""

    category: str
    rung: str
    link: bool


FOR_INSIGHTS = (
    Ceiling("user.unique_id", "drop", True),
    Ceiling("user.device", "drop", True),
    Ceiling("user.contact.email", "mask", False),
    Ceiling("user.contact.phone_number", "drop", True),
    Ceiling("user.contact.address.city", "reveal", True),
    Ceiling("user.contact.address.state", "reveal", True),
    Ceiling("user.contact.address.country", "reveal", True),
    Ceiling("user.demographic.date_of_birth", "generalise", False),
    Ceiling("user.demographic.age_range", "generalise", False),
    Ceiling("user.demographic.gender", "reveal", True),
    Ceiling("user.demographic.language", "reveal", True),
    Ceiling("user.job_title", "reveal", True),
    Ceiling("user.behavior", "reveal", True),
    Ceiling("user.privacy_preferences", "reveal", True),
    Ceiling("system", "reveal", True),
)
FOR_MAILING = (
    Ceiling("user.unique_id", "drop", True),
    Ceiling("user.name", "reveal", True),
    Ceiling("user.contact.email", "reveal", True),
    Ceiling("user.contact.address.city", "reveal", True),
    Ceiling("user.contact.address.state", "reveal", True),
    Ceiling("user.contact.address.country", "reveal", True),
    Ceiling("user.demographic.age_range", "generalise", False),
    Ceiling("user.demographic.language", "reveal", True),
    Ceiling("user.job_title", "reveal", True),
    Ceiling("user.behavior", "reveal", True),
    Ceiling("user.privacy_preferences", "reveal", True),
    Ceiling("system", "reveal", True),
)
OF_LOG = (
    Ceiling("system.operations", "reveal", True),
    Ceiling("user.account", "reveal", True),
    Ceiling("user.device.ip_address", "reveal", True),
    Ceiling("user.unique_id.pseudonymous", "reveal", True),
)

PURPOSES = f"""\
# What data may be used for. A category ceiling holds for everything below it; what is not named is dropped.
purposes:
  - key: {INSIGHTS}
    title:
      en: Learn from figures how campaigns did.
      zh: 通过统计了解营销活动的效果。
    # The law of some people knows no legitimate interests (PIPL Art. 13): they need another ground.
    ground: legitimate_interests
    owner: marketing
    operations: [read]
    key_class: analytics
    budgets:
      - {{{{people: 100000, hours: 24}}}}
    categories:
{{insights}}
  - key: {MAILING}
    title:
      en: Send marketing by e-mail to people who agreed to it.
      zh: 向已同意的个人发送营销邮件。
    # Nobody of whom no consent is recorded (`gateway choice set`) is in an answer for this purpose.
    ground: consent
    owner: marketing
    operations: [read]
    key_class: marketing.communications
    budgets:
      - {{{{people: 100000, hours: 24}}}}
    categories:
{{mailing}}
  # Officers read the gateway's own log for this, each time with a case (docs/how-to/read-the-log.md).
  - key: {LEGAL}
    title:
      en: Answer what the law obliges us to answer.
      zh: 履行法律规定的义务。
    ground: legal_obligation
    owner: compliance
    operations: [read]
    datasets: [{OWN_STORE}]
    needs_reference: yes
    key_class: compliance
    categories:
{{of_log}}
"""

ORGANISATION = """\
# PLACEHOLDERS: say here who you are, in which country data arrives, and on which ground people's laws let it get
# there. Without its line under `transfers`, rows of people whom that law protects are withheld.
controller: {{name: {name}, country: DE}}
recipients:
  - id: own
    legal_name: {name}
    role: own
    country: DE
    transfers:
      pipl: "PLACEHOLDER: the mechanism of PIPL Art. 38, and where it is filed"
"""

REPLACED = ("datasets/", "tests/")
"""Shipped files that are about the demo's stores."""
KEPT = "datasets/gateway.yaml"
"""The one among them that is about the gateway itself."""


def starter_files(store: StoreName, dataset: str) -> dict[str, bytes]:
    """Return every rule file of a new installation before one store.

    Args:
        store: Its name at the gateway.
        dataset: Its dataset's file, in which nothing is reviewed yet.
    """
    shipped = shipped_files().items()
    files = {name: text for name, text in shipped if name == KEPT or not name.startswith(REPLACED)}
    texts = {
        f"datasets/{store}.yaml": dataset,
        "purposes.yaml": PURPOSES.format(
            insights=_ceilings(FOR_INSIGHTS), mailing=_ceilings(FOR_MAILING), of_log=_ceilings(OF_LOG)
        ),
        "grants.csv": _grants(store),
        "organisation.yaml": ORGANISATION.format(name=msgspec.json.encode(f"{store} (placeholder)").decode()),
    }
    return {**files, **{name: text.encode() for name, text in texts.items()}}


def settings_content(
    store: StoreName, base_url: str, *, host: str, port: int, authorization_file: str | None
) -> Mapping[str, object]:
    """Return what ``gateway.yaml`` says of an installation before one store."""
    own = {"base_url": base_url} | ({"authorization_file": authorization_file} if authorization_file else {})
    return {"installation": str(store), "listen": {"host": host, "port": port}, "stores": {str(store): own}}


def _ceilings(ceilings: tuple[Ceiling, ...]) -> str:
    return "\n".join(
        f"      - {{category: {one.category}, rung: {one.rung}, link: {_word(one.link)}}}" for one in ceilings
    )


def _grants(store: StoreName) -> str:
    lines = ["# p, role, dataset, category, purpose, operation, rung, link, allow|deny, from, until"]
    given = (
        (ANALYST, store, INSIGHTS, FOR_INSIGHTS),
        (CAMPAIGNER, store, MAILING, FOR_MAILING),
        (OFFICER, f"{OWN_STORE}.access_log", LEGAL, OF_LOG),
        (OFFICER, f"{OWN_STORE}.access_log_counts", LEGAL, OF_LOG),
    )
    for role, dataset, purpose, ceilings in given:
        lines += [
            f"p, {role}, {dataset}, {one.category}, {purpose}, read, {one.rung}, {_word(one.link)}, allow, ,"
            for one in ceilings
        ]
    return "\n".join(lines) + "\n"


def _word(flag: bool) -> str:
    return "yes" if flag else "no"
