# SPDX-License-Identifier: Apache-2.0
"""What a caller can read and in which language, and whether its body is JSON.

Source: RFC 9110 sections 8.3.1 and 12.5.
"""

import re

_WEIGHT = re.compile(r"q=(?:0(?:\.[0-9]{1,3})?|1(?:\.0{1,3})?)")


def accepts_json(accept: str | None) -> bool:
    """Tell whether ``application/json`` is acceptable; the most specific range decides."""
    return accept is None or _quality(accept, "application/json") > 0


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


def _ranges(text: str) -> list[tuple[str, float]]:
    """Return names in lower case with their weights; a weight that cannot be read counts as 0."""
    ranges = []
    for item in text.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weights = [part for part in parameters if part.startswith("q=")]
        good = all(_WEIGHT.fullmatch(weight) for weight in weights)
        ranges.append((name, float(weights[0][2:]) if weights and good else float(good)))
    return ranges
