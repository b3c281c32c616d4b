# SPDX-License-Identifier: Apache-2.0
"""The Casbin model that grants are written for. One is known, and no other is accepted.

The decision carries this model out in its own code and is tested for equality with Casbin; a changed
model would be a changed program. So the file is compared definition by definition, spaces aside.
"""

from gateway.decide.loader.grammar.problems import Place, Problems, quoted, suggestion

KNOWN = {
    "request_definition": {"r": "sub, dataset, category, purpose, operation, chain, rung, link, now"},
    "policy_definition": {"p": "role, dataset, category, purpose, operation, rung, link, eft, from, until"},
    "role_definition": {"g": "_, _"},
    "policy_effect": {"e": "some(where (p.eft == allow)) && !some(where (p.eft == deny))"},
    "matchers": {
        "m": "g(r.sub, p.role) && under(r.dataset, p.dataset) && under(r.category, p.category)"
        " && under(r.purpose, p.purpose) && r.operation == p.operation && in_force(r.now, p.from, p.until)"
        " && reaches(r.chain, r.rung, r.link, p.rung, p.link, p.eft)"
    },
}
"""Section, key and value. Functions: ``under`` is the tree of keys, ``in_force`` the interval,
``reaches`` the rule by which a grant's rung and link give or take an asked rung and link."""


def check_model(file: str, text: str, problems: Problems) -> None:
    """Tell every way in which a model differs from the known one."""
    section = ""
    seen: set[tuple[str, str]] = set()
    for number, line in _lines(text):
        place = Place(file, number)
        if line.startswith("["):
            section = line.strip("[]").strip()
            if section not in KNOWN:
                problems.tell(place, f"unknown section {quoted(section)}{suggestion(section, KNOWN)}")
            continue
        if section in KNOWN:
            _check_line(place, section, line, seen, problems)
        elif not section:
            problems.tell(place, f"{quoted(line)} stands before the first section")
    for section_name, keys in KNOWN.items():
        for key in keys:
            if (section_name, key) not in seen:
                problems.tell(Place(file, 1), f"`{key}` of section `{section_name}` is missing")


def _check_line(place: Place, section: str, line: str, seen: set[tuple[str, str]], problems: Problems) -> None:
    key, _, value = (part.strip() for part in line.partition("="))
    expected = KNOWN[section].get(key)
    if expected is None:
        problems.tell(place, f"unknown key {quoted(key)} in section `{section}`")
    elif (section, key) in seen:
        problems.tell(place, f"`{key}` of section `{section}` stands twice")
    elif "".join(value.split()) != "".join(expected.split()):
        problems.tell(place, f"`{key}` must be {expected!r}: the decision knows no other model")
    seen.add((section, key))


def _lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that say something, numbered; a backslash at the end joins two, as Casbin does."""
    lines: list[tuple[int, str]] = []
    number, joined = 0, ""
    for count, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not joined:
            number = count
        if line.endswith("\\"):
            joined += line[:-1].strip() + " "
            continue
        whole = (joined + line).strip()
        joined = ""
        if whole and not whole.startswith(("#", ";")):
            lines.append((number, whole))
    return lines
