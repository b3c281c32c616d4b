# SPDX-License-Identifier: Apache-2.0
"""The vendored vocabulary is whole, and only ``local.*`` is ours."""

from importlib.resources import files

import pytest

from gateway.decide.loader.grammar.problems import Place, Problems, Said
from gateway.decide.loader.vocabulary import check_category, check_use, vocabulary

HERE = Place("a.yaml", 7)


def test_the_tables_have_the_keys_of_fideslang_3_1() -> None:
    """85 categories, 56 uses and 15 subjects."""
    words = vocabulary()
    assert (len(words.categories), len(words.uses), len(words.subjects)) == (85, 56, 15)


@pytest.mark.parametrize("table", ["categories", "uses", "subjects"])
def test_every_table_names_its_source_and_licence(table: str) -> None:
    """CC BY 4.0 asks for attribution, licence and a note on changes."""
    head = files("gateway.decide").joinpath("vocabulary", f"{table}.csv").read_text("utf-8").splitlines()[:3]
    assert "fideslang 3.1.4, Ethyca" in head[0]
    assert "CC BY 4.0" in head[1]
    assert "Changes:" in head[2]


@pytest.mark.parametrize("keys", [vocabulary().categories, vocabulary().uses])
def test_every_parent_is_a_key(keys: frozenset[str]) -> None:
    """Dots are the tree, so a rule on a parent reaches all below."""
    assert {key.rpartition(".")[0] for key in keys} - {""} <= keys


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("user.contact.emial", "unknown category `user.contact.emial`; did you mean `user.contact.email`?"),
        ("user.shoe_size", "unknown category `user.shoe_size`"),
        ("local", "unknown category `local`"),
        ("local.", "unknown category `local.`"),
        ("localhost.x", "unknown category `localhost.x`"),
    ],
)
def test_an_unknown_category_is_told_with_its_neighbour(key: str, says: str) -> None:
    """A mistyped category would match nothing, or the wrong rule."""
    problems = Problems()
    check_category(Said(key, HERE), problems)
    assert [problem.sentence() for problem in problems.found] == [
        f"a.yaml:7: {says} (categories of your own start with `local.`)"
    ]


@pytest.mark.parametrize("key", ["user.contact.email", "system", "local.loyalty.tier"])
def test_known_and_local_categories_pass(key: str) -> None:
    """Our own keys need no entry in the table."""
    problems = Problems()
    assert check_category(Said(key, HERE), problems) == key
    assert problems.found == ()


def test_there_are_no_local_purposes() -> None:
    """Purposes are data uses of the vocabulary and nothing else."""
    problems = Problems()
    check_use(Said("local.fun", HERE), problems)
    check_use(Said("marketing.comunications.email", HERE), problems)
    assert [problem.message for problem in problems.found] == [
        "unknown purpose `local.fun`",
        "unknown purpose `marketing.comunications.email`; did you mean `marketing.communications.email`?",
    ]
