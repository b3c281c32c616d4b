# SPDX-License-Identifier: Apache-2.0
"""Words that sample people are made of: common names, places and notes, put together by chance.

No line comes from a list of real people. Mail domains are those reserved for examples (RFC 2606);
places and their codes are public.
"""

import msgspec

# The formatter would give each word a line of its own.
# fmt: off

MAIL_DOMAINS = ("example.com", "example.org", "example.net")


class Country(msgspec.Struct, frozen=True, kw_only=True):
    """What a person of a European country or of California is made of.

    Attributes:
        phones: Beginnings of mobile numbers in E.164 and how many digits follow.
        places: City, beginning of its postcode and how many digits follow.
        address: Form of an address line.
    """

    code: str
    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]
    phones: tuple[tuple[str, int], ...]
    places: tuple[tuple[str, str, int], ...]
    streets: tuple[str, ...]
    address: str = "{street} {number}, {postcode} {city}"


GERMANY = Country(
    code="DE",
    women=("Anna", "Sabine", "Katrin", "Ursula", "Lena", "Monika", "Jana", "Heike", "Svenja", "Käthe"),
    men=("Thomas", "Jürgen", "Stefan", "Jonas", "Uwe", "Matthias", "Felix", "Dieter", "Björn", "Tobias"),
    families=("Müller", "Schmidt", "Weber", "Wagner", "Becker", "Schulz", "Hoffmann", "Krüger", "Groß", "Vogel", "Jäger", "Lange"),
    phones=(("+49151", 8), ("+49160", 7), ("+49171", 7), ("+49175", 7)),
    places=(("Berlin", "10", 3), ("Hamburg", "20", 3), ("München", "80", 3), ("Köln", "50", 3), ("Leipzig", "04", 3)),
    streets=("Lindenstraße", "Gartenweg", "Hauptstraße", "Am Mühlbach", "Goethestraße", "Bahnhofstraße"),
)
FRANCE = Country(
    code="FR",
    women=("Camille", "Élodie", "Claire", "Nathalie", "Zoé", "Sylvie", "Manon", "Hélène", "Inès", "Margaux"),
    men=("Julien", "Pierre", "Théo", "Laurent", "Hugo", "François", "Antoine", "Rémi", "Olivier", "Loïc"),
    families=("Martin", "Bernard", "Dubois", "Lefèvre", "Moreau", "Garnier", "Rousseau", "Faure", "Lambert", "Chevalier", "Gauthier", "Perrin"),
    phones=(("+3361", 7), ("+3362", 7), ("+3366", 7), ("+3367", 7)),
    places=(("Paris", "750", 2), ("Lyon", "6900", 1), ("Nantes", "44", 3), ("Lille", "59", 3), ("Toulouse", "31", 3)),
    streets=("rue des Lilas", "avenue de la Gare", "rue Pasteur", "place du Marché", "rue Voltaire", "chemin Vert"),
    address="{number} {street}, {postcode} {city}",
)
NETHERLANDS = Country(
    code="NL",
    women=("Sanne", "Femke", "Lotte", "Marijke", "Eva", "Noor", "Anouk", "Ingrid", "Fleur", "Willemijn"),
    men=("Daan", "Jeroen", "Bram", "Sjoerd", "Pieter", "Lars", "Ruben", "Maarten", "Joost", "Thijs"),
    families=("de Jong", "Jansen", "de Vries", "Bakker", "Visser", "van Dijk", "Smit", "Mulder", "Bos", "Dekker", "Kuipers", "van Leeuwen"),
    phones=(("+3161", 7), ("+3162", 7), ("+3164", 7), ("+3165", 7)),
    places=(("Amsterdam", "10", 2), ("Utrecht", "35", 2), ("Rotterdam", "30", 2), ("Groningen", "97", 2), ("Eindhoven", "56", 2)),
    streets=("Dorpsstraat", "Kerkstraat", "Molenweg", "Lijsterlaan", "Havenkade", "Prinsengracht"),
)
SPAIN = Country(
    code="ES",
    women=("Lucía", "Carmen", "Marta", "Paula", "Sofía", "Pilar", "Elena", "Rocío", "Ainhoa", "Teresa"),
    men=("Javier", "Pablo", "Álvaro", "Manuel", "Sergio", "Diego", "Iván", "Andrés", "Rubén", "Joaquín"),
    families=("García", "Fernández", "López", "Martínez", "Sánchez", "Ruiz", "Moreno", "Muñoz", "Romero", "Ortega", "Castro", "Vidal"),
    phones=(("+3461", 7), ("+3462", 7), ("+3463", 7), ("+3465", 7)),
    places=(("Madrid", "280", 2), ("Barcelona", "080", 2), ("Valencia", "460", 2), ("Sevilla", "410", 2), ("Bilbao", "480", 2)),
    streets=("Calle Mayor", "Avenida del Sol", "Calle de la Rosa", "Paseo del Río", "Plaza Nueva", "Calle Cervantes"),
)
POLAND = Country(
    code="PL",
    # Family names that do not change with the sex of who bears them.
    women=("Agnieszka", "Katarzyna", "Zofia", "Małgorzata", "Ewa", "Joanna", "Hanna", "Beata", "Łucja", "Dorota"),
    men=("Piotr", "Krzysztof", "Paweł", "Jakub", "Michał", "Tomasz", "Łukasz", "Marek", "Wojciech", "Stanisław"),
    families=("Nowak", "Wójcik", "Mazur", "Kaczmarek", "Woźniak", "Wieczorek", "Dudek", "Zając", "Król", "Pawlak", "Sikora", "Michalak"),
    phones=(("+48501", 6), ("+48602", 6), ("+48514", 6), ("+48692", 6)),
    places=(("Warszawa", "00-", 3), ("Kraków", "30-", 3), ("Łódź", "90-", 3), ("Wrocław", "50-", 3), ("Gdańsk", "80-", 3)),
    streets=("ul. Lipowa", "ul. Polna", "ul. Ogrodowa", "ul. Szkolna", "ul. Słoneczna", "al. Róż"),
)
ITALY = Country(
    code="IT",
    women=("Giulia", "Chiara", "Francesca", "Sara", "Martina", "Paola", "Elisa", "Ilaria", "Rosa", "Silvia"),
    men=("Marco", "Luca", "Matteo", "Giovanni", "Davide", "Paolo", "Stefano", "Nicolò", "Enrico", "Salvatore"),
    families=("Rossi", "Bianchi", "Esposito", "Colombo", "Ricci", "Marino", "Greco", "Conti", "Gallo", "Ferrara", "Fontana", "Testa"),
    phones=(("+39320", 7), ("+39328", 7), ("+39333", 7), ("+39347", 7)),
    places=(("Roma", "001", 2), ("Milano", "201", 2), ("Torino", "101", 2), ("Napoli", "801", 2), ("Bologna", "401", 2)),
    streets=("Via Garibaldi", "Via Roma", "Corso Italia", "Via dei Mille", "Piazza Dante", "Via Verdi"),
)
EUROPE = (GERMANY, FRANCE, NETHERLANDS, SPAIN, POLAND, ITALY)

CALIFORNIA = Country(
    code="US",
    women=("Emily", "Jessica", "Maria", "Ashley", "Grace", "Linda", "Olivia", "Denise", "Tamika", "Rachel"),
    men=("Michael", "James", "David", "Carlos", "Brandon", "Kevin", "Ethan", "Marcus", "Steven", "Luis"),
    families=("Smith", "Johnson", "Garcia", "Nguyen", "Williams", "Hernandez", "Lee", "Brown", "Ramirez", "Davis", "Patel", "Wilson"),
    # Exchange 555: hardly a line of it was ever given to a subscriber.
    phones=tuple(
        (f"+1{area}555", 4)
        for area in (
            209,
            213,
            310,
            323,
            408,
            415,
            510,
            530,
            559,
            562,
            619,
            626,
            650,
            661,
            707,
            714,
            760,
            805,
            818,
            831,
            858,
            909,
            916,
            925,
            949,
            951,
        )
    ),
    places=(("Los Angeles", "900", 2), ("San Diego", "921", 2), ("San Jose", "951", 2), ("San Francisco", "941", 2), ("Fresno", "937", 2), ("Sacramento", "958", 2), ("Oakland", "946", 2)),
    streets=("Oak Street", "Mission Boulevard", "Sunset Drive", "Maple Avenue", "Valley Road", "Ocean View Lane"),
    address="{number} {street}, {city}, CA {postcode}",
)

CHINESE_FAMILIES = (("王", "wang"), ("李", "li"), ("张", "zhang"), ("刘", "liu"), ("陈", "chen"), ("杨", "yang"), ("赵", "zhao"), ("黄", "huang"), ("周", "zhou"), ("吴", "wu"), ("徐", "xu"), ("孙", "sun"), ("胡", "hu"), ("朱", "zhu"), ("高", "gao"), ("林", "lin"), ("何", "he"), ("郭", "guo"), ("马", "ma"), ("罗", "luo"), ("欧阳", "ouyang"), ("司马", "sima"), ("诸葛", "zhuge"), ("上官", "shangguan"))
CHINESE_WOMEN = (("芳", "fang"), ("丽", "li"), ("秀英", "xiuying"), ("敏", "min"), ("静", "jing"), ("雪梅", "xuemei"), ("婷婷", "tingting"), ("桂兰", "guilan"), ("欣怡", "xinyi"), ("晓燕", "xiaoyan"))
CHINESE_MEN = (("伟", "wei"), ("强", "qiang"), ("建国", "jianguo"), ("磊", "lei"), ("军", "jun"), ("志明", "zhiming"), ("浩然", "haoran"), ("俊杰", "junjie"), ("海涛", "haitao"), ("文博", "wenbo"))
CHINESE_PHONES = ("135", "136", "137", "138", "139", "150", "151", "158", "159", "177", "186", "188")
CHINESE_STREETS = ("人民路", "解放路", "中山路", "建设大街", "和平里", "文化路", "新华路", "朝阳街")
CHINESE_PLACES = (("110105", 1949, "北京市", "北京市", "朝阳区"), ("110108", 1949, "北京市", "北京市", "海淀区"), ("310104", 1949, "上海市", "上海市", "徐汇区"), ("310115", 1992, "上海市", "上海市", "浦东新区"), ("120101", 1949, "天津市", "天津市", "和平区"), ("440106", 1985, "广东省", "广州市", "天河区"), ("440304", 1990, "广东省", "深圳市", "福田区"), ("330106", 1983, "浙江省", "杭州市", "西湖区"), ("320106", 1983, "江苏省", "南京市", "鼓楼区"), ("420106", 1983, "湖北省", "武汉市", "武昌区"), ("510104", 1990, "四川省", "成都市", "锦江区"), ("610113", 1983, "陕西省", "西安市", "雁塔区"))
"""Code of the place in an identity number (GB/T 2260), year from which it holds, province, city, district."""
OLDER_CODES = ("110101", "110102", "310101", "310106", "120101", "120103")
"""Codes that hold for every year of birth; given to those who are older than the code of their place."""


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down about people in one language.

    A ``telling`` remark holds a phone number, a mail, an ID or a card inside its sentence.
    """

    religions: tuple[str, ...]
    health_notes: tuple[str, ...]
    notes: tuple[str, ...]
    telling_notes: tuple[str, ...]
    contact_notes: tuple[str, ...]
    telling_contact_notes: tuple[str, ...]
    order_notes: tuple[str, ...]
    telling_order_notes: tuple[str, ...]


ENGLISH = Language(
    religions=("catholic", "protestant", "orthodox", "muslim", "jewish", "buddhist", "hindu", "none"),
    health_notes=("diabetes type 2, needs large print", "hard of hearing, prefers letters", "pregnant, due in spring", "in a wheelchair, needs step-free access", "severe nut allergy", "treated for depression", "recovering from surgery"),
    notes=("prefers to be called in the evening", "asked for the brochure on savings plans", "moved house last year", "met at the branch, friendly", "wants a new adviser", "speaks little English, send documents early", "interested in a term deposit"),
    telling_notes=("call back on {phone} after 18:00", "new number {spoken}, old one no longer works", "send the contract to {email} please", "showed ID {id} at the counter", "card {card} was refused twice", "reach via {email} or {spoken}"),
    contact_notes=("no answer", "will think about it", "asked not to be called at work", "line was busy", "wants the offer in writing"),
    telling_contact_notes=("try {spoken} instead", "offer sent to {email}"),
    order_notes=("leave with the neighbour", "gift wrap", "ring twice", "deliver after 17:00"),
    telling_order_notes=("call {phone} on arrival", "refund to card {card}"),
)
CHINESE = Language(
    religions=("佛教", "道教", "基督教", "天主教", "伊斯兰教", "无"),
    health_notes=("二型糖尿病，需大字版", "听力不佳，请用短信联系", "孕期，春季预产", "轮椅出行，需无障碍通道", "对花生严重过敏", "术后康复中"),
    notes=("希望晚上联系", "索取储蓄产品资料", "去年搬家", "在网点面谈，态度友好", "希望更换客户经理", "对定期存款感兴趣"),
    telling_notes=("请于18点后拨打{phone}", "新号码{spoken}，旧号停用", "合同请发至{email}", "身份证{id}已核对", "卡号{card}两次支付失败", "可联系{email}或{spoken}"),
    contact_notes=("无人接听", "表示再考虑", "请勿在上班时间来电", "占线", "希望书面报价"),
    telling_contact_notes=("改拨{spoken}", "报价已发至{email}"),
    order_notes=("放在门卫处", "需要礼品包装", "请按两次门铃", "17点后送达"),
    telling_order_notes=("到达后请拨{phone}", "退款至卡{card}"),
)
