# SPDX-License-Identifier: Apache-2.0
"""``organisation.yaml``: the controller, and every recipient that data can go to."""

import msgspec

from gateway.decide.loader.grammar.problems import Place, Said, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.decide.loader.regimes import PlacedRegime, check_country
from gateway.decide.rules import Recipient
from gateway.domain.names import RecipientId, is_key

OWN = "own"
ROLES = (OWN, "entrusted", "separate_controller", "joint")


class PlacedRecipient(msgspec.Struct, frozen=True):
    """A recipient and where it stands."""

    recipient: Recipient
    place: Place


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """What ``organisation.yaml`` says."""

    name: str
    recipients: dict[RecipientId, PlacedRecipient]


def read_organisation(top: Reader, regimes: dict[str, PlacedRegime] | None) -> Organisation:
    """Return the controller's name and the recipients by id."""
    name = _controller(top.table_of("controller", required=True))
    found: dict[RecipientId, PlacedRecipient] = {}
    for reader in top.tables("recipients", required=True):
        recipient = _recipient(reader, regimes)
        if recipient.id in found:
            reader.problems.tell(
                reader.place("id"),
                f"a second recipient {quoted(recipient.id)}; first in line {found[recipient.id].place.line}",
            )
        found[recipient.id] = PlacedRecipient(recipient, reader.place())
    top.close()
    if found and all(placed.recipient.role != OWN for placed in found.values()):
        top.problems.tell(top.place("recipients"), "no recipient has the role `own`: the controller itself is one")
    return Organisation(name=name, recipients=found)


def _controller(reader: Reader | None) -> str:
    if reader is None:
        return ""
    name = reader.text("name")
    check_country(Said(reader.text("country"), reader.place("country")), reader.problems)
    reader.close()
    return name


def _recipient(reader: Reader, regimes: dict[str, PlacedRegime] | None) -> Recipient:
    id_ = reader.text("id")
    if id_ and not is_key(id_):
        reader.problems.tell(reader.place("id"), f"{quoted(id_)} is no key")
    recipient = Recipient(
        id=RecipientId(id_),
        legal_name=reader.text("legal_name"),
        role=reader.word("role", ROLES),
        country=check_country(Said(reader.text("country"), reader.place("country")), reader.problems),
        contract_until_us=reader.instant("contract_until"),
        transfers=_transfers(reader, regimes),
    )
    reader.close()
    if recipient.role not in ("", OWN) and not reader.has("contract_until"):
        message = f"recipient {quoted(id_)} is {recipient.role}: it needs a contract, so `contract_until`"
        reader.problems.tell(reader.place(), message)
    return recipient


def _transfers(reader: Reader, regimes: dict[str, PlacedRegime] | None) -> tuple[tuple[str, str], ...]:
    said = reader.text_entries("transfers")
    for regime, _ in said:
        if regimes is not None and regime.text not in regimes:
            reader.problems.tell(
                regime.place, f"unknown regime {quoted(regime.text)}{suggestion(regime.text, regimes)}"
            )
    return tuple((regime.text, mechanism) for regime, mechanism in said)
