# SPDX-License-Identifier: Apache-2.0
"""A receipt as its person reads it: what was entered, when, and how anybody can check that, in English and Chinese.

The proof stands at the end, between two lines of three backquotes, to the byte; `gateway log prove --check` finds it.
"""

from collections.abc import Mapping

import msgspec

from gateway.cli.desk.moments import written
from gateway.domain.entry import Changed, Entry, Facts
from gateway.record.format.bundle import Proof
from gateway.record.format.checkpoint import Checkpoint
from gateway.record.format.cosign import Cosigned
from gateway.record.proof.receipt import Matter

_STATES_ZH = {"given": "同意", "refused": "拒绝", "withdrawn": "撤回", "objected": "反对"}


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt is made of.

    Attributes:
        witnesses: Who co-signed; none where the log has no witness, or none of the entry yet.
        made_us: When the receipt is made.
    """

    matter: Matter
    body: Entry
    at_us: int
    proof: Proof
    state: Checkpoint
    witnesses: tuple[Cosigned, ...]
    made_us: int


def receipt_text(one: Receipt) -> str:
    """Return the whole receipt as Markdown."""
    names = ", ".join(each.name for each in one.witnesses)
    values = {
        "when": written(one.at_us),
        "log": one.state.origin,
        "place": str(one.proof.index),
        "size": str(one.state.size),
        "made": written(one.made_us),
        "key": one.proof.extra.log if one.proof.extra is not None else "",
    }
    en = _EN.format(what=_what_en(one), seen=_seen_en(names), **values)
    zh = _ZH.format(what=_what_zh(one), seen=_seen_zh(names), **values)
    return f"{en}\n---\n\n{zh}\n---\n\n```text\n{one.proof.text()}```\n"


_EN = """\
# Receipt

At {when} the access log `{log}` entered, at place {place}:

> {what}

The log is only ever added to. Its checkpoint over {size} entries is signed{seen}. Below is a proof that this entry is
under that checkpoint. If the entry were changed or taken away, the log would no longer fit the checkpoint that you
hold now. The number in the entry stands for you; your name is not in it.

Keep this file as it is. To check it, on any machine and without us:

1. Get the program `gateway` and give: `gateway log prove --check THIS-FILE --key KEY`
2. KEY is the public key of the log. It is `{key}`. Compare it with one that you got in another way: on paper, from a
   supervisory authority, from somebody else who holds a receipt.
3. Somebody who programs can do without our program: the proof is a C2SP tlog-proof, made of SHA-256 and Ed25519.

Made at {made}.
"""

_ZH = """\
# 回执

{when}，访问日志 `{log}` 在第 {place} 位记录了：

> {what}

该日志只增不改。其覆盖 {size} 条记录的检查点已签名{seen}。下文的证明表明本条记录位于该检查点之下。若本条记录
日后被修改或删除，日志便与您手中的检查点不再一致。记录中的编号代表您，其中没有您的姓名。

请原样保存本文件。您可以在任何计算机上自行核验，无需经过我们：

1. 取得程序 `gateway`，运行：`gateway log prove --check 本文件 --key 公钥`
2. 公钥是该日志的公开密钥：`{key}`。请与您从其他途径（纸质文件、监管机构、其他持有回执的人）获得的公钥比对。
3. 懂编程的人不用我们的程序也能核验：证明采用 C2SP tlog-proof 格式，只用到 SHA-256 与 Ed25519。

制作时间：{made}。
"""


def _what_en(one: Receipt) -> str:
    facts = _facts(one.body)
    match one.matter:
        case Matter.CHOICE:
            return f"your choice: {facts.get('state', '')} for the purpose {facts.get('purpose', '')} and all below it"
        case Matter.ERASURE:
            return "your data were made unreadable: the key under which they were kept was destroyed"
        case Matter.CHANGE:
            return f"about you: {one.body.what if isinstance(one.body, Changed) else ''}"
        case Matter.ACCESS:
            return f"an access to data about you alone, for the purpose {facts.get('purpose', 'that its call states')}"
        case Matter.SOUGHT:
            purpose = facts.get("purpose", "that its call states")
            return (
                f"a call that named you alone, in whose answer nothing about you was given, for the purpose {purpose}"
            )
        case Matter.WRITE:
            return f"a change of data about you alone, for the purpose {facts.get('purpose', 'that its call states')}"


def _what_zh(one: Receipt) -> str:
    facts = _facts(one.body)
    match one.matter:
        case Matter.CHOICE:
            state = _STATES_ZH.get(str(facts.get("state", "")), str(facts.get("state", "")))
            return f"您的选择：对目的 {facts.get('purpose', '')} 及其下级目的{state}"
        case Matter.ERASURE:
            return "您的数据已不可读取：其加密密钥已被销毁"
        case Matter.CHANGE:
            return f"与您有关的事项：{one.body.what if isinstance(one.body, Changed) else ''}"
        case Matter.ACCESS:
            return f"对仅涉及您本人的数据的一次访问，目的：{facts.get('purpose', '见该次调用的首条记录')}"
        case Matter.SOUGHT:
            purpose = facts.get("purpose", "见该次调用的首条记录")
            return f"一次仅指名您本人的调用，其答复未提供与您有关的任何数据，目的：{purpose}"
        case Matter.WRITE:
            return f"对仅涉及您本人的数据的一次修改，目的：{facts.get('purpose', '见该次调用的首条记录')}"


def _facts(body: Entry) -> Mapping[str, str | int]:
    if isinstance(body, Changed):
        return body.facts
    facts = getattr(body, "facts", None)
    return {"purpose": facts.purpose} if isinstance(facts, Facts) and facts.purpose else {}


def _seen_en(names: str) -> str:
    return f" and was co-signed by {names}" if names else "; no witness has co-signed it"


def _seen_zh(names: str) -> str:
    return f"，并由 {names} 共同签名" if names else "；尚无见证方共同签名"
