# SPDX-License-Identifier: Apache-2.0
"""Collections and view plans made by hand, for tests of what is done with them."""

from collections.abc import Mapping, Sequence

from gateway.domain.catalog import AtRest, Collection, FieldSpec, FieldType, Form, SubjectSpec, SurrogateKind
from gateway.domain.names import (
    CategoryKey,
    DatasetName,
    FieldName,
    IdentityKind,
    JoinDomain,
    PurposeKey,
    RecipientId,
    RulesDigest,
)
from gateway.domain.principal import Assurance
from gateway.domain.treatment import Chain, ChainName, Rung, Treatment
from gateway.domain.viewplan import FieldView, RowRule, ViewPlan

REVEALED = Treatment(99, link=True)
"""Stands for the top of whatever chain the field has."""
SURROGATE = Treatment(0, link=True)


def chain(*rungs: str) -> Chain:
    """Return the chain from drop over some rungs to reveal."""
    return Chain(ChainName("test"), tuple(map(Rung, ("drop", *rungs, "reveal"))))


CHAINS: Mapping[str, Chain] = {
    "word": chain(),
    "text": chain("mask.text"),
    "name": chain("mask.name"),
    "email": chain("mask.email_domain", "mask.email"),
    "phone": chain("mask.phone_tail", "mask.phone"),
    "national_id": chain("mask.national_id"),
    "address": chain("mask.address"),
    "date": chain("generalise.band10", "generalise.year", "generalise.month"),
    "timestamp": chain("generalise.year", "generalise.month", "generalise.day"),
    "number": chain("generalise.band10"),
    "money": chain("generalise.band10000", "generalise.band1000"),
}
"""Every chain that the project ships with, by its name in ``treatments.yaml``."""


def spec(
    name: str,
    type_: FieldType = FieldType.TEXT,
    form: Form = Form.TEXT,
    surrogate: SurrogateKind = SurrogateKind.SIV,
    join_domain: str | None = None,
    at_rest: AtRest | None = None,
) -> FieldSpec:
    """Return a field; its join domain is its own unless one is named."""
    return FieldSpec(
        name=FieldName(name),
        type=type_,
        categories=(CategoryKey("user"),),
        chain=ChainName("test"),
        form=form,
        surrogate=surrogate,
        join_domain=JoinDomain(join_domain or f"test.{name}"),
        at_rest=at_rest,
        domain_at_rest=at_rest,
    )


def plan(
    *fields: tuple[FieldSpec, Chain, Treatment],
    subject: str | None = None,
    birth_date: str | None = None,
    region: str | None = None,
    rules: Sequence[RowRule] = (),
    recipient: str = "own",
    key_class: str = "test",
) -> ViewPlan:
    """Return a plan over a collection of these fields."""
    collection = Collection(
        dataset=DatasetName("crm.people"),
        fields=tuple(own for own, _, _ in fields),
        subject=SubjectSpec(identity=IdentityKind("crm.id"), field=FieldName(subject)) if subject else None,
        birth_date=FieldName(birth_date) if birth_date else None,
        region=FieldName(region) if region else None,
    )
    return ViewPlan(
        dataset=collection.dataset,
        collection=collection,
        operation="read",
        purpose=PurposeKey("test"),
        recipient=RecipientId(recipient),
        key_class=key_class,
        proof=Assurance.PERSON,
        rules=RulesDigest("digest"),
        grants=(),
        views=tuple(_view(*field) for field in fields),
        row_rules=tuple(rules),
        valid_until_us=0,
    )


def _view(own: FieldSpec, over: Chain, treatment: Treatment) -> FieldView:
    real = over.top if treatment == REVEALED else treatment
    return FieldView(field=own.name, chain=over, treatment=real, stale=real)
