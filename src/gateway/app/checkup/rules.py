# SPDX-License-Identifier: Apache-2.0
"""The rules in the folder: whether they load, do as their tests say, and what in them deserves a look."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from gateway.app.checkup.findings import Finding, Patient, note, ok, problem, warning
from gateway.app.checkup.officers import told_of_log
from gateway.app.rule_files import read_folder
from gateway.decide.loader.load import load_with_notes
from gateway.decide.rules import RuleSet
from gateway.decide.trial.countries import told_apart_by_country
from gateway.decide.trial.oracle_sample import N_QUESTIONS, compared
from gateway.decide.trial.probing import probing_roles
from gateway.decide.trial.ruletests import failures
from gateway.decide.trial.spanning import spanning_domains
from gateway.domain.errors import RulesError
from gateway.domain.own_data import ACCESS_LOG, OWN_STORE
from gateway.domain.wording import counted
from gateway.transform.treat import check_chain

MOST_TOLD = 5
CHECK = "gateway check"


async def rules(patient: Patient) -> Iterable[Finding]:
    """Look at the rules; the sample for Casbin takes a second, so a thread does it."""
    return await asyncio.to_thread(_rules, patient)


def _rules(patient: Patient) -> list[Finding]:
    try:
        loaded = load_with_notes(
            read_folder(patient.settings.policies_dir), check_chain=check_chain, now_us=patient.now_us
        )
    except RulesError as error:
        told = [
            problem("rules", one.sentence(), "correct that line, then: gateway check")
            for one in error.problems[:MOST_TOLD]
        ]
        if len(error.problems) > MOST_TOLD:
            told.append(problem("rules", f"{len(error.problems) - MOST_TOLD} more problems", CHECK))
        return told
    found = [*_tests(loaded.rules, patient), *_oracle(loaded.rules, patient)]
    if not found:
        found.append(ok("rules", f"they load, {counted(len(loaded.rules.tests), 'test')} pass, and Casbin agrees"))
    notes = [one.sentence() for one in loaded.notes]
    notes += [one.sentence() for one in probing_roles(loaded.rules)]
    notes += [one.sentence() for one in spanning_domains(loaded.rules)]
    notes += [one.sentence() for one in told_apart_by_country(loaded.rules)]
    found += [warning("rules", one, "say so there: docs/how-to/read-the-log.md") for one in told_of_log(loaded.rules)]
    found += [note("rules", one, "gateway check tells all of them") for one in notes[:MOST_TOLD]]
    if len(notes) > MOST_TOLD:
        found.append(note("rules", f"{counted(len(notes) - MOST_TOLD, 'more note')}", CHECK))
    return [*found, *_unreviewed(loaded.rules), *_own_data(loaded.rules), *_stores(loaded.rules, patient)]


def _tests(rules: RuleSet, patient: Patient) -> list[Finding]:
    return [
        problem("rules", one.sentence(), "correct the rules or the test; gateway explain shows each layer's word")
        for one in failures(rules, patient.now_us)[:MOST_TOLD]
    ]


def _oracle(rules: RuleSet, patient: Patient) -> list[Finding]:
    found = [one for one in compared(rules, patient.now_us) if one]
    if not found:
        return []
    sentence = f"{len(found)} of {N_QUESTIONS} questions are answered otherwise by Casbin: {found[0]}"
    return [problem("rules", sentence, "report it; until then put the rules back that were in force before")]


def _unreviewed(rules: RuleSet) -> list[Finding]:
    n = Counter(
        str(name)
        for name, collection in rules.catalog.collections.items()
        for field in collection.fields
        if not field.reviewed
    )
    return [
        note(
            "rules",
            f"{counted(count, 'field')} of {dataset} wait to be reviewed and are dropped until then",
            "gateway dataset review",
        )
        for dataset, count in sorted(n.items())
    ]


def _own_data(rules: RuleSet) -> list[Finding]:
    """Note that nobody can read the log over HTTP, which an installation from before that could be has to declare."""
    if ACCESS_LOG in rules.catalog.collections:
        return []
    sentence = f"no dataset is {ACCESS_LOG}, so the log is read by `gateway log search` alone"
    return [note("rules", sentence, "add datasets/gateway.yaml and its grants: docs/how-to/read-the-log.md")]


def _stores(rules: RuleSet, patient: Patient) -> list[Finding]:
    known = patient.settings.stores
    named = {str(route.store) for route in rules.catalog.routes} - {OWN_STORE}
    found = [
        warning(
            "rules",
            f"routes name the store {one}, which gateway.yaml does not have",
            f"write stores.{one}.base_url into gateway.yaml",
        )
        for one in sorted(named - set(known))
    ]
    found += [
        note(
            "rules",
            f"no route leads to the store {one}, so nothing of it can leave",
            "declare its routes in policies/datasets",
        )
        for one in sorted(set(known) - named)
    ]
    found += [
        warning(
            "rules",
            f"the store {name} is rehearsed only: what the rules refuse leaves it all the same",
            f"set stores.{name}.enforced: true",
        )
        for name, one in known.items()
        if not one.enforced
    ]
    return found
