# SPDX-License-Identifier: Apache-2.0
"""What is written back as it was read stays; while a column goes back, its values are written as they are."""

import msgspec

from gateway.domain.catalog import AtRest, BodyKind
from gateway.domain.inquiry import Inquiry, Written
from gateway.domain.names import DatasetName, FieldName
from gateway.domain.turning import ColumnState, Turn
from gateway.flows.access import ports
from gateway.flows.access.keeping import GoingBack, Keeping
from gateway.flows.access.vaulting import Holding
from gateway.transform.codec import Codec, compile_codec
from tests.fakes.plans import CHAINS, REVEALED, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys
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
    call = ports.StoreCall(
        store=asked.route.store, method="PATCH", path="/p1", query=(), decision_id=asked.decision_id,
        shape=asked.route.answer, body=b"{}",
    )  # fmt: skip
    assert Keeping(asked, codec).left(call, asked.written[0]) is call


class Columns:
    """Every column goes back."""

    def of(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return that it does."""
        del dataset, field
        return ColumnState(Turn.BACK)


def test_while_a_column_goes_back_its_values_are_written_as_they_are() -> None:
    """In clear, and by the caller's own surrogate; what is not at rest is as ever."""
    codec = codec_of()
    holding = Holding(codec, ports.NoVault())
    back, ever = GoingBack(Columns(), holding), GoingBack(ports.WholeColumns(), holding)
    surrogate = codec._surrogates.of(PHONE, "1") or ""
    assert back.held(PHONE.name, "1") == "1"
    assert back.resolve(PHONE.name, surrogate) == "1"
    assert back.resolve(PHONE.name, "sv1_" + "0" * 96) is None
    assert ever.held(PHONE.name, "1") == codec.held(PHONE.name, "1")
    assert ever.resolve(PHONE.name, surrogate) == codec.held(PHONE.name, "1")
    assert back.held(CITY.name, "Ulm") == ever.held(CITY.name, "Ulm") == "Ulm"
