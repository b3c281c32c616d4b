# SPDX-License-Identifier: Apache-2.0
"""The accesses to one person as they are told to that person, in English or Chinese, and to officers.

What a person gets names no account, no client, no session and no decision of anybody.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gateway.cli.desk import moments
from gateway.cli.desk.markdown import escaped, table_row
from gateway.cli.desk.paper import visible
from gateway.flows.accesses.ports import OFFICERS_ALONE, Action
from gateway.transform.formulas import without_formula

if TYPE_CHECKING:
    from gateway.flows.accesses.ports import Access
    from gateway.flows.accesses.telling import Told

WORDS = {
    "en": {
        "title": "Who used the data about you",
        "made": "Made {made} by {organisation}",
        "none": "No use is recorded in this time.",
        "n": "{n} uses, oldest first",
        "when": "when",
        "who": "who",
        "what": "what",
        "why": "why",
        "ground": "legal ground",
        "reference": "reference",
        "fields": "data",
        "colon": ": ",
        "semicolon": "; ",
        "comma": ", ",
        "aside": " ({said})",
        "own": "{name} (own team: {team})",
        "own-bare": "{name} (own staff)",
        "read": "read",
        "written": "written",
        "looked-for": "looked for; nothing about you was given",
        "looked-up": "looked up by who answers for the protection of data",
        "recorded": "recorded",
        "unknown": "whether it was carried out is not known",
        "reveal": "in clear",
        "clear": "in clear",
        "surrogate": "in coded form",
        "mask": "masked",
        "generalise": "generalised",
        "basis": "From the log: {log}, {entries} entries, signed to {size}, root {root}",
        "limits": "What was deleted from the log because its time was up is not told. A call that was refused, "
        "and data that was withheld, reached nobody.",
        "consent": "consent",
        "contract": "contract",
        "legal_obligation": "legal obligation",
        "vital_interests": "vital interests",
        "public_interest": "public interest",
        "legitimate_interests": "legitimate interests",
        "accesses": "look at who used the data",
        "choices": "look at choices",
        "log": "search of the log",
        "log-export": "export of the log",
        "receipt": "receipt of an entry",
        "incident-list-opened": "list of people affected by an incident",
        "choice-recorded": "choice",
        "choices-imported": "choices from a file",
    },
    "zh": {
        "title": "谁使用过与您有关的数据",
        "made": "{organisation} 于 {made} 制作",
        "none": "此期间没有使用记录。",
        "n": "共 {n} 次使用，按时间先后排列",
        "when": "时间",
        "who": "使用者",
        "what": "操作",
        "why": "目的",
        "ground": "法律依据",
        "reference": "编号",
        "fields": "数据",
        "colon": "：",
        "semicolon": "；",
        "comma": "、",
        "aside": "（{said}）",
        "own": "{name}（内部团队：{team}）",
        "own-bare": "{name}（内部人员）",
        "read": "读取",
        "written": "写入",
        "looked-for": "查找过您，未提供与您有关的任何数据",
        "looked-up": "由负责数据保护的人员查看",
        "recorded": "登记",
        "unknown": "是否已执行不详",
        "reveal": "明文",
        "clear": "明文",
        "surrogate": "编码形式",
        "mask": "部分遮盖",
        "generalise": "概括",
        "basis": "依据日志：{log}，{entries} 条，已签名至 {size}，根 {root}",
        "limits": "因保存期限届满而从日志中删除的内容不再列出。被拒绝的请求和被扣留的数据未到达任何人。",
        "consent": "同意",
        "contract": "合同",
        "legal_obligation": "法定义务",
        "vital_interests": "重大利益",
        "public_interest": "公共利益",
        "legitimate_interests": "正当利益",
        "accesses": "查看谁使用过数据",
        "choices": "查看选择",
        "log": "检索日志",
        "log-export": "导出日志",
        "receipt": "条目回执",
        "incident-list-opened": "受安全事件影响人员的名单",
        "choice-recorded": "选择",
        "choices-imported": "从文件导入的选择",
    },
}


def text(told: "Told", language: str, *, for_officer: bool) -> str:
    """Return the accesses as plain text, one below the other."""
    words = WORDS[language]
    lines = _opening(told, words)
    for one in told.accesses:
        lines += ["", f"{moments.written(one.at_us)}  {who(one, words)}{words['colon']}{what(one, words)}"]
        lines += [f"    {words[name]}{words['colon']}{value}" for name, value in _lines(one, words, language)]
        lines += [f"    {name}: {value}" for name, value in _officers(one)] if for_officer else []
    return visible("\n".join([*lines, "", *_basis(told, words, for_officer=for_officer)])) + "\n"


def markdown(told: "Told", language: str, *, for_officer: bool) -> str:
    """Return the accesses as a table of Markdown."""
    words = WORDS[language]
    title, *rest = _opening(told, words)
    head = [words[name] for name in ("when", "who", "what", "why", "ground", "reference", "fields")]
    lines = [f"# {title}", "", *rest, ""]
    if told.accesses:
        names = (*head, *(OFFICERS_ALONE if for_officer else ()))
        lines += [table_row(names), table_row(["---"] * len(names))]
        lines += [table_row(_cells(one, words, language, for_officer=for_officer)) for one in told.accesses]
    return (
        "\n".join([*lines, "", *(f"- {escaped(one)}" for one in _basis(told, words, for_officer=for_officer))]) + "\n"
    )


def table(told: "Told", language: str, *, for_officer: bool) -> str:
    """Return the accesses as CSV (RFC 4180); no cell is one that a spreadsheet takes for a formula."""
    words, out = WORDS[language], io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    head = [words[name] for name in ("when", "who", "what", "why", "ground", "reference", "fields")]
    rows.writerow([*head, *(OFFICERS_ALONE if for_officer else ())])
    for one in told.accesses:
        rows.writerow([without_formula(cell) for cell in _cells(one, words, language, for_officer=for_officer)])
    return out.getvalue()


def who(one: "Access", words: dict[str, str]) -> str:
    """Return the recipient by legal name, or one's own team."""
    if not one.is_own:
        return one.recipient
    return words["own" if one.team else "own-bare"].format(name=one.recipient, team=one.team)


def what(one: "Access", words: dict[str, str]) -> str:
    """Return what was done."""
    about = f" {one.dataset}" if one.dataset else ""
    if one.what or (one.dataset and one.action is Action.LOOKED_FOR):
        about = words["aside"].format(said=words.get(one.what, one.what) or one.dataset)
    unknown = f"{words['semicolon']}{words['unknown']}" if one.outcome == "unknown" else ""
    return f"{words[one.action.value]}{about}{unknown}"


def fields(one: "Access", words: dict[str, str]) -> str:
    """Return the fields by what left of them, then those that were written."""
    colon, comma = words["colon"], words["comma"]
    left = [f"{words.get(word, word)}{colon}{comma.join(names)}" for word, names in one.fields.items()]
    written = [
        f"{words['written']}{words['aside'].format(said=words.get(word, word))}{colon}{comma.join(names)}"
        for word, names in one.written.items()
    ]
    return words["semicolon"].join([*left, *written])


def why(one: "Access", language: str) -> str:
    """Return the purpose in its own words, with its key."""
    sentence = one.purpose_words.get(language) or one.purpose_words.get("en") or ""
    return sentence + WORDS[language]["aside"].format(said=one.purpose) if sentence else one.purpose


def _opening(told: "Told", words: dict[str, str]) -> list[str]:
    made = words["made"].format(made=moments.written(told.made_us), organisation=told.organisation or "-")
    n = words["n"].format(n=len(told.accesses)) if told.accesses else words["none"]
    return [words["title"], made, n]


def _lines(one: "Access", words: dict[str, str], language: str) -> Iterable[tuple[str, str]]:
    cells = zip(("why", "ground", "reference", "fields"), _reasons(one, words, language), strict=True)
    return ((name, value) for name, value in cells if value)


def _reasons(one: "Access", words: dict[str, str], language: str) -> Sequence[str]:
    return why(one, language), words.get(one.ground, one.ground), one.reference, fields(one, words)


def _cells(one: "Access", words: dict[str, str], language: str, *, for_officer: bool) -> list[str]:
    cells = [moments.written(one.at_us), who(one, words), what(one, words), *_reasons(one, words, language)]
    if not for_officer:
        return cells
    shown = dict(_officers(one))
    return [*cells, *(shown.get(name, "") for name in OFFICERS_ALONE)]


def _officers(one: "Access") -> Iterable[tuple[str, str]]:
    for name in OFFICERS_ALONE:
        value = getattr(one, name)
        if value:
            yield name, " ".join(value) if isinstance(value, tuple) else value


def _basis(told: "Told", words: dict[str, str], *, for_officer: bool) -> list[str]:
    logs = [words["basis"].format(log=one.log, entries=one.entries, size=one.size, root=one.root) for one in told.logs]
    # How it was looked for changes nothing of what was found.
    return [words["limits"], *logs, *(told.remarks if for_officer else ())]
