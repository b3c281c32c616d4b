# SPDX-License-Identifier: Apache-2.0
"""The container files that are shipped: what they may not contain, and that they name what is there.

They are read, not built: no engine runs here. What a build does is tried by hand; deploy/README.md says how far.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONTAINERFILES = (DEPLOY / "Containerfile", DEPLOY / "nginx" / "Containerfile")
SECRET = re.compile(r"(?i)password|secret|token|_kek\b|private")
OWN_IMAGES = {"gateway:local", "gateway-front:local"}


def instructions(path: Path) -> list[tuple[str, str]]:
    """Return the instructions of a file with what follows them."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert not [line for line in lines if line.endswith("\\")], "one instruction a line, so that it can be checked"
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def given(path: Path, name: str) -> list[str]:
    return [rest for found, rest in instructions(path) if found == name]


@pytest.mark.parametrize("path", CONTAINERFILES, ids=lambda path: path.parent.name)
def test_a_containerfile_is_built_on_what_is_pinned(path: Path) -> None:
    """One base with a version; nothing is fetched but Debian's signed packages and locked wheels with hashes."""
    (base,) = given(path, "ARG")
    assert re.fullmatch(r"base=docker\.io/library/debian:[0-9]+\.[0-9]+-slim(@sha256:[0-9a-f]{64})?", base)
    assert all(rest.startswith("${base}") for rest in given(path, "FROM"))
    assert given(path, "ADD") == []
    for command in map(json.loads, given(path, "RUN")):
        assert command[0] in {"apt-get", "python3", "install", "rm", "/opt/gateway/.venv/bin/python"}, command
        assert not re.search(r"https?://|curl|wget|git\b|\|", " ".join(command)), command
        if command[2:4] == ["pip", "install"]:
            locked = "--require-hashes" in command and "--only-binary" in command
            assert locked or {"--no-deps", "--no-build-isolation"} <= set(command), command


@pytest.mark.parametrize("path", CONTAINERFILES, ids=lambda path: path.parent.name)
def test_a_container_runs_without_rights_and_without_a_shell(path: Path) -> None:
    """A user by number as the last one, every command as a list, and no secret baked in."""
    (user,) = given(path, "USER")
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", user)
    last = [name for name, _ in instructions(path)]
    assert "RUN" not in last[last.index("USER") :]
    for name in ("RUN", "ENTRYPOINT", "CMD", "HEALTHCHECK"):
        for rest in given(path, name):
            assert isinstance(json.loads(rest[rest.index("[") :]), list)
    assert [rest for rest in given(path, "ENV") if SECRET.search(rest)] == []
    for source in given(path, "COPY"):
        assert re.match(r"--from=build |requirements/|pyproject\.toml |src/ ", source), source


def test_a_build_sees_what_it_copies_alone() -> None:
    """No state, key or history of the folder that it is started in."""
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    seen = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert seen == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "requirements/runtime.txt",
        "requirements/build.txt",
        "src/",
    }
    copied = [one for rest in given(CONTAINERFILES[0], "COPY") if "--from" not in rest for one in rest.split(" ")[:-1]]
    assert set(copied) == seen
    assert [name for name in seen if not (ROOT / name).exists()] == []


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as YAML."""
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", ["front", "gateway", "database"])
def test_every_service_is_shut_in(compose: dict[str, Any], name: str) -> None:
    """A read-only tree, no capability, no new privileges, a user without rights, bounds, and a pinned image."""
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", service["user"])
    assert {"pids_limit", "mem_limit", "logging"} <= service.keys()
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "userns_mode"} & service.keys()
    assert service["image"] in OWN_IMAGES or re.fullmatch(
        r"docker\.io/library/postgres:[0-9]+\.[0-9]+-\w+", service["image"]
    )
    own = f"uid={service['user'].split(':')[0]},"
    assert all(own in place and "mode=700" in place and "size=" in place for place in service["tmpfs"])


def test_only_nginx_is_reached_from_outside(compose: dict[str, Any]) -> None:
    """One port in all; the database is on a network with the gateway alone, and stores on another."""
    services, networks = compose["services"], compose["networks"]
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "front": ["443:443"]
    }
    assert {name: set(service["networks"]) for name, service in services.items()} == {
        "front": {"outside", "inside"},
        "gateway": {"inside", "data", "stores"},
        "database": {"data"},
    }
    assert {name for name, network in networks.items() if network.get("internal")} == {"inside", "data", "stores"}


def test_nginx_is_believed_and_nobody_else(compose: dict[str, Any]) -> None:
    """The one trusted address is the front's, and nginx sends to the gateway's."""
    services = compose["services"]
    trusted = json.loads(services["gateway"]["environment"]["GATEWAY_TRUSTED_PROXIES"])
    assert trusted == [services["front"]["networks"]["inside"]["ipv4_address"] + "/32"]
    address = services["gateway"]["networks"]["inside"]["ipv4_address"]
    shipped = (DEPLOY / "nginx/conf.d/upstream.conf").read_text("utf-8").replace("127.0.0.1:8080", f"{address}:8080")
    assert server_lines((DEPLOY / "compose/upstream.conf").read_text("utf-8")) == server_lines(shipped)


def server_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def test_secrets_are_files_and_what_is_mounted_is_what_is_tested(compose: dict[str, Any]) -> None:
    """No secret stands in an environment; the front reads the very files that the tests of the firewall run."""
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            assert value.startswith("/run/secrets/") or not SECRET.search(name), name
            if value.startswith("/run/secrets/"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("./compose/secrets/")
    assert {"deploy/compose/secrets/", "deploy/compose/tls/", "deploy/compose/policies/"} <= set(ignored)
    mounts = [place.split(":") for place in compose["services"]["front"]["volumes"] if place.startswith("./")]
    assert all(mode == "ro" for _, _, mode in mounts)
    assert {source for source, _, _ in mounts if (DEPLOY / source).exists()} >= {
        "./nginx/conf.d/gateway.conf", "./nginx/gateway", "./compose/upstream.conf",
    }  # fmt: skip
