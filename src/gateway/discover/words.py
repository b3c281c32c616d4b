# SPDX-License-Identifier: Apache-2.0
"""What names of fields say: words of several languages, and the category that each speaks of.

The first rule that fits decides. A name is read as words: ``customerEmail``, ``customer_email`` and
``CUSTOMER-EMAIL`` are the same two. Chinese has no blanks, so its words are looked for inside the name.
"""

import re
from functools import cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BREAK = re.compile(r"[\W_]+")

PERSONAL: tuple[tuple[str, str], ...] = (
    ("user.contact.email", "email e_mail mail emailaddress mailaddress correo courriel youxiang 邮箱 邮件 电邮"),
    ("user.contact.fax_number", "fax 传真"),
    ("user.government_id.passport_number", "passport passport_no reisepass 护照"),
    ("user.government_id.drivers_license_number", "driver_license drivers_license driving_licence license_no 驾驶证 驾照"),
    ("user.government_id.national_identification_number",
     ("national_id nationalid national_no national_number national_insurance nhs citizen_id resident_id id_card idcard id_card_no identity_card identity_number id_number id_no cert_no certificate_no "
     "ssn social_security sozialversicherung nin nino personal_number personnummer tax_id tin dni nif nie curp cpf rrn aadhaar pesel bsn "
     "shenfenzheng sfz 身份证 证件号 证件编号 公民身份")),
    ("user.government_id.vehicle_registration", "license_plate number_plate plate_no 车牌"),
    ("user.demographic.date_of_birth", "birth birthday birthdate dob born geburtsdatum geburtstag naissance nacimiento chusheng shengri 出生 生日"),
    ("user.health_and_medical",
     ("health medical diagnosis diagnoses disease illness allergy allergies medication medicine disability blood blood_type bmi pregnancy "
     "treatment_note gesundheit jiankang 健康 病史 疾病 过敏 诊断 病历 医疗 用药 血型 残疾")),
    ("user.demographic.religious_belief", "religion religious faith belief confession denomination konfession zongjiao 宗教 信仰"),
    ("user.demographic.race_ethnicity", "race ethnicity ethnic minzu 民族 种族"),
    ("user.demographic.political_opinion", "political politics party_membership political_status 政治面貌 政治 党派"),
    ("user.demographic.sexual_orientation", "sexual_orientation sexuality 性取向"),
    ("user.criminal_history", "criminal conviction convictions 犯罪 前科"),
    ("user.biometric", "biometric fingerprint face_id faceprint 指纹 人脸"),
    ("user.financial.credit_card", "credit_card creditcard card_number cardno pan cvv cvc 信用卡"),
    ("user.financial.bank_account",
     "iban bic bank bank_account account_number account_no bankcard balance salary income credit_limit loan mortgage default yinhangka 银行卡 银行 账户 账号 余额 收入 工资 贷款"),
    ("user.authorization.password", "password passwd pwd passphrase pin 密码 口令"),
    ("user.authorization.credentials", "secret api_key apikey access_token refresh_token auth_token session_token 令牌 密钥"),
    ("user.contact.phone_number",
     ("phone phone_number phonenumber telephone tel mobile mobilephone cell cellphone msisdn handy telefon telefono whatsapp wechat wechat_id "
     "contact_number shouji dianhua 手机 电话 移动电话 联系方式 微信")),
    ("user.device.ip_address", "ip ip_address ipaddress ipv4 ipv6 remote_addr client_ip"),
    ("user.device.device_id", "device_id imei idfa gaid mac_address udid 设备号"),
    ("user.device.cookie_id", "cookie cookie_id"),
    ("user.device", "user_agent useragent"),
    ("user.location.precise", "latitude longitude lat lng lon gps geolocation coordinates 经度 纬度 定位"),
    ("user.name.first", "first_name firstname given_name givenname forename vorname prenom"),
    ("user.name.last", "last_name lastname surname family_name familyname nachname apellido"),
    ("user.account.username", "username user_name login login_name nickname nick screen_name handle 用户名 昵称 登录名"),
    ("user.contact.address.city", "city town ort stadt ville ciudad 城市"),
    ("user.contact.address.postal_code", "zip zipcode zip_code postcode postal postal_code plz 邮编 邮政编码"),
    ("user.contact.address.country", "country country_code nation nationality land guojia 国家 国籍"),
    ("user.contact.address.state", "state province region county bundesland 省份 省 州"),
    ("user.contact.address.street", "address street addr address1 address_line strasse adresse direccion dizhi 地址 住址 街道 住所"),
    ("user.demographic.gender", "gender sex geschlecht xingbie 性别"),
    ("user.demographic.marital_status", "marital marital_status married familienstand 婚姻 婚否"),
    ("user.demographic.age_range", "age age_group age_range alter 年龄"),
    ("user.demographic.language", "language locale lang 语言"),
    ("user.demographic.profile", "education degree bildung xueli 学历 教育"),
    ("user.job_title", "job occupation profession job_title jobtitle beruf 职业 职务 职位"),
    ("user.contact.organization", "company employer organisation organization workplace 单位 公司 工作单位"),
    ("user.content.self_image", "avatar photo portrait selfie picture 头像 照片"),
    ("user.content.private",
     "note notes remark remarks comment comments memo message bemerkung feedback free_text 备注 留言 说明 评论 备忘"),
    ("user.privacy_preferences", "consent opt_in optin opt_out optout newsletter_consent unsubscribed 同意 退订"),
)  # fmt: skip
"""Categories of people's data with their words, the more telling first; a word of several parts joins them by ``_``."""

PLAIN: tuple[tuple[str, str], ...] = (
    ("user.behavior.purchase_history",
     ("order order_no order_number orderno order_date ordered_at price amount total total_price subtotal discount currency quantity qty sku product product_name product_id item invoice "
     "invoice_no payment_status 订单 金额 价格 数量 商品 产品")),
    ("user.behavior", ("campaign channel outcome status stage segment tier level points score visits clicks opens duration source utm created created_at updated updated_at "
     "modified modified_at timestamp last_login last_seen signup joined joined_at contacted_at sent_at day month year hour week date time event action type kind category tag tags "
     "loyalty subscribed contact previous poutcome pdays rating rank version enabled active 状态 渠道 等级 积分 类型 时间 日期 活动 来源 次数")),
)  # fmt: skip
"""Words that speak of what people did and not of who they are."""

NOT_OF_PEOPLE = frozenset({
    "product", "campaign", "file", "event", "channel", "brand", "store", "shop", "item", "category", "table", "host", "domain", "city", "country",
    "state", "company", "bank", "street", "column", "class", "type", "field", "segment", "tag", "course", "project", "team", "app", "device",
})  # fmt: skip
"""Of ``<word>_name``: the name of a thing."""

_NAMES = frozenset(
    {
        "name",
        "fullname",
        "full_name",
        "display_name",
        "customer_name",
        "contact_name",
        "realname",
        "real_name",
        "xingming",
    }
)
_ID = frozenset({"id", "uid", "uuid", "guid", "key", "ident", "identifier", "pk"})
_NAMES_ZH, _ID_ZH = ("姓名", "名字", "联系人", "称呼"), ("编号", "编码", "序号")


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, of a nested one those of its last part."""
    return tuple(word for word in _BREAK.split(_CAMEL.sub("_", name.rpartition(".")[2]).lower()) if word)


@cache
def category_by_name(name: str) -> str | None:
    """Return the category that a field's name speaks of, ``None`` if it says nothing."""
    words = words_of(name)
    joined, whole = "_".join(words), name.rpartition(".")[2].lower()
    if is_key_name(words, whole) and not _says(PERSONAL[:6], joined, whole):
        return "user.unique_id"
    found = _says(PERSONAL, joined, whole)
    if found and not (found == "user.contact.address.street" and "ip" in words):
        return found
    if is_person_name(words, whole):
        return "user.name"
    return _says(PLAIN, joined, whole)


def is_plain(category: str) -> bool:
    """Tell whether a category speaks of deeds or keys, so that a hint of the values does not outweigh it."""
    return category.startswith("user.behavior") or category == "user.unique_id"


def is_person_name(words: tuple[str, ...], whole: str) -> bool:
    """Tell whether a field's name means the name of a person."""
    if any(word in whole for word in _NAMES_ZH) or whole in ("姓", "名"):
        return True
    if not words or NOT_OF_PEOPLE.intersection(words):
        return False
    return words[-1] in _NAMES or "_".join(words) in _NAMES or "_".join(words[-2:]) in _NAMES


def is_key_name(words: tuple[str, ...], whole: str) -> bool:
    """Tell whether a field's name means a key: ``id``, ``customer_id``, ``编号``."""
    return bool(words and words[-1] in _ID) or any(word in whole for word in _ID_ZH)


def owner_of_key(name: str) -> str:
    """Return what a key is of: ``customer`` of ``customer_id``; empty for ``id`` alone."""
    words = words_of(name)
    return "_".join(words[:-1]) if words and words[-1] in _ID else ""


def _says(rules: tuple[tuple[str, str], ...], joined: str, whole: str) -> str | None:
    around = f"_{joined}_"
    for category, vocabulary in rules:
        for word in vocabulary.split():
            if (f"_{word}_" in around) if word.isascii() else (word in whole):
                return category
    return None
