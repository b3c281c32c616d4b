# SPDX-License-Identifier: Apache-2.0
"""Which names of members in sampled rows may be values, such as keys of a map by person; they are told to nobody.

What a look at a store finds is written into files and the log, so it must not hold a mail that is the key of a map.

RULES

1. A name that three rows share, or half of at least three objects that could have it, is a name.
2. Of fewer objects a name is told that reads like one (a letter first, few digits); inside an object only if there
   are not many.
3. A rarer name is told directly in a row alone, if it reads like one and there are not many such.
4. Every other name is untold, with all that is below it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from gateway.discover.members import LEAST_ROWS, MOST_FEW, is_name, is_word

Path = tuple[str, ...]
"""Names from a row down to a member; not joined, because a name may have a dot in it."""


def untold(rows: Iterable[Mapping[str, object]], most_depth: int) -> frozenset[Path]:
    """Return the paths of members that are not told.

    Args:
        rows: As the store sent them.
        most_depth: Levels of objects that are looked at.
    """
    objects: Counter[Path] = Counter()
    members: defaultdict[Path, Counter[str]] = defaultdict(Counter)
    for row in rows:
        _count(row, (), objects, members, most_depth)
    return frozenset(
        (*above, name)
        for above, names in members.items()
        for name, n in names.items()
        if not _is_told(name, n, objects[above], names, is_row=not above)
    )


def _count(
    row: Mapping[str, object],
    above: Path,
    objects: Counter[Path],
    members: defaultdict[Path, Counter[str]],
    most_depth: int,
) -> None:
    objects[above] += 1
    members[above].update(row.keys())
    for name, value in row.items():
        if isinstance(value, dict) and len(above) + 1 < most_depth:
            _count(value, (*above, name), objects, members, most_depth)


def _is_told(name: str, n: int, n_objects: int, others: Counter[str], *, is_row: bool) -> bool:
    if n >= LEAST_ROWS:
        return True
    if n_objects < LEAST_ROWS:
        return is_word(name) if is_row else is_name(name) and len(others) <= MOST_FEW
    if 2 * n >= n_objects:
        return True
    n_rare = sum(1 for count in others.values() if count < LEAST_ROWS)
    return is_row and is_name(name) and n_rare <= MOST_FEW
