# SPDX-License-Identifier: Apache-2.0
"""A rule set that fits on a page, made by hand, and inquiries about it; for exact tests of the decision."""

from collections.abc import Iterable

import msgspec

from gateway.decide.rules import AgeCondition, AssuranceRule, Grant, Recipient, RedLine, RuleSet
from gateway.domain.catalog import (
    AnswerShape,
    Catalog,
    Collection,
    FieldSpec,
    FieldType,
    Form,
    Route,
    SubjectSpec,
    SurrogateKind,
)
from gateway.domain.inquiry import Filter, Inquiry, Sort
from gateway.domain.names import (
    AccountId,
    CategoryKey,
    ClientId,
    DatasetName,
    DecisionId,
    FieldName,
    GrantId,
    IdentityKind,
    JoinDomain,
    PurposeKey,
    RecipientId,
    RoleName,
    RulesDigest,
)
from gateway.domain.parameters import Comparison
from gateway.domain.principal import Assurance, Principal, PrincipalKind
from gateway.domain.purpose import CategoryCeiling, Ground, PurposeRule
from gateway.domain.treatment import Chain, ChainName, Rung, Treatment
from gateway.domain.viewplan import Hold, RowEffect
from tests.fakes.clock import EPOCH_US

NOW_US = EPOCH_US
PEOPLE = DatasetName("crm.people")
MAILING = PurposeKey("marketing.mail")
PLAIN = Chain(ChainName("plain"), (Rung("drop"), Rung("reveal")))
TEXT = Chain(ChainName("text"), (Rung("drop"), Rung("mask.tail"), Rung("mask.head"), Rung("reveal")))
DATE = Chain(ChainName("date"), (Rung("drop"), Rung("generalise.band10"), Rung("generalise.year"), Rung("reveal")))
CHAINS = {chain.name: chain for chain in (PLAIN, TEXT, DATE)}
NOTHING, TOP = Treatment(0, link=False), Treatment(3, link=True)


def field(name: str, *categories: str, chain: Chain = TEXT, type_: FieldType = FieldType.TEXT) -> FieldSpec:
    """Return a field of these categories."""
    return FieldSpec(
        name=FieldName(name),
        type=type_,
        categories=tuple(map(CategoryKey, categories)),
        chain=chain.name,
        form=Form.TEXT,
        surrogate=SurrogateKind.SIV,
        join_domain=JoinDomain(f"crm.{name}"),
    )


COLLECTION = Collection(
    dataset=PEOPLE,
    fields=(
        field("id", "user.id", chain=PLAIN),
        field("name", "user.name"),
        field("email", "user.contact.email"),
        field("born", "user.birth", chain=DATE),
        field("religion", "user.belief", chain=PLAIN),
        field("notes", "user.notes", type_=FieldType.FREE_TEXT),
    ),
    subject=SubjectSpec(identity=IdentityKind("crm.id"), field=FieldName("id")),
    birth_date=FieldName("born"),
)
ROUTE = Route(
    method="GET",
    template="/crm/people",
    operation="read",
    dataset=PEOPLE,
    answer=AnswerShape(kind="array"),
    parameters={},
)


def grant(
    category: str,
    rung: str | None = "reveal",
    *,
    link: bool = True,
    allow: bool = True,
    role: str = "campaigner",
    dataset: str = "crm",
    purpose: str = "marketing",
    operation: str = "read",
    from_us: int | None = None,
    until_us: int | None = None,
    line: int = 1,
) -> Grant:
    """Return one line."""
    return Grant(
        id=GrantId(f"g:{role}.{category}.{rung}.{line}"),
        role=RoleName(role),
        dataset=DatasetName(dataset),
        category=CategoryKey(category),
        purpose=PurposeKey(purpose),
        operation=operation,
        rung=None if rung is None else Rung(rung),
        link=link,
        allow=allow,
        from_us=from_us,
        until_us=until_us,
        line=line,
    )


def ceiling(category: str, rung: str = "reveal", *, link: bool = True) -> CategoryCeiling:
    """Return an entry of a purpose's whitelist."""
    return CategoryCeiling(category=CategoryKey(category), rung=Rung(rung), link=link)


PURPOSE = PurposeRule(
    key=MAILING,
    title=(("en", "Send mail."),),
    ground=Ground.CONSENT,
    owner="marketing",
    categories=(ceiling("user"), ceiling("user.birth", "generalise", link=False)),
    operations=("read",),
    datasets=(),
    needs_reference=False,
    needs_consent=True,
    honours_objection=True,
    key_class="marketing",
    from_us=None,
    until_us=None,
)


def recipient(name: str = "own", role: str = "own", country: str = "DE", **changes: object) -> Recipient:
    """Return a recipient."""
    made = Recipient(
        id=RecipientId(name), legal_name=name, role=role, country=country, contract_until_us=None, transfers=()
    )
    return msgspec.structs.replace(made, **changes)


def red_line(name: str, *categories: str, purposes: Iterable[str] = ("marketing",), **changes: object) -> RedLine:
    """Return a red line that lets nothing of the categories leave."""
    made = RedLine(
        id=name,
        categories=tuple(map(CategoryKey, categories)),
        purposes=tuple(map(PurposeKey, purposes)),
        third_parties=False,
        rung=Rung("drop"),
        link=False,
        age=None,
        title=(("en", f"{name} in English."), ("zh", f"{name} in Chinese.")),
        cite="",
    )
    return msgspec.structs.replace(made, **changes)


MINORS = red_line("minors", age=AgeCondition(under_years=18, effect=RowEffect.WITHHOLD))


def needs_fresh(category: str, otherwise: str = "mask", *, link: bool = False) -> AssuranceRule:
    """Return a rule that asks for a fresh sign-in."""
    return AssuranceRule(
        category=CategoryKey(category), level=Assurance.PERSON_FRESH, otherwise=Rung(otherwise), otherwise_link=link
    )


RULES = RuleSet(
    digest=RulesDigest("d1"),
    catalog=Catalog(collections={PEOPLE: COLLECTION}, routes=(ROUTE,)),
    chains=CHAINS,
    grants=(grant("user.id", "drop"), grant("user.name"), grant("user.contact"), grant("user.birth", line=4)),
    roles={},
    purposes={MAILING: PURPOSE},
    red_lines=(),
    sensitive=(CategoryKey("user.belief"),),
    assurance=(),
    recipients={RecipientId("own"): recipient()},
    regimes={},
    tests=(),
    organisation="Example",
)


def rules(**changes: object) -> RuleSet:
    """Return the rules with some parts changed."""
    return msgspec.structs.replace(RULES, **changes)


def with_purpose(**changes: object) -> RuleSet:
    """Return the rules with a change in the one purpose."""
    return rules(purposes={MAILING: msgspec.structs.replace(PURPOSE, **changes)})


PERSON = Principal(
    account=AccountId("a_1"),
    kind=PrincipalKind.PERSON,
    roles=(RoleName("campaigner"),),
    client=ClientId("gateway:login"),
    recipient=RecipientId("own"),
    proof=Assurance.PERSON,
    signed_in_us=NOW_US,
    scopes=(PurposeKey("marketing"),),
    session="s_1",
)


def inquiry(
    *,
    who: Principal = PERSON,
    purpose: str | None = MAILING,
    fields: Iterable[str] | None = None,
    filters: Iterable[Filter] = (),
    sorts: Iterable[str] = (),
    reference: str | None = None,
) -> Inquiry:
    """Return a call for people."""
    return Inquiry(
        decision_id=DecisionId("d"),
        principal=who,
        purpose=None if purpose is None else PurposeKey(purpose),
        reference=reference,
        operation="read",
        dataset=PEOPLE,
        route=ROUTE,
        fields=None if fields is None else tuple(map(FieldName, fields)),
        filters=tuple(filters),
        sorts=tuple(Sort(field=FieldName(name), descending=False) for name in sorts),
    )


def equal(name: str, value: str = "x", *, comparison: Comparison = Comparison.EQUAL, bands: bool = False) -> Filter:
    """Return a filter by the field's own name."""
    return Filter(field=FieldName(name), comparison=comparison, value=value, parameter=name, bands=bands)


def hold(category: str, rung: str = "drop", *, link: bool = False) -> Hold:
    """Return a hold."""
    return Hold(category=CategoryKey(category), rung=Rung(rung), link=link, reason="probing")
