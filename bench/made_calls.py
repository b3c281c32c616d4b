# SPDX-License-Identifier: Apache-2.0
"""What the logs of ``bench.made_log`` tell of: who calls for what, which people are in the answers, what else happens.

200 principals in 12 clients call for 8 purposes over 6 datasets; a release has people: 10 in the median, 1,000 in one
of a hundred, as neighbours in a list of the store or picked from all over it. Everybody of the store is a number as
the gateway gives them (``domain.people.shuffled``). Kinds of calls: answers of one block and of several, single
records, refusals, writes, hang-ups, calls that are passed on, sign-ins right and wrong, changes, looks, counts.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import cast

import msgspec
from pyroaring import BitMap

from gateway.domain.entry import (
    Answered,
    Changed,
    End,
    Entry,
    Facts,
    Intent,
    Looked,
    Numbered,
    Observed,
    Part,
    Passed,
    RefusalsCounted,
    Refused,
    Release,
    SignIn,
)
from gateway.domain.names import DecisionId
from gateway.domain.people import shuffled

Drafted = tuple[bytes, bytes | None]
"""Body and part of an entry, as JSON."""

N_PEOPLE = 45_000
N_PRINCIPALS = 200
MEDIAN_PEOPLE, MANY_PEOPLE = 10, 1_000
PURPOSES = (
    "marketing.communications.email", "marketing.communications.sms", "marketing.advertising.profiling",
    "analytics.reporting.campaign_insights", "analytics.reporting.content_performance", "essential.service",
    "essential.legal_obligation", "personalize.content",
)  # fmt: skip
DATASETS = ("crm.customers", "crm.contacts", "shop.orders", "shop.returns", "cdp.profiles", "campaigns.sends")
VIEWS: tuple[dict[str, tuple[str, ...]], ...] = (
    {"reveal": ("city", "country")},
    {"reveal": ("country",), "surrogate": ("id",)},
    {"generalise": ("birth_date",), "reveal": ("city",), "surrogate": ("email", "id")},
    {"mask": ("phone",), "reveal": ("id", "name")},
    {"reveal": ("email", "id", "name")},
)
CLIENTS = tuple(f"client-{n:02}" for n in range(12))
RECIPIENTS = ("own", "own", "own", "print-house", "mail-house")
REFERENCES = (None, None, *(f"campaign-{n:02}" for n in range(30)))
REASONS = (
    ("grant-missing", 403), ("purpose-not-allowed", 403), ("red-line", 403), ("field-not-permitted", 403),
    ("filter-not-permitted", 403), ("step-up-required", 401), ("budget-spent", 429), ("not-found", 404),
)  # fmt: skip
KINDS = {
    "page": 0.72, "pages": 0.04, "record": 0.05, "refusal": 0.07, "write": 0.03, "hang_up": 0.015, "passed": 0.01,
    "sign_in": 0.045, "numbered": 0.005, "changed": 0.005, "looked": 0.004, "counted": 0.006,
}  # fmt: skip
OWN_KINDS = {"changed": 0.4, "looked": 0.35, "counted": 0.25}
"""Of logs that no caller's calls are entered in."""
MOST_BLOCKS = 5

_encoder = msgspec.json.Encoder()


def encoded(entry: Entry) -> bytes:
    """Return an entry as it stands in a line."""
    return _encoder.encode(entry)


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What a principal does again and again: the facts of its calls but for session and reference."""

    facts: dict[str, object]


class Caller(msgspec.Struct, kw_only=True):
    """A principal, with the sign-in that is newest."""

    account: str
    uses: tuple[Use, ...]
    places: tuple[str, ...]
    agent: str
    session: str


class Calls:
    """An endless programme of calls, always the same for a source of chance."""

    def __init__(self, chance: random.Random, everybody: Sequence[int] | None = None) -> None:
        """Make the callers and the table of sizes.

        Args:
            everybody: Numbers of the people of the store, more than ``MANY_PEOPLE``; made up if left out.
        """
        self._chance = chance
        self._people = people() if everybody is None else tuple(everybody)
        self._callers = [_caller(chance, n) for n in range(N_PRINCIPALS)]
        drawn = [int(chance.lognormvariate(2.35, 1.0)) for _ in range(8_192)]
        self._sizes = [MANY_PEOPLE if place < 82 else max(1, min(n, MANY_PEOPLE - 1)) for place, n in enumerate(drawn)]
        self._kinds = {True: _table(KINDS), False: _table(OWN_KINDS)}

    def next(self, *, is_door: bool, most: int) -> list[Drafted]:
        """Return the entries of one call in order, at least one and at most so many."""
        kinds = self._kinds[is_door]
        kind = kinds[self._chance.getrandbits(10) * len(kinds) >> 10]
        drafts: list[Drafted] = getattr(self, f"_{kind}")()
        # Where a long call does not fit any more, one that is a single entry does.
        return drafts if len(drafts) <= most else self._page()

    def _page(self) -> list[Drafted]:
        caller, call = self._who(), self._call()
        return [self._release(caller, call, self._some(), facts=self._facts(caller), last=True)]

    def _pages(self) -> list[Drafted]:
        caller, call = self._who(), self._call()
        n_blocks = self._chance.randint(2, MOST_BLOCKS)
        facts = self._facts(caller)
        return [
            self._release(
                caller, call, self._some(), facts=facts if n == 0 else None, n=n, last=n + 1 == n_blocks
            )
            for n in range(n_blocks)
        ]  # fmt: skip

    def _record(self) -> list[Drafted]:
        caller, person = self._who(), self._person()
        facts = self._facts(caller)
        return [self._release(caller, self._call(), BitMap((person,)), facts=facts, last=True, met=(person,))]

    def _hang_up(self) -> list[Drafted]:
        caller, call = self._who(), self._call()
        released = self._release(caller, call, self._some(), facts=self._facts(caller), last=True)
        return [released, (encoded(End(call=call, how="hang-up", bytes=self._chance.randint(0, 900))), None)]

    def _refusal(self) -> list[Drafted]:
        caller = self._who()
        reason, status = self._chance.choice(REASONS)
        met = (self._person(),) if reason == "not-found" else ()
        body = Refused(call=self._call(), reason=reason, status=status, bytes=411, facts=self._facts(caller))
        return [(encoded(body), self._part(caller, met=met))]

    def _write(self) -> list[Drafted]:
        caller, call, person = self._who(), self._call(), self._person()
        facts = self._facts(caller, operation="update", method="PATCH", fields={})
        intent = Intent(call=call, records=1, written={"clear": ("city",)}, facts=facts)
        part = self._part(caller, met=(person,))
        return [(encoded(intent), part), self._release(caller, call, BitMap((person,)), last=True, met=(person,))]

    def _passed(self) -> list[Drafted]:
        caller, call = self._who(), self._call()
        would = self._chance.choice(("permit", "deny", "step-up"))
        reason = None if would == "permit" else "grant-missing"
        seen = Observed(call=call, store="shop", would=would, reason=reason, facts=self._facts(caller))
        passed = Passed(call=call, n=0, bytes=2_048, digest=self._digest(), last=True)
        return [(encoded(seen), self._part(caller)), (encoded(passed), self._part(caller))]

    def _sign_in(self) -> list[Drafted]:
        caller = self._who()
        if self._chance.random() < 0.2:
            failed = SignIn(
                call=self._call(), step="password", account=caller.account, ok=False, reason="sign-in-failed"
            )
            return [(encoded(failed), self._part(caller))]
        caller.session = self._chance.randbytes(12).hex()
        steps = ("password", "totp")
        return [
            (
                encoded(
                    SignIn(
                        call=self._call(),
                        step=step,
                        account=caller.account,
                        ok=True,
                        client=_client(caller),
                        session=caller.session if step == "totp" else "",
                        spent="58123456" if step == "totp" else "",
                    )
                ),
                self._part(caller),
            )
            for step in steps
        ]

    def _numbered(self) -> list[Drafted]:
        some = self._some()
        told = b"".join(self._chance.randbytes(32) + person.to_bytes(4, "big") for person in some)
        entry = Numbered(people=len(some), identity="crm.customer_id")
        return [(encoded(entry), _encoder.encode(Part(numbered=told)))]

    def _changed(self) -> list[Drafted]:
        by = self._chance.choice(("local:root", self._who().account))
        what = self._chance.choice(("choice-recorded", "account-added", "budget-set", "client-added"))
        target = str(self._person()) if what == "choice-recorded" else f"t_{self._chance.getrandbits(16)}"
        return [(encoded(Changed(by=by, what=what, target=target)), None)]

    def _looked(self) -> list[Drafted]:
        by = self._chance.choice(("local:root", self._who().account))
        return [(encoded(Looked(by=by, what="log", query="purpose", rows=self._chance.randint(0, 500))), None)]

    def _counted(self) -> list[Drafted]:
        if self._chance.random() < 0.3:
            return [(encoded(RefusalsCounted(since_us=0, reasons={"sign-in-required": 40})), None)]
        return [(encoded(Answered(since_us=0, counts={"livez": 60, "readyz": 60})), None)]

    def _release(
        self,
        caller: Caller,
        call: DecisionId,
        some: "BitMap",
        *,
        last: bool,
        facts: Facts | None = None,
        n: int = 0,
        met: tuple[int, ...] = (),
    ) -> Drafted:
        n_people = len(some)
        body = Release(
            call=call, n=n, rows=n_people, bytes=180 * n_people, people=n_people, digest=self._digest(), last=last,
            facts=facts,
        )  # fmt: skip
        return encoded(body), self._part(caller, people=some.serialize(), met=met)

    def _part(self, caller: Caller, *, people: bytes = b"", met: tuple[int, ...] = ()) -> bytes:
        place = caller.places[self._chance.getrandbits(1)]
        return _encoder.encode(Part(ip=place, user_agent=caller.agent, people=people, met=met))

    def _facts(self, caller: Caller, **other: object) -> Facts:
        use = caller.uses[self._chance.getrandbits(8) * len(caller.uses) >> 8]
        reference = REFERENCES[self._chance.getrandbits(5)]
        return Facts(**{**use.facts, **other, "session": caller.session, "reference": reference})  # type: ignore[arg-type]

    def _some(self) -> "BitMap":
        """Return people of one block: neighbours in a list, or one of five times from all over it."""
        n = self._sizes[self._chance.getrandbits(13)]
        if self._chance.random() < 0.2:
            return BitMap(self._chance.choices(self._people, k=n))
        first = self._chance.randrange(len(self._people) - n)
        return BitMap(self._people[first : first + n])

    def _who(self) -> Caller:
        # Some call much more than others.
        return self._callers[min(self._chance.getrandbits(8), self._chance.getrandbits(8)) % N_PRINCIPALS]

    def _person(self) -> int:
        return self._people[self._chance.randrange(len(self._people))]

    def _call(self) -> DecisionId:
        return DecisionId(self._chance.randbytes(16).hex())

    def _digest(self) -> str:
        return self._chance.randbytes(32).hex()


@cache
def people() -> tuple[int, ...]:
    """Return everybody of the store, in the order of its list, as numbers."""
    key = bytes(32)
    return tuple(int(shuffled(place, key)) for place in range(N_PEOPLE))


def _client(caller: Caller) -> str:
    return cast("str", caller.uses[0].facts["client"])


def _table(shares: dict[str, float]) -> list[str]:
    """Return words as often as their share of a thousand."""
    return [word for word, share in shares.items() for _ in range(round(1_000 * share))]


def _caller(chance: random.Random, n: int) -> Caller:
    account, net = f"a_{n:03}{chance.getrandbits(32):08x}", ("192.0.2", "198.51.100", "203.0.113")[n % 3]
    known: dict[str, object] = {
        "account": account,
        "client": chance.choice(CLIENTS),
        "recipient": chance.choice(RECIPIENTS),
        "rules": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "grants": (f"g:{n:012x}",),
        "assurance": 1 + n % 4,
    }
    return Caller(
        account=account,
        uses=tuple(Use(facts=known | _use(chance)) for _ in range(chance.randint(1, 6))),
        places=(f"{net}.{n + 1}", f"10.{n % 4}.0.{n + 1}"),
        agent=f"app/{n % 7}.{n % 3}",
        session=chance.randbytes(12).hex(),
    )


def _use(chance: random.Random) -> dict[str, object]:
    dataset = chance.choice(DATASETS)
    return {
        "purpose": chance.choice(PURPOSES),
        "dataset": dataset,
        "operation": "read",
        "method": "GET",
        "route": f"/{dataset.replace('.', '/')}",
        "fields": chance.choice(VIEWS),
        "filters": chance.choice(((), ("country eq",), ("country eq", "sort -age"))),
    }
