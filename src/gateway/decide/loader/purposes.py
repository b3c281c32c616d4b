# SPDX-License-Identifier: Apache-2.0
"""``purposes.yaml``: what data may be used for. A purpose that is not declared does not exist.

``ground`` is one word for all people. Where a regime of the installation does not know that ground
(PIPL Art. 13 has no legitimate interests), a note says so.
"""

from collections.abc import Mapping

import msgspec

from gateway.decide.layers.collecting import COLLECTING
from gateway.decide.loader.budgets import MOST_COUNTED, counted_in_class, read_budgets
from gateway.decide.loader.grammar.problems import Place, Said, choices, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.decide.loader.regimes import GROUNDS, PlacedRegime
from gateway.decide.loader.rungs import read_rung
from gateway.decide.loader.vocabulary import check_category, check_use
from gateway.domain.catalog import REVEAL, WITHOUT_ROUTE, Catalog
from gateway.domain.names import CategoryKey, DatasetName, PurposeKey, is_key, is_under
from gateway.domain.purpose import CategoryCeiling, Ground, PurposeRule
from gateway.domain.treatment import Chain, ChainName

DUTIES = (Ground.LEGAL_OBLIGATION, Ground.VITAL_INTERESTS)
"""Grounds under which a person cannot object (GDPR Art. 21(1) speaks of 6(1)(e) and (f); 21(2) of marketing)."""


class PlacedPurpose(msgspec.Struct, frozen=True):
    """A purpose and where it stands."""

    rule: PurposeRule
    place: Place


def read_purposes(
    top: Reader,
    chains: Mapping[ChainName, Chain],
    catalog: Catalog | None,
    regimes: Mapping[str, PlacedRegime],
) -> dict[PurposeKey, PlacedPurpose]:
    """Return the declared purposes by key."""
    found: dict[PurposeKey, PlacedPurpose] = {}
    for reader in top.tables("purposes", required=True):
        rule = _purpose(reader, chains, catalog, regimes)
        if rule.key in found:
            reader.problems.tell(
                reader.place("key"), f"a second purpose {quoted(rule.key)}; first in line {found[rule.key].place.line}"
            )
        found[rule.key] = PlacedPurpose(rule, reader.place())
    top.close()
    return {key: _counted(placed, found) for key, placed in found.items()}


def _counted(placed: PlacedPurpose, found: Mapping[PurposeKey, PlacedPurpose]) -> PlacedPurpose:
    """Return a purpose that knows what is counted for all purposes of its key class."""
    counted = counted_in_class(placed.rule.key_class, (other.rule for other in found.values()))
    return PlacedPurpose(msgspec.structs.replace(placed.rule, counted=counted), placed.place)


def _purpose(
    reader: Reader, chains: Mapping[ChainName, Chain], catalog: Catalog | None, regimes: Mapping[str, PlacedRegime]
) -> PurposeRule:
    key = PurposeKey(check_use(Said(reader.text("key"), reader.place("key")), reader.problems))
    ground = Ground(reader.word("ground", GROUNDS) or Ground.CONSENT)
    from_us, until_us = read_interval(reader)
    rule = PurposeRule(
        key=key,
        title=read_title(reader),
        ground=ground,
        owner=reader.text("owner"),
        categories=_ceilings(reader, chains),
        operations=_operations(reader, catalog),
        datasets=tuple(_dataset(said, reader, catalog) for said in reader.texts("datasets")),
        needs_reference=reader.flag("needs_reference", default=False),
        needs_consent=ground is Ground.CONSENT,
        honours_objection=_objection(reader, ground),
        key_class=_key_class(reader, key),
        from_us=from_us,
        until_us=until_us,
        budgets=read_budgets(reader),
        collects=_collects(reader),
        second_person_above=_second_person_above(reader),
    )
    reader.close()
    _check_collects(reader, rule)
    _check_reveal(reader, rule)
    _note_grounds(reader, ground, regimes)
    return rule


def read_title(reader: Reader) -> tuple[tuple[str, str], ...]:
    """Return the sentence that callers read, by language tag; English is required."""
    titles = reader.text_entries("title", required=True)
    if titles and "en" not in {tag.text for tag, _ in titles}:
        reader.problems.tell(reader.place("title"), "`title` needs a sentence in English: `en`")
    for tag, _ in titles:
        if not is_key(tag.text) or not 2 <= len(tag.text.partition("-")[0]) <= 3:
            reader.problems.tell(tag.place, f"{quoted(tag.text)} is no language tag")
    return tuple((tag.text, sentence) for tag, sentence in titles)


def read_interval(reader: Reader) -> tuple[int | None, int | None]:
    """Return ``from`` and ``until``, telling a problem if nothing lies between them."""
    from_us, until_us = reader.instant("from"), reader.instant("until")
    if from_us is not None and until_us is not None and from_us >= until_us:
        reader.problems.tell(reader.place("until"), "`until` is not after `from`: never in force")
    return from_us, until_us


def _ceilings(reader: Reader, chains: Mapping[ChainName, Chain]) -> tuple[CategoryCeiling, ...]:
    found: dict[CategoryKey, CategoryCeiling] = {}
    for inner in reader.tables("categories", required=True):
        category = CategoryKey(check_category(Said(inner.text("category"), inner.place("category")), inner.problems))
        ceiling = CategoryCeiling(category=category, rung=read_rung(inner, "rung", chains), link=inner.flag("link"))
        inner.close()
        if category in found:
            inner.problems.tell(inner.place(), f"a second ceiling for {quoted(category)}")
        found[category] = ceiling
    return tuple(found.values())


def _collects(reader: Reader) -> tuple[CategoryKey, ...]:
    """Return the collection whitelist: categories that may be written, with all below them."""
    found: dict[CategoryKey, None] = {}
    for said in reader.texts("collects"):
        category = CategoryKey(check_category(said, reader.problems))
        if category in found:
            reader.problems.tell(said.place, f"{quoted(category)} stands twice in `collects`")
        found[category] = None
    return tuple(found)


def _check_collects(reader: Reader, rule: PurposeRule) -> None:
    writes = [operation for operation in rule.operations if operation in COLLECTING]
    if writes and not rule.collects:
        message = f"`operations` has {choices(writes)}, but without `collects` no field could be written"
        reader.problems.tell(reader.place("operations"), message)
    if rule.collects and not writes:
        message = f"`collects` means nothing without {' or '.join(f'`{one}`' for one in COLLECTING)} in `operations`"
        reader.problems.tell(reader.place("collects"), message)


def _second_person_above(reader: Reader) -> int | None:
    """Return how many surrogates may be revealed in a day before a second person has to approve."""
    inner = reader.table_of("reveal")
    if inner is None:
        return None
    most = inner.number("second_person_above", least=0, most=MOST_COUNTED)
    inner.close()
    return most


def _check_reveal(reader: Reader, rule: PurposeRule) -> None:
    reveals = REVEAL in rule.operations
    if reveals and rule.second_person_above is None:
        message = "`operations` has `reveal`: say from where on a second person approves, `reveal: {second_person_above: 100}`"
        reader.problems.tell(reader.place("operations"), message)
    if rule.second_person_above is not None and not reveals:
        reader.problems.tell(reader.place("reveal"), "`reveal` means nothing without `reveal` in `operations`")


def _operations(reader: Reader, catalog: Catalog | None) -> tuple[str, ...]:
    said = reader.texts("operations", required=True)
    known = {*(route.operation for route in catalog.routes), *WITHOUT_ROUTE} if catalog else set()
    for operation in said:
        if catalog and operation.text not in known:
            message = f"no route has the operation {quoted(operation.text)}{suggestion(operation.text, sorted(known))}"
            reader.problems.tell(operation.place, message)
    return tuple(operation.text for operation in said)


def _dataset(said: Said, reader: Reader, catalog: Catalog | None) -> DatasetName:
    if catalog and not is_known_dataset(said.text, catalog):
        message = f"unknown dataset {quoted(said.text)}{suggestion(said.text, [*catalog.collections])}"
        reader.problems.tell(said.place, message)
    return DatasetName(said.text)


def is_known_dataset(name: str, catalog: Catalog) -> bool:
    """Tell whether a collection, or a store with collections, has the name."""
    return any(is_under(dataset, name) for dataset in catalog.collections)


def _objection(reader: Reader, ground: Ground) -> bool:
    honours = reader.flag("honours_objection", default=ground not in DUTIES)
    if not honours and ground not in DUTIES:
        message = f"objections may be passed over only for duties of law, not where the ground is `{ground}`"
        reader.problems.tell(reader.place("honours_objection"), message)
    return honours


def _key_class(reader: Reader, key: str) -> str:
    key_class = reader.text("key_class", default=key)
    if key_class and not is_key(key_class):
        reader.problems.tell(reader.place("key_class"), f"{quoted(key_class)} is no key")
    return key_class


def _note_grounds(reader: Reader, ground: Ground, regimes: Mapping[str, PlacedRegime]) -> None:
    for placed in regimes.values():
        if placed.grounds is not None and ground not in placed.grounds:
            message = f"{quoted(placed.regime.id)} does not know the ground `{ground}`: for its people this purpose needs another"
            reader.problems.note(reader.place("ground"), message)
