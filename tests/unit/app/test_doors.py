# SPDX-License-Identifier: Apache-2.0
"""The door's joins: cursors, stores, checkpoints, sizes of answers, and a caller's own decisions."""

from pathlib import Path

import msgspec
import pytest

from gateway.app.doors import CursorSeal, _size_of
from gateway.app.own_decisions import _looked_up
from gateway.app.roads import open_stores
from gateway.domain.decision import Reason, Refusal
from gateway.domain.entry import End, Facts, Refused, Release
from gateway.domain.errors import SettingsError
from gateway.domain.names import DecisionId, StoreName
from gateway.domain.signin import OAuthError
from gateway.doors.http.problems import problem_json
from gateway.flows.login.answers import SignInFailed, Started, Tokens
from gateway.keys.keyring import Keyring
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.fakes.certificates import Authority
from tests.fakes.log import enter, opened, part


def test_a_cursor_is_opened_for_what_it_was_sealed_for_alone(keyring: Keyring) -> None:
    """Changed or bound elsewhere it is nothing."""
    seal = CursorSeal(keyring)
    sealed = seal.seal(b"7", b"query")
    assert seal.open(sealed, b"query") == b"7"
    assert seal.open(sealed, b"another") is None
    assert seal.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), b"query") is None
    assert seal.open(b"", b"query") is None


async def test_a_store_is_opened_with_its_own_credential(tmp_path: Path) -> None:
    """A file that is not there is named by its key."""
    secret = tmp_path / "crm.secret"
    one = StoreSettings(base_url="http://127.0.0.1:9/crm", authorization_file=secret)
    settings = Settings(state=tmp_path, stores={"crm": one})
    with pytest.raises(SettingsError, match=r"stores\.crm\.authorization_file"):
        open_stores(settings)
    for content in ("", " \n", "Bearer a\nBearer b", "Bearer \u00fc", "Bearer \x07"):
        secret.write_text(content, "utf-8")
        with pytest.raises(SettingsError, match="one line of printable ASCII"):
            open_stores(settings)
    secret.write_text("Bearer of-the-store\n")
    async with open_stores(settings) as stores:
        assert "of-the-store" not in repr(vars(stores))


async def test_what_is_set_for_a_store_is_how_it_is_asked(tmp_path: Path) -> None:
    """Every limit of the settings is one of the store's; files are read."""
    own = Authority("authority.test")
    issued = own.issue("gateway")
    for name, content in (("ca.pem", own.pem), ("gateway.pem", issued.certificate), ("gateway.key", issued.key)):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "gateway.key").chmod(0o600)
    limits: dict[str, float] = {
        "connect_s": 1.5, "read_s": 2.5, "total_s": 3.5, "least_bytes_s": 4, "pace_s": 5.5, "connections": 6,
        "failures": 7, "pause_s": 8.5,
    }  # fmt: skip
    one = StoreSettings.model_validate(
        {
            **limits,
            "base_url": "https://127.0.0.1:9/crm",
            "ca_file": tmp_path / "ca.pem",
            "client_certificate_file": tmp_path / "gateway.pem",
            "client_key_file": tmp_path / "gateway.key",
            "allowed_networks": ("169.254.0.0/16",),
        }
    )
    async with open_stores(Settings(state=tmp_path, stores={"crm": one})) as stores:
        told = stores._roads[StoreName("crm")].store
    assert {name: getattr(told, name) for name in limits} == limits
    assert told.ca_pem == own.pem
    assert told.identity is not None
    assert told.identity.pem == issued.certificate + b"\n" + issued.key
    assert [str(network) for network in told.allowed] == ["169.254.0.0/16"]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (None, b""),
        (Started(login="x" * 43), msgspec.json.encode(Started(login="x" * 43))),
        (Tokens(access_token="a", expires_in=300), msgspec.json.encode(Tokens(access_token="a", expires_in=300))),
        (OAuthError(error="invalid_client", client="newsletter", account="a_1"), b'{"error":"invalid_client"}'),
        (
            SignInFailed(),
            problem_json(Refusal(decision_id=DecisionId("f" * 32), reason=Reason.SIGN_IN_FAILED)),
        ),
    ],
)  # fmt: skip
def test_the_size_of_an_answer_is_that_of_the_body_that_is_sent(
    answer: Started | Tokens | SignInFailed | OAuthError | None, body: bytes
) -> None:
    """It goes into the entry before the answer is given."""
    assert _size_of(answer) == len(body)


FACTS = Facts(account="a_1", purpose="marketing.mail", dataset="crm.people", fields={"reveal": ("name",)})


def release(call: str, n: int, *, last: bool, rows: int = 3) -> Release:
    """Return a release of a call, with facts in its first."""
    return Release(
        call=DecisionId(call),
        n=n,
        rows=rows,
        bytes=10 * rows,
        people=rows,
        withheld={"choice": 8},
        last=last,
        facts=FACTS if n == 0 else None,
    )


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two slots with calls of one account."""
    log = opened(tmp_path / "door-0")
    for entry in (
        release("whole", 0, last=False),
        release("cut", 0, last=False),
        release("whole", 1, last=True),
        End(call=DecisionId("cut"), how="hang-up", bytes=5),
        Refused(call=DecisionId("no"), reason="red-line", status=403, facts=FACTS),
        Refused(call=DecisionId("nobody"), reason="sign-in-required", status=401),
        release("open", 0, last=False),
    ):
        enter(log, entry, part(1))
    log.close(1)
    opened(tmp_path / "door-1", "demo/node-1/door-1").close(1)
    return tmp_path


def test_a_decision_is_told_to_the_account_that_made_the_call(logs: Path) -> None:
    """Blocks are summed, withheld rows are told in steps."""
    told = _looked_up(logs, "a_1", DecisionId("whole"))
    assert told is not None
    assert (told["decision"], told["rows"], told["bytes"], told["end"]) == ("permit", 6, 60, "complete")
    assert told["rows_withheld"] == {"choice": 20}
    assert told["fields"] == {"reveal": ("name",)}


@pytest.mark.parametrize(
    ("call", "decision", "reason", "end"),
    [("cut", "permit", None, "hang-up"), ("open", "permit", None, None), ("no", "deny", "red-line", None)],
)
def test_how_a_call_ended_is_told(logs: Path, call: str, decision: str, reason: str | None, end: str | None) -> None:
    """A call that is still going has no end."""
    told = _looked_up(logs, "a_1", DecisionId(call))
    assert told is not None
    assert (told["decision"], told["reason"], told["end"]) == (decision, reason, end)


@pytest.mark.parametrize(("account", "call"), [("a_2", "whole"), ("a_1", "no-such"), ("", "nobody"), ("a_1", "nobody")])
def test_a_decision_of_others_is_told_as_one_that_is_not_there(logs: Path, account: str, call: str) -> None:
    """So is one of nobody."""
    assert _looked_up(logs, account, DecisionId(call)) is None


def test_only_so_much_of_a_log_is_looked_through(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first."""
    monkeypatch.setattr("gateway.app.own_decisions.NEWEST", 3)
    assert _looked_up(logs, "a_1", DecisionId("open")) is not None
    assert _looked_up(logs, "a_1", DecisionId("whole")) is None
