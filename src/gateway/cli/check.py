# SPDX-License-Identifier: Apache-2.0
"""``gateway check``: whether the rules can be put in force, and whether they say what they are meant to say.

1 load them, telling every problem at once · 2 run the cases of ``tests/`` · 3 ask a sample of questions
of the road's look-ups and of a plain Casbin enforcer · 4 name the roles that could find out by trying what
surrogates stand for · 5 with ``--reload``, tell every running door.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gateway.cli.desk.desk import Desk, Exit, Stop, command, run_to_end
from gateway.domain.errors import RuleProblem, RulesError, SettingsError, StateUnavailable

if TYPE_CHECKING:
    from gateway.decide.rules import RuleSet

MOST_TOLD = 50


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a check.

    Attributes:
        problems: What keeps the rules from being put in force; nothing else was checked then.
        failures: Cases that are decided in another way than they say.
        disagreements: Questions that the road and Casbin answer differently.
        notes: What deserves a look but fails nothing.
        probing: Roles that write clear values, or to what they name, and read surrogates of one join domain; each is
            a note too.
        spanning: Join domains of which the rules tell fields apart; each is a note too.
        reloaded: Doors were told to put the rules in force.
    """

    rules: str
    problems: tuple[RuleProblem, ...] = ()
    failures: tuple[str, ...] = ()
    disagreements: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    probing: tuple[dict[str, object], ...] = ()
    spanning: tuple[dict[str, object], ...] = ()
    counts: dict[str, int] = {}
    reloaded: bool = False

    @property
    def wrong(self) -> tuple[str, ...]:
        """Everything that lets the check fail, as sentences."""
        return (*(problem.sentence() for problem in self.problems), *self.failures, *self.disagreements)


@command
def check(
    desk: Desk,
    policies: Annotated[
        Path | None, typer.Option("--policies", metavar="DIR", help="Check this folder; no installation is needed.")
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Then let every running door put the rules in force.")
    ] = False,
) -> None:
    """Check that rules load and do as their tests say. Exit 1 if not; a sample is put to Casbin too."""
    from gateway.app.rule_files import read_folder

    if policies is not None and reload:
        raise Stop("--reload puts an installation's own rules in force; it does not go with --policies")
    folder = desk.settings.policies_dir if policies is None else policies
    files = read_folder(folder)
    report = report_on(desk, files)
    if policies is None:
        report = _with_store_notes(desk, report, files)
    if reload:
        report = run_to_end(reloaded(desk, report))
    desk.paper.answer(report, lambda: _tell(desk, folder, report))
    if report.wrong:
        raise Stop("", Exit.FAILED)


def report_on(desk: Desk, files: Mapping[str, bytes]) -> Report:
    """Return what comes of a check of some rules."""
    from gateway.app.checkup.officers import told_of_log
    from gateway.app.clock import now_us
    from gateway.decide.loader.load import digest, load_with_notes
    from gateway.decide.trial.countries import told_apart_by_country
    from gateway.decide.trial.probing import probing_roles
    from gateway.decide.trial.ruletests import failures
    from gateway.decide.trial.spanning import spanning_domains
    from gateway.transform.treat import check_chain

    try:
        loaded = load_with_notes(files, check_chain=check_chain, now_us=now_us())
    except RulesError as error:
        return Report(rules=digest(files), problems=error.problems)
    probing, spanning = probing_roles(loaded.rules), spanning_domains(loaded.rules)
    return Report(
        rules=loaded.rules.digest,
        failures=tuple(failure.sentence() for failure in failures(loaded.rules, now_us())),
        disagreements=_disagreements(desk, loaded.rules),
        notes=(
            *(note.sentence() for note in loaded.notes),
            *(one.sentence() for one in probing),
            *(one.sentence() for one in spanning),
            *(one.sentence() for one in told_apart_by_country(loaded.rules)),
            *told_of_log(loaded.rules),
        ),
        probing=tuple(map(msgspec.structs.asdict, probing)),
        spanning=tuple(map(msgspec.structs.asdict, spanning)),
        counts=_counts(loaded.rules),
    )


def _disagreements(desk: Desk, rules: "RuleSet") -> tuple[str, ...]:
    from gateway.app.clock import now_us
    from gateway.decide.trial.oracle_sample import N_QUESTIONS, compared

    found = []
    with desk.paper.progress("Asking Casbin the same", N_QUESTIONS) as done:
        for sentence in compared(rules, now_us()):
            done(1)
            found += [sentence] if sentence else []
    return tuple(found)


def _counts(rules: "RuleSet") -> dict[str, int]:
    return {
        "grants": len(rules.grants),
        "roles": len({*rules.roles, *(grant.role for grant in rules.grants)}),
        "purposes": len(rules.purposes),
        "red_lines": len(rules.red_lines),
        "datasets": len(rules.catalog.collections),
        "fields": sum(len(each.fields) for each in rules.catalog.collections.values()),
        "routes": len(rules.catalog.routes),
        "recipients": len(rules.recipients),
        "regimes": len(rules.regimes),
        "tests": len(rules.tests),
    }


def _with_store_notes(desk: Desk, report: Report, files: Mapping[str, bytes]) -> Report:
    """Tell of surrogates taken for values, and note stores and services that deserve a look."""
    from gateway.app.checkup.findings import CannotBeTold
    from gateway.app.checkup.forgotten_columns import forgotten_columns
    from gateway.app.checkup.officers import services_as_officers, told_of_services
    from gateway.app.passing import not_enforced, warning
    from gateway.app.rule_files import rules_of
    from gateway.domain.own_data import OWN_STORE

    if report.problems:
        return report
    rules = rules_of(files)
    with suppress(CannotBeTold, StateUnavailable):
        if problems := run_to_end(forgotten_columns(desk.settings, rules.catalog, files)):
            return Report(rules=report.rules, problems=problems)
    routes = rules.catalog.routes
    named = {route.store for route in routes} - {OWN_STORE}
    missing = sorted(named - set(desk.settings.stores))
    notes = tuple(f"gateway.yaml: stores has no {store}, whose routes the datasets declare" for store in missing)
    notes += tuple(f"gateway.yaml: {warning(store)}" for store in not_enforced(desk.settings))
    with suppress(CannotBeTold, StateUnavailable):
        notes += tuple(told for _, told in told_of_services(run_to_end(services_as_officers(desk.settings))))
    return msgspec.structs.replace(report, notes=(*report.notes, *notes))


async def reloaded(desk: Desk, report: Report) -> Report:
    """Put the rules in force, or enter why they were not."""
    from gateway.domain.entry import Changed, RulesRefused
    from gateway.flows.policy_change import TOLD_BY
    from gateway.store.meta import RULES
    from gateway.store.versions import Topic

    if report.wrong:
        async with desk.open(with_rules=False) as rooms:
            await rooms.log.append(RulesRefused(rules=report.rules, problems=report.wrong[:MOST_TOLD]))
        return report
    async with desk.open() as rooms:
        if rooms.policy.decider.rules.digest != report.rules:
            raise SettingsError("the rules were changed while they were checked; check them again")
        await rooms.log.append(Changed(by=desk.by, what="rules-reloaded", target=report.rules))
        # Said before the doors are told: each enters by whose word it puts the rules in force.
        await rooms.meta.write(TOLD_BY, f"{report.rules} {desk.by}")
        await rooms.meta.write(RULES, report.rules, announce=Topic.RULES)
    return msgspec.structs.replace(report, reloaded=True)


def _tell(desk: Desk, folder: Path, report: Report) -> None:
    paper = desk.paper
    for sentence in report.wrong:
        paper.say(sentence, style="red")
    for note in report.notes:
        paper.say(f"note: {note}", style="yellow")
    if report.problems:
        n = len(report.problems)
        paper.say(f"{folder}: {n} problem{'s' if n > 1 else ''}; these rules cannot be put in force", style="bold red")
        return
    paper.say(f"{folder}: " + ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in report.counts.items()))
    failed = len({failure.split(": expected", 1)[0].rpartition(": ")[0] for failure in report.failures})
    paper.say(
        f"tests: {report.counts['tests'] - failed} passed, {failed} failed; "
        f"Casbin: {len(report.disagreements)} answers differ"
    )
    paper.say(f"rules {report.rules}", style="dim")
    if report.reloaded:
        paper.say("every running door puts them in force now")
