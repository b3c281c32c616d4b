# SPDX-License-Identifier: Apache-2.0
"""The pages that people read under ``/-/problems/``; no script, no inline style, nothing from elsewhere."""

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.domain.decision import Reason
from gateway.doors.http.problem_table import PROBLEMS, Retry, Who

PAGE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"accept-language"),
)
STYLE_PATH = "/-/static/page.css"

_WORDS = {
    "en": {
        "status": "Status",
        "remedy": "What can be done",
        "who": "Who can do it",
        "retry": "Trying again",
        "code": "Reason",
        "all": "All reasons",
        "list": "Why a call can be refused",
    },
    "zh": {
        "status": "状态码",
        "remedy": "可以怎么做",
        "who": "由谁处理",
        "retry": "能否重试",
        "code": "原因代码",
        "all": "全部原因",
        "list": "请求可能被拒绝的原因",
    },
}
_WHO = {
    "en": {
        Who.CALLER: "whoever makes the call",
        Who.OWNER: "the owner of the data or the purpose",
        Who.OFFICER: "the privacy officer",
        Who.OPERATOR: "whoever operates the gateway",
    },
    "zh": {
        Who.CALLER: "调用方",
        Who.OWNER: "数据或目的的负责人",
        Who.OFFICER: "隐私官",
        Who.OPERATOR: "网关运维人员",
    },
}
_RETRY = {
    "en": {
        Retry.NEVER: "The same call will be refused again.",
        Retry.AFTER: "The same call may succeed later.",
        Retry.WITH_STEP_UP: "The same call may succeed after a fresh sign-in.",
        Retry.WITH_GRANT: "The same call may succeed once a grant was given.",
        Retry.WITH_APPROVAL: "The same call may succeed once it was approved.",
    },
    "zh": {
        Retry.NEVER: "相同的请求仍会被拒绝。",
        Retry.AFTER: "相同的请求稍后可能成功。",
        Retry.WITH_STEP_UP: "重新登录后，相同的请求可能成功。",
        Retry.WITH_GRANT: "获得授权后，相同的请求可能成功。",
        Retry.WITH_APPROVAL: "获得批准后，相同的请求可能成功。",
    },
}


class Pages:
    """Templates, loaded once."""

    def __init__(self) -> None:
        """Load the templates of this package."""
        loader = PackageLoader("gateway.doors.http", "templates")
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)

    def problem(self, reason: Reason, language: str) -> bytes:
        """Return the page about one reason, in ``zh`` or ``en``."""
        problem = PROBLEMS[reason]
        title, remedy = problem.told(language)
        return self._page(
            "problem.html",
            language,
            title=title,
            remedy=remedy,
            status=problem.status,
            reason=reason.value,
            who=_WHO[language][problem.who],
            retry=_RETRY[language][problem.retry],
        )

    def problems(self, language: str) -> bytes:
        """Return the page that lists every reason."""
        reasons = [(reason.value, problem.status, problem.told(language)[0]) for reason, problem in PROBLEMS.items()]
        return self._page("problems.html", language, title=_WORDS[language]["list"], reasons=reasons)

    def _page(self, template: str, language: str, **values: object) -> bytes:
        page = self._templates.get_template(template)
        tag = "zh-Hans" if language == "zh" else "en"
        return page.render(words=_WORDS[language], tag=tag, style=STYLE_PATH, **values).encode("utf-8")


def style() -> bytes:
    """Return the style sheet of these pages."""
    return files("gateway.doors.http").joinpath("static", "page.css").read_bytes()
