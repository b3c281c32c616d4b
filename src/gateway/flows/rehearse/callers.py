# SPDX-License-Identifier: Apache-2.0
"""Who a call comes from, where no bearer of ours tells it: rules by address, user agent, credentials or header.

RULES

1. The first rule of which every condition fits names the caller; one without conditions fits everybody. Whom
   none fits is unknown.
2. Credentials are known by their scheme and the beginning of their SHA-256, so none stands in a file.
3. A caller that a rule names gets nothing by it: what it names is whom a call would be decided for.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import msgspec

from gateway.decide.decide import Decider
from gateway.domain.decision import Deny, Reason
from gateway.domain.names import AccountId, ClientId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import FRESH_SIGN_IN_US, Assurance, Principal, PrincipalKind
from gateway.domain.viewplan import Hold
from gateway.flows.rehearse.ports import Seen

Network = IPv4Network | IPv6Network
UNKNOWN = "unknown"


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A client of the installation, as its bearer would describe it, and the holds on its account."""

    principal: Principal
    holds: tuple[Hold, ...] = ()


class CallerRule(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of caller.

    Attributes:
        name: By which reports and the log name it.
        networks: Its address is in one of them.
        user_agent: What its user agent begins with.
        scheme / digest: Of its ``Authorization``: the scheme in lower case, and the first digits of the SHA-256
            of the credentials behind it.
        header / value: A header that it sends, by lower-case name, and what its value begins with.
        role / purpose / recipient: Whom it would be and what for; no purpose means those of the role.
        reference: What it would state as campaign or case, where a call says none.
        client: Of the installation, in the place of a role.
        proof / fresh: How strongly it would have signed in.
    """

    name: str
    networks: tuple[Network, ...] = ()
    user_agent: str = ""
    scheme: str = ""
    digest: str = ""
    header: str = ""
    value: str = ""
    role: RoleName = RoleName("")
    purpose: PurposeKey | None = None
    reference: str | None = None
    recipient: RecipientId = RecipientId("own")
    client: ClientId = ClientId("")
    proof: Assurance = Assurance.SERVICE_SECRET
    fresh: bool = False

    def fits(self, seen: Seen) -> bool:
        """Tell whether every condition fits."""
        return (
            seen.user_agent.startswith(self.user_agent)
            and (not self.networks or _is_in(seen.address, self.networks))
            and (not self.scheme or _is_signed(seen.authorization, self.scheme, self.digest))
            and (not self.header or any(v.startswith(self.value) for v in seen.headers.get(self.header, ())))
        )


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever called, by name, and as whom the call would be decided."""

    name: str
    who: Principal | Deny
    holds: tuple[Hold, ...] = ()
    reference: str | None = None
    """What a call would state that states none."""


FindClient = Callable[[ClientId], Awaitable[Installed | None]]


async def no_client(_client: ClientId) -> Installed | None:
    """Return nothing: there is no installation to ask."""
    return None


class Callers:
    """The rules, in their order, and whom they stand for under the rules in force."""

    def __init__(self, rules: Sequence[CallerRule], find: FindClient = no_client) -> None:
        """Keep them; a client of the installation is looked up when it is first met."""
        self._rules, self._find = tuple(rules), find
        self._known: dict[tuple[str, str], Caller] = {}
        self._clients: dict[ClientId, Installed | None] = {}

    async def of(self, seen: Seen, decider: Decider, now_us: int) -> Caller:
        """Return who called."""
        rule = next((rule for rule in self._rules if rule.fits(seen)), None)
        if rule is None:
            return NOBODY
        key = (rule.name, decider.rules.digest)
        known = self._known.get(key)
        if known is None:
            if len(self._known) > 10 * len(self._rules):
                self._known.clear()
            known = self._known[key] = await self._stands_for(rule, decider, now_us)
        return known if not rule.fresh or isinstance(known.who, Deny) else _at(known, known.who, now_us)

    async def _stands_for(self, rule: CallerRule, decider: Decider, now_us: int) -> Caller:
        if rule.client:
            if rule.client not in self._clients:
                self._clients[rule.client] = await self._find(rule.client)
            found = self._clients[rule.client]
            if found is None:
                return Caller(name=rule.name, who=NOBODY.who)
            who = found.principal
            if rule.purpose is not None:
                who = msgspec.structs.replace(who, scopes=(rule.purpose,))
            return Caller(name=rule.name, who=who, holds=found.holds, reference=rule.reference)
        return Caller(name=rule.name, who=_principal(rule, decider, now_us), reference=rule.reference)


NOBODY = Caller(name=UNKNOWN, who=Deny(reason=Reason.SIGN_IN_REQUIRED, rule="none"))


def _principal(rule: CallerRule, decider: Decider, now_us: int) -> Principal:
    is_person = rule.proof is Assurance.PERSON
    return Principal(
        account=AccountId(""),
        kind=PrincipalKind.PERSON if is_person else PrincipalKind.SERVICE,
        roles=(rule.role,),
        client=ClientId(rule.name),
        recipient=rule.recipient,
        proof=rule.proof,
        signed_in_us=now_us - FRESH_SIGN_IN_US - 1,
        scopes=decider.purposes_of((rule.role,), now_us) if rule.purpose is None else (rule.purpose,),
        session="",
    )


def _at(known: Caller, who: Principal, now_us: int) -> Caller:
    return msgspec.structs.replace(known, who=msgspec.structs.replace(who, signed_in_us=now_us))


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_in(text: str, networks: Sequence[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in networks)


def _is_signed(authorization: str | None, scheme: str, digest: str) -> bool:
    said, _, credentials = (authorization or "").partition(" ")
    if said.lower() != scheme:
        return False
    return sha256(credentials.strip().encode("latin-1", "replace")).hexdigest().startswith(digest)
