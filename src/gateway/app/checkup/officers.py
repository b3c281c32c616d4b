# SPDX-License-Identifier: Apache-2.0
"""Officers are people who sign in: which services have their role all the same, and whether the log is kept from these."""

from collections.abc import Iterable

from gateway.app.checkup.database import opened
from gateway.app.checkup.findings import CannotBeTold, Finding, Patient, ok, warning
from gateway.app.evidence.incidents import is_officer
from gateway.app.rule_files import read_folder, rules_of
from gateway.decide.rules import RuleSet
from gateway.domain.errors import RulesError, SettingsError
from gateway.domain.own_data import ACCESS_LOG, ACCESS_LOG_COUNTS
from gateway.domain.principal import Assurance
from gateway.settings.loading import Settings
from gateway.store.clients import Clients


async def officers(patient: Patient) -> Iterable[Finding]:
    """Look for services that are officers."""
    try:
        found = await services_as_officers(patient.settings)
    except (RulesError, SettingsError):
        raise CannotBeTold("it cannot be told while the rules do not load") from None
    if not found:
        return [ok("officers", "no service has the role officer")]
    return [warning("officers", told, f"gateway client disable {one}") for one, told in told_of_services(found)]


async def services_as_officers(settings: Settings) -> tuple[str, ...]:
    """Return the clients in force that have the role of an officer, or one that contains it, by the rules of the folder.

    Raises:
        RulesError: The rules cannot be loaded.
        CannotBeTold: The database cannot be asked.
    """
    rules = rules_of(read_folder(settings.policies_dir))
    async with opened(settings) as store:
        known = await Clients(store).all()
    return tuple(
        str(one.id) for one in known if one.disabled_us is None and is_officer(rules, one.account.id, one.account.roles)
    )


def told_of_services(clients: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return clients that are officers, and of each what to say."""
    return tuple((one, f"{one} is a service with the role officer; officers are people who sign in") for one in clients)


def told_of_log(rules: RuleSet) -> tuple[str, ...]:
    """Return what to say of the log's own datasets where services can read them."""
    known = (rules.catalog.collections.get(name) for name in (ACCESS_LOG, ACCESS_LOG_COUNTS))
    return tuple(
        f"datasets: {one.dataset} does not say `assurance: 4`, so a service with a grant reads the log"
        for one in known
        if one is not None and one.assurance < Assurance.PERSON
    )
