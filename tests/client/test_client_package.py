# SPDX-License-Identifier: Apache-2.0
"""The client is a package of its own: its wheel works where nothing of the gateway is installed."""

import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
IMPORTS = "import gateway_client, importlib.util as u; print(gateway_client.Gateway.__module__, u.find_spec('gateway'), u.find_spec('msgspec'))"


def built(into: Path) -> Path:
    """Return the wheel, built from what is in the checkout."""
    build = f"from flit_core import buildapi; print(buildapi.build_wheel({str(into)!r}))"
    done = subprocess.run([sys.executable, "-c", build], cwd=ROOT / "src", capture_output=True, text=True, check=True)
    return into / done.stdout.strip().splitlines()[-1]


def needed(name: str, found: dict[str, object] | None = None) -> set[str]:
    """Return a distribution with all that it needs itself."""
    known: dict[str, object] = {} if found is None else found
    if name in known:
        return set(known)
    known[name] = None
    for text in distribution(name).requires or ():
        one = Requirement(text)
        if one.marker is None or one.marker.evaluate({"extra": ""}):
            needed(one.name, known)
    return set(known)


def test_the_wheel_is_imported_in_a_clean_environment_without_the_gateway(tmp_path: Path) -> None:
    """With httpx, what it needs, the wheel, and nothing else."""
    wheel = built(tmp_path)
    venv.create(tmp_path / "venv", with_pip=False)
    [packages] = (tmp_path / "venv").glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    for name in needed("httpx"):
        for file in distribution(name).files or ():
            if ".." not in file.parts and not file.name.endswith(".pyc"):
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                (packages / file).write_bytes(Path(str(file.locate())).read_bytes())
    python = tmp_path / "venv" / "bin" / "python"
    done = subprocess.run(
        [str(python), "-I", "-W", "error", "-c", IMPORTS], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["gateway_client.client", "None", "None"], done.stderr


def test_the_wheel_has_types_a_licence_and_httpx_as_its_one_dependency(tmp_path: Path) -> None:
    """And no file of anything else."""
    with zipfile.ZipFile(built(tmp_path)) as wheel:
        names = wheel.namelist()
        metadata = next(wheel.read(name).decode() for name in names if name.endswith("/METADATA"))
    assert "gateway_client/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")] == [
        "Requires-Dist: httpx>=0.28"
    ]
    assert {name.split("/")[0].split("-")[0] for name in names} == {"gateway_client", "compliance_gateway_client"}


def test_the_two_licences_are_one() -> None:
    """The client's copy stands beside its project file, as its builder wants it."""
    assert (ROOT / "src" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
