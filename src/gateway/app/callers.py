# SPDX-License-Identifier: Apache-2.0
"""Who calls from where, as settings and files say it, in the words of the flow that decides for them."""

from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import yaml
from pydantic import ValidationError

from gateway.domain.errors import SettingsError
from gateway.domain.names import ClientId, PurposeKey, RecipientId, RoleName
from gateway.domain.principal import Assurance
from gateway.flows.rehearse.callers import CallerRule, Network
from gateway.settings.sections import CallerSettings

_KEY = "clients"


def caller_rules(key: str, callers: Sequence[CallerSettings]) -> tuple[CallerRule, ...]:
    """Return the rules that tell callers apart.

    Args:
        key: Where they stand, for messages.
        callers: As they stand there.

    Raises:
        SettingsError: One of them cannot be used.
    """
    names = [one.name for one in callers]
    if len(set(names)) < len(names):
        raise SettingsError(f"{key}: two callers have one name")
    return tuple(_rule(f"{key}: {one.name}", one) for one in callers)


def _rule(key: str, one: CallerSettings) -> CallerRule:
    if bool(one.role) == bool(one.client):
        raise SettingsError(f"{key}: say either `role` or `client`")
    scheme, _, digest = one.match.authorization.partition(" ")
    header, _, value = one.match.header.partition(":")
    return CallerRule(
        name=one.name,
        networks=_networks(key, one.match.network),
        user_agent=one.match.user_agent,
        scheme=scheme.lower(),
        digest=digest,
        header=header.lower(),
        value=value.strip(),
        role=RoleName(one.role),
        purpose=PurposeKey(one.purpose) if one.purpose else None,
        reference=one.reference or None,
        recipient=RecipientId(one.recipient),
        client=ClientId(one.client),
        proof=Assurance.SERVICE_SECRET if one.assurance == "service" else Assurance.PERSON,
        fresh=one.assurance == "fresh",
    )


def _networks(key: str, said: str | Sequence[str]) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(text) for text in ([said] if isinstance(said, str) else said))
    except ValueError as error:
        raise SettingsError(f"{key}: network: {error}") from None


def callers_in(path: Path) -> tuple[CallerSettings, ...]:
    """Return the callers that a file names, under its one key ``clients``.

    Raises:
        SettingsError: It cannot be read; the message shows nothing of what it holds.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{path}:{line}: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise SettingsError(f"{path}: this is no YAML in UTF-8") from None
    if not isinstance(content, dict) or set(content) != {_KEY} or not isinstance(content[_KEY], list):
        raise SettingsError(f"{path}: expected the one key `{_KEY}` with a list below it")
    found = []
    for number, one in enumerate(content[_KEY], 1):
        try:
            found.append(CallerSettings.model_validate(one))
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, each['loc'])) or '(top)'}: {each['msg']}" for each in error.errors())
            raise SettingsError(f"{path}: {_KEY} {number}: {told}") from None
    return tuple(found)
