# SPDX-License-Identifier: Apache-2.0
"""What columns of values look like, one observation at a time."""

import pytest

from gateway.discover.columns import Column
from gateway.discover.looks import Strength, is_chinese_name, looks_of
from gateway.discover.types import type_of


def best(*values: str) -> str:
    """Return the category that weighs most."""
    column = Column(name="x", values=values, n_rows=len(values))
    return next((look.category for look in looks_of(column, type_of(column))), "")


@pytest.mark.parametrize(
    ("values", "category"),
    [
        (("欧阳娜", "张伟", "Anna Berg", "James Lee"), "user.name"),
        (("佛教", "Christian", "None", "伊斯兰教"), "user.demographic.religious_belief"),
        (("汉族", "回族", "藏族"), "user.demographic.race_ethnicity"),
        (("群众", "中共党员", "共青团员"), "user.demographic.political_opinion"),
        (("高血压", "青霉素过敏", "无", "asthma"), "user.health_and_medical"),
        (("男", "女", "男"), "user.demographic.gender"),
        (("已婚", "未婚"), "user.demographic.marital_status"),
        (("上海市", "北京", "Paris"), "user.contact.address.city"),
        (("DE", "CN", "US"), "user.contact.address.country"),
        (("广东省深圳市南山区科技路1号", "Hauptstraße 5, 10115 Berlin"), "user.contact.address.street"),
        (("192.0.2.7", "2001:db8::1"), "user.device.ip_address"),
        (("1961-03-04", "2001-12-24", "1988-07-01"), "user.demographic.date_of_birth"),
        (("1961年3月4日", "2001年12月24日", "1988年7月1日"), "user.demographic.date_of_birth"),
        (("https://example.com/a", "https://example.com/b"), "user.contact.url"),
        (("c-000001", "c-000002"), "user.unique_id"),
        (("2026-01-04", "2026-02-24", "2025-07-01"), ""),
        (("paid", "open", "paid"), ""),
        (("Running Shoe", "Leather Belt", "Running Shoe", "Leather Belt"), ""),
        (("大学", "高中", "初中", "高中"), ""),
    ],
)
def test_columns_look_like_what_they_hold(values: tuple[str, ...], category: str) -> None:
    """In Chinese and in western languages; and what is nobody's looks like nothing."""
    assert best(*values) == category


def test_a_check_digit_weighs_more_than_words() -> None:
    """The order of the observations is that of their weight."""
    values = ("11010519491231002X",) * 2 + ("54362315K", "219-09-9998", "44051401359")
    column = Column(name="x", values=values, n_rows=5)
    looks = looks_of(column, type_of(column))
    assert looks[0].strength is Strength.CHECKED
    assert [look.strength for look in looks] == sorted((look.strength for look in looks), reverse=True)


@pytest.mark.parametrize(
    ("text", "expected"), [("王芳", True), ("司马相如", True), ("高中", False), ("已发货", False), ("王", False)]
)
def test_chinese_names_begin_with_a_family_name(text: str, expected: bool) -> None:
    """Words that begin like one are known."""
    assert is_chinese_name(text) is expected
