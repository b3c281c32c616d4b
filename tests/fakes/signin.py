# SPDX-License-Identifier: Apache-2.0
"""A log in memory, and an installation's whole sign-in over a real store, with cheap hashes."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.app.restoring import CredentialDigest
from gateway.domain.entry import Entry, Part, SignIn
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import AccountId, ClientId, DecisionId, PurposeKey, RoleName
from gateway.domain.signin import Lockout, Origin
from gateway.flows.enrolment import Confirmed, Enrolment
from gateway.flows.login.answers import SignInFailed, Started, Tokens
from gateway.flows.login.flow import LoginFlow
from gateway.identify.bearers import Bearers, bearer_keys
from gateway.identify.blocklist import Blocklist
from gateway.identify.factors import Factors
from gateway.identify.identify import Identify
from gateway.identify.password import Passwords
from gateway.identify.sessions import Revocations
from gateway.identify.totp import code_at, step_at
from gateway.keys.keyring import Keyring
from gateway.store.accounts import Accounts
from gateway.store.clients import Clients
from gateway.store.engine import Store
from gateway.store.factors import FactorTries
from gateway.store.sessions import Sessions
from tests.fakes.clock import FakeClock

ORIGIN = Origin(call=DecisionId("d1"), ip="192.0.2.7", user_agent="test")
PASSWORD = "seven lamps of architecture"
ISSUER = "https://gateway.example"
INSIGHTS = PurposeKey("analytics.reporting.campaign_insights")
EMAIL = PurposeKey("marketing.communications.email")


@dataclass
class MemoryLog:
    """Keeps entries in a list; while ``is_full`` nothing can be entered."""

    entries: list[tuple[Entry, Part | None]] = field(default_factory=list)
    is_full: bool = False

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Keep the entry, or refuse as a full disk does."""
        if self.is_full:
            raise LogUnavailable("the disk is full")
        self.entries.append((entry, part))
        return len(self.entries) - 1

    def sign_ins(self) -> list[SignIn]:
        """Return the steps of sign-ins, in their order."""
        return [entry for entry, _ in self.entries if isinstance(entry, SignIn)]


@dataclass(frozen=True)
class Person:
    """A person with everything that proves it."""

    account: AccountId
    name: str
    password: str
    secret: bytes
    recovery_codes: tuple[str, ...]


def cheap_passwords() -> Passwords:
    """Return the real hasher at its smallest cost."""
    return Passwords(time_cost=1, memory_kib=8, parallelism=1, workers=2, waiting=10_000)


class SignInHouse:
    """Everything that a sign-in passes through; only time and the log are fakes."""

    def __init__(self, store: Store, keyring: Keyring, clock: FakeClock, *, lockout: Lockout | None = None) -> None:
        self.clock = clock
        self.log = MemoryLog()
        self.store, self.keyring = store, keyring
        self.accounts, self.clients, self.sessions = Accounts(store), Clients(store), Sessions(store)
        self.tries = FactorTries(store, lockout)
        self.passwords = cheap_passwords()
        self.digest = CredentialDigest(keyring)
        self.factors = Factors(self.tries, self.passwords, keyring)
        self.bearers = Bearers(bearer_keys(keyring), issuer=ISSUER, audience=ISSUER)
        self.revocations = Revocations(self.sessions)
        self.identify = Identify(self.bearers, self.revocations)
        self.flow = LoginFlow(
            factors=self.factors,
            sessions=self.sessions,
            clients=self.clients,
            bearers=self.bearers,
            revocations=self.revocations,
            recorder=self.log,
            clock=clock,
            purposes_of=purposes_of,
            digest=self.digest,
        )
        self.enrolment = Enrolment(
            accounts=self.accounts,
            clients=self.clients,
            passwords=self.passwords,
            blocklist=Blocklist(("password", "qwerty")),
            vault=keyring,
            recorder=self.log,
            clock=clock,
            issuer="Gateway",
            digest=self.digest,
        )

    async def person(self, name: str = "ana", roles: Sequence[str] = ("analyst",)) -> Person:
        """Enrol a person, and go on to the next time step, since enrolling spends a code."""
        account = await self.enrolment.add_person(name, PASSWORD, roles=roles, recipient="own", by="local:root")
        authenticator = await self.enrolment.enrol_totp(account, by="local:root")
        secret = base64.b32decode(authenticator.secret)
        confirmed = await self.enrolment.confirm_totp(
            account, code_at(secret, step_at(self.clock.now_us)), by="local:root"
        )
        assert isinstance(confirmed, Confirmed)
        self.clock.advance(s=30)
        return Person(account, name, PASSWORD, secret, confirmed.recovery_codes)

    async def client(self, client_id: str = "newsletter-app") -> tuple[ClientId, str]:
        """Make a client app and return its identifier and secret."""
        return await self.enrolment.add_client(
            client_id,
            name="Newsletter",
            roles=("campaigner",),
            recipient="own",
            scopes=(EMAIL, INSIGHTS),
            by="local:root",
        )

    def code(self, person: Person, *, steps: int = 0) -> str:
        """Return the code that the person's authenticator shows now, or some steps away."""
        return code_at(person.secret, step_at(self.clock.now_us) + steps)

    async def start(self, person: Person, password: str | None = None) -> Started:
        """Show a password: the right one, or another."""
        return await self.flow.start(person.name, person.password if password is None else password, ORIGIN)

    async def finish(self, started: Started, code: str) -> Tokens | SignInFailed:
        """Show a code."""
        return await self.flow.finish_totp(started.login, code, ORIGIN)

    async def signed_in(self, person: Person) -> Tokens:
        """Sign in with both factors."""
        tokens = await self.finish(await self.start(person), self.code(person))
        assert isinstance(tokens, Tokens)
        return tokens


def purposes_of(roles: tuple[RoleName, ...]) -> tuple[PurposeKey, ...]:
    """Return the purposes of the demo's roles."""
    given = {RoleName("analyst"): INSIGHTS, RoleName("campaigner"): EMAIL}
    return tuple(given[role] for role in roles if role in given)
