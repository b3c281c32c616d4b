# SPDX-License-Identifier: Apache-2.0
"""The pages on virtual IDs are followed as their readers would: rules as they stand, commands in order, a mail server.

``sh`` blocks are given one line after the other and must say what the ``output`` behind them shows, where ``…`` stands
for anything; ``text`` blocks are commands of people who prove themselves, or a call.
"""

import asyncio
import csv
import io
import re
import runpy
import shlex
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import yaml

from gateway.cli.desk.moments import day
from gateway.decide.loader.shipped import shipped_files
from gateway.demo.people import Customer
from gateway.demo.tables import make
from gateway.domain.names import PurposeKey
from gateway.domain.sending import LeftOut
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.attack.test_reveal import revealed, values
from tests.fakes.mail import MailBox, mail_box
from tests.fakes.office import Office
from tests.fakes.sending import Sender
from tests.story.conftest import EMAIL, SUPPORT, World

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
RULES = {name: content.decode() for name, content in shipped_files().items()}
N_PEOPLE = 160
on_sqlite = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
"""What a page says does not depend on the database; what it speaks of is tested on both elsewhere."""
MONTH_US = 30 * 86_400 * 1_000_000


def blocks(page: str, *languages: str) -> list[tuple[str, str]]:
    """Return the blocks of a page in some languages, in order, without what they are indented by."""
    found = BLOCK.findall((HOW_TO / page).read_text("utf-8"))
    return [(language, _flush(content)) for language, content in found if language in languages]


def _flush(content: str) -> str:
    lines = content.splitlines()
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "".join(line[margin:] + "\n" for line in lines)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command behind ``gateway``; a backslash at the end of a line goes on with it."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line)
        assert words[0] == "gateway", line
        yield words[1:]


def said_as(shown: str, said: str) -> None:
    """Assert that an output is as a page shows it, but for the widths of columns."""
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in shown.split("…"))
    assert re.search(pattern, " ".join(said.split()), re.DOTALL), f"expected\n{shown}\nfound\n{said}"


@pytest.fixture
def store_file(crowd: list[Customer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample store of one's own, with so many people that a second person has to say a word."""
    path = tmp_path_factory.mktemp("sample-store") / "store.db"
    make(path, crowd[:N_PEOPLE])
    return path


@pytest.fixture
async def box() -> AsyncIterator[MailBox]:
    """A mail server."""
    async with mail_box() as box:
        yield box


@pytest.fixture
def settings(settings: Settings, box: MailBox) -> Settings:
    """The installation, with a mail server beside its stores."""
    in_force(settings)
    mailer = StoreSettings(
        base_url=f"smtp://127.0.0.1:{box.port}", kind="smtp", tls="none", sender="news@trading.example", read_s=5
    )
    return settings.model_copy(update={"stores": {**settings.stores, "mailer": mailer}})


def in_force(settings: Settings) -> None:
    """Let both fields of the first page lie at rest as it says."""
    file = settings.policies_dir / "datasets" / "crm.yaml"
    text = file.read_text("utf-8")
    ((_, said),) = blocks("virtual-ids.md", "yaml")
    for field in re.split(r"(?m)^(?=- name: )", said)[1:]:
        before = re.sub(r", at_rest: \{[^}]*\}", "", field)
        assert text.count(_indented(before)) == 1
        text = text.replace(_indented(before), _indented(field))
    file.write_text(text, "utf-8")


def _indented(block: str) -> str:
    return "".join(f"{'':10}{line}\n" for line in block.splitlines())


async def clear(world: World) -> list[tuple[str, str]]:
    """Return both columns as the store has them."""
    rows = (await world.straight("/crm/customers?limit=1000"))["items"]
    return [(row["email"], row["phone"]) for row in rows]


@on_sqlite
async def test_columns_are_turned_over_and_back_as_the_page_says(world: World, settings: Settings) -> None:
    """What each command says is what the page shows; between, the store holds surrogates of both kinds, and then what it held."""
    office, before, held = Office(settings), await clear(world), list[list[tuple[str, str]]]()
    said = ""
    for language, text in blocks("turn-a-column-over.md", "sh", "output"):
        if language == "output":
            said_as(text, said)
            held.append(await clear(world))
            continue
        said = ""
        for words in commands(text):
            fails = "||" in words
            answer = await office(*words[: words.index("||")] if fails else words, code=int(fails))
            said += answer.out + answer.err + (f"ended with {answer.code}" if fails else "")
    looked, refused, over, anew, back = held

    assert looked == refused == before
    assert {(mail[:4], phone[:4]) for mail, phone in over} == {("as1_", "av1_")}
    assert {(mail[:4], phone[:4]) for mail, phone in anew} == {("as2_", "av1_")}
    assert [mail for mail, _ in back] == [mail.lower() for mail, _ in before]
    assert not [phone for _, phone in back if phone.startswith("av1_")]
    assert world.verdict().is_right


def test_the_rules_on_the_pages_are_shipped_rules() -> None:
    """The route that sends, the grants to send and to reveal, and what a purpose allows a day."""
    sending = blocks("send-without-seeing.md", "yaml", "csv")
    (route,) = [text for _, text in sending if text.startswith("- method")]
    (grants,) = [text for language, text in sending if language == "csv"]
    carriers = [yaml.safe_load(text)["stores"]["mailer"] for _, text in sending if text.startswith("stores")]
    reveals = [text for _, text in blocks("reveal.md", "yaml", "text") if not text.startswith("gateway")]

    routes = yaml.safe_load(RULES["datasets/crm.yaml"])["dataset"][0]["collections"][0]["gateway"]["routes"]
    assert yaml.safe_load(route)[0] in routes
    assert {StoreSettings.model_validate(one).kind for one in carriers} == {"http", "smtp"}
    granted = RULES["grants.csv"].splitlines()
    assert [line for text in (grants, reveals[1]) for line in text.splitlines() if line not in granted] == []
    support = next(one for one in yaml.safe_load(RULES["purposes.yaml"])["purposes"] if one["key"] == SUPPORT)
    assert support["reveal"] == yaml.safe_load(reveals[0])["reveal"]


def test_every_cause_of_a_message_that_was_not_sent_is_on_the_page() -> None:
    """By its word, in the table."""
    page = (HOW_TO / "send-without-seeing.md").read_text("utf-8")
    assert [one.value for one in LeftOut if f"`{one.value}`" not in page] == []


@on_sqlite
async def test_messages_are_sent_as_the_page_says(world: World, settings: Settings, box: MailBox) -> None:
    """A mandate that two others approved, a call as it stands, mails by a real server, and an answer of that form."""
    office = Office(settings)
    await office.enrol(
        world.rooms, {"campaigner-1": "campaigner", "marketing-lead-1": "marketing-lead", "officer-1": "officer"}
    )
    _, secret = await world.rooms.enrolment.add_client(
        "night-mailer", name="night-mailer", roles=("mail-sender",), recipient="own", scopes=(PurposeKey(EMAIL),), by="local:test"
    )  # fmt: skip
    sender = Sender(world, "night-mailer", secret)
    asked, call = [text for _, text in blocks("send-without-seeing.md", "text")]
    until = day(world.rooms.clock() + MONTH_US)
    for words in commands(asked):
        told = [{"m_…": sender.mandate, "2027-02-01": until}.get(word, word) for word in words]
        answer = await office.proven(*_as_said(told))
        sender.mandate = sender.mandate or answer.out.split()[0]

    head, _, body = call.partition("\n\n")
    route, *lines = head.splitlines()
    named = dict(line.split(": ", 1) for line in lines)
    known = [address for _, address in await sender.surrogates()]
    shown = msgspec.json.decode(body.partition("}")[0].lstrip("[") + "}", type=dict[str, str])
    messages = [{**shown, "id": f"spring-{n}", "to": to} for n, to in enumerate(known)]
    reply = await sender.send(
        [*messages, {**shown, "id": "spring-x", "to": "somebody@example.com"}],
        path=route.split()[1],
        Data_Reference=named["Data-Reference"],
        Data_Mandate=sender.mandate,
    )

    assert named.keys() == {"Authorization", "Data-Purpose", "Data-Reference", "Data-Mandate"}
    assert named["Data-Purpose"] == EMAIL
    assert reply.status == 200, reply.body
    ((_, answered),) = blocks("send-without-seeing.md", "json")
    form = msgspec.json.decode(answered)
    assert reply.json.keys() == form.keys()
    assert reply.json == {"sent": len(known), "rows": [{"row": len(known), "cause": "not-recognised"}]}
    assert {row["cause"] for row in form["rows"]} <= {one.value for one in LeftOut}
    assert len(set(box.reached)) == len(known)
    assert {mail["Subject"] for _, mail in box.taken} == {shown["subject"]}
    heard = bytes(sender.received).lower()
    assert not [to for to in box.reached if to.encode() in heard]


def _as_said(words: list[str]) -> list[str]:
    """Return who a command is of, and the command without saying so."""
    place = words.index("--as")
    return [words[place + 1], *words[:place], *words[place + 2 :]]


@on_sqlite
async def test_values_are_had_back_as_the_page_says(
    world: World, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command as CSV; from a program, whose long list a second person approves, or refuses."""
    monkeypatch.chdir(tmp_path)
    office = Office(settings, world.port)
    # A code is good once: of whoever says several words there are several.
    names = {"ida": "case-worker", "ida-at-a-program": "case-worker", **{f"officer-{n}": "officer" for n in range(3)}}
    await office.enrol(world.rooms, names)
    listed = await world.get("/crm/customers?limit=160&fields=phone", "ida", SUPPORT)
    assert listed.status == 200, listed.body
    # A family's phone has one surrogate.
    shown = list(dict.fromkeys(row["phone"] for row in listed.json["items"] if row["phone"]))
    (tmp_path / "surrogates.txt").write_text("\n".join(shown[:3]))
    once, second = [text for _, text in blocks("reveal.md", "text") if text.startswith("gateway")]
    (words,) = commands(once)
    answer = await office.proven(*_as_said(words[: words.index(">")]))
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    phones = [phone[-7:] for _, phone in await clear(world)]
    assert [row["surrogate"] for row in rows] == shown[:3]
    assert all(row["value"][-7:] in phones for row in rows)

    ((_, content),) = blocks("reveal.md", "python")
    program = tmp_path / "reveal.py"
    program.write_text(content, "utf-8")
    said = await asyncio.to_thread(_run, program, world.port, office.proof("ida-at-a-program"), shown[:101])
    approval = said.split()[-1]
    other = (await revealed(world, shown[-101:], "ida", field="phone")).json["approval"]
    assert said == f"somebody else has to approve {approval}"
    for number, words in enumerate(commands(second)):
        who, *rest = _as_said(words)
        assert who == "officer"
        which = other if "--refuse" in rest else approval
        answer = await office.proven(f"officer-{number}", *[which if word == "ap_…" else word for word in rest])
        if number == 0:
            assert {approval[:8], other[:8]} <= {one[:8] for one in answer.out.split()}
    repeated = await world.post(
        "/-/surrogates/reveal",
        {"dataset": "crm.customers", "field": "phone", "surrogates": shown[:101]},
        Authorization="Bearer " + await world.bearer("ida-at-a-program"),
        Data_Purpose=SUPPORT,
        Data_Reference="case-17",
    )
    assert len(values(repeated)) == 101
    assert (await revealed(world, shown[-101:], "ida", field="phone")).json["approval"] != other


def _run(program: Path, port: int, proof: str, surrogates: list[str]) -> str:
    """Run a page's program as somebody, on a list of one's own, and return what it prints."""
    password, code = proof.split("\n")[:2]
    text = program.read_text("utf-8").replace("https://gateway.example", f"http://127.0.0.1:{port}")
    program.write_text(text.replace('"ida"', '"ida-at-a-program"'), "utf-8")
    told: list[str] = []
    given = {"password": password, "ask_for_code": lambda: code, "surrogates": surrogates, "print": told.append}
    runpy.run_path(str(program), given)
    return "\n".join(told)
