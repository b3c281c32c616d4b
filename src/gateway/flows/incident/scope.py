# SPDX-License-Identifier: Apache-2.0
"""The scope of an incident: distinct people, what of them, to whom and for what; in numbers, without a person.

RULES

1. People are counted once, however many numbers they had: what was merged counts as one. Identities are
   counted apart, as they are known today.
2. A number without an identity still counts: somebody who was erased, or a row whose person could not be
   read. Entries whose parts were deleted are told with what their cores say, an upper bound beside the count.
3. Refused calls reached nobody and are told apart; so is what was written, and what was passed on uncounted.
4. The scope says on what it rests: the question, the time, each log with how much of it was read, and the
   root that signs it. It is entered in the log before anybody is told.

A field reached at most as many people as are told: rules on rows can have blanked it in some of their rows.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
from pyroaring import BitMap

from gateway.domain.entry import Looked
from gateway.domain.log_query import LogQuery
from gateway.domain.reach import Standing
from gateway.flows.incident.measuring import Measured, Measuring
from gateway.flows.incident.ports import Index, People, Recorder
from gateway.flows.incident.tally import Reach, Tally, fields_of
from gateway.flows.incident.values import FORMAT, Basis, Count, FieldReach, Refusals, Scope, Written

CODED = "surrogate"
ASKED = ("account", "client", "session", "place", "dataset", "since_us", "until_us")
_SPELLED = {"account": "principal", "dataset": "store", "since_us": "since", "until_us": "until"}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A scope, and the people that it counts; the second is for a sealed list alone."""

    scope: Scope
    people: BitMap


async def scope_of(
    asked: LogQuery,
    *,
    logs: Path,
    index: Index | None,
    people: People,
    recorder: Recorder,
    clock: Callable[[], int],
    by: str,
    done: Callable[[int], None] = lambda _n: None,
) -> Found:
    """Return whom the calls that a query means reached, once the log says that it was asked.

    Args:
        asked: Principal, client, session, place, store (``dataset``) and times; what is ``None`` is not asked.
        logs: ``STATE/log``.
        index: ``None`` to read every entry of the files.
        by: Who asks: an account, or ``local:`` and a user of the operating system.
        done: Told how many entries were read from files, again and again.

    Raises:
        LogDamaged / LogUnavailable / StateUnavailable: Nothing was told.
    """
    measured = await Measuring(logs, index, done=done).measured(asked)
    now = await _Resolved.of(measured.tally, people)
    scope = _scope(asked, measured, now, made_us=clock(), by=by)
    await recorder.append(Looked(by=by, what="incident-scope", query=scope.query, rows=scope.people))
    return Found(scope=scope, people=now.everybody)


def spelled(asked: LogQuery) -> str:
    """Return a query as it is entered in the log; an address is personal, so only that one was asked for is told."""
    words = []
    for name in ASKED:
        value = getattr(asked, name)
        if value is not None:
            words.append(f"{_SPELLED.get(name, name)}:{'*' if name == 'place' else value}")
    return " ".join(words)


class _Resolved:
    """Numbers of the log as the people that they stand for today."""

    def __init__(self, merged: Mapping[int, int]) -> None:
        self._merged = merged
        self._moved = BitMap(merged)
        self.everybody = BitMap()
        self.standing = Standing(people=0, known=0, identities={})

    @classmethod
    async def of(cls, tally: Tally, people: People) -> "_Resolved":
        """Return the people of a sum, with who stands behind them."""
        released = union(reach.people for reach in tally.uses.values())
        now = cls(await people.merged(released | union(one.people for one in tally.writes.values())))
        now.everybody = now.people(released)
        now.standing = await people.standing(now.everybody)
        return now

    def people(self, numbers: BitMap) -> BitMap:
        """Return the people behind numbers, each once."""
        moved = numbers & self._moved
        return numbers if not moved else (numbers - moved) | BitMap(self._merged[one] for one in moved)


def union(sets: Iterable[BitMap]) -> BitMap:
    """Return everybody who is in one of the sets."""
    return BitMap.union(BitMap(), *sets)


def _scope(asked: LogQuery, measured: Measured, now: _Resolved, *, made_us: int, by: str) -> Scope:
    tally, everybody = measured.tally, now.everybody
    reaches = list(tally.uses.values())
    bare_people = sum(reach.bare_people for reach in reaches)
    clear, shown = _people_by_form(tally, now)
    times = [(reach.first_us, reach.last_us) for reach in reaches if reach.entries]
    return Scope(
        format=FORMAT,
        made_us=made_us,
        made_by=by,
        asked={_SPELLED.get(name, name): value for name in ASKED if (value := getattr(asked, name)) is not None},
        query=spelled(asked),
        people=len(everybody),
        people_at_most=len(everybody) + bare_people,
        with_identity=now.standing.known,
        without_identity=len(everybody) - now.standing.known,
        identities=dict(sorted(now.standing.identities.items())),
        people_in_clear=len(clear),
        people_in_coded_form_only=len(everybody - shown),
        rows=sum(reach.rows for reach in reaches),
        entries=sum(reach.entries for reach in reaches),
        bytes=sum(reach.bytes for reach in reaches),
        first_us=min(first for first, _ in times) if times else None,
        last_us=max(last for _, last in times) if times else None,
        entries_without_people=sum(reach.n_bare for reach in reaches),
        fields=_fields(tally, now),
        purposes=_counts(tally, now, "purpose"),
        recipients=_counts(tally, now, "recipient"),
        datasets=_counts(tally, now, "dataset"),
        accounts=_counts(tally, now, "account"),
        clients=_counts(tally, now, "client"),
        written=_written(tally, now),
        refused=_refused(tally),
        passed_on={
            "entries": sum(entries for entries, _ in tally.passed.values()),
            "bytes": sum(n_bytes for _, n_bytes in tally.passed.values()),
        },
        cut_short=tally.n_cut,
        rests_on=Basis(logs=measured.stands, entries_from_files=measured.n_from_files, remarks=measured.remarks),
    )


def _people_by_form(tally: Tally, now: _Resolved) -> tuple[BitMap, BitMap]:
    """Return who could be seen in clear, and of whom anything but surrogates could."""
    clear, shown = list[BitMap](), list[BitMap]()
    for use, reach in tally.uses.items():
        words = {word for word, names in fields_of(use).items() if names}
        clear += [reach.people] if "reveal" in words else []
        shown += [reach.people] if words - {CODED} else []
    return now.people(union(clear)), now.people(union(shown))


def _fields(tally: Tally, now: _Resolved) -> tuple[FieldReach, ...]:
    reached: dict[tuple[str, str, str], list[BitMap]] = {}
    for use, reach in tally.uses.items():
        for word, names in fields_of(use).items():
            for name in names:
                reached.setdefault((use.dataset, name, word), []).append(reach.people)
    return tuple(
        FieldReach(dataset=dataset, field=field, treatment=word, people=len(now.people(union(sets))))
        for (dataset, field, word), sets in sorted(reached.items())
    )


def _counts(tally: Tally, now: _Resolved, name: str) -> tuple[Count, ...]:
    by_name: dict[str, list[Reach]] = {}
    for use, reach in tally.uses.items():
        by_name.setdefault(getattr(use, name), []).append(reach)
    counts = [
        Count(
            name=word,
            people=len(now.people(union(reach.people for reach in reaches))),
            rows=sum(reach.rows for reach in reaches),
            entries=sum(reach.entries for reach in reaches),
        )
        for word, reaches in by_name.items()
    ]
    return tuple(sorted(counts, key=lambda one: (-one.people, -one.rows, one.name)))


def _written(tally: Tally, now: _Resolved) -> Written:
    writes, fields = list(tally.writes.values()), dict[str, set[str]]()
    for use, one in tally.writes.items():
        for word, names in one.fields.items():
            fields.setdefault(word, set()).update(f"{use.dataset}.{name}" for name in names)
    return Written(
        entries=sum(one.entries for one in writes),
        records=sum(one.records for one in writes),
        people=len(now.people(union(one.people for one in writes))),
        entries_without_people=sum(one.n_bare for one in writes),
        fields={word: tuple(sorted(names)) for word, names in sorted(fields.items())},
    )


def _refused(tally: Tally) -> Refusals:
    reasons, datasets = dict[str, int](), dict[str, int]()
    for (dataset, reason), n in sorted(tally.refused.items()):
        reasons[reason] = reasons.get(reason, 0) + n
        datasets[dataset] = datasets.get(dataset, 0) + n
    return Refusals(calls=sum(tally.refused.values()), reasons=reasons, datasets=datasets)
