# SPDX-License-Identifier: Apache-2.0
"""The list of the people of an incident: sealed when it is made, opened by two officers.

RULES

1. A list holds numbers alone. Who they stand for is looked up when it is opened, so an erased person is in
   no list, and somebody whose numbers were merged is in it once.
2. Each list is sealed under a key of its own in the keyring (``incident-list/<id>``): a file alone opens
   nothing, and ``gateway key shred`` ends every copy of it.
3. To open a list, two different officers each prove themselves by password and code, the second within
   ``LASTS_US`` of the first. Both words are spent by the opening; another one needs two new ones. Which of
   several came first, the database decides.
4. Every step is entered before anything is told: a word, a refusal, an opening with the people of the list.

Who may read STATE holds the keyring as well and is trusted like root (SECURITY.md): this keeps an officer
from opening a list alone, not the machine's administrator.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from enum import StrEnum

import msgspec
from pyroaring import BitMap

from gateway.domain.entry import Changed, Part
from gateway.domain.errors import KeyUnavailable, SettingsError
from gateway.domain.incident import Approval
from gateway.domain.reach import Behind
from gateway.flows.incident.ports import Approvals, Officer, People, Recorder, Vault

LASTS_US = 15 * 60 * 1_000_000
OFFICER = "officer"
"""The role, or one that contains it, of who may open a list."""
LABEL = "incident-list/"
FORMAT = "gateway-incident-list/1"


class SealedList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list as its file holds it.

    Attributes:
        query: What was asked, as the scope spells it.
        people: How many numbers it holds.
    """

    format: str
    id: str
    made_us: int
    query: str
    people: int
    sealed: bytes


class Heard(StrEnum):
    """What came of one officer's word."""

    OPENED = "opened"
    WAITS = "waits"
    NOT_PROVEN = "not-proven"
    NO_OFFICER = "no-officer"
    SAME_PERSON = "same-person"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the officer is told.

    Attributes:
        people: Numbers of the list, where it was opened.
        until_us: Up to when the word waits for somebody else's.
        lapsed_us: When somebody else's word had ended before this one came; 0 if none had.
    """

    heard: Heard
    people: BitMap | None = None
    until_us: int = 0
    lapsed_us: int = 0


async def sealed_list(
    people: BitMap, *, query: str, vault: Vault, recorder: Recorder, clock: Callable[[], int], by: str
) -> bytes:
    """Return the content of the file of a list, once the log says that it was made."""
    list_id, made_us = secrets.token_hex(16), clock()
    blank = SealedList(format=FORMAT, id=list_id, made_us=made_us, query=query, people=len(people), sealed=b"")
    sealed = vault.seal(LABEL + list_id, people.serialize(), _bound(blank))
    facts: dict[str, str | int] = {"people": len(people), "query": query}
    await recorder.append(Changed(by=by, what="incident-list-sealed", target=list_id, facts=facts))
    return msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(blank, sealed=sealed)), indent=1) + b"\n"


def read_list(content: bytes) -> SealedList:
    """Return a list as its file holds it.

    Raises:
        SettingsError: It is no such file.
    """
    try:
        found = msgspec.json.decode(content, type=SealedList)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SettingsError("this is no list of an incident: `gateway incident scope --list FILE` makes one") from None
    if found.format != FORMAT or not _is_id(found.id):
        raise SettingsError(f"the list is of another form than {FORMAT}")
    return found


class Opening:
    """Hears what officers say about lists."""

    def __init__(self, *, approvals: Approvals, vault: Vault, recorder: Recorder, clock: Callable[[], int]) -> None:
        """Take what it stands on."""
        self._approvals, self._vault, self._recorder, self._clock = approvals, vault, recorder, clock

    async def say(self, listed: SealedList, officer: Officer, *, is_officer: bool, by: str) -> Answer:
        """Take the word of somebody who just proved who they are, that a list be opened.

        Args:
            is_officer: Their roles make them one, by the rules in force.
            by: Who runs the command, ``local:`` and a user of the operating system.

        Raises:
            KeyUnavailable: The key of the list is gone, or the file was changed; nobody's word was spent.
            LogUnavailable / StateUnavailable: Nothing is opened.
        """
        numbers = self._unsealed(listed)
        if not is_officer:
            await self._refuse(listed, officer, by, Heard.NO_OFFICER)
            return Answer(heard=Heard.NO_OFFICER)
        said = await self._approvals.say(listed.id, officer.account, lasts_us=LASTS_US, now_us=self._clock())
        if said.is_again:
            await self._refuse(listed, officer, by, Heard.SAME_PERSON)
            return Answer(heard=Heard.SAME_PERSON, until_us=said.until_us)
        if not said.opens:
            await self._enter(listed, officer, "incident-list-approved", {"until_us": said.until_us, "at": by})
            return Answer(heard=Heard.WAITS, until_us=said.until_us, lapsed_us=said.lapsed_us)
        await self._opened(listed, officer, said, numbers, by)
        return Answer(heard=Heard.OPENED, people=numbers)

    def _unsealed(self, listed: SealedList) -> BitMap:
        numbers = BitMap.deserialize(self._vault.open(LABEL + listed.id, listed.sealed, _bound(listed)))
        if len(numbers) != listed.people:
            raise KeyUnavailable("the list was changed")
        return numbers

    async def _opened(self, listed: SealedList, officer: Officer, said: Approval, numbers: BitMap, by: str) -> None:
        facts: dict[str, str | int] = {"with": said.first, "people": len(numbers), "at": by}
        entry = Changed(by=officer.account, what="incident-list-opened", target=listed.id, facts=facts)
        await self._recorder.append(entry, Part(people=numbers.serialize()))

    async def _refuse(self, listed: SealedList, officer: Officer, by: str, why: Heard) -> None:
        await self._enter(listed, officer, "incident-list-refused", {"why": why.value, "at": by})

    async def _enter(self, listed: SealedList, officer: Officer, what: str, facts: dict[str, str | int]) -> None:
        await self._recorder.append(Changed(by=officer.account, what=what, target=listed.id, facts=facts))


async def everybody(numbers: BitMap, people: People) -> AsyncIterator[Behind]:
    """Yield who stands behind the numbers of a list today, each person once."""
    merged = await people.merged(numbers)
    now = BitMap(merged.get(number, number) for number in numbers)
    async for one in people.behind(now):
        yield one


def _bound(listed: SealedList) -> bytes:
    """Bind what is sealed to what the file says of it in clear."""
    return msgspec.json.encode(msgspec.structs.replace(listed, sealed=b""))


def _is_id(text: str) -> bool:
    return len(text) == 32 and all(digit in "0123456789abcdef" for digit in text)
