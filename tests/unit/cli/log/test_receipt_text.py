# SPDX-License-Identifier: Apache-2.0
"""A receipt says in two languages what its entry is to the person, and no more."""

import pytest

from gateway.cli.log.receipt_text import Receipt, receipt_text
from gateway.domain.entry import Changed, Entry, Facts, Intent, Release
from gateway.domain.names import DecisionId
from gateway.record.format.bundle import Proof
from gateway.record.format.checkpoint import Checkpoint
from gateway.record.proof.receipt import Matter

CALL = DecisionId("d")
SUPPORT = Facts(purpose="support")
RELEASE = Release(call=CALL, n=0, rows=0, bytes=9, people=0, last=True, facts=SUPPORT)
CHOICE = Changed(by="local:root", what="choice-recorded", target="7", facts={"state": "given", "purpose": "mail"})


def text_of(matter: Matter, body: Entry) -> str:
    return receipt_text(
        Receipt(
            matter=matter,
            body=body,
            at_us=1_790_000_000_000_000,
            proof=Proof(index=3, hashes=(), note="note\n"),
            state=Checkpoint(origin="demo/node1/cli", size=4, root=bytes(32)),
            witnesses=(),
            made_us=1_790_000_000_000_001,
        )
    )


@pytest.mark.parametrize(
    ("matter", "body", "english", "chinese"),
    [
        (Matter.CHOICE, CHOICE, "your choice: given for the purpose mail", "您的选择：对目的 mail 及其下级目的同意"),
        (Matter.ACCESS, RELEASE, "an access to data about you alone, for the purpose support", "一次访问，目的：support"),
        (Matter.SOUGHT, RELEASE, "nothing about you was given, for the purpose support", "未提供与您有关的任何数据，目的：support"),
        (Matter.WRITE, Intent(call=CALL, records=1), "a change of data about you alone", "一次修改，目的：见该次调用的首条记录"),
        (Matter.ERASURE, CHOICE, "your data were made unreadable", "您的数据已不可读取：其加密密钥已被销毁"),
    ],
)  # fmt: skip
def test_what_an_entry_is_stands_in_both_languages(matter: Matter, body: Entry, english: str, chinese: str) -> None:
    """Who was only looked for is not told of an access."""
    told = text_of(matter, body)
    assert english in told
    assert chinese in told
    assert ("an access to data" in told) is (matter is Matter.ACCESS)


def test_chinese_has_chinese_marks() -> None:
    """But for what is given to a program, or is a moment."""
    chinese = text_of(Matter.CHOICE, CHOICE).partition("# 回执")[2].partition("```")[0]
    assert "。" in chinese
    assert not any(mark in line for line in chinese.splitlines() for mark in (",", ";", "("))
