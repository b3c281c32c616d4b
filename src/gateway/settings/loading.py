# SPDX-License-Identifier: Apache-2.0
"""Settings of one installation: ``gateway.yaml`` in its state folder, overridden by ``GATEWAY_…``.

Every key can be overridden by an environment variable, nested ones with two underscores
(``GATEWAY_LISTEN__PORT``). A secret can also be read from a file named by the variable with
``_FILE`` behind it. An unknown key is an error, so a mistyped one cannot be ignored.
"""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

from gateway.domain.errors import SettingsError
from gateway.domain.names import is_key
from gateway.settings.sections import (
    BackupSettings,
    CallerSettings,
    DoctorSettings,
    Limits,
    Listen,
    LogSettings,
    MetricsSettings,
    PasswordSettings,
    RemarksSettings,
    SessionSettings,
    StoreSettings,
)

FILE_NAME = "gateway.yaml"
_SECRETS = ("GATEWAY_DATABASE", "GATEWAY_KEK")


class Settings(BaseSettings):
    """One installation.

    Attributes:
        state: Folder of everything that the gateway keeps.
        installation / node: First two words of the name of every log of this machine.
        policies: Folder of the rules, relative to the state folder.
        database: SQLAlchemy URL; SQLite in the state folder if not given.
        kek: Key-encryption key in base64, 32 bytes; the file ``keys/kek`` if not given.
        trusted_proxies: Networks from which ``X-Forwarded-For`` is believed.
        callers: For stores that are not enforced and for rehearsals: who a call comes from, the first that fits.
    """

    model_config = SettingsConfigDict(
        env_prefix="GATEWAY_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    state: Path
    installation: str = "gateway"
    node: str = "node1"
    policies: Path = Path("policies")
    database: SecretStr | None = None
    kek: SecretStr | None = None
    listen: Listen = Listen()
    limits: Limits = Limits()
    stores: dict[str, StoreSettings] = {}
    trusted_proxies: tuple[str, ...] = ()
    callers: tuple[CallerSettings, ...] = ()
    passwords: PasswordSettings = PasswordSettings()
    sessions: SessionSettings = SessionSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    remarks: RemarksSettings = RemarksSettings()
    doctor: DoctorSettings = DoctorSettings()
    backups: BackupSettings = BackupSettings()

    @field_validator("installation", "node")
    @classmethod
    def _one_word(cls, value: str) -> str:
        if not is_key(value):
            msg = "must be one word of letters, digits, dots, hyphens and underscores"
            raise ValueError(msg)
        return value

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment stand above the file; read no dotenv and no secrets folder."""
        return env_settings, init_settings

    @property
    def policies_dir(self) -> Path:
        """Return the folder of the rules."""
        return self.state / self.policies

    @property
    def issuer(self) -> str:
        """Return the issuer of bearers: the installation, which outlives addresses."""
        return f"urn:gateway:{self.installation}"


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which the last would win in silence."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, "this key stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def load(*, state: Path | None = None, config: Path | None = None) -> Settings:
    """Return the settings of an installation.

    Args:
        state: Folder that holds ``gateway.yaml``.
        config: The file itself, elsewhere; its ``state`` names the folder, by default its own.

    Raises:
        SettingsError: With every problem, and the key that it is about.
    """
    path = config or (state or Path()) / FILE_NAME
    if not path.is_file():
        raise SettingsError(f"{path} does not exist; `gateway init {path.parent}` makes an installation there")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader) or {}  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        # The line is told and not shown: it may hold a secret.
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{path}:{line}: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise SettingsError(f"{path}: this is no YAML in UTF-8") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: expected keys and values at the top, found {type(content).__name__}")
    content.setdefault("state", str(state or path.parent))
    for secret in _SECRETS:
        _read_secret(secret, content)
    _refuse_unknown_variables()
    try:
        settings = Settings(**content)
    except ValidationError as error:
        raise SettingsError(
            "\n".join(_told(path, each["loc"], each["type"], each["msg"]) for each in error.errors())
        ) from None
    return settings.model_copy(update={"state": settings.state.absolute()})


def _told(path: Path, loc: tuple[int | str, ...], kind: str, message: str) -> str:
    """Return a problem with the place that it is about; of an unknown key with its line, and the key that is nearest."""
    said = ".".join(map(str, loc)) or "(top)"
    if kind != "extra_forbidden":
        return f"{path}: {said}: {message}"
    near = get_close_matches(str(loc[-1]), _keys_at(loc[:-1]), n=1, cutoff=0.6)
    meant = f"did you mean `{near[0]}`?" if near else "docs/reference/configuration.md has every key"
    line = _line_of(path, loc)
    return f"{path}{f':{line}' if line else ''}: {said}: {message}; {meant}"


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that a place in the file can have."""
    here: Any = Settings
    for word in loc:
        inner = [one for one in get_args(here) if one is not type(None) and one is not Ellipsis]
        here = here.model_fields[word].annotation if hasattr(here, "model_fields") else inner[-1] if inner else None
    return list(getattr(here, "model_fields", ()))


def _line_of(path: Path, loc: tuple[int | str, ...]) -> int | None:
    """Return the line of a key, counted from 1; ``None`` if the file does not have it."""
    node: yaml.Node | None = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    line = None
    for word in loc:
        if isinstance(node, yaml.MappingNode):
            key, node = next(((key, value) for key, value in node.value if key.value == str(word)), (None, None))
            line = None if key is None else key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(word, int):
            node = node.value[word]
        else:
            return None
    return line


def _refuse_unknown_variables() -> None:
    """Refuse a mistyped variable, which would otherwise leave a setting as it was."""
    known = {f"GATEWAY_{name.upper()}" for name in Settings.model_fields}
    known |= {"GATEWAY_STATE"} | {secret + "_FILE" for secret in _SECRETS}
    for name in sorted(os.environ):
        if (
            name.startswith("GATEWAY_")
            and not name.startswith("GATEWAY_TEST_")
            and name.partition("__")[0] not in known
        ):
            raise SettingsError(f"{name} is no setting; see docs/reference/configuration.md")


def _read_secret(variable: str, content: dict[str, Any]) -> None:
    """Take a secret from the file that the variable with ``_FILE`` names."""
    named = os.environ.get(variable + "_FILE")
    if named is None:
        return
    if variable in os.environ:
        raise SettingsError(f"{variable} and {variable}_FILE are both set; unset one of them")
    try:
        with Path(named).open(encoding="utf-8") as file:
            if variable == "GATEWAY_KEK":
                _insist_closed(named, os.fstat(file.fileno()))
            # Sealed at once: a traceback that shows variables is not to show it.
            content[variable.removeprefix("GATEWAY_").lower()] = SecretStr(file.read().strip())
    except UnicodeDecodeError:
        raise SettingsError(f"{variable}_FILE: {named} is no text") from None
    except OSError as error:
        raise SettingsError(f"{variable}_FILE: cannot read {named}: {error.strerror}") from None


def _insist_closed(named: str, state: os.stat_result) -> None:
    """Refuse a file of the key-encryption key that others could read or change.

    A group may read it: systemd lets a service in by an ACL, which looks so.
    """
    if state.st_uid not in (0, os.geteuid()):
        raise SettingsError(f"the key file {named} belongs to another user: chown it to the gateway's own")
    if state.st_mode & 0o027:
        raise SettingsError(f"the key file {named} is open to other users: chmod 600 {named}")
