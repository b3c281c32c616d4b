# SPDX-License-Identifier: Apache-2.0
"""Entries of the access log: what each kind records, and how a line is laid out.

An entry has a core, which enters the tree, and a part beside it, which holds what may have to be
deleted later: people, addresses, user agents. The core holds SHA-256(salt, part); the salt of 128
random bits is kept in the part, so a deleted part cannot be guessed back from its digest.

No value of a field of a store is ever in a core or a part.
"""

import msgspec

from gateway.domain.names import DecisionId


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="opened"):
    """First entry of a log, and first after each start: whose log it is and the key that signs it."""

    version: str
    public_key: str
    """Ed25519, 32 bytes in hexadecimal."""
    resumed_at: int
    """Number of entries that the log held before; 0 for a new log."""


class Closed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="closed"):
    """Last entry of a process that stopped in order."""


STALE = "stale"
"""First of ``caps`` where a person's sign-in was not fresh."""


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a decision rested on; in the first entry of every call.

    Attributes:
        account / client / recipient: Identifiers, never names of people.
        route: Template, never the path itself.
        fields: By word of treatment, the fields that may leave: ``{"reveal": ["id"], …}``.
        filters: Names and comparisons without values: ``["country eq", "sort -age"]``.
        caps: What lowered the plan in this call.
        roles: Of the account, as its bearer had them; what they contain is told by the rules.
        named: Fields that the call named; none where it took what there is. Of a write that was refused: those
            that it would have written.
        limit: Rows in a page, where the route has pages.
        asked: Of a look at the gateway's own data: identifiers of the accounts that it asked for.
        mandate: Under which the call was made.
    """

    account: str = ""
    client: str = ""
    recipient: str = ""
    session: str = ""
    purpose: str = ""
    reference: str | None = None
    dataset: str = ""
    operation: str = ""
    method: str = ""
    route: str = ""
    fields: dict[str, tuple[str, ...]] = {}
    filters: tuple[str, ...] = ()
    rules: str = ""
    grants: tuple[str, ...] = ()
    assurance: int = 0
    caps: tuple[str, ...] = ()
    choices: int = 0
    """Version of the choices that the rows were judged by."""
    roles: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    limit: int = 0
    asked: tuple[str, ...] = ()
    mandate: str = ""


class Release(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="release"):
    """Authorises one block of an answer before its first byte leaves.

    Attributes:
        call / n: The call and the place of this block in it, from 0.
        rows / bytes / people: What the block holds; bytes of the body on the wire before framing.
        withheld: Rows left out, exact, by cause.
        last: The answer is complete with this block.
        facts: In the first entry of the call only.
    """

    call: DecisionId
    n: int
    rows: int
    bytes: int
    people: int
    withheld: dict[str, int] = {}
    status: int = 200
    digest: str = ""
    """SHA-256 of the block's bytes, hexadecimal."""
    last: bool = False
    facts: Facts | None = None


class Intent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="intent"):
    """A write, entered before it is forwarded; the people it is about are in the part.

    Attributes:
        records: How many records the body holds; 1 for a delete.
        written: By ``clear`` and ``surrogate``, the fields that the write names.
    """

    call: DecisionId
    records: int
    written: dict[str, tuple[str, ...]] = {}
    facts: Facts | None = None


class Observed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="observed"):
    """A call to a store that is not enforced, entered before anything of it goes to the store.

    Attributes:
        store: Its name in gateway.yaml.
        would: What would have come of the call: ``permit``, ``deny`` or ``step-up``.
        reason: Why it would have been refused.
        fields: Fields or parameters that the reason is about.
        bytes: Of the call's own body, which goes to the store as it came.
    """

    call: DecisionId
    store: str
    would: str
    reason: str | None = None
    fields: tuple[str, ...] = ()
    bytes: int = 0
    facts: Facts | None = None


class Passed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="passed"):
    """Authorises one block of an answer that goes out as a store that is not enforced sent it.

    Nobody counts its rows or people: nothing of it was read.

    Attributes:
        n: Place of this block in its call, from 0.
        bytes: Of the body on the wire before framing.
        last: The answer is complete with this block.
    """

    call: DecisionId
    n: int
    bytes: int
    status: int = 200
    digest: str = ""
    """SHA-256 of the block's bytes, hexadecimal."""
    last: bool = False


class Numbered(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="numbered"):
    """People got numbers; the part holds which keyed digest of an identity got which number.

    Without it a restored database would give somebody known a second number, and a choice or an
    erasure under the first would be lost.

    Attributes:
        identity: Kind of the identities, such as ``crm.customer_id``; the same for all of the entry.
    """

    people: int
    identity: str = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="refusal"):
    """A call that was refused, with what was known of it by then."""

    call: DecisionId
    reason: str
    status: int
    bytes: int = 0
    fields: tuple[str, ...] = ()
    rule: str | None = None
    facts: Facts | None = None


class RefusalsCounted(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="refusals-counted"):
    """Refusals before identification that came too fast for one entry each."""

    since_us: int
    reasons: dict[str, int]


UNAVAILABLE = "unavailable"
"""Under which ``answered`` counts the bodyless 503 of calls that came while nothing could be entered."""


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="answered"):
    """Own answers that depend on no store and no person (health, keys, problem pages), as counts."""

    since_us: int
    counts: dict[str, int]


class End(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="end"):
    """The truth of a call where it differs from what was authorised.

    Attributes:
        how: ``hang-up``, ``cut``, ``store-failed``, ``failed``, or ``unknown`` after a crash.
        bytes: Body bytes handed to the caller's socket; at most what was authorised.
        told: Bytes of the control record that ends a cut stream of lines; authorised by this entry.
    """

    call: DecisionId
    how: str
    bytes: int | None = None
    reason: str | None = None
    told: int = 0


class SignIn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="sign-in"):
    """A step of a sign-in: ``password``, ``totp``, ``recovery``, ``refresh``, ``client``, ``revoked``.

    The account is its identifier; a name that no account has is entered as an empty one, because
    people mistype passwords into name fields.
    """

    call: DecisionId
    step: str
    account: str
    ok: bool
    reason: str | None = None
    client: str = ""
    session: str = ""
    bytes: int = 0
    spent: str = ""
    """What can never be used again: a time step, or the digest of a code or bearer under a key."""


class RulesInForce(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="rules-in-force"
):
    """A rule set was put in force; its files are kept under this digest.

    Attributes:
        by: Account, ``local:<os user>``, or ``gateway`` where a start found the rules changed; empty where
            an older version entered it.
    """

    rules: str
    before: str | None
    by: str = ""


class RulesRefused(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="rules-refused"):
    """A change of rules was refused and the old ones stayed in force."""

    rules: str
    problems: tuple[str, ...]


class Changed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="changed"):
    """Somebody changed the gateway's own state: accounts, clients, keys, choices, holds, people.

    Attributes:
        by: Account identifier, or ``local:<os user>`` for the command line.
        what: ``account-added``, ``choice-recorded``, ``key-shredded`` and the like.
        target: Identifier of what was changed; never a name or value of a person.
        facts: Words that the change is made of, without secrets.
    """

    by: str
    what: str
    target: str
    facts: dict[str, str | int] = {}


class Looked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="looked"):
    """Somebody read the gateway's own data, such as this log, from the command line or over an own path.

    Attributes:
        call / bytes: Over an own path: its decision id, and the body of the answer that this authorises.
    """

    by: str
    what: str
    query: str
    rows: int
    call: str = ""
    bytes: int = 0


class LogSeen(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="log-seen"):
    """The newest checkpoint of another log of this installation, as seen from this one."""

    origin: str
    checkpoint: str


class Amended(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="amended"):
    """People were taken out of the part of an entry; entered before the other part is put in its place.

    Attributes:
        origin / place: The log and the place of the entry whose part it is.
        taken: How many numbers of people were taken out.
        digest: SHA-256(salt, part), hexadecimal, of what stands in its place.
    """

    origin: str
    place: int
    taken: int
    digest: str


Entry = (
    Opened
    | Closed
    | Release
    | Intent
    | Observed
    | Passed
    | Numbered
    | Refused
    | RefusalsCounted
    | Answered
    | End
    | SignIn
    | RulesInForce
    | RulesRefused
    | Changed
    | Looked
    | LogSeen
    | Amended
)


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What belongs to an entry and may be deleted without breaking the tree.

    Attributes:
        people: Numbers of the people in the block, a serialised roaring bitmap.
        met: Numbers of people that filters and paths named.
        numbered: Of ``numbered``: for each person 32 bytes of the identity's digest under the key of
            look-ups, then the number as 4 bytes, big-endian.
        choices: Of choices that were imported: every one of them, as ``domain.choice.packed`` writes it.
        keys: Of messages about to be sent: 32 bytes for each, the digest of its key under a key of ours.
    """

    ip: str = ""
    user_agent: str = ""
    people: bytes = b""
    met: tuple[int, ...] = ()
    numbered: bytes = b""
    choices: bytes = b""
    keys: bytes = b""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a segment; the leaf is the hash of exactly these bytes without the line feed.

    Attributes:
        log: ``<installation>/<node>/<slot>``.
        seq: Place in the log, from 0.
        prev: Leaf hash of the entry before, hexadecimal; 64 zeros at the start.
        at_us: UTC microseconds.
        part: SHA-256(salt, part), hexadecimal, if the entry has a part.
        salt: 128 random bits, hexadecimal, if it has none, so that nobody finds out a line by its hash.
    """

    log: str
    seq: int
    prev: str
    at_us: int
    body: Entry
    part: str | None = None
    salt: str | None = None
