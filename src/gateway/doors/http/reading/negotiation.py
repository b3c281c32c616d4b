# SPDX-License-Identifier: Apache-2.0
"""What a caller can read and in which language, and whether its body is JSON.

A list goes out in the form that the caller ranks highest; of forms that rank alike, in the store's own
before JSON, lines and CSV in this order. CSV for people is never chosen unless it is named. Single
records and refusals are JSON.

Source: RFC 9110 sections 8.3.1 and 12.5.
"""

import re

from gateway.domain.inquiry import Form
from gateway.domain.media import CSV_TYPES, JSON_TYPES, NDJSON_TYPES

_LISTS = ("array", "object", "ndjson", "csv")
_TYPES = {Form.JSON: JSON_TYPES, Form.NDJSON: NDJSON_TYPES, Form.CSV: CSV_TYPES, Form.CSV_FOR_PEOPLE: CSV_TYPES}
_CSV_PARAMETERS = frozenset({"charset=utf-8", "header=present"})
"""What a caller may ask of CSV, because every CSV of ours is so (RFC 4180 section 3)."""
_FOR_PEOPLE = "formulas=escaped"
_WEIGHT = re.compile(r"q=(?:0(?:\.[0-9]{1,3})?|1(?:\.0{1,3})?)")


def accepts_json(accept: str | None) -> bool:
    """Tell whether ``application/json`` is acceptable; the most specific range decides."""
    return accept is None or _quality(accept, "application/json") > 0


def form_of(accept: str | None, kind: str, *, for_people: bool = False) -> Form | None:
    """Return the form in which an answer of a store's kind goes out; ``None`` if the caller takes none of them.

    Args:
        accept: As the caller says it.
        kind: Of the route's answer.
        for_people: Only people ask for this, so CSV is without formulas though nobody says so.
    """
    if kind not in _LISTS:
        return Form.JSON if accepts_json(accept) else None
    own = {"ndjson": Form.NDJSON, "csv": Form.CSV}.get(kind, Form.JSON)
    if accept is None:
        return own
    ranges = _ranges_with_parameters(accept)
    # The first of those that rank alike counts; the one for people last.
    best = max((own, *Form), key=lambda form: _form_quality(ranges, form))
    if _form_quality(ranges, best) <= 0:
        return None
    return Form.CSV_FOR_PEOPLE if for_people and best is Form.CSV else best


def accepts_some_form(accept: str | None) -> bool:
    """Tell whether there is an answer that the caller takes."""
    return form_of(accept, "array") is not None


def names_json(accept: str | None) -> bool:
    """Tell whether ``application/json`` is asked for by name."""
    return accept is not None and "application/json" in accept.lower() and accepts_json(accept)


def prefers_page(accept: str | None) -> bool:
    """Tell whether a person with a browser is asking: ``text/html`` by name, and not behind JSON."""
    if accept is None or "text/html" not in accept.lower():
        return False
    html = _quality(accept, "text/html")
    return html > 0 and html >= _quality(accept, "application/problem+json")


def language_of(accept_language: str | None) -> str:
    """Return ``zh`` or ``en``, whichever the caller ranks higher; English if neither or both alike."""
    if accept_language is None:
        return "en"
    best = {"zh": 0.0, "en": 0.0}
    for name, weight in _ranges(accept_language):
        language = name.split("-")[0]
        if language in best:
            best[language] = max(best[language], weight)
    return "zh" if best["zh"] > best["en"] else "en"


def is_json(content_type: str | None) -> bool:
    """Tell whether a body's type is exactly ``application/json``, with no charset but UTF-8."""
    if content_type is None:
        return False
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    return media_type == "application/json" and parameters in ([], ["charset=utf-8"], ['charset="utf-8"'])


def _quality(accept: str, media_type: str) -> float:
    """Return the weight of a media type; 0 if no range covers it."""
    covering = {"*/*": 1, media_type.split("/", maxsplit=1)[0] + "/*": 2, media_type: 3}
    fitting = [(covering[name], weight) for name, weight in _ranges(accept) if name in covering]
    return max(fitting, default=(0, 0.0))[1]


def _form_quality(ranges: list[tuple[str, frozenset[str], float]], form: Form) -> float:
    """Return the weight of a form; the most specific range that covers it decides, 0 if there is none."""
    fitting = [
        (_how_specific(name, form) + len(parameters), weight)
        for name, parameters, weight in ranges
        if _how_specific(name, form) and parameters <= _parameters_of(form, name)
    ]
    return max(fitting, default=(0, 0.0))[1]


def _how_specific(name: str, form: Form) -> int:
    """Return how closely a range names a form; 0 if it does not cover it."""
    types = _TYPES[form]
    if name in types:
        return 3
    return {"*/*": 1, next(iter(types)).partition("/")[0] + "/*": 2}.get(name, 0)


def _parameters_of(form: Form, name: str) -> frozenset[str]:
    """Return the parameters that a range may have and still cover the form."""
    if name not in CSV_TYPES:
        return frozenset()
    return _CSV_PARAMETERS | {_FOR_PEOPLE} if form is Form.CSV_FOR_PEOPLE else _CSV_PARAMETERS


def _ranges_with_parameters(text: str) -> list[tuple[str, frozenset[str], float]]:
    """Return the ranges with their parameters; those of types other than CSV mean nothing here and are left out."""
    ranges = []
    for item, (name, weight) in zip(text.lower().split(","), _ranges(text), strict=True):
        _, *parameters = (re.sub(r"\s*=\s*", "=", part.strip()).replace('"', "") for part in item.split(";"))
        told = frozenset(part for part in parameters if part and not part.startswith("q="))
        ranges.append((name, told if name in CSV_TYPES else frozenset(), weight))
    return ranges


def _ranges(text: str) -> list[tuple[str, float]]:
    """Return names in lower case with their weights; a weight that cannot be read counts as 0."""
    ranges = []
    for item in text.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weights = [part for part in parameters if part.startswith("q=")]
        good = all(_WEIGHT.fullmatch(weight) for weight in weights)
        ranges.append((name, float(weights[0][2:]) if weights and good else float(good)))
    return ranges
