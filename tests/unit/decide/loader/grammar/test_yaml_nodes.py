# SPDX-License-Identifier: Apache-2.0
"""YAML is read without anything that surprises."""

import pytest
import yaml

from gateway.decide.loader.grammar import yaml_nodes
from gateway.decide.loader.grammar.problems import Problems
from gateway.decide.loader.grammar.yaml_nodes import MAX_DEPTH, Items, Kind, Scalar, Table, read_yaml
from gateway.decide.loader.shipped import shipped_files


def told(text: str) -> list[str]:
    problems = Problems()
    read_yaml("a.yaml", text, problems)
    return [problem.sentence() for problem in problems.found]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3: key `a` stands twice; first in line 1"),
        ("a: &x 1\n", "a.yaml:1: anchor `&x`: rules are written out, not referred to"),
        ("a: !!python/name:os.system x\n", "a.yaml:1: tag `tag:yaml.org,2002:python/name:os.system` is not understood"),
        ("a: !secret x\n", "a.yaml:1: tag `!secret` is not understood"),
        ("a: !!str 1\n", "a.yaml:1: tag `tag:yaml.org,2002:str` is not understood"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2: a second document starts here; a file holds one"),
        ("%YAML 1.1\n---\na: 1\n", "a.yaml:1: directives are not understood"),
        ("no: 1\n", "a.yaml:1: a key must be text, got `no` as boolean; put it in quotes"),
        ("1: a\n", "a.yaml:1: a key must be text, got `1` as whole number; put it in quotes"),
        ("? [a]\n: 1\n", "a.yaml:1: a key must be text; put it in quotes"),
        ('a: "x\\u202ey"\n', "a.yaml:1: holds the hidden character U+202E, which is not allowed"),
        ("", "a.yaml:1: is empty"),
        ("# nothing\n", "a.yaml:1: is empty"),
    ],
)
def test_what_rules_may_not_use_is_told_with_its_line(text: str, says: str) -> None:
    """Each surprise of YAML is one problem."""
    assert told(text) == [says]


@pytest.mark.parametrize("text", ["a: [1, 2\n", "a: 'b\n", "a: 1\n b: 2\n", "a: b\n- c\n", "a: b\n}\n"])
def test_what_is_no_yaml_is_told_where_it_ends_to_be(text: str) -> None:
    """The words are the parser's, the line is ours."""
    (said,) = told(text)
    assert said.startswith("a.yaml:2: is not YAML: ")


@pytest.mark.parametrize("path", sorted(name for name in shipped_files() if name.endswith(".yaml")))
def test_both_parsers_of_pyyaml_give_the_same_nodes(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With libyaml and without it, rules are the same rules."""
    text = shipped_files()[path].decode()
    with_libyaml = read_yaml(path, text, Problems())
    monkeypatch.setattr(yaml_nodes, "_PARSER", yaml.SafeLoader)
    assert read_yaml(path, text, Problems()) == with_libyaml


def test_an_alias_is_refused_with_its_anchor() -> None:
    """Neither end of a reference is read."""
    assert told("a: &x {b: 1}\nc: *x\n") == [
        "a.yaml:1: anchor `&x`: rules are written out, not referred to",
        "a.yaml:2: alias `*x`: rules are written out, not referred to",
    ]


def test_a_merge_key_is_refused() -> None:
    """A merge would bring keys that do not stand in the file."""
    assert told("a:\n  <<: {b: 1}\n") == ["a.yaml:2: merge key `<<`: rules are written out, not referred to"]


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_depth_is_bounded(opening: str) -> None:
    """A million brackets are told and not climbed into."""
    assert told(opening * 100_000) == [f"a.yaml:1: is nested deeper than {MAX_DEPTH} levels"]


@pytest.mark.parametrize(
    ("spelt", "kind"),
    [
        ("abc", Kind.TEXT),
        ("'no'", Kind.TEXT),
        ('"1"', Kind.TEXT),
        ("y", Kind.TEXT),
        ("no", Kind.BOOLEAN),
        ("ON", Kind.BOOLEAN),
        ("12", Kind.INTEGER),
        ("-1", Kind.INTEGER),
        ("010", Kind.NUMBER),
        ("0x1f", Kind.NUMBER),
        ("1_000", Kind.NUMBER),
        ("12:30:45", Kind.NUMBER),
        ("1.5", Kind.NUMBER),
        ("2026-01-31", Kind.DATE),
        ("~", Kind.NOTHING),
    ],
)
def test_a_scalar_keeps_its_spelling_and_what_yaml_takes_it_for(spelt: str, kind: Kind) -> None:
    """The reader of a key decides whether the kind was meant."""
    problems = Problems()
    node = read_yaml("a.yaml", f"a: {spelt}\n", problems)
    assert isinstance(node, Table)
    scalar = node.nodes["a"]
    assert isinstance(scalar, Scalar)
    assert (scalar.kind, scalar.text) == (kind, spelt.strip("'\""))


def test_nodes_know_their_lines() -> None:
    """Lines are counted from 1, for keys, values and items."""
    node = read_yaml("a.yaml", "a:\n  - b\n  - c: 1\n", Problems())
    assert isinstance(node, Table)
    items = node.nodes["a"]
    assert isinstance(items, Items)
    assert [item.place.line for item in items.nodes] == [2, 3]
    assert node.keys["a"].line == 1
