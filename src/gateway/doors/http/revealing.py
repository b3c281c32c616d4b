# SPDX-License-Identifier: Apache-2.0
"""``POST /-/surrogates/reveal``: a call of the data door like any other, whose body lists surrogates of one field.

RULES

1. The body is one JSON object with exactly ``dataset``, ``field`` and ``surrogates``: 1 to 10,000 texts. It is read
   when identity and purpose are settled, as every body is.
2. Words that a caller made up go no further than the refusal: a dataset or a field that is none is in no entry.
3. Neither parameters nor conditions mean anything here, so they are refused.
"""

import asyncio

from typing_extensions import override

from gateway.domain import strictjson
from gateway.domain.catalog import REVEAL, Catalog
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Inquiry, Surrogated
from gateway.domain.names import DatasetName, FieldName, PurposeKey
from gateway.domain.principal import Principal
from gateway.domain.revealed import MOST_CHARACTERS, MOST_SURROGATES, route_of
from gateway.doors.http.call import HttpCall
from gateway.doors.http.reading.bodies import LONG_BYTES
from gateway.doors.http.reading.negotiation import accepts_json, is_json

MEMBERS = ("dataset", "field", "surrogates")
MOST_BYTES = 4 << 20
"""Ten thousand surrogates of 400 characters; those of phones and addresses of mail have some 100."""
MAX_DEPTH = 2

WRONG = f"The body must have exactly the members {', '.join(MEMBERS)}; surrogates is a list of 1 to {MOST_SURROGATES:,} texts."


class RevealCall(HttpCall):
    """One such call."""

    @override
    async def bind(self, who: Principal, purpose: PurposeKey, catalog: Catalog, rules: str) -> Inquiry | Deny:
        """Return what the call asks; only now its body is read.

        Raises:
            HangUp: The caller went away before its body was whole.
        """
        refused = self._misplaced()
        if refused is not None:
            return refused
        raw = await self._parts.bodies.raw(self.stated, self._out, who.account, MOST_BYTES)
        if isinstance(raw, Deny):
            return raw
        asked = await asyncio.to_thread(asked_of, raw) if len(raw) > LONG_BYTES else asked_of(raw)
        if isinstance(asked, Deny):
            return asked
        dataset, field, surrogates = asked
        collection = catalog.collections.get(dataset)
        if collection is None:
            return Deny(reason=Reason.NO_SUCH_ROUTE)
        if collection.field(field) is None:
            return Deny(reason=Reason.BODY_INVALID, fields=("field",), title="The dataset has no such field.")
        return Inquiry(
            decision_id=self.id,
            principal=who,
            purpose=purpose,
            reference=self.stated.reference,
            operation=REVEAL,
            dataset=dataset,
            route=route_of(dataset),
            fields=(field,),
            surrogates=Surrogated(surrogates),
        )

    def _misplaced(self) -> Deny | None:
        """Return what is wrong with the call beside its body."""
        if self.scope["method"] != "POST":
            self.allow = ("POST",)
            return Deny(reason=Reason.METHOD_NOT_ALLOWED)
        if self.scope["query_string"]:
            return Deny(reason=Reason.PARAMETER_UNDECLARED)
        if self.stated.conditions:
            names = tuple(name.title() for name, _ in self.stated.conditions)
            return Deny(reason=Reason.HEADER_NOT_SUPPORTED, fields=names)
        if not accepts_json(self.stated.accept):
            return Deny(reason=Reason.CONTENT_TYPE_NOT_SUPPORTED, fields=("Accept",))
        if not is_json(self.stated.content_type):
            return Deny(reason=Reason.CONTENT_TYPE_NOT_SUPPORTED, fields=("Content-Type",))
        return None


def asked_of(raw: bytes) -> tuple[DatasetName, FieldName, tuple[str, ...]] | Deny:
    """Return dataset, field and surrogates that a body names, or why it is not understood."""
    try:
        value = strictjson.read(raw, max_bytes=MOST_BYTES, max_depth=MAX_DEPTH)
    except ValueError as error:
        return Deny(reason=Reason.MALFORMED, title=f"{error}.".capitalize())
    if not isinstance(value, dict):
        return Deny(reason=Reason.MALFORMED, title="The body must be one JSON object.")
    dataset, field, listed = (value.get(name) for name in MEMBERS)
    texts = tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()
    bad = [] if isinstance(dataset, str) and dataset else ["dataset"]
    bad += [] if isinstance(field, str) and field else ["field"]
    is_list = isinstance(listed, list) and len(texts) == len(listed) and 0 < len(texts) <= MOST_SURROGATES
    bad += [] if is_list and max(map(len, texts)) <= MOST_CHARACTERS else ["surrogates"]
    if bad or set(value) != set(MEMBERS):
        return Deny(reason=Reason.BODY_INVALID, fields=tuple(bad), title=WRONG)
    return DatasetName(str(dataset)), FieldName(str(field)), texts
