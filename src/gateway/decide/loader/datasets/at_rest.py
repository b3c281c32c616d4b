# SPDX-License-Identifier: Apache-2.0
"""What a dataset says of fields at rest: read, and held against what else it says of them."""

from gateway.decide.loader.datasets.routes import PlacedRoute
from gateway.decide.loader.grammar.problems import quoted
from gateway.decide.loader.grammar.reading import Reader
from gateway.domain.catalog import AtRest, Collection, FieldType
from gateway.domain.parameters import Comparison, SortParameter, filters_of

KINDS_AT_REST = tuple(str(one) for one in AtRest)
SEPARATOR = "/"
"""Between the words of a key's label: ``vault/x/lookup`` is of the domain ``x``, and of no other."""
BY_EQUALITY = (Comparison.EQUAL, Comparison.IN)


def read_at_rest(ours: Reader, name: str, type_: str) -> tuple[AtRest | None, str]:
    """Return what the store holds in the field's place, and the join domain, as far as it is said."""
    domain = ours.text("join_domain", default="")
    _check_label(ours, "join_domain", domain)
    inner = ours.table_of("at_rest")
    if inner is None:
        return None, domain
    said = inner.text("domain")
    _check_label(inner, "domain", said)
    kind = inner.word("kind", KINDS_AT_REST)
    inner.close()
    if domain and said and domain != said:
        message = f"field {quoted(name)}: `at_rest.domain` is its join domain, and `join_domain` says another"
        ours.problems.tell(ours.place("join_domain"), message)
    if type_ and type_ != FieldType.TEXT:
        message = f"field {quoted(name)} is {type_}; only a store's text can hold a surrogate at rest"
        ours.problems.tell(ours.place("at_rest"), message)
    return (AtRest(kind) if kind else None), said or domain


def _check_label(reader: Reader, key: str, domain: str) -> None:
    """Tell of a join domain that could not be told from another by the labels of their keys."""
    if SEPARATOR in domain:
        message = f"the join domain {quoted(domain)} has a {quoted(SEPARATOR)} in it, which parts the labels of keys"
        reader.problems.tell(reader.place(key), message)


def check_at_rest(ours: Reader, collection: Collection, routes: tuple[PlacedRoute, ...]) -> None:
    """Tell what cannot be asked of a field of which the store holds surrogates, or known from it."""
    at_rest = {spec.name for spec in collection.fields if spec.at_rest is not None}
    known = {"the subject": collection.subject and collection.subject.field, "a row condition": collection.birth_date}
    for what, field in (*known.items(), ("a row condition", collection.region)):
        if field in at_rest:
            message = f"{quoted(field)} is {what}, which is read of every row: it cannot be at rest"
            ours.problems.tell(ours.place(), message)
    for placed in routes:
        for parameter in placed.route.every_parameter:
            asked = {one.field for one in filters_of(parameter) if one.comparison not in BY_EQUALITY or one.bands}
            asked |= set(parameter.fields) if isinstance(parameter, SortParameter) else set()
            for field in sorted(asked & at_rest):
                message = f"{quoted(field)} is at rest: a store can compare surrogates for equality alone"
                ours.problems.tell(placed.place, message)


def check_erasable(ours: Reader, collection: Collection) -> None:
    """Tell each field that identifies somebody directly and would outlive an erasure; the subject's own apart."""
    subject = collection.subject.field if collection.subject is not None else None
    for spec in collection.fields if collection.erasable else ():
        if spec.identifies and spec.name != subject and spec.at_rest is not AtRest.VAULT:
            message = (
                f"{quoted(spec.name)} identifies somebody and the collection is `erasable`: "
                "it must be `at_rest` of kind `vault`, or erasing somebody would leave it readable"
            )
            ours.problems.tell(ours.place("erasable"), message)
