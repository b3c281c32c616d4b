# SPDX-License-Identifier: Apache-2.0
"""What is written back as it was read stays; while a column goes back, its values are written as they are."""

import msgspec

from gateway.domain.catalog import AtRest, BodyKind, Form
from gateway.domain.inquiry import Inquiry, Written
from gateway.domain.names import DatasetName, FieldName, JoinDomain
from gateway.domain.treatment import NOTHING, Treatment
from gateway.domain.turning import ColumnState, Turn
from gateway.flows.access.keeping import GoingBack, Keeping
from gateway.flows.access.ports.at_rest import NoVault, WholeColumns
from gateway.flows.access.ports.stores import StoreCall
from gateway.flows.access.vaulting import Holding
from gateway.transform.codec import Codec, compile_codec
from gateway.transform.vaulted import stored_text
from gateway.transform.writing import judged
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys
from tests.fakes.vault import FakeVault
from tests.fakes.writing import route, write

PHONE, CITY = spec("phone", at_rest=AtRest.SIV), spec("city")
VIEW = plan((PHONE, CHAINS["text"], REVEALED), (CITY, CHAINS["text"], REVEALED))


def codec_of() -> Codec:
    """Return a codec under keys of its own."""
    return compile_codec(VIEW, FakeSurrogateKeys())


def update(**values: object) -> Inquiry:
    """Return a patch."""
    said = Written(tuple((FieldName(name), value) for name, value in values.items()))  # type: ignore[misc]
    return msgspec.structs.replace(write(route("PATCH", "update", BodyKind.FIELDS), of="p1"), written=(said,))


def test_the_record_is_read_only_where_something_could_stay() -> None:
    """For a surrogate, and for any text in a field at rest; not for a clear value, null, or what is created."""
    codec = codec_of()
    surrogate = codec._surrogates.of(CITY, "Ulm")
    assert Keeping(update(phone="1"), codec).needs_record()
    assert Keeping(update(city=surrogate), codec).needs_record()
    assert not Keeping(update(city="Ulm", phone=None), codec).needs_record()
    created = msgspec.structs.replace(update(phone="1"), operation="create")
    assert not Keeping(created, codec).needs_record()


def test_without_the_record_everything_is_written() -> None:
    """Where no route reads it."""
    codec, asked = codec_of(), update(phone="1")
    call = StoreCall(
        store=asked.route.store, method="PATCH", path="/p1", query=(), decision_id=asked.decision_id,
        shape=asked.route.answer, body=b"{}",
    )  # fmt: skip
    assert Keeping(asked, codec).left(call, asked.written[0]) is call


CALLED = spec("called", form=Form.PHONE, join_domain="phones", at_rest=AtRest.VAULT)


async def kept(held: object, said: object, vault: FakeVault, read: Treatment = REVEALED) -> bool:
    """Tell whether a phone of a vault stays, of somebody in Germany, where a text is written over it."""
    shown = plan((CALLED, CHAINS["phone"], read), (spec("country"), CHAINS["word"], REVEALED), region="country")
    view = plan((CALLED, CHAINS["phone"], REVEALED), (spec("country"), CHAINS["word"], REVEALED), region="country")
    keys = FakeSurrogateKeys()
    codec = compile_codec(view, keys)
    if isinstance(said, bytes):
        said = codec._surrogates.of(CALLED, stored_text(said))
    asked, holding = update(called=said), Holding(codec, vault)
    found = await holding.made(lambda: judged(asked.written, view, holding.resolve, holding.held))
    (record,) = await holding.kept(found.records, [None])
    keeping = Keeping(asked, codec, compile_codec(shown, keys))
    assert keeping.needs_record() or said is None
    array = msgspec.json.encode([{"called": held, "country": "DE"}])
    batch = codec.decode(array)
    keeping.show(array)
    keeping.see(batch, codec.rows(batch)[0])
    await keeping.ask(vault, record)
    return keeping.stays(record) == {CALLED.name}


async def test_what_was_not_turned_over_stays_where_its_own_token_is_written() -> None:
    """And where its value is, in any spelling; nothing gets a token by being asked for."""
    vault = FakeVault()
    own, other = (vault.give(JoinDomain("phones"), phone) for phone in ("+4930555123", "+4930555124"))
    assert await kept("030 / 55 51 23", own, vault)
    assert await kept(stored_text(own), own, vault)
    assert not await kept("030 / 55 51 23", other, vault)
    assert not await kept("030 / 55 51 24 9", own, vault)
    assert len(vault.held) == 2
    for said in ("+4930555123", "030 / 55 51 23", "+49 30 555123"):
        assert await kept("030 / 55 51 23", said, vault)


async def test_null_stays_what_was_read_as_null() -> None:
    """What a mask cannot read, and a token behind which nothing is; what was read as something is taken away."""
    vault, masked = FakeVault(), Treatment(1, link=True)
    own = vault.give(JoinDomain("phones"), "+4930555123")
    assert await kept("x7", None, vault, masked)
    assert await kept(stored_text(bytes(range(16))), None, vault)
    assert not await kept("+4930555123", None, vault, masked)
    assert not await kept(stored_text(own), None, vault)
    assert not await kept("x7", None, vault)
    assert not await kept("x7", None, vault, SURROGATE)
    assert not await kept("x7", None, vault, NOTHING)
    assert len(vault.held) == 1


class Columns:
    """Every column goes back."""

    def of(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return that it does."""
        del dataset, field
        return ColumnState(Turn.BACK)


def test_while_a_column_goes_back_its_values_are_written_as_they_are() -> None:
    """In clear, and by the caller's own surrogate; what is not at rest is as ever."""
    codec = codec_of()
    holding = Holding(codec, NoVault())
    back, ever = GoingBack(Columns(), holding), GoingBack(WholeColumns(), holding)
    surrogate = codec._surrogates.of(PHONE, "1") or ""
    assert back.held(PHONE.name, "1") == "1"
    assert back.resolve(PHONE.name, surrogate) == "1"
    assert back.resolve(PHONE.name, "sv1_" + "0" * 96) is None
    assert ever.held(PHONE.name, "1") == codec.held(PHONE.name, "1")
    assert ever.resolve(PHONE.name, surrogate) == codec.held(PHONE.name, "1")
    assert back.held(CITY.name, "Ulm") == ever.held(CITY.name, "Ulm") == "Ulm"
