# SPDX-License-Identifier: Apache-2.0
"""The decision on a write: which record it may be about, and which fields it may name.

RULES

1. A write has two views under the same grants, those of its own operation. Under the one it *addresses*
   a record: the fields of its path are filters, judged with the purpose's whitelist as any filter is.
   Under the other it *collects*: each field that it writes is judged with the collection whitelist.
2. A field may be written in clear where the collecting view gives ``reveal``, and by a surrogate of the
   caller's own class where it gives the link, whatever the rung: so a layer that takes the rung away lets
   nothing more be written. No other rung can be written.
3. What is refused is told in this order: fields of the path, red lines, fields that the purpose does
   not collect, fields that are not granted or held. All fields of the first of these are named.
4. ``delete`` names no field, so it needs the field that says whom the record is about: its view must give
   something of the subject's field, or, where a collection is about nobody, of every field of the path.
5. PUT puts one record in another's place. It is refused unless the store leaves what it does not name.
6. A rule on rows that blanks a field, or that unlinks, withholds where the write uses such a field.
7. What a write is answered with is a read of the record by the fields of its path. It is shown only where
   the view for reading permits each of them, compared in the same way: a path in clear that is answered
   with a surrogate would tell whose it is.

The layers are those of a read. None of these rules looks at a value: that is ``transform.writing``'s.
"""

from collections.abc import Iterable, Sequence

import msgspec

from gateway.decide.judging import because, by_red_line, is_clear, leaves, red_line_of, unused
from gateway.decide.layers import collecting
from gateway.decide.plan import guarded_by
from gateway.decide.rules import RedLine
from gateway.domain.catalog import BodyKind
from gateway.domain.decision import Deny, FilterUse, Reason, Use
from gateway.domain.inquiry import Filter, Inquiry
from gateway.domain.names import FieldName
from gateway.domain.parameters import Comparison
from gateway.domain.purpose import PurposeRule
from gateway.domain.viewplan import FieldView, ViewPlan


class WriteViews(msgspec.Struct, frozen=True):
    """The two views of one write, under the same grants and caps.

    Attributes:
        addressing: Of the fields that say which record; of a ``delete``, the only one.
        collecting: Of what may be written.
        uses: The filters of the path that the first permits.
    """

    addressing: ViewPlan
    collecting: ViewPlan
    uses: tuple[FilterUse, ...]


def written_fields(inquiry: Inquiry) -> tuple[FieldName, ...]:
    """Return the fields that a write names, over all its records, each once."""
    return tuple(dict.fromkeys(name for record in inquiry.written for name, _ in record.values))


def as_read(inquiry: Inquiry) -> Inquiry:
    """Return the call that would read what a write is answered with: of the same caller, by the same path."""
    return msgspec.structs.replace(inquiry, operation="read", sorts=(), written=(), limit=None, offset=None)


def refused(inquiry: Inquiry, views: WriteViews, purpose: PurposeRule, lines: Sequence[RedLine]) -> Deny | None:
    """Return why a write may not be made under its views, or ``None`` if it may."""
    body = inquiry.route.body
    if inquiry.route.method == "PUT" and not (body and body.kind is BodyKind.RECORD and body.keeps_unseen):
        return Deny(reason=Reason.METHOD_NOT_ALLOWED)
    if len(views.uses) < len(inquiry.filters):
        return because(Reason.FILTER_NOT_PERMITTED, views.addressing, unused(inquiry.filters, views.uses), lines)
    if inquiry.operation not in collecting.COLLECTING:
        return _undeletable(inquiry, views.addressing, lines)
    return _uncollected(inquiry, views.collecting, purpose, lines)


def is_writable(view: FieldView | None) -> bool:
    """Tell whether a value may be written to the field, in clear or by a surrogate."""
    return view is not None and (is_clear(view) or view.treatment.link)


def fresher(views: WriteViews, fresh: WriteViews, inquiry: Inquiry) -> tuple[FieldName, ...]:
    """Return the fields that the write names and of which a fresh sign-in would let more be written."""
    named = written_fields(inquiry)
    return tuple(
        view.field
        for view, other in zip(views.collecting.views, fresh.collecting.views, strict=True)
        if view.field in named and view.treatment != other.treatment
    )


def got_round(inquiry: Inquiry, views: WriteViews) -> frozenset[int]:
    """Return the places of the rules on rows that the write would get round, so they have to withhold."""
    named = written_fields(inquiry)
    by_surrogate = tuple(_as_use(name) for name in named if not is_clear(views.collecting.view(name)))
    used = [*named, *(each.field for each in inquiry.filters)]
    return guarded_by(views.collecting, used, (*views.uses, *by_surrogate))


def _as_use(name: FieldName) -> FilterUse:
    """Return the writing of a surrogate as what it is to a rule on rows: a comparison with one."""
    return FilterUse(
        filter=Filter(field=name, comparison=Comparison.EQUAL, value="", parameter=name), use=Use.SURROGATE
    )


def _uncollected(inquiry: Inquiry, view: ViewPlan, purpose: PurposeRule, lines: Sequence[RedLine]) -> Deny | None:
    named = written_fields(inquiry)
    if not named and not any(is_writable(each) for each in view.views):
        return because(Reason.FIELD_NOT_PERMITTED, view, [], lines)
    bad = [name for name in named if not is_writable(view.view(name))]
    if not bad:
        return None
    drawn = {name: line for name in bad if (line := red_line_of(view.view(name), lines)) is not None}
    if drawn:
        first = next(iter(drawn.values()))
        return by_red_line(first, tuple(name for name, line in drawn.items() if line is first))
    outside = tuple(name for name in bad if not _is_collected(view, name, purpose))
    if outside:
        return Deny(reason=Reason.FIELD_NOT_COLLECTED, fields=outside, rule=purpose.key)
    return because(Reason.FIELD_NOT_PERMITTED, view, [(name, name) for name in bad], lines)


def _is_collected(view: ViewPlan, name: FieldName, purpose: PurposeRule) -> bool:
    spec = view.collection.field(name)
    return spec is not None and collecting.collects(purpose, spec)


def _undeletable(inquiry: Inquiry, view: ViewPlan, lines: Iterable[RedLine]) -> Deny | None:
    subject = view.collection.subject
    needed = [subject.field] if subject is not None else [each.field for each in inquiry.filters]
    missing = [(name, name) for name in needed if not leaves(view.view(name))]
    return because(Reason.FIELD_NOT_PERMITTED, view, missing, lines) if missing or not needed else None
