# SPDX-License-Identifier: Apache-2.0
"""Pages of the reference that are made from the code are as the code is now."""

import subprocess
import sys
from pathlib import Path

import msgspec
import yaml

ROOT = Path(__file__).parents[2]


def test_the_pages_made_from_the_code_are_as_the_code_is() -> None:
    """``make reference`` writes them anew."""
    told = subprocess.run(
        [sys.executable, ROOT / "docs/site/reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")


def test_the_schema_of_settings_knows_every_key_of_the_example() -> None:
    """An editor that is given the schema marks a mistyped key."""
    schema = msgspec.json.decode((ROOT / "docs/reference/gateway.schema.json").read_bytes())
    page = (ROOT / "docs/reference/configuration.md").read_text("utf-8")
    example = yaml.safe_load(page.split('```yaml title="gateway.yaml"\n', 1)[1].split("```", 1)[0])
    assert example.keys() <= schema["properties"].keys()
    assert schema["additionalProperties"] is False
