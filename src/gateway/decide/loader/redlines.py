# SPDX-License-Identifier: Apache-2.0
"""``redlines.yaml``: the table of sensitive categories, and what no role, grant or consent overrides."""

from collections.abc import Mapping

import msgspec

from gateway.decide.loader.grammar.problems import Place, Said, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.decide.loader.purposes import read_title
from gateway.decide.loader.regimes import PlacedRegime
from gateway.decide.loader.rungs import is_nothing, read_rung
from gateway.decide.loader.vocabulary import check_category, check_use
from gateway.decide.rules import AgeCondition, RedLine
from gateway.domain.names import CategoryKey, PurposeKey, is_key, is_under
from gateway.domain.treatment import DROP, Chain, ChainName
from gateway.domain.viewplan import RowEffect

EFFECTS = tuple(effect.value for effect in RowEffect)


class PlacedRedLine(msgspec.Struct, frozen=True):
    """A red line and where it stands."""

    line: RedLine
    place: Place

    def voids(self, category: str, purpose: str) -> bool:
        """Tell whether nothing of the category can leave for the purpose, whoever asks."""
        line = self.line
        return (
            line.age is None
            and is_nothing(line.rung, link=line.link)
            and any(is_under(category, taken) for taken in line.categories)
            and any(is_under(purpose, taken) for taken in line.purposes)
        )


class RedLines(msgspec.Struct, frozen=True, kw_only=True):
    """What ``redlines.yaml`` says."""

    sensitive: tuple[Said, ...]
    lines: tuple[PlacedRedLine, ...]

    @property
    def categories(self) -> tuple[CategoryKey, ...]:
        """The sensitive table without its places."""
        return tuple(CategoryKey(said.text) for said in self.sensitive)


def read_red_lines(
    top: Reader, chains: Mapping[ChainName, Chain], regimes: Mapping[str, PlacedRegime] | None
) -> RedLines:
    """Return the sensitive table and the red lines."""
    sensitive = _sensitive(top)
    found: dict[str, PlacedRedLine] = {}
    for reader in top.tables("red_lines", required=True):
        line = _red_line(reader, sensitive, chains, regimes)
        if line.id in found:
            reader.problems.tell(
                reader.place("id"), f"a second red line {quoted(line.id)}; first in line {found[line.id].place.line}"
            )
        found[line.id] = PlacedRedLine(line, reader.place())
    top.close()
    return RedLines(sensitive=sensitive, lines=tuple(found.values()))


def _sensitive(top: Reader) -> tuple[Said, ...]:
    found: dict[str, Said] = {}
    for reader in top.tables("sensitive", required=True):
        said = Said(reader.text("category"), reader.place("category"))
        check_category(said, reader.problems)
        reader.text("cite")
        reader.close()
        if said.text in found:
            reader.problems.tell(said.place, f"{quoted(said.text)} stands twice in `sensitive`")
        found[said.text] = said
    return tuple(found.values())


def _red_line(
    reader: Reader,
    sensitive: tuple[Said, ...],
    chains: Mapping[ChainName, Chain],
    regimes: Mapping[str, PlacedRegime] | None,
) -> RedLine:
    id_ = reader.text("id")
    if id_ and not is_key(id_):
        reader.problems.tell(reader.place("id"), f"{quoted(id_)} is no key")
    purposes = tuple(PurposeKey(check_use(said, reader.problems)) for said in reader.texts("purposes"))
    third_parties = reader.flag("third_parties", default=False)
    if not purposes and not third_parties:
        reader.problems.tell(
            reader.place(), f"red line {quoted(id_)} holds nowhere: it needs `purposes` or `third_parties: yes`"
        )
    categories = _categories(reader, sensitive)
    age = _age(reader, regimes, categories) if reader.has("age_below") else None
    if age is None and not categories:
        reader.problems.tell(
            reader.place(),
            f"red line {quoted(id_)} takes nothing: it needs `categories`, `sensitive: yes` or `age_below`",
        )
    # With an age, the effect says what becomes of the row; a ceiling beside it would have no meaning.
    rung = DROP if age else read_rung(reader, "rung", chains, default=DROP)
    link = False if age else reader.flag("link", default=False)
    line = RedLine(
        id=id_,
        categories=categories,
        purposes=purposes,
        third_parties=third_parties,
        rung=rung,
        link=link,
        age=age,
        title=read_title(reader),
        cite=reader.text("cite"),
    )
    reader.close()
    return line


def _categories(reader: Reader, sensitive: tuple[Said, ...]) -> tuple[CategoryKey, ...]:
    own = tuple(CategoryKey(check_category(said, reader.problems)) for said in reader.texts("categories"))
    if not reader.flag("sensitive", default=False):
        return own
    return tuple(dict.fromkeys((*(CategoryKey(said.text) for said in sensitive), *own)))


def _age(
    reader: Reader, regimes: Mapping[str, PlacedRegime] | None, categories: tuple[CategoryKey, ...]
) -> AgeCondition:
    effect = RowEffect(reader.word("effect", EFFECTS) or RowEffect.WITHHOLD)
    if (effect is RowEffect.BLANK) != bool(categories):
        message = f"the effect `{effect}` takes {'fields: name their `categories`' if not categories else 'the whole row: no `categories`'}"
        reader.problems.tell(reader.place("effect"), message)
    inner = reader.table_of("age_below")
    if inner is None:
        return AgeCondition(under_years=0, effect=effect)
    said = inner.texts("regimes", required=True)
    inner.close()
    ages = [age for name in said if (age := _age_of(name, reader, regimes)) is not None]
    return AgeCondition(under_years=max(ages, default=0), effect=effect)


def _age_of(name: Said, reader: Reader, regimes: Mapping[str, PlacedRegime] | None) -> int | None:
    if regimes is None:
        return None
    placed = regimes.get(name.text)
    if placed is None:
        reader.problems.tell(name.place, f"unknown regime {quoted(name.text)}{suggestion(name.text, regimes)}")
        return None
    if placed.regime.minors_under is None:
        reader.problems.tell(name.place, f"regime {quoted(name.text)} ({placed.place}) says no age of minors")
    return placed.regime.minors_under
