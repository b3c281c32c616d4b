# SPDX-License-Identifier: Apache-2.0
"""Joins: bands, codecs that are kept, and identification in the flow's words."""

import msgspec
import pytest

from gateway.app import joins
from gateway.app.joins import (
    EXPIRED,
    CodecShelf,
    HttpTarget,
    IdempotencyKeyring,
    IdentifyJoin,
    SurrogateKeyring,
    is_band,
)
from gateway.app.traces import Traces
from gateway.domain.catalog import AnswerShape
from gateway.domain.decision import Deny, Reason
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.names import DecisionId, StoreName
from gateway.domain.principal import Principal
from gateway.domain.treatment import Rung
from gateway.flows.access.ports.stores import StoreCall
from gateway.forward.http import HttpStores
from gateway.identify.identify import SignInProblem
from gateway.keys.keyring import Keyring
from tests.fakes.deciding import NOW_US, PERSON
from tests.fakes.plans import REVEALED, chain, plan, spec
from tests.fakes.raw_store import RawStore, Reply
from tests.fakes.store_calls import store_at


@pytest.mark.parametrize(
    ("rung", "text", "is_one"),
    [
        ("generalise.year", "1980", True),
        ("generalise.year", "1980-05", False),
        ("generalise.band10", "1980-1989", True),
        ("generalise.band10", "1981-1990", False),
        ("generalise.band10", "80", False),
        ("no.such.rung", "1980", False),
    ],
)
def test_a_band_is_what_its_rung_writes(rung: str, text: str, is_one: bool) -> None:
    """Anything finer or beside it is none."""
    assert is_band(Rung(rung), text) is is_one


def test_the_codec_of_a_plan_is_made_once(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until keys change or the shelf is full."""
    monkeypatch.setattr(joins, "KEPT_CODECS", 2)
    shelf = CodecShelf(SurrogateKeyring(keyring))
    plans = [plan((spec("name"), chain(), REVEALED)) for _ in range(3)]
    first = shelf(plans[0])
    assert shelf(plans[0]) is first
    shelf.clear()
    assert shelf(plans[0]) is not first
    for one in plans:
        shelf(one)
    assert len(shelf._codecs) == 1


def test_the_keys_of_surrogates_are_those_of_the_keyring(keyring: Keyring) -> None:
    """A label gets its key when it is first used, and old versions are found."""
    keys = SurrogateKeyring(keyring)
    made = keys.current("surrogate/crm.id")
    assert keys.current("surrogate/crm.id") == made
    assert keys.version("surrogate/crm.id", made.version) == made


class OnlyFinds:
    """Identification that finds what it was given."""

    def __init__(self, found: Principal | SignInProblem) -> None:
        self._found = found

    def principal(self, authorization: str | None, now_us: int) -> Principal | SignInProblem:
        """Return it."""
        return self._found


class RevokesSessions:
    """Revocations that know one session."""

    def is_revoked(self, session: str, account: str) -> bool:
        """Tell whether it is the one."""
        return session == PERSON.session


@pytest.mark.parametrize(
    ("why", "title"), [("none", None), ("form", None), ("signature", None), ("revoked", None), ("expired", EXPIRED)]
)
def test_a_problem_of_identification_is_a_refusal_with_its_cause_for_staff(why: str, title: str | None) -> None:
    """The caller gets the reason alone; of a bearer that was good, that it ended."""
    problem = SignInProblem(reason=Reason.SIGN_IN_REQUIRED, error="invalid_token", why=why)
    join = IdentifyJoin(OnlyFinds(problem), RevokesSessions())  # type: ignore[arg-type]
    assert join.principal("x", NOW_US) == Deny(reason=Reason.SIGN_IN_REQUIRED, rule=why, title=title)


def test_a_principal_is_handed_on_and_asked_about_again() -> None:
    """Between blocks, by session and account."""
    join = IdentifyJoin(OnlyFinds(PERSON), RevokesSessions())  # type: ignore[arg-type]
    assert join.principal("x", NOW_US) is PERSON
    assert join.is_revoked(PERSON)


async def test_a_store_is_asked_in_the_flows_words_and_answers_in_them(keyring: Keyring) -> None:
    """Body, type, conditions and trace arrive; status and entity tag come back."""
    head = b'HTTP/1.1 412 X\r\nETag: "v2"\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno'
    call = StoreCall(
        store=StoreName("crm"),
        method="PATCH",
        path="/customers/c-1",
        query=(("a", "b"),),
        decision_id=DecisionId("0123456789abcdef" * 2),
        shape=AnswerShape(kind="record"),
        body=b'{"a":null}',
        content_type="application/merge-patch+json",
        headers=(("if-match", '"v1"'),),
        writes=True,
    )
    async with RawStore(lambda _: Reply(head)) as crm, HttpStores([store_at(crm.url)]) as stores:
        async with HttpTarget(stores, Traces(keyring)).call(call) as answer:
            assert (answer.status, answer.absent, answer.etag) == (412, False, '"v2"')
            assert [chunk async for chunk in answer.chunks()] == []
        with pytest.raises(StoreMisbehaved):
            await HttpTarget(stores, Traces(keyring)).call(msgspec.structs.replace(call, writes=False)).__aenter__()
    assert crm.bodies[0] == b'{"a":null}'
    lines = set(crm.heads[0].lower().split(b"\r\n"))
    assert lines > {
        b"patch /customers/c-1?a=b http/1.1",
        b'if-match: "v1"',
        b"content-type: application/merge-patch+json",
    }
    [trace] = [line for line in lines if line.startswith(b"traceparent: ")]
    assert trace.startswith(b"traceparent: 00-0123456789abcdef0123456789abcdef-")


def test_an_idempotency_key_is_bound_to_whose_it_is(keyring: Keyring) -> None:
    """The same for the same texts, after a restart too; another for any other; it tells nothing of what was stated."""
    keys = IdempotencyKeyring(keyring)
    one = keys.for_store("order-1", ("a_1", "app"))
    assert one == IdempotencyKeyring(keyring).for_store("order-1", ("a_1", "app"))
    others = {
        keys.for_store(stated, whose)
        for stated, whose in (
            ("order-2", ("a_1", "app")),
            ("order-1", ("a_2", "app")),
            ("order-1", ("a_1", "app2")),
            ("2order-1", ("a_1", "app")),
            ("order-1", ("a_1a", "pp")),
        )
    }
    assert len(others - {one}) == 5
    assert len(one) == 43
    assert "order" not in one
