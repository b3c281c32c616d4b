# SPDX-License-Identifier: Apache-2.0
"""Groups of settings, one class for each key of ``gateway.yaml`` that has keys of its own."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A group of settings: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Listen(Strict):
    """Where the gateway listens, and with how many doors."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)


class StoreSettings(Strict):
    """One store behind the gateway.

    Attributes:
        base_url: What the path ``/{store}`` of the gateway stands for; of a mail server ``smtp://host:port``.
        kind: ``http``, or ``smtp`` for a mail server that messages are sent by.
        tls / sender: Of a mail server: ``starttls``, ``tls``, or ``none`` on this machine; the address that mails
            come from. Its ``authorization_file`` holds ``user:password``.
        authorization_file: File with the value of the Authorization header sent to this store.
        ca_file: Certificates to trust for this store beside the system's, PEM.
        client_certificate_file / client_key_file: What the gateway shows to a store that asks for a
            certificate in TLS, PEM; both or neither.
        connect_s / read_s / total_s: Limits on connecting, on waiting for the next bytes, and on a whole
            call, in seconds.
        least_bytes_s / pace_s: Slowest pace of an answer while it is waited for, judged over so many
            seconds of waiting; 0 bytes ask nothing.
        connections: Most connections at the same time.
        failures / pause_s: Failures to reach the store in a row after which it is left alone, and for
            how many seconds.
        allowed_networks: Networks in which the store may be although they are refused by default:
            link-local addresses, where clouds keep the credentials of machines, and the like.
        enforced: Off, calls to the store are passed on as they come, and the log says what would have
            come of them; see docs/how-to/rehearse.md.
        traceparent: Every call says which decision it belongs to, in a header of this name; see
            docs/how-to/find-what-went-past.md.
    """

    base_url: str
    kind: Literal["http", "smtp"] = "http"
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = ""
    authorization_file: Path | None = None
    ca_file: Path | None = None
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None
    connect_s: float = Field(default=3.0, gt=0)
    read_s: float = Field(default=15.0, gt=0)
    total_s: float = Field(default=600.0, gt=0)
    least_bytes_s: int = Field(default=1024, ge=0)
    pace_s: float = Field(default=30.0, gt=0)
    connections: int = Field(default=64, ge=1)
    failures: int = Field(default=10, ge=1)
    pause_s: float = Field(default=5.0, gt=0, le=3600)
    allowed_networks: tuple[str, ...] = ()
    enforced: bool = True
    traceparent: bool = True

    @model_validator(mode="after")
    def _mail_is_judged(self) -> Self:
        if self.kind == "smtp" and not self.enforced:
            msg = (
                "a mail server cannot have `enforced: false`: calls as they come cannot be passed on to it, and without "
                "a decision nobody's address is found; take the line away, or rehearse its routes with a store of kind http"
            )
            raise ValueError(msg)
        return self


class CallerMatch(Strict):
    """By what a caller is known; all that is said must fit, and nothing said fits everybody.

    Attributes:
        network: Its address is in this network, or in one of these.
        user_agent: What its user agent begins with.
        authorization: The scheme of its ``Authorization`` and the first 8 or more hexadecimal digits of the
            SHA-256 of the credentials behind it: ``Basic 9f86d081884c7d65``.
        header: A header that it sends, ``Name: beginning of its value``.
    """

    network: str | tuple[str, ...] = ()
    user_agent: str = ""
    authorization: str = Field(default="", pattern=r"^$|^[A-Za-z0-9-]+ [0-9a-f]{8,64}$")
    header: str = Field(default="", pattern=r"^$|^[A-Za-z0-9-]+: ?[ -~]*$")


class CallerSettings(Strict):
    """Whom a call that shows no bearer of the gateway would be decided for.

    Attributes:
        name: By which reports and the log name it.
        role / purpose / recipient: Whom it would be, and what for; every purpose of the role if none is said.
        reference: What it would state as campaign or case, where a call says none.
        client: A client of the installation, in the place of a role.
        assurance: How strongly it would have signed in: ``service``, ``stale`` or ``fresh``.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    match: CallerMatch = CallerMatch()
    role: str = ""
    client: str = ""
    purpose: str = ""
    reference: str = ""
    recipient: str = "own"
    assurance: str = Field(default="service", pattern=r"^(service|stale|fresh)$")


class PasswordSettings(Strict):
    """Cost of Argon2id (RFC 9106) and how many may be computed at once."""

    memory_kib: int = Field(default=65536, ge=8)
    time_cost: int = Field(default=2, ge=1)
    parallelism: int = Field(default=1, ge=1)
    at_once: int = Field(default=2, ge=1)
    queue: int = Field(default=32, ge=1)


class SessionSettings(Strict):
    """Life of bearers, in seconds."""

    access_s: int = Field(default=300, ge=10, le=300)
    refresh_s: int = Field(default=12 * 3600, ge=60)
    idle_s: int = Field(default=3600, ge=60)


class Limits(Strict):
    """What is let be at most: by one serving process, and of one account.

    Attributes:
        connections: Open connections of callers.
        connections_per_address: Of these, from one address that is not in ``trusted_proxies``.
        erased_told: Records of erased people that one account is told of in a day, because it wrote them; beyond that
            the account is locked.
    """

    connections: int = Field(default=1000, ge=1)
    connections_per_address: int = Field(default=200, ge=1)
    erased_told: int = Field(default=200, ge=1)


class WitnessSettings(Strict):
    """One witness of the log: who co-signs its checkpoints on another machine.

    Attributes:
        url: Under which its /add-checkpoint is, ``http`` or ``https``.
        key: Its verifier key, as `gateway log witness init` shows it there.
        ca_file: Certificates to trust for it beside the system's, PEM.
    """

    url: str
    key: str
    ca_file: Path | None = None


class LogSettings(Strict):
    """Size of segments, the room that the disk must keep for the log, a second disk, who co-signs, how long parts stay.

    Attributes:
        segment_bytes / segment_hours: Length and age at which a segment is sealed and left for the next; 0 hours
            for no age.
        second: Folder on another disk that every log is also written to; it must be there.
        second_rule: ``both``: what either disk refuses is not recorded, and nothing that it authorises leaves.
            ``either``: one is enough, and the other is made equal to it when it is back.
        keep_parts_days: How long the parts of entries stay, which say whom an entry is about.
        restore_days: Age of the oldest copy of the database that may still be put back; parts that this takes
            stay as long.
    """

    segment_bytes: int = Field(default=64 << 20, ge=4096)
    segment_hours: float = Field(default=24.0, ge=0)
    second: Path | None = None
    second_rule: Literal["both", "either"] = "both"
    keep_parts_days: int = Field(default=400, ge=32)
    restore_days: int = Field(default=400, ge=32)
    least_free_bytes: int = Field(default=1 << 30, ge=0)
    least_free_percent: float = Field(default=5.0, ge=0, le=50)
    witnesses: tuple[WitnessSettings, ...] = ()


class MetricsSettings(Strict):
    """Who may read metrics and the reasons of health.

    Attributes:
        networks: Where a watcher is; nobody is one where it is empty.
        token_file: File with what a watcher shows as its bearer; without one the network is enough.
    """

    networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    token_file: Path | None = None


class RemarksSettings(Strict):
    """How the gateway's remarks on stderr are written."""

    format: Literal["text", "json"] = "text"


class BackupSettings(Strict):
    """Copies of the database.

    Attributes:
        keys_days: Days for which a copy of the keys of people counts at most: as long as that, somebody who was
            erased can be read in an older copy.
        seal_keys: Such a copy is sealed under a key of the day on which it ends, which is deleted when the day is
            over. To put one back then takes a copy of ``keys/`` that is not older than it.
    """

    keys_days: int = Field(default=30, ge=1, le=30)
    seal_keys: bool = False


class DoctorSettings(Strict):
    """What ``gateway doctor`` finds old, in days.

    Attributes:
        key_days: Since a key that can be rotated was.
        backup_days: Since the state was copied.
        certificate_days: Until a certificate ends.
        disk_days: Until the log's disk is full at the present rate.
    """

    key_days: int = Field(default=365, ge=1)
    backup_days: int = Field(default=2, ge=1)
    certificate_days: int = Field(default=30, ge=1)
    disk_days: int = Field(default=14, ge=1)
