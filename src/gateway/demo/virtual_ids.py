# SPDX-License-Identifier: Apache-2.0
"""The stop of the tour at which a store loses its phones and mail addresses, and everybody works on."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from gateway.demo.guide import ANALYST, EMAIL, SUPPORT, Guide, fetch

DOMAINS = {"email": "mails", "phone": "phones"}
PAGE, MANY = "/crm/customers?limit=3", "/crm/customers?limit=100"
ALIKE = 7
"""Digits by which a phone is told from its neighbours, however it is written."""


def virtual_ids(guide: Guide) -> None:
    """Turn two columns of the store over to surrogates at rest, and read, search, reveal and send all the same."""
    guide.step(
        "A store that holds no phone and no mail address",
        "A line for each field in the dataset, and the store holds tokens in the values' place: surrogates at rest. The values "
        "lie in the gateway's vault, under the key of each person. Callers get other surrogates, and notice nothing.",
    )
    clear = {row["phone"][-ALIKE:] for row in _held(guide)}
    _turn_over(guide)
    held = _held(guide)
    guide.rows(held[:3], ("id", "email", "phone", "city"))
    guide.check("the store holds tokens alone", holds=all(row[name][:4] == "av1_" for row in held for name in DOMAINS))
    _search(guide, held)
    _reveal(guide, clear)
    _send(guide)


def _held(guide: Guide) -> list[dict[str, str]]:
    """Return rows as the store has them."""
    return list(fetch(guide.credentials.store_url + MANY, {}).body["items"])


def _turn_over(guide: Guide) -> None:
    file = guide.state / "policies" / "datasets" / "crm.yaml"
    file.write_text(declared(file.read_text("utf-8")), "utf-8")
    guide.console.print(
        f"  [dim]{Path(*file.parts[-3:])}: at_rest: {{domain: phones, kind: vault}}, and mails alike[/]"
    )
    guide.check("the rules are in force", holds=guide.command("check", "--reload").returncode == 0)
    done = guide.command("surrogate", "migrate", "crm.customers", "--accept-normalised")
    guide.lines(done.stdout.splitlines())
    guide.check("both columns are turned over while the gateway serves", holds=done.returncode == 0)


def declared(dataset: str) -> str:
    """Return the rules of customers with both fields in a vault."""
    for field, domain in DOMAINS.items():
        before, name, behind = dataset.partition(f"          - name: {field}\n")
        said = f"gateway: {{identifies: yes, at_rest: {{domain: {domain}, kind: vault}}}}"
        dataset = before + name + behind.replace("gateway: {identifies: yes}", said, 1)
    return dataset


def _search(guide: Guide, held: Sequence[Mapping[str, str]]) -> None:
    rows = guide.get(PAGE, guide.bearer, ANALYST).body["items"]
    guide.rows(rows, ("id", "phone", "city"))
    stored = {row["phone"] for row in held}
    left = [row["phone"] for row in rows]
    guide.check("an analyst gets other virtual IDs", holds=not stored & set(left) and left[0].startswith("sv1_"))
    found = guide.get(f"/crm/customers?phone={left[0]}", guide.bearer, ANALYST).body["items"]
    guide.check("and finds by them", holds=bool(found) and {row["phone"] for row in found} == {left[0]})
    asked = guide.get(f"/crm/customers?phone={held[0]['phone']}", guide.bearer, ANALYST)
    guide.check("what the store holds opens nothing", holds=asked.status == 403)


def _reveal(guide: Guide, clear: Collection[str]) -> None:
    stale, fresh = guide.bearer_of("case-worker", signed_in_ago_s=600), guide.bearer_of("case-worker")
    row = guide.get("/crm/customers?limit=1&fields=id,phone", fresh, SUPPORT).body["items"][0]
    said = {"dataset": "crm.customers", "field": "phone", "surrogates": [row["phone"]]}
    refused = guide.post("/-/surrogates/reveal", stale, SUPPORT, said)
    guide.console.print(f"  {refused.status}  {refused.headers.get('www-authenticate')}", highlight=False)
    guide.check("ten minutes after the sign-in no value comes back", holds=refused.status == 401)
    (told,) = guide.post("/-/surrogates/reveal", fresh, SUPPORT, said).body["values"]
    guide.console.print(f"  200  {told['value']}", highlight=False)
    guide.check("after a fresh sign-in it does", holds=told["value"][-ALIKE:] in clear)


def _send(guide: Guide) -> None:
    sender = guide.bearer_of("mail-sender")
    known = guide.get("/crm/customers?limit=20&fields=id,email", sender, EMAIL)
    messages = [
        {"id": f"tour-{n}", "to": row["email"], "subject": "News", "text": "Good evening."}
        for n, row in enumerate(known.body["items"])
    ]
    sent = guide.post("/mailer/messages", sender, EMAIL, messages)
    guide.console.print(f"  {sent.status}  {sent.body}", highlight=False)
    arrived = [one["to"] for one in fetch(guide.credentials.store_url + "/mailer/messages", {}).body]
    guide.console.print(f"  [dim]the mail service got: {', '.join(arrived[:2])}, …[/]", highlight=False)
    guide.check("the mail service got every address", holds=len(arrived) == sent.body["sent"] == len(messages) > 0)
    seen = f"{known.body} {sent.body}"
    guide.check("whoever sent saw none", holds=all("@" in one and one not in seen for one in arrived))
