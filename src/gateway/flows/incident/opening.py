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
5. Whoever spoke has to be an officer still, and free to see what they ask for, when the list is opened: a word
   of somebody who was demoted, disabled or locked in between opens nothing.

Who may read STATE holds the keyring as well and is trusted like root (SECURITY.md): this keeps an officer
from opening a list alone, not the machine's administrator.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum

import msgspec
from pyroaring import BitMap

from gateway.domain.entry import Changed, Part
from gateway.domain.errors import KeyUnavailable, SettingsError, StateUnavailable
from gateway.domain.incident import Approval
from gateway.domain.names import AccountId
from gateway.domain.reach import Behind
from gateway.flows.incident.ports import Approvals, Officer, People, Recorder, Vault

LASTS_US = 15 * 60 * 1_000_000
OFFICER = "officer"
"""The role, or one that contains it, of who may open a list."""
LABEL = "incident-list/"
MOST_VOID = 8
"""Words of people who may not open lists any more that one word can meet; there is one, unless many speak at once."""
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
    FIRST_VOID = "first-void"
    """Entered, never told: whoever had spoken first may not open lists any more, so that word is spent for nothing."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the officer is told.

    Attributes:
        people: Numbers of the list, where it was opened.
        until_us: Up to when the word waits for somebody else's.
        lapsed_us: When somebody else's word had ended before this one came; 0 if none had.
        is_first_void: Somebody else had spoken in time who may not open lists any more.
    """

    heard: Heard
    people: BitMap | None = None
    until_us: int = 0
    lapsed_us: int = 0
    is_first_void: bool = False


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

    def __init__(
        self,
        *,
        approvals: Approvals,
        vault: Vault,
        recorder: Recorder,
        clock: Callable[[], int],
        may_open: Callable[[AccountId], Awaitable[bool]],
    ) -> None:
        """Take what it stands on.

        Args:
            may_open: Tells whether an account is an officer's who may open lists now.
        """
        self._approvals, self._vault, self._recorder, self._clock = approvals, vault, recorder, clock
        self._may_open = may_open

    async def say(self, listed: SealedList, officer: Officer, *, by: str) -> Answer:
        """Take the word of somebody who just proved who they are, that a list be opened.

        Args:
            by: Who runs the command, ``local:`` and a user of the operating system.

        Raises:
            KeyUnavailable: The key of the list is gone, or the file was changed; nobody's word was spent.
            LogUnavailable / StateUnavailable: Nothing is opened.
        """
        numbers = self._unsealed(listed)
        if not await self._may_open(officer.account):
            await self._refuse(listed, officer, by, Heard.NO_OFFICER)
            return Answer(heard=Heard.NO_OFFICER)
        said, is_first_void = await self._heard(listed, officer, by)
        if said.is_again:
            await self._refuse(listed, officer, by, Heard.SAME_PERSON)
            return Answer(heard=Heard.SAME_PERSON, until_us=said.until_us)
        if not said.opens:
            await self._enter(listed, officer, "incident-list-approved", {"until_us": said.until_us, "at": by})
            return Answer(
                heard=Heard.WAITS, until_us=said.until_us, lapsed_us=said.lapsed_us, is_first_void=is_first_void
            )
        await self._opened(listed, officer, said, numbers, by)
        return Answer(heard=Heard.OPENED, people=numbers)

    async def _heard(self, listed: SealedList, officer: Officer, by: str) -> tuple[Approval, bool]:
        """Say it, and say it anew where it met the word of somebody who may not open lists any more; tell whether."""
        for n_void in range(MOST_VOID):
            said = await self._approvals.say(listed.id, officer.account, lasts_us=LASTS_US, now_us=self._clock())
            if not said.opens or await self._may_open(AccountId(said.first)):
                return said, n_void > 0
            # Both words are spent by now, so what this one says next is a first word.
            facts: dict[str, str | int] = {"why": Heard.FIRST_VOID.value, "first": said.first, "at": by}
            await self._enter(listed, officer, "incident-list-refused", facts)
        raise StateUnavailable("too many speak about this list at once; nothing was opened")

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
