# SPDX-License-Identifier: Apache-2.0
"""The unit of a witness is read by systemd without complaint and is as shut in as the gateway's."""

import re
import sys
from pathlib import Path

from tests.deploy.test_unit import MOST_EXPOSURE, analyzed, needs_systemd
from tests.servers.restricted import restrictions_of

UNIT = Path(__file__).parents[2] / "deploy" / "gateway-witness.service"


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_witness(tmp_path: Path) -> None:
    """Paths of the machine are put in the place of /opt/gateway."""
    text = UNIT.read_text("utf-8").replace("/opt/gateway/.venv/bin/gateway", sys.executable)
    unit = tmp_path / "gateway-witness.service"
    unit.write_text(text.replace("file:///opt/gateway/docs", "https://example.org"))
    told = analyzed("verify", "--man=no", str(unit))
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


@needs_systemd
def test_the_witness_is_as_shut_in_as_the_gateway() -> None:
    """By the figure that systemd computes."""
    told = analyzed("security", "--offline=true", str(UNIT))
    found = re.search(r"Overall exposure level for gateway-witness.service: ([0-9.]+) ", told.stdout)
    assert found is not None, told.stderr
    assert float(found[1]) <= MOST_EXPOSURE


def test_the_witness_has_the_gateways_restrictions() -> None:
    """Every one of them, and no more to write than its folder."""
    ours = restrictions_of(UNIT.read_text("utf-8"))
    gateways = restrictions_of(UNIT.with_name("gateway.service").read_text("utf-8"))
    own = {
        "Description", "Type", "NotifyAccess", "TimeoutStartSec", "User", "Group", "ExecStart", "ExecReload", "KillMode", "TimeoutStopSec",
        "StateDirectory", "LoadCredential", "Environment", "LimitNOFILE",
    }  # fmt: skip
    assert {name: value for name, value in gateways.items() if name not in own} == {
        name: value for name, value in ours.items() if name not in own
    }
    assert ours["StateDirectory"] == ["gateway-witness"]
    assert not {"ReadWritePaths", "BindPaths", "EnvironmentFile", "PassEnvironment"} & ours.keys()
