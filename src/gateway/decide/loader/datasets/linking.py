# SPDX-License-Identifier: Apache-2.0
"""Fields that link what belongs to one person, and the purpose that it is linked for.

A device, a cookie, an advertising identifier or an address of the network says more of a person than its own value
when it is known whose it is. So surrogates of such a field may be of the person, where the person lets them; nothing
else may link.
"""

from collections.abc import Iterable, Iterator, Mapping

from gateway.decide.loader.grammar.problems import Place, Problems, Said, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.decide.loader.vocabulary import is_local
from gateway.domain.catalog import AtRest, Catalog, Collection, FieldSpec, FieldType, Linking
from gateway.domain.names import CategoryKey, JoinDomain, PurposeKey, is_under
from gateway.domain.purpose import PurposeRule

DEVICES = CategoryKey("user.device")
"""Devices, cookies and network addresses; an installation's own categories begin with ``local.`` as everywhere."""

SHARED = JoinDomain("devices")
"""Join domain of linking fields that name none: somebody's cookie and phone are to meet."""

LINKINGS = tuple(str(one) for one in Linking)


def read_links(
    ours: Reader, name: str, categories: Iterable[CategoryKey], type_: str, at_rest: AtRest | None
) -> Linking | None:
    """Return of what a field's surrogates tell that it is one, if it says so."""
    word = ours.word("links", LINKINGS, default="")
    if not word:
        return None
    place, tell = ours.place("links"), ours.problems.tell
    if not any(is_under(category, DEVICES) or is_local(category) for category in categories):
        tell(place, f"field {quoted(name)} is of no category below `{DEVICES}`: only what names a device may link")
    if at_rest is AtRest.VAULT:
        tell(place, f"field {quoted(name)} is in a vault, whose tokens stand for values: it cannot link")
    if type_ == FieldType.FREE_TEXT:
        tell(place, f"field {quoted(name)} is free text, which names no device")
    return Linking(word)


def check_links(ours: Reader, collection: Collection, *, is_about_nobody: bool) -> None:
    """Tell of linking fields without a person to link for, and of those that rows are judged by.

    Args:
        is_about_nobody: That is what was said; a ``subject`` that is wrong was told already.
    """
    linking = [field for field in collection.fields if field.links is not None]
    if linking and collection.subject is None and is_about_nobody:
        message = f"{quoted(linking[0].name)} links what belongs to a person, but no row is about one: say `subject`"
        ours.problems.tell(ours.place(), message)
    judged = {collection.subject and collection.subject.field, collection.birth_date, collection.region}
    for field in linking:
        if field.name in judged:
            message = f"{quoted(field.name)} is read of every row to judge it: it cannot link"
            ours.problems.tell(ours.place(), message)


def read_linking(top: Reader) -> Said | None:
    """Return the purpose that devices are linked for, as ``purposes.yaml`` says it."""
    text = top.text("links", default="")
    return Said(text, top.place("links")) if text else None


class NotRead:
    """Stands for what ``purposes.yaml`` says where it cannot be read."""


NOT_READ = NotRead()
LinkingSaid = Said | NotRead | None


def check_linking(
    said: LinkingSaid,
    purposes: Mapping[PurposeKey, PurposeRule],
    catalog: Catalog | None,
    problems: Problems,
) -> PurposeKey | None:
    """Return the purpose of linking, telling a problem if fields link without one or a person could not say no."""
    if isinstance(said, NotRead):
        return None
    if said is None:
        first = next(_linking(catalog), None)
        if first is not None:
            message = f"{quoted(first)} links a person's devices: name the purpose whose choices decide on it, `links: <purpose>`"
            problems.tell(Place("purposes.yaml", 1), message)
        return None
    rule = purposes.get(PurposeKey(said.text))
    if rule is None:
        problems.tell(said.place, f"unknown purpose {quoted(said.text)}{suggestion(said.text, purposes)}")
    elif not rule.needs_consent and not rule.honours_objection:
        problems.tell(said.place, f"{quoted(said.text)} passes over objections; nobody could keep their devices apart")
    return PurposeKey(said.text)


def domain_of(said: str, own: str, links: Linking | None) -> JoinDomain:
    """Return a field's join domain: what it says, else that of all linking fields, else its own."""
    return JoinDomain(said or (SHARED if links is not None else own))


def _linking(catalog: Catalog | None) -> Iterator[str]:
    fields: Iterable[tuple[Collection, FieldSpec]] = (
        (collection, field)
        for collection in (catalog.collections.values() if catalog else ())
        for field in collection.fields
    )
    return (f"{collection.dataset}.{field.name}" for collection, field in fields if field.links is not None)
