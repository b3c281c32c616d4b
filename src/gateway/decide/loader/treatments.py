# SPDX-License-Identifier: Apache-2.0
"""``treatments.yaml``: the chains, which chain a field has by default, and the assurance rules.

Whether each rung of a chain can really be computed from the one above is for the treatments' own code
to say; it is handed in as ``check_chain`` and asked with the chain's sample values.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from gateway.decide.loader.grammar.problems import Place, Said, choices, quoted
from gateway.decide.loader.grammar.reading import Reader
from gateway.decide.loader.grammar.yaml_nodes import Table
from gateway.decide.loader.rungs import CEILINGS, read_rung
from gateway.decide.loader.vocabulary import check_category
from gateway.decide.rules import AssuranceRule
from gateway.domain.catalog import FieldType, Form, SurrogateKind
from gateway.domain.names import CategoryKey, is_key, is_under
from gateway.domain.principal import Assurance
from gateway.domain.treatment import DROP, REVEAL, Chain, ChainName, Rung, family_of

CheckChain = Callable[[Chain, Sequence[str | int]], Sequence[str]]
"""Returns a sentence for each way in which samples show that a chain is none."""

TYPES = tuple(kind.value for kind in FieldType)
FORMS = tuple(form.value for form in Form)
SURROGATES = tuple(kind.value for kind in SurrogateKind)


class Default(msgspec.Struct, frozen=True, kw_only=True):
    """Chain, form and surrogate of the fields of a category, a type, or both; empty means any."""

    category: str
    type: str
    chain: ChainName
    form: Form
    surrogate: SurrogateKind


class PlacedAssurance(msgspec.Struct, frozen=True):
    """An assurance rule and where it stands."""

    rule: AssuranceRule
    place: Place


class Treatments(msgspec.Struct, frozen=True, kw_only=True):
    """What ``treatments.yaml`` says."""

    chains: Mapping[ChainName, Chain]
    defaults: tuple[Default, ...]
    assurance: tuple[PlacedAssurance, ...]

    def default_for(self, category: str, type_: str) -> Default | None:
        """Return the default that fits best.

        Free text goes by its type, whatever it is about. All else goes by the longest category, and of
        two for one category by the one that names the type: a phone sent as a number stays a phone.
        """
        fitting = [
            default
            for default in self.defaults
            if default.type in ("", type_) and (not default.category or is_under(category, default.category))
        ]
        is_free = FieldType.FREE_TEXT.value
        order = [(default.type == is_free, len(default.category), bool(default.type)) for default in fitting]
        return fitting[order.index(max(order))] if fitting else None


def read_treatments(top: Reader, check_chain: CheckChain) -> Treatments:
    """Return the chains, defaults and assurance rules of ``treatments.yaml``."""
    chains = _chains(top, check_chain)
    defaults = tuple(_default(reader, chains) for reader in top.tables("defaults", required=True))
    _tell_twice(top, defaults)
    assurance = tuple(rule for reader in top.tables("assurance") for rule in _assurance(reader, chains))
    top.close()
    return Treatments(chains=chains, defaults=defaults, assurance=assurance)


def _chains(top: Reader, check_chain: CheckChain) -> dict[ChainName, Chain]:
    chains: dict[ChainName, Chain] = {}
    for name, node in top.entries("chains", required=True):
        if not is_key(name.text):
            top.problems.tell(name.place, f"{quoted(name.text)} is no name for a chain")
        if not isinstance(node, Table):
            top.problems.tell(name.place, f"chain {quoted(name.text)} needs `rungs` and `samples`")
            continue
        reader = Reader(node, top.problems)
        chain = Chain(ChainName(name.text), _rungs(reader))
        samples = reader.samples("samples")
        reader.close()
        chains[chain.name] = chain
        if chain.rungs and samples:
            for sentence in check_chain(chain, samples):
                top.problems.tell(name.place, f"chain {quoted(name.text)}: {sentence}")
    return chains


def _rungs(reader: Reader) -> tuple[Rung, ...]:
    said = reader.texts("rungs", required=True)
    rungs = tuple(Rung(rung.text) for rung in said)
    place = reader.place("rungs")
    if rungs and (rungs[0] != DROP or rungs[-1] != REVEAL):
        reader.problems.tell(place, "`rungs` must run from `drop` to `reveal`, lowest first")
    for rung in said[1:-1]:
        if family_of(Rung(rung.text)) not in ("mask", "generalise") or not is_key(rung.text):
            message = (
                f"rung {quoted(rung.text)} belongs to no family; between the ends stand `mask.…` and `generalise.…`"
            )
            reader.problems.tell(rung.place, message)
    return rungs


def _default(reader: Reader, chains: Mapping[ChainName, Chain]) -> Default:
    category = reader.text("category", default="")
    check_category(Said(category, reader.place("category")), reader.problems)
    type_ = reader.word("type", TYPES, default="")
    if not category and not type_:
        reader.problems.tell(reader.place(), "a default needs a `category` or a `type`")
    default = Default(
        category=category,
        type=type_,
        chain=ChainName(reader.word("chain", tuple(chains))),
        form=Form(reader.word("form", FORMS) or Form.TEXT),
        surrogate=SurrogateKind(reader.word("surrogate", SURROGATES) or SurrogateKind.HMAC),
    )
    reader.close()
    return default


def _tell_twice(top: Reader, defaults: tuple[Default, ...]) -> None:
    keys = [(default.category, default.type) for default in defaults]
    for place_in_list, key in enumerate(keys):
        if key in keys[:place_in_list]:
            names = choices(word for word in key if word)
            top.problems.tell(top.tables("defaults")[place_in_list].place(), f"a second default for {names}")


def _assurance(reader: Reader, chains: Mapping[ChainName, Chain]) -> list[PlacedAssurance]:
    many = reader.texts("categories") if reader.has("categories") else ()
    one = reader.text("category", default="")
    said = (*many, *((Said(one, reader.place("category")),) if one else ()))
    if not said:
        reader.problems.tell(reader.place(), "an assurance rule needs a `category` or `categories`")
    level = Assurance(reader.number("level", least=1, most=4))
    otherwise = read_rung(reader, "otherwise", chains)
    link = reader.flag("otherwise_link")
    reader.close()
    if otherwise == REVEAL:
        reader.problems.tell(
            reader.place("otherwise"), f"`otherwise` takes nothing away; expected less of {choices(CEILINGS)}"
        )
    return [
        PlacedAssurance(
            AssuranceRule(
                category=CategoryKey(check_category(category, reader.problems)),
                level=level,
                otherwise=otherwise,
                otherwise_link=link,
            ),
            category.place,
        )
        for category in said
    ]
