# SPDX-License-Identifier: Apache-2.0
"""The rules in force, as one immutable value; every part of it was checked against every other.

Grants say who may; purposes, red lines, recipients and assurance only take away. A rule set is made
by ``decide.loader`` from the text of the files and nowhere else.
"""

from collections.abc import Mapping

import msgspec

from gateway.domain.catalog import Catalog
from gateway.domain.names import (
    CategoryKey,
    DatasetName,
    FieldName,
    GrantId,
    PurposeKey,
    RecipientId,
    RoleName,
    RulesDigest,
)
from gateway.domain.principal import Assurance
from gateway.domain.purpose import PurposeRule
from gateway.domain.treatment import Chain, ChainName, Rung
from gateway.domain.viewplan import RowEffect


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One ``p`` line of ``grants.csv``.

    An ``allow`` gives every rung up to ``rung``, and the link if ``link``. A ``deny`` takes ``rung``
    and every rung above it (``drop``: all there is), and the link if ``link`` or if it denies all.

    Attributes:
        rung: Name of a rung or of a family; ``None`` on a deny that speaks of the link alone (``-``).
        from_us / until_us: In force from the first, up to but not including the second.
    """

    id: GrantId
    role: RoleName
    dataset: DatasetName
    category: CategoryKey
    purpose: PurposeKey
    operation: str
    rung: Rung | None
    link: bool
    allow: bool
    from_us: int | None
    until_us: int | None
    line: int

    def in_force(self, now_us: int) -> bool:
        """Tell whether the grant counts at a time."""
        return (self.from_us is None or self.from_us <= now_us) and (self.until_us is None or now_us < self.until_us)


class AgeCondition(msgspec.Struct, frozen=True, kw_only=True):
    """Row condition: under this age in full years, or of unknown age."""

    under_years: int
    effect: RowEffect


class RedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What no role, grant or consent overrides.

    Attributes:
        categories: Empty on a row condition that withholds or unlinks the whole row.
        purposes: Purposes it holds for, with all below; empty if it holds for recipients alone.
        third_parties: It holds whenever the recipient is a controller of its own or a joint one,
            whatever the purpose.
        rung / link: Ceiling for the categories where there is no row condition.
        title: Sentence a caller may read, by language tag.
    """

    id: str
    categories: tuple[CategoryKey, ...]
    purposes: tuple[PurposeKey, ...]
    third_parties: bool
    rung: Rung
    link: bool
    age: AgeCondition | None
    title: tuple[tuple[str, str], ...]
    cite: str


class AssuranceRule(msgspec.Struct, frozen=True, kw_only=True):
    """Below ``level``, a category leaves at ``otherwise`` at most."""

    category: CategoryKey
    level: Assurance
    otherwise: Rung
    otherwise_link: bool


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Who the data goes to through a client (GDPR Art. 4(9), 28, 44-49; PIPL Art. 21, 23, 38).

    Attributes:
        role: ``own``, ``entrusted``, ``separate_controller`` or ``joint``.
        country: ISO 3166-1 alpha-2 of the place where it processes.
        contract_until_us: After this the recipient gets nothing; ``None`` where none is needed.
        transfers: Regimes for which a transfer mechanism exists, with its reference.
    """

    id: RecipientId
    legal_name: str
    role: str
    country: str
    contract_until_us: int | None
    transfers: tuple[tuple[str, str], ...]

    @property
    def is_third_party(self) -> bool:
        """Tell whether giving it data is sharing with a third party."""
        return self.role in ("separate_controller", "joint")


class Regime(msgspec.Struct, frozen=True, kw_only=True):
    """Law as data: where it holds, and its age of minors, each with its citation.

    Attributes:
        countries: ISO 3166-1 alpha-2 of the people it protects.
        minors_under: Age in full years below which a person needs special care, if the law says one.
        restricts_transfers: Leaving its countries needs a mechanism.
        logs_months / logs_cite: How long logs are kept at least, if it says so, and where it does.
    """

    id: str
    name: str
    countries: frozenset[str]
    minors_under: int | None
    restricts_transfers: bool
    logs_months: int | None = None
    logs_cite: str = ""


class RuleTest(msgspec.Struct, frozen=True, kw_only=True):
    """One case of ``policies/tests``: who asks what, and what must come of each field.

    Attributes:
        expect: By field, the word of what leaves (``drop``, ``mask``, a rung, …).
        refused: Reason that must refuse the call instead.
    """

    name: str
    file: str
    line: int
    role: RoleName
    recipient: RecipientId
    assurance: Assurance
    dataset: DatasetName
    purpose: PurposeKey
    operation: str
    at_us: int | None
    fields: tuple[FieldName, ...] | None
    filters: tuple[str, ...]
    expect: Mapping[FieldName, str]
    refused: str | None


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All rules, checked against each other.

    Attributes:
        roles: For each role or account named in a ``g`` line, everything it contains, itself included.
        sensitive: The table of sensitive categories (GDPR Art. 9, 10; PIPL Art. 28).
        organisation: Name of the controller, for pages and notices.
        linking: The purpose that a person's devices are linked for, whatever a call is for.
    """

    digest: RulesDigest
    catalog: Catalog
    chains: Mapping[ChainName, Chain]
    grants: tuple[Grant, ...]
    roles: Mapping[str, frozenset[RoleName]]
    purposes: Mapping[PurposeKey, PurposeRule]
    red_lines: tuple[RedLine, ...]
    sensitive: tuple[CategoryKey, ...]
    assurance: tuple[AssuranceRule, ...]
    recipients: Mapping[RecipientId, Recipient]
    regimes: Mapping[str, Regime]
    tests: tuple[RuleTest, ...]
    organisation: str
    linking: PurposeKey | None = None
