# SPDX-License-Identifier: Apache-2.0
"""Everything that was done with the data of one person, from the log: for the person, and for officers.

RULES

1. An access is a call of which a block was authorised with the person in it, or a write about the person that
   was forwarded. One call is told once, from its first entry about the person to its last.
2. A refused call is no access, and a person who was withheld was not released. A write whose store refused it
   is none either; one whose store failed under it is told with ``unknown``.
3. A call whose filter, path or body named the person, and of which nothing about them was released, is told
   as looked for: nothing of the person left, but what names them was used (GDPR Art. 15; CJEU C-579/21).
4. Looks and records of those who look after the gateway are told as such.
5. Recipient, purpose and ground are those of the rules that the call was decided by.
6. The person is told no account, no client, no session and no decision of anybody.
7. It is entered in the log before anybody is told, with the person, so that the next time tells of this one.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from gateway.domain.entry import Changed, Facts, Intent, Looked, Part, Refused, Release
from gateway.domain.log_query import LogRow
from gateway.domain.own_data import OWN_STORE
from gateway.flows.accesses.finding import Finding, Named, record_call
from gateway.flows.accesses.ports import Access, Action, Index, PastRules, PurposeWords, Recorder, RuleWords
from gateway.record.reading.agreeing import Stand, stand_of
from gateway.record.reading.picking import picked
from gateway.record.reading.reader import Record

SERVER_ERROR = 500


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to tell, oldest first.

    Attributes:
        person: The number that stands for the person today.
        organisation: The controller, by the rules in force now.
        logs: Each log, with the entries of it that were looked through and its newest signed root.
    """

    person: int
    organisation: str
    made_us: int
    since_us: int | None
    until_us: int | None
    accesses: tuple[Access, ...]
    logs: tuple[Stand, ...]
    remarks: tuple[str, ...]


async def accesses_to(
    numbers: Sequence[int],
    *,
    since_us: int | None,
    until_us: int | None,
    logs: Path,
    index: Index | None,
    rules: PastRules,
    now: RuleWords,
    recorder: Recorder,
    clock: Callable[[], int],
    by: str,
    done: Callable[[int], None] = lambda _n: None,
) -> Told:
    """Return every access to a person, once the log says that it was asked.

    Args:
        numbers: All of the person's, the one that stands for them today first.
        since_us / until_us: UTC microseconds, of the entries; the second is exclusive.
        logs: ``STATE/log``.
        index: ``None`` to read every entry of the files.
        rules: Those that calls were decided by.
        now: What the rules in force say, by which the controller is named.
        by: Who asks: an account, or ``local:`` and a user of the operating system.

    Raises:
        LogDamaged / LogUnavailable / StateUnavailable: Nothing was told.
    """
    finding = Finding(logs, index, numbers, done=done)
    named = [
        one
        for one in await finding.found()
        if (since_us is None or since_us <= one.row.at_us) and (until_us is None or one.row.at_us < until_us)
    ]
    telling = _Telling(logs, rules, now)
    told = Told(
        person=numbers[0],
        organisation=now.organisation,
        made_us=clock(),
        since_us=since_us,
        until_us=until_us,
        accesses=tuple(telling.told(named)),
        logs=tuple(stand_of(logs / slot, size) for slot, size in finding.sizes.items()),
        remarks=tuple(finding.remarks),
    )
    # The number stands in the part alone: the core of an entry stays when somebody is forgotten.
    times = (("since", since_us), ("until", until_us))
    query = " ".join(["person:*", *(f"{name}:{value}" for name, value in times if value is not None)])
    entry = Looked(by=by, what="accesses", query=query, rows=len(told.accesses))
    await recorder.append(entry, Part(met=(numbers[0],)))
    return told


class _Telling:
    """Makes accesses of entries."""

    def __init__(self, logs: Path, rules: PastRules, now: RuleWords) -> None:
        self._logs, self._rules, self.now = logs, rules, now

    def told(self, named: Sequence[Named]) -> list[Access]:
        """Return the accesses that entries about a person come to, oldest first."""
        calls: dict[tuple[str, str], list[Named]] = {}
        found: list[Access] = []
        for one in named:
            call = record_call(one.record)
            body = one.record.line.body
            if isinstance(body, Looked | Changed):
                found.append(self._look(one, body))
            elif call:
                calls.setdefault((one.row.slot, call), []).append(one)
        for (_, call), entries in calls.items():
            access = self._call(call, entries)
            found += [] if access is None else [access]
        return sorted(found, key=lambda one: (one.at_us, one.entries))

    def _look(self, one: Named, body: Looked | Changed) -> Access:
        """Return a look, or a record, of somebody who looks after the gateway."""
        return Access(
            at_us=one.row.at_us,
            until_us=one.row.at_us,
            action=Action.LOOKED_UP if _is_look(body) else Action.RECORDED,
            recipient=self.now.organisation,
            is_own=True,
            what=body.what,
            account=body.by,
            decision=body.call if isinstance(body, Looked) else "",
            entries=(f"{one.row.slot}:{one.row.seq}",),
        )

    def _call(self, call: str, entries: Sequence[Named]) -> Access | None:
        """Return what a call was to the person; ``None`` for a refused one."""
        bodies = [one.record.line.body for one in entries]
        intent = next((body for body in bodies if isinstance(body, Intent)), None)
        released = [one for one in entries if one.is_released and isinstance(one.record.line.body, Release)]
        if not intent and not any(isinstance(body, Release) for body in bodies):
            return None
        others = self._others(entries)
        outcome = _outcome(others) if intent else ""
        if intent and outcome == "refused" and not released:
            return None
        facts = next((found for one in others if (found := _facts(one)) is not None), Facts())
        is_own_data = facts.dataset.partition(".")[0] == OWN_STORE
        action = Action.WRITTEN if intent else Action.READ if released else Action.LOOKED_FOR
        if is_own_data and not intent:
            # Somebody who looks after data asked the gateway for what it holds of the person.
            action = Action.LOOKED_UP
        counted = released or entries
        return self._access(
            facts,
            action=action,
            at_us=entries[0].row.at_us if intent else counted[0].row.at_us,
            until_us=counted[-1].row.at_us,
            fields=facts.fields if released else {},
            written=intent.written if intent else {},
            outcome=outcome,
            what="log" if is_own_data else "",
            decision=call,
            entries=tuple(f"{one.row.slot}:{one.row.seq}" for one in entries),
        )

    def _access(self, facts: Facts, **told: object) -> Access:
        words = self._rules.words(facts.rules) or RuleWords()
        recipient = words.recipients.get(facts.recipient)
        purpose = words.purposes.get(facts.purpose) or PurposeWords(title={}, ground="", owner="")
        is_own = recipient is not None and recipient.is_own
        return Access(
            recipient=facts.recipient if recipient is None else recipient.legal_name,
            is_own=is_own,
            team=purpose.owner if is_own else "",
            purpose=facts.purpose,
            purpose_words=purpose.title,
            ground=purpose.ground,
            reference=facts.reference or "",
            dataset=facts.dataset,
            operation=facts.operation,
            account=facts.account,
            client=facts.client,
            session=facts.session,
            **told,  # type: ignore[arg-type]
        )

    def _others(self, entries: Sequence[Named]) -> list[Record]:
        """Return those entries of a call that say what it was and how it came out, in their order."""
        rows: dict[int, LogRow] = {row.seq: row for one in entries for row in one.of_call}
        first = min(rows, default=-1)
        wanted = [row for seq, row in sorted(rows.items()) if seq == first or row.kind in ("refusal", "release", "end")]
        # Of an answer in many blocks the first tells as much as all.
        releases = [row for row in wanted if row.kind == "release"][:1]
        kept = [row for row in wanted if row.kind != "release" or row in releases]
        return list(picked(self._logs, kept))


def _facts(record: Record) -> Facts | None:
    found = getattr(record.line.body, "facts", None)
    return found if isinstance(found, Facts) else None


def _is_look(body: Looked | Changed) -> bool:
    return isinstance(body, Looked) or body.what == "incident-list-opened"


def _outcome(records: Sequence[Record]) -> str:
    """Return what came of a write: ``done``, ``refused``, or ``unknown``."""
    bodies = [record.line.body for record in records]
    refusal = next((body for body in bodies if isinstance(body, Refused)), None)
    if refusal is not None and refusal.status < SERVER_ERROR:
        return "refused"
    return "done" if refusal is None and any(isinstance(body, Release) for body in bodies) else "unknown"
