# SPDX-License-Identifier: Apache-2.0
"""Join domains over all datasets: what has a value at rest in one has it so in every one, and is spelled alike."""

from collections.abc import Mapping

import msgspec

from gateway.decide.loader.datasets.collections import PlacedCollection
from gateway.decide.loader.grammar.problems import Problems, quoted
from gateway.domain.catalog import AtRest, Collection, FieldSpec, Form
from gateway.domain.names import DatasetName, JoinDomain


def domains_joined(placed: Mapping[DatasetName, PlacedCollection], problems: Problems) -> dict[DatasetName, Collection]:
    """Return the collections, each of whose fields knows what its join domain has at rest."""
    known: dict[JoinDomain, tuple[AtRest, Form, str]] = {}
    for one in placed.values():
        for spec in one.collection.fields:
            if spec.at_rest is not None:
                name = f"{one.collection.dataset}.{spec.name}"
                kind, form, first = known.setdefault(spec.join_domain, (spec.at_rest, spec.form, name))
                if (spec.at_rest, spec.form) != (kind, form):
                    message = (
                        f"{quoted(name)} and {quoted(first)} are at rest in the join domain {quoted(spec.join_domain)} "
                        f"in two ways, {spec.at_rest} of {spec.form} and {kind} of {form}: equal values would not meet"
                    )
                    problems.tell(one.place, message)
    for one in placed.values():
        for spec in one.collection.fields:
            domain = known.get(spec.join_domain)
            if domain is not None and spec.at_rest is None:
                _check_clear(spec, domain, one, problems)
    return {
        dataset: msgspec.structs.replace(
            one.collection,
            fields=tuple(
                msgspec.structs.replace(spec, domain_at_rest=known[spec.join_domain][0])
                if spec.join_domain in known
                else spec
                for spec in one.collection.fields
            ),
        )
        for dataset, one in placed.items()
    }


def _check_clear(spec: FieldSpec, domain: tuple[AtRest, Form, str], one: PlacedCollection, problems: Problems) -> None:
    """Tell of a field that is clear in its store, in a domain that is at rest in another, if the two could not meet."""
    kind, form, first = domain
    name = f"{one.collection.dataset}.{spec.name}"
    if spec.form is not form:
        message = f"{quoted(name)} is spelled as {spec.form} and {quoted(first)}, of its join domain, as {form}"
        problems.tell(one.place, message)
    elif kind is AtRest.VAULT:
        message = f"{quoted(name)} is in the join domain of {quoted(first)}, which is a vault: it must be at rest too"
        problems.tell(one.place, message)
