# SPDX-License-Identifier: Apache-2.0
"""The commands of deploy/README.md, run on a machine that is none: its folders lie below a test's own.

What would change the machine (packages, users, services, a download) is a stand-in that notes how it was called; what
makes keys, state and certificates' places, and every command of the gateway, is run.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.settings.loading import load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "deploy" / "README.md").read_text("utf-8")
NOTED = ("apt-get", "useradd", "systemctl", "editor", "nginx", "git", "make", "curl", "docker", "chown")
ANSWERS = "--password-file PASSWORD --totp-secret-out TOTP"
"""Instead of the questions that `init` asks at a terminal."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the page is for root")


def blocks(heading: str) -> list[str]:
    """Return the commands below a heading."""
    part = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


def run(folder: Path, script: str, places: Mapping[str, str]) -> str:
    """Run commands with the places of a test put in, and return what the stand-ins noted."""
    programs, noted = folder / "programs", folder / "noted.txt"
    programs.mkdir(exist_ok=True)
    for name in NOTED:
        stand_in = programs / name
        stand_in.write_text(f'#!/bin/sh\necho "{name} $*" >> "{noted}"\n')
        stand_in.chmod(0o755)
    for name, place in places.items():
        script = script.replace(name, place)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment |= {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GATEWAY_USER": "root",
        "GATEWAY_KEK_PATH": str(folder / "etc/gateway/kek"),
        "GATEWAY_STATE": str(folder / "state"),
        "GATEWAY_PASSWORDS__MEMORY_KIB": "64",
        "GATEWAY_LOG__LEAST_FREE_BYTES": "0",
        "GATEWAY_LOG__LEAST_FREE_PERCENT": "0",
    }
    told = subprocess.run(
        ["bash", "-eu", "-c", script], cwd=folder / "opt", env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return noted.read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with what the page finds on a host, and the clone that it makes."""
    for name in ("etc/systemd/system", "etc/nginx/conf.d", "etc/ssl", "var/log", "opt/.venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copytree(ROOT / "deploy", tmp_path / "opt/deploy", ignore=shutil.ignore_patterns("secrets", "tls"))
    (tmp_path / "opt/.venv/bin/gateway").symlink_to(Path(sys.executable).parent / "gateway")
    (tmp_path / "password").write_text("officer correct horse battery\n")
    for name in ("chain", "key"):
        (tmp_path / name).write_text("pem\n")
    return tmp_path


def places(machine: Path) -> dict[str, str]:
    """Return what stands for the paths and the words in capitals of the page."""
    return {
        "cd /opt/gateway": f"cd {machine}/opt",
        "-o gateway -g gateway ": "",
        "-o www-data -g adm ": "",
        "/etc/": f"{machine}/etc/",
        "/var/log/": f"{machine}/var/log/",
        "/var/lib/gateway": f"{machine}/state",
        "--name NAME": f"--name acme {ANSWERS}".replace("PASSWORD", f"{machine}/password").replace(
            "TOTP", f"{machine}/totp"
        ),
        "PRIVATE_KEY": f"{machine}/key",
        "CHAIN": f"{machine}/chain",
        "HOST": "gateway.acme.example",
    }


@needs_root
def test_a_host_is_made_and_upgraded_as_the_page_says(machine: Path) -> None:
    """In its order: an installation with its key elsewhere, rules that hold, a unit and a configuration in place.

    An upgrade begins with a backup and ends with a reload, and so does the way back.
    """
    noted = run(machine, "\n".join(blocks("One Debian host")), places(machine))

    os.environ["GATEWAY_KEK_FILE"] = str(machine / "etc/gateway/kek")
    try:
        assert load(state=machine / "state").installation == "acme"
    finally:
        del os.environ["GATEWAY_KEK_FILE"]
    assert (machine / "etc/gateway/kek").stat().st_mode & 0o777 == 0o600
    assert not (machine / "state/keys/kek").exists()
    assert (machine / "state").stat().st_mode & 0o777 == 0o700
    assert (machine / "etc/ssl/gateway/privkey.pem").stat().st_mode & 0o777 == 0o600
    conf = (machine / "etc/nginx/conf.d/gateway.conf").read_text()
    assert "server_name gateway.acme.example;" in conf
    assert "gateway.example.com" not in conf
    put = {path.name for path in (machine / "etc/nginx").rglob("*") if path.is_file()}
    assert put == {
        path.name for path in (ROOT / "deploy/nginx").rglob("*") if path.name != "Containerfile" and path.is_file()
    }
    assert "systemctl enable --now gateway" in noted
    assert "nginx -t" in noted
    noted = run(machine, "\n".join(blocks("Upgrade and roll back")), places(machine))
    assert [path.suffix for path in (machine / "state/backups").iterdir()] == [".gwb", ".gwb"]
    assert noted.count("systemctl reload gateway") == 2
    assert noted.index("pull") < noted.index("systemctl reload gateway")


def test_the_page_counts_alerts_by_kind(tmp_path: Path) -> None:
    """The pipeline that it shows, over two lines as the firewall writes them."""
    (tmp_path / "opt").mkdir()
    alerts = tmp_path / "log/gateway-nginx/alerts.json"
    alerts.parent.mkdir(parents=True)
    line = (
        '{"at":"2026-06-15T10:00:00Z","client":"192.0.2.9","kinds":["sql"],"rules":[942100],"score":5,"stopped":true}\n'
    )
    alerts.write_text(line * 3)
    (script,) = blocks("What to watch")
    told = subprocess.run(
        ["bash", "-euc", script.replace("/var/log/", f"{tmp_path}/log/")], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["3", '"kinds":["sql"]', "3", '"rules":[942100]']
