# SPDX-License-Identifier: Apache-2.0
"""What is asked of the log, and an entry as its index knows it.

The same question is answered from the index and, slower, from the files; the answers are the same.
"""

import msgspec

PERMIT, DENY, STEP_UP = "permit", "deny", "step-up"
DECISIONS = (PERMIT, DENY, STEP_UP)
"""What an entry can say of a call or a sign-in; entries about neither say nothing."""


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for; what is ``None`` is not asked, and everything that is asked must hold.

    Attributes:
        call: Identifier of a decision: all entries of that call.
        account: Whoever acted: by sign-in, by a call, by a change, or by looking.
        session: Identifier of a sign-in.
        place: Address that a call came from. Entries whose part was deleted are not found.
        purpose / dataset: The key or any key below it; a store is the dataset above its collections.
        decision: ``permit``, ``deny`` or ``step-up``.
        kind: Tag of the entry, such as ``release``.
        reason: Why a call was refused or ended.
        since_us / until_us: UTC microseconds; the second is exclusive.
        person: Number of a person who was in a block, a filter, a path or the body of a write. Entries
            whose part was deleted are not found.
    """

    call: str | None = None
    account: str | None = None
    client: str | None = None
    session: str | None = None
    place: str | None = None
    purpose: str | None = None
    dataset: str | None = None
    reference: str | None = None
    decision: str | None = None
    kind: str | None = None
    reason: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    person: int | None = None


class LogPlace(msgspec.Struct, frozen=True, order=True):
    """Where an entry stands: the order of the log as a whole, since times alone can be equal.

    Attributes:
        slot / seq: The log and the place in it.
    """

    at_us: int
    slot: str
    seq: int


class LogRow(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as the index holds it: who, for what, what came of it, how much; never whom.

    What only the first entry of a call says (account to reference, fields) stands in every row of the call.

    Attributes:
        decision: ``permit``, ``deny``, ``step-up`` or empty.
        fields: JSON of the fields that may leave, by word of treatment, with sorted keys; ``{}`` for none.
        rows / bytes / people: Of this entry alone.
        segment / line_at: The file and the byte in it at which the line begins.
        part_at: The byte in the file of parts at which its part begins, -1 for none; a hint, since parts
            move when others are deleted.
    """

    slot: str
    seq: int
    at_us: int
    kind: str
    call: str = ""
    account: str = ""
    client: str = ""
    recipient: str = ""
    session: str = ""
    place: str = ""
    purpose: str = ""
    dataset: str = ""
    operation: str = ""
    reference: str = ""
    decision: str = ""
    reason: str = ""
    fields: str = "{}"
    rows: int = 0
    bytes: int = 0
    people: int = 0
    segment: int = 0
    line_at: int = 0
    part_at: int = -1
