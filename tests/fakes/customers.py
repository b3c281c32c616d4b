# SPDX-License-Identifier: Apache-2.0
"""A small collection of customers and its routes, for tests of doors."""

from gateway.domain.catalog import (
    AnswerShape,
    Collection,
    FieldSpec,
    FieldType,
    Form,
    Route,
    SubjectSpec,
    SurrogateKind,
)
from gateway.domain.names import CategoryKey, DatasetName, FieldName, IdentityKind, JoinDomain
from gateway.domain.parameters import (
    Comparison,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    SortParameter,
)
from gateway.domain.treatment import ChainName

CUSTOMERS = DatasetName("crm.customers")


def field(name: str) -> FieldSpec:
    """Return a text field of that name."""
    return FieldSpec(
        name=FieldName(name),
        type=FieldType.TEXT,
        categories=(CategoryKey("user"),),
        chain=ChainName("plain"),
        form=Form.TEXT,
        surrogate=SurrogateKind.SIV,
        join_domain=JoinDomain(name),
    )


COLLECTION = Collection(
    dataset=CUSTOMERS,
    fields=tuple(field(name) for name in ("id", "email", "country", "age")),
    subject=SubjectSpec(identity=IdentityKind("crm.customer_id"), field=FieldName("id")),
)
LIST = Route(
    method="GET",
    template="/crm/customers",
    operation="read",
    dataset=CUSTOMERS,
    answer=AnswerShape(kind="array"),
    parameters={
        "email": FilterParameter(FieldName("email")),
        "country": FilterParameter(FieldName("country")),
        "age_from": FilterParameter(FieldName("age"), Comparison.AT_LEAST, bands=True),
        "limit": LimitParameter(most=500, default=50),
        "offset": OffsetParameter(),
        "sort": SortParameter((FieldName("id"), FieldName("age"))),
        "fields": FieldsParameter(),
    },
)
ONE = Route(
    method="GET",
    template="/crm/customers/{id}",
    operation="read",
    dataset=CUSTOMERS,
    answer=AnswerShape(kind="record"),
    parameters={"id": FilterParameter(FieldName("id"))},
)
