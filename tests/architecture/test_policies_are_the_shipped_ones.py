# SPDX-License-Identifier: Apache-2.0
"""The repository's ``policies/`` is the demo's copy of the package's templates."""

from pathlib import Path

from gateway.decide.loader.shipped import shipped_files

POLICIES = Path(__file__).parents[2] / "policies"


def test_the_policies_of_the_repository_equal_the_package_data() -> None:
    """File by file, byte by byte, none missing on either side."""
    here = {path.relative_to(POLICIES).as_posix(): path.read_bytes() for path in POLICIES.rglob("*") if path.is_file()}
    shipped = shipped_files()
    assert sorted(here) == sorted(shipped)
    assert [name for name in shipped if here[name] != shipped[name]] == []
