# SPDX-License-Identifier: Apache-2.0
"""``datasets/*.yaml``: Fides dataset files, with what the gateway needs beside under ``gateway:``.

What Fides knows and we do not use is listed and passed over; every other key is an error. Categories
said of a dataset or a collection hold for all its fields, as in Fides; a field's own come first, and the
first one chooses its default treatment.
"""

import msgspec

from gateway.decide.loader.datasets.at_rest import check_at_rest, check_erasable, read_at_rest
from gateway.decide.loader.datasets.linking import check_links, domain_of, read_links
from gateway.decide.loader.datasets.routes import PlacedRoute, read_routes
from gateway.decide.loader.datasets.sends import check_found
from gateway.decide.loader.fields import Fields, read_field
from gateway.decide.loader.grammar.problems import Place, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.decide.loader.grammar.yaml_nodes import Table
from gateway.decide.loader.treatments import FORMS, SURROGATES, TYPES, Treatments
from gateway.decide.loader.vocabulary import check_category, check_use, vocabulary
from gateway.domain.catalog import Collection, FieldSpec, FieldType, Form, SubjectSpec, SurrogateKind
from gateway.domain.names import CategoryKey, DatasetName, FieldName, IdentityKind, ancestors, is_field_name, is_key
from gateway.domain.principal import Assurance
from gateway.domain.treatment import ChainName

FIDES_TYPES = {
    "string": "text",
    "object_id": "text",
    "integer": "integer",
    "float": "decimal",
    "boolean": "boolean",
}
"""Fides' ``data_type`` in our words. Fides has no dates and no free text: those say ``gateway.type``."""

FIDES_ANY = ("description", "data_subjects", "data_uses", "data_purposes", "fidesops_meta", "meta")
FIDES_DATASET = (*FIDES_ANY, "organization_fides_key", "tags", "name", "fides_meta")
FIDES_COLLECTION = (*FIDES_ANY, "fides_meta")
FIDES_FIELD_META = (
    "references",
    "identity",
    "primary_key",
    "length",
    "return_all_elements",
    "read_only",
    "custom_request_field",
    "masking_strategy_override",
    "redact",
)
"""Keys that Fides reads and we pass over (fideslang 3.1, models Dataset, DatasetCollection, DatasetField)."""


class PlacedCollection(msgspec.Struct, frozen=True, kw_only=True):
    """A collection, its routes, and where they stand."""

    collection: Collection
    routes: tuple[PlacedRoute, ...]
    place: Place


def read_datasets(top: Reader, treatments: Treatments | None) -> tuple[PlacedCollection, ...]:
    """Return the collections of one file."""
    found: list[PlacedCollection] = []
    for dataset in top.tables("dataset", required=True):
        found += _dataset(dataset, treatments)
    top.close()
    return tuple(found)


def _dataset(reader: Reader, treatments: Treatments | None) -> list[PlacedCollection]:
    store = reader.text("fides_key")
    if store and (not is_key(store) or "." in store or store.startswith("-")):
        reader.problems.tell(
            reader.place("fides_key"), f"{quoted(store)} is no name for a store: letters, digits, `_` and `-`"
        )
    shared = _categories(reader)
    _check_words(reader)
    found = [_collection(inner, store, shared, treatments) for inner in reader.tables("collections", required=True)]
    reader.close(FIDES_DATASET)
    return found


def _collection(
    reader: Reader, store: str, shared: tuple[CategoryKey, ...], treatments: Treatments | None
) -> PlacedCollection:
    name = reader.text("name")
    if name and (not is_key(name) or "." in name):
        reader.problems.tell(reader.place("name"), f"{quoted(name)} is no name for a collection")
    dataset = DatasetName(f"{store}.{name}")
    shared = (*shared, *_categories(reader))
    _check_words(reader)
    specs = _fields(reader, "", dataset, shared, treatments)
    fields = {spec.name: spec for spec in specs}
    ours = reader.table_of("gateway", required=True)
    reader.close(FIDES_COLLECTION)
    if ours is None:
        return PlacedCollection(
            collection=Collection(dataset=dataset, fields=specs, subject=None), routes=(), place=reader.place()
        )
    birth_date, region = _row(ours, fields)
    collection = Collection(
        dataset=dataset,
        fields=specs,
        subject=_subject(ours, fields),
        birth_date=birth_date,
        region=region,
        assurance=Assurance(ours.number("assurance", least=1, most=4, default=0)),
        erasable=ours.flag("erasable", default=False),
    )
    routes = read_routes(ours, store, collection, treatments.chains if treatments else {})
    check_at_rest(ours, collection, routes)
    check_links(ours, collection, is_about_nobody=_is_about_nobody(ours))
    check_found(collection, [(placed.route, placed.place) for placed in routes], reader.problems)
    check_erasable(ours, collection)
    ours.close()
    return PlacedCollection(collection=collection, routes=routes, place=reader.place())


def _fields(
    reader: Reader, prefix: str, dataset: DatasetName, shared: tuple[CategoryKey, ...], treatments: Treatments | None
) -> tuple[FieldSpec, ...]:
    found: dict[str, FieldSpec] = {}
    objects: set[str] = set()
    for inner in reader.tables("fields", required=True):
        for spec in _field(inner, prefix, dataset, shared, treatments):
            if spec.name in found:
                reader.problems.tell(inner.place("name"), f"a second field {quoted(spec.name)}")
            around = ancestors(spec.name)[1:]
            objects.update(around)
            if not prefix and (spec.name in objects or not found.keys().isdisjoint(around)):
                message = f"{quoted(spec.name)} and another field would make one name a value and an object"
                reader.problems.tell(inner.place("name"), message)
            found[spec.name] = spec
    return tuple(found.values())


def _field(
    reader: Reader, prefix: str, dataset: DatasetName, shared: tuple[CategoryKey, ...], treatments: Treatments | None
) -> tuple[FieldSpec, ...]:
    name = reader.text("name")
    if name and not is_field_name(name):
        reader.problems.tell(
            reader.place("name"),
            f"{quoted(name)} is no name for a field: letters and digits of any script, `_`, `-` and dots",
        )
    categories = tuple(dict.fromkeys((*_categories(reader), *shared)))
    _check_words(reader)
    if reader.has("fields"):
        nested = _fields(reader, f"{prefix}{name}.", dataset, categories, treatments)
        # What `gateway` said of an object, such as `reviewed: no`, would hold for none of its fields.
        reader.close(FIDES_COLLECTION)
        return nested
    if not categories:
        reader.problems.tell(reader.place(), f"field {quoted(name)} has no `data_categories`")
    spec = _spec(reader, FieldName(prefix + name), dataset, categories, treatments)
    reader.close(FIDES_COLLECTION)
    return (spec,)


def _spec(
    reader: Reader,
    name: FieldName,
    dataset: DatasetName,
    categories: tuple[CategoryKey, ...],
    treatments: Treatments | None,
) -> FieldSpec:
    meta = reader.table_of("fides_meta")
    data_type = meta.text("data_type", default="") if meta else ""
    ours = reader.table_of("gateway")
    type_ = ours.word("type", TYPES, default="") if ours else ""
    type_ = type_ or _from_fides(reader, meta, name, data_type)
    if meta:
        meta.close(FIDES_FIELD_META)
    default = treatments.default_for(categories[0] if categories else "", type_) if treatments else None
    chains = tuple(treatments.chains) if treatments else ()
    chain = ours.text("chain", default="") if ours else ""
    form = ours.word("form", FORMS, default="") if ours else ""
    surrogate = ours.word("surrogate", SURROGATES, default="") if ours else ""
    if treatments and chain and ours and chain not in chains:
        message = f"unknown chain {quoted(chain)}{suggestion(chain, chains)}"
        reader.problems.tell(ours.place("chain"), message)
    if treatments and not default and not (chain and form and surrogate) and categories and type_:
        message = f"field {quoted(name)}: treatments.yaml has no default for {quoted(categories[0])}"
        reader.problems.tell(reader.place(), message)
    at_rest, domain = read_at_rest(ours, name, type_) if ours else (None, "")
    links = read_links(ours, name, categories, type_, at_rest) if ours else None
    identifies = ours.flag("identifies", default=False) if ours else False
    reviewed = ours.flag("reviewed", default=True) if ours else True
    if ours:
        ours.close()
    spec = FieldSpec(
        name=name,
        type=FieldType(type_ or "text"),
        categories=categories,
        chain=ChainName(chain or (default.chain if default else "")),
        form=Form(form or (default.form if default else "text")),
        surrogate=SurrogateKind(surrogate or (default.surrogate if default else "hmac")),
        join_domain=domain_of(domain, f"{dataset}.{name}", links),
        at_rest=at_rest,
        links=links,
        identifies=identifies,
        reviewed=reviewed,
    )
    if treatments:
        _check_free_text(reader, spec, treatments)
    return spec


def _from_fides(reader: Reader, meta: Reader | None, name: str, data_type: str) -> str:
    if not data_type:
        reader.problems.tell(
            reader.place(), f"field {quoted(name)} has no type: say `fides_meta.data_type` or `gateway.type`"
        )
        return ""
    place = meta.place("data_type") if meta else reader.place()
    if data_type not in FIDES_TYPES:
        message = (
            f"field {quoted(name)}: data type {quoted(data_type)} is not carried{suggestion(data_type, FIDES_TYPES)}"
        )
        reader.problems.tell(place, message)
    return FIDES_TYPES.get(data_type, "")


def _check_free_text(reader: Reader, spec: FieldSpec, treatments: Treatments) -> None:
    """Free text may hold anything, so it must be able to leave as less than itself."""
    chain = treatments.chains.get(spec.chain)
    if spec.type is FieldType.FREE_TEXT and chain is not None and chain.level_of("mask") is None:
        reader.problems.tell(
            reader.place(), f"field {quoted(spec.name)} is free text, but its chain {quoted(spec.chain)} has no mask"
        )


def _categories(reader: Reader) -> tuple[CategoryKey, ...]:
    return tuple(CategoryKey(check_category(said, reader.problems)) for said in reader.texts("data_categories"))


def _check_words(reader: Reader) -> None:
    """Check the words of the vocabulary that are kept for documents and decide nothing."""
    for key in ("data_uses", "data_purposes"):
        for said in reader.texts(key):
            check_use(said, reader.problems)
    for said in reader.texts("data_subjects"):
        known = vocabulary().subjects
        if said.text not in known:
            reader.problems.tell(
                said.place, f"unknown data subject {quoted(said.text)}{suggestion(said.text, sorted(known))}"
            )


def _subject(ours: Reader, fields: Fields) -> SubjectSpec | None:
    if ours.has("subject") and not _is_table(ours, "subject"):
        word = ours.word("subject", ("none",))
        if word and not ours.flag("reviewed", default=False):
            message = "`subject: none` says that no row is about a person; somebody must have looked: `reviewed: yes`"
            ours.problems.tell(ours.place("subject"), message)
        return None
    inner = ours.table_of("subject", required=True)
    if inner is None:
        return None
    identity = inner.text("identity")
    if identity and not is_key(identity):
        inner.problems.tell(inner.place("identity"), f"{quoted(identity)} is no kind of identity")
    field = read_field(inner, "field", fields)
    inner.close()
    if field and fields[field].type not in (FieldType.TEXT, FieldType.INTEGER):
        inner.problems.tell(
            inner.place("field"), f"{quoted(field)} is {fields[field].type}; a subject key is text or integer"
        )
    return SubjectSpec(identity=IdentityKind(identity), field=FieldName(field))


def _is_about_nobody(ours: Reader) -> bool:
    """Tell whether it is said, as it has to be, that no row is about a person."""
    said = ours.has("subject") and not _is_table(ours, "subject") and ours.text("subject") == "none"
    return said and ours.flag("reviewed", default=False)


def _is_table(reader: Reader, key: str) -> bool:
    return isinstance(reader.table.nodes[key], Table)


def _row(ours: Reader, fields: Fields) -> tuple[FieldName | None, FieldName | None]:
    inner = ours.table_of("row")
    if inner is None:
        return None, None
    birth_date = read_field(inner, "birth_date", fields, FieldType.DATE) if inner.has("birth_date") else ""
    region = read_field(inner, "region", fields, FieldType.TEXT) if inner.has("region") else ""
    inner.close()
    return _known(birth_date, fields), _known(region, fields)


def _known(name: FieldName | str, fields: Fields) -> FieldName | None:
    """Return the field of a row condition; one that nobody confirmed tells nothing, so age or country is unknown."""
    field = fields.get(FieldName(name))
    return field.name if field is not None and field.reviewed else None
