# SPDX-License-Identifier: Apache-2.0
"""``gateway grant|purpose|dataset``: the rules of the folder, read and never changed from here."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gateway.cli.desk import finding, moments
from gateway.cli.desk.desk import Desk, Stop, command, run_to_end
from gateway.domain.names import DatasetName, PurposeKey, is_under

if TYPE_CHECKING:
    from gateway.decide.rules import Grant
    from gateway.domain.catalog import Collection, FieldSpec
    from gateway.domain.purpose import PurposeRule

grants = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who may: the lines of grants.csv.")
purposes = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="For what: purposes.yaml.")
datasets = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Of what: datasets/*.yaml.")


@grants.callback()
@purposes.callback()
@datasets.callback()
def _group() -> None:
    """Keep a group a group, also while it has one command."""


@grants.command("list")
@command
def list_grants(
    desk: Desk,
    role: Annotated[str | None, typer.Option("--role", metavar="ROLE", help="With the roles it contains.")] = None,
    purpose: Annotated[str | None, typer.Option("--purpose", metavar="P", help="That reach this purpose.")] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", metavar="D", help="That reach this dataset.")] = None,
) -> None:
    """List grants, in the order of their lines."""
    rules = finding.rules_of(desk)
    roles = None if role is None else rules.roles.get(role, frozenset({role}))
    found = [
        grant
        for grant in rules.grants
        if (roles is None or grant.role in roles)
        and (purpose is None or is_under(purpose, grant.purpose))
        and (dataset is None or is_under(dataset, grant.dataset))
    ]
    desk.paper.answer(
        found,
        lambda: desk.paper.table(
            ("line", "id", "role", "dataset", "category", "purpose", "operation", "rung", "link", "effect", "in force"),
            [_grant_row(grant) for grant in found],
        ),
    )


@purposes.command("list")
@command
def list_purposes(desk: Desk) -> None:
    """List the declared purposes."""
    found = tuple(finding.rules_of(desk).purposes.values())
    desk.paper.answer(
        [_purpose_document(rule) for rule in found],
        lambda: desk.paper.table(
            ("purpose", "ground", "consent", "objection", "reference", "owner", "in force"),
            [
                (
                    rule.key,
                    rule.ground.value,
                    "needed" if rule.needs_consent else "",
                    "honoured" if rule.honours_objection else "",
                    "needed" if rule.needs_reference else "",
                    rule.owner,
                    _span(rule.from_us, rule.until_us),
                )
                for rule in found
            ],
        ),
    )


@purposes.command("show")
@command
def show_purpose(desk: Desk, key: Annotated[str, typer.Argument(metavar="PURPOSE")]) -> None:
    """Show one purpose: its ground, and the most that may leave of each category."""
    rules = finding.rules_of(desk)
    rule = rules.purposes.get(PurposeKey(key))
    if rule is None:
        raise Stop(f"there is no purpose {key}; there are {', '.join(rules.purposes)}")
    desk.paper.answer(_purpose_document(rule), lambda: _tell_purpose(desk, rule))


@datasets.command("list")
@command
def list_datasets(desk: Desk) -> None:
    """List the datasets, whom their rows are about, and what of them nobody reviewed or declared."""
    from gateway.app.own_stores.noticed import noticed

    catalog = finding.rules_of(desk).catalog
    unseen = run_to_end(noticed(desk.settings, catalog))
    new = {name: [one.field for one in unseen if one.dataset == name] for name in catalog.collections}
    routes = {name: [one for one in catalog.routes if one.dataset == name] for name in catalog.collections}
    desk.paper.answer(
        [
            {
                "dataset": name,
                "fields": len(one.fields),
                "unreviewed": sum(not field.reviewed for field in one.fields),
                "new": new[name],
                "subject": one.subject,
                "routes": len(routes[name]),
            }
            for name, one in catalog.collections.items()
        ],
        lambda: desk.paper.table(
            ("dataset", "fields", "unreviewed", "new", "subject", "routes"),
            [
                (
                    name,
                    str(len(one.fields)),
                    str(sum(not field.reviewed for field in one.fields) or ""),
                    " ".join(new[name]),
                    f"{one.subject.identity} in {one.subject.field}" if one.subject else "none",
                    " ".join(f"{route.method} {route.template}" for route in routes[name]),
                )
                for name, one in catalog.collections.items()
            ],
        ),
    )


@datasets.command("show")
@command
def show_dataset(desk: Desk, name: Annotated[str, typer.Argument(metavar="DATASET")]) -> None:
    """Show one dataset: its fields with their categories and chains, and its routes."""
    rules = finding.rules_of(desk)
    collection = rules.catalog.collections.get(DatasetName(name))
    if collection is None:
        raise Stop(f"there is no dataset {name}; there are {', '.join(rules.catalog.collections)}")
    routes = [route for route in rules.catalog.routes if route.dataset == name]
    document = {**msgspec.to_builtins(collection), "routes": msgspec.to_builtins(routes)}

    def for_people() -> None:
        desk.paper.table(
            ("field", "type", "categories", "rungs", "form", "surrogate", "joins as", "role"),
            [_field_row(one, collection, " ".join(rules.chains[one.chain].rungs)) for one in collection.fields],
        )
        for route in routes:
            desk.paper.say(f"{route.method} {route.template} ({route.operation}): {' '.join(route.parameters)}")

    desk.paper.answer(document, for_people)


def _grant_row(grant: "Grant") -> tuple[str, ...]:
    return (
        str(grant.line),
        grant.id,
        grant.role,
        grant.dataset,
        grant.category,
        grant.purpose,
        grant.operation,
        grant.rung or "-",
        "yes" if grant.link else "no",
        "allow" if grant.allow else "deny",
        _span(grant.from_us, grant.until_us),
    )


def _purpose_document(rule: "PurposeRule") -> dict[str, object]:
    return {**msgspec.to_builtins(rule), "title": dict(rule.title)}


def _tell_purpose(desk: Desk, rule: "PurposeRule") -> None:
    paper = desk.paper
    paper.say(rule.key, style="bold")
    for language, sentence in rule.title:
        paper.say(f"{language}: {sentence}")
    consent = "no record of a choice means refused" if rule.needs_consent else "no record of a choice means allowed"
    objection = "an objection withholds the person" if rule.honours_objection else "objections do not withhold"
    paper.say(f"ground {rule.ground.value}; {consent}; {objection}; owner {rule.owner}")
    paper.say(f"operations {' '.join(rule.operations)}; datasets {' '.join(rule.datasets) or 'any'}")
    if span := _span(rule.from_us, rule.until_us):
        paper.say(f"in force {span}")
    if rule.needs_reference:
        paper.say("a call must state a campaign or case in Data-Reference")
    for budget in rule.budgets:
        paper.say(f"at most {budget.most} {budget.counts} in {budget.hours} hours to one account and recipient")
    paper.table(
        ("category", "at most", "link"),
        [(each.category, each.rung, "yes" if each.link else "no") for each in rule.categories],
    )


def _field_row(field: "FieldSpec", collection: "Collection", rungs: str) -> tuple[str, ...]:
    roles = [
        word
        for word, name in (
            ("subject", collection.subject.field if collection.subject else None),
            ("birth date", collection.birth_date),
            ("region", collection.region),
        )
        if name == field.name
    ]
    return (
        field.name,
        field.type.value,
        " ".join(field.categories),
        rungs,
        field.form.value,
        field.surrogate.value,
        field.join_domain,
        ", ".join([*roles, *(["identifies"] if field.identifies else [])]),
    )


def _span(from_us: int | None, until_us: int | None) -> str:
    begin = "" if from_us is None else f"from {moments.day(from_us)}"
    end = "" if until_us is None else f"until {moments.day(until_us)}"
    return " ".join(filter(None, (begin, end)))
