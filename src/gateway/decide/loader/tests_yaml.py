# SPDX-License-Identifier: Apache-2.0
"""``tests/*.yaml``: cases that the rules must decide as told; ``gateway check`` runs them.

A case says what comes of fields (``expect``) or the reason of the refusal (``refused``), never both.
Filters are written as the log writes them: ``country eq``, ``age eq bands``, ``sort -balance``; a
field alone means equality.
"""

from collections.abc import Mapping

import msgspec

from gateway.decide.loader.fields import Fields, check_field
from gateway.decide.loader.grammar.problems import Said, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.decide.loader.vocabulary import check_use
from gateway.decide.rules import RuleTest
from gateway.domain.catalog import Catalog, FieldSpec
from gateway.domain.decision import Reason
from gateway.domain.names import DatasetName, FieldName, PurposeKey, RecipientId, RoleName
from gateway.domain.parameters import Comparison
from gateway.domain.principal import Assurance
from gateway.domain.treatment import Chain, ChainName, Family

REASONS = tuple(reason.value for reason in Reason)
WORDS = tuple(family.value for family in Family)


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What cases are checked against; ``None`` where a file was not readable."""

    catalog: Catalog | None
    chains: Mapping[ChainName, Chain]
    purposes: frozenset[PurposeKey]
    recipients: frozenset[RecipientId]
    roles: frozenset[str] | None


def read_tests(top: Reader, file: str, around: Surroundings) -> tuple[RuleTest, ...]:
    """Return the cases of one file."""
    found: dict[str, RuleTest] = {}
    for reader in top.tables("tests", required=True):
        case = _case(reader, file, around)
        if case.name in found:
            reader.problems.tell(
                reader.place("name"), f"a second case {quoted(case.name)}; first in line {found[case.name].line}"
            )
        found[case.name] = case
    top.close()
    return tuple(found.values())


def _case(reader: Reader, file: str, around: Surroundings) -> RuleTest:
    dataset = DatasetName(reader.text("dataset"))
    fields = _fields_of(reader, dataset, around)
    refused = reader.word("refused", REASONS, default="") or None
    case = RuleTest(
        name=reader.text("name"),
        file=file,
        line=reader.place().line,
        role=RoleName(_known(reader, "role", around.roles, refused=refused)),
        recipient=RecipientId(_known(reader, "recipient", around.recipients or None)),
        assurance=Assurance(reader.number("assurance", least=0, most=4)),
        dataset=dataset,
        purpose=_purpose(reader, around, refused),
        operation=reader.text("operation", default="read"),
        at_us=reader.instant("at"),
        fields=_named(reader, fields) if reader.has("fields") else None,
        filters=tuple(_filter(said, reader, fields) for said in reader.texts("filters")),
        expect=_expect(reader, fields, around),
        refused=refused,
    )
    if bool(case.expect) == reader.has("refused"):
        reader.problems.tell(reader.place(), "a case says either `expect` or `refused`")
    reader.close()
    return case


def _fields_of(reader: Reader, dataset: DatasetName, around: Surroundings) -> Fields | None:
    if around.catalog is None or not dataset:
        return None
    collection = around.catalog.collections.get(dataset)
    if collection is None:
        message = f"unknown dataset {quoted(dataset)}{suggestion(dataset, [*around.catalog.collections])}"
        reader.problems.tell(reader.place("dataset"), message)
        return None
    return {spec.name: spec for spec in collection.fields}


def _known(
    reader: Reader, key: str, known: frozenset[str] | frozenset[RecipientId] | None, *, refused: str | None = None
) -> str:
    word = reader.text(key)
    if word and known is not None and word not in known and refused is None:
        reader.problems.tell(reader.place(key), f"unknown {key} {quoted(word)}{suggestion(word, sorted(known))}")
    return word


def _purpose(reader: Reader, around: Surroundings, refused: str | None) -> PurposeKey:
    said = Said(reader.text("purpose"), reader.place("purpose"))
    if refused is None and around.purposes and said.text not in around.purposes:
        message = f"purpose {quoted(said.text)} is not declared{suggestion(said.text, sorted(around.purposes))}"
        reader.problems.tell(said.place, message)
        return PurposeKey(said.text)
    return PurposeKey(check_use(said, reader.problems))


def _named(reader: Reader, fields: Fields | None) -> tuple[FieldName, ...]:
    said = reader.texts("fields", required=True)
    return tuple(check_field(one, fields, reader.problems) if fields else FieldName(one.text) for one in said)


def _filter(said: Said, reader: Reader, fields: Fields | None) -> str:
    words = said.text.split(" ")
    if words[0] == "sort" and len(words) == 2:
        field, normal = words[1].removeprefix("-"), said.text
    else:
        field, comparison, bands = words[0], (words[1] if len(words) > 1 else "eq"), words[2:]
        normal = " ".join((field, comparison, *bands))
        if comparison not in tuple(Comparison) or bands not in ([], ["bands"]):
            message = (
                f"{quoted(said.text)} is no filter; write `<field> <comparison>`, `<field> eq bands` or `sort <field>`"
            )
            reader.problems.tell(said.place, message)
    if fields is not None:
        check_field(Said(field, said.place), fields, reader.problems)
    return normal


def _expect(reader: Reader, fields: Fields | None, around: Surroundings) -> dict[FieldName, str]:
    expected: dict[FieldName, str] = {}
    for said, word in reader.text_entries("expect"):
        name = check_field(said, fields, reader.problems) if fields is not None else FieldName("")
        if name and fields is not None:
            _check_word(said, word, fields[name], reader, around)
        expected[FieldName(said.text)] = word
    return expected


def _check_word(said: Said, word: str, spec: FieldSpec, reader: Reader, around: Surroundings) -> None:
    chain = around.chains.get(spec.chain)
    known = [*WORDS, *(chain.rungs if chain else ())]
    if chain is not None and word not in known:
        message = f"field {quoted(said.text)}: {quoted(word)} is no word for what leaves by chain {quoted(chain.name)}"
        reader.problems.tell(said.place, message + suggestion(word, known))
