# SPDX-License-Identifier: Apache-2.0
"""What names of fields speak of, in several languages and spellings."""

import pytest

from gateway.discover.words import category_by_name, owner_of_key, words_of


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("customerEmail", "user.contact.email"), ("E_MAIL", "user.contact.email"), ("联系邮箱", "user.contact.email"),
        ("手机号", "user.contact.phone_number"), ("MobilePhone", "user.contact.phone_number"), ("联系电话", "user.contact.phone_number"),
        ("姓名", "user.name"), ("客户姓名", "user.name"), ("full_name", "user.name"), ("firstName", "user.name.first"),
        ("身份证号", "user.government_id.national_identification_number"), ("ssn", "user.government_id.national_identification_number"),
        ("出生日期", "user.demographic.date_of_birth"), ("dateOfBirth", "user.demographic.date_of_birth"), ("geburtsdatum", "user.demographic.date_of_birth"),
        ("家庭住址", "user.contact.address.street"), ("shipping_address", "user.contact.address.street"), ("ip_address", "user.device.ip_address"),
        ("宗教信仰", "user.demographic.religious_belief"), ("民族", "user.demographic.race_ethnicity"), ("病史", "user.health_and_medical"),
        ("password_hash", "user.authorization.password"), ("iban", "user.financial.bank_account"), ("customer_id", "user.unique_id"),
        ("order_no", "user.behavior.purchase_history"), ("订单金额", "user.behavior.purchase_history"), ("created_at", "user.behavior"),
        ("product_name", "user.behavior.purchase_history"), ("address.city", "user.contact.address.city"), ("f1", None), ("blob", None),
    ],
)  # fmt: skip
def test_a_name_speaks_of_its_category(name: str, category: str | None) -> None:
    """English, German, Chinese; camel case and underscores; the last part of a nested name."""
    assert category_by_name(name) == category


def test_names_are_read_as_words() -> None:
    """Whatever stands between them."""
    assert words_of("CustomerID") == words_of("customer-id") == words_of("customer_ID") == ("customer", "id")
    assert owner_of_key("loyalMemberId") == "loyal_member"
    assert owner_of_key("id") == owner_of_key("name") == ""
