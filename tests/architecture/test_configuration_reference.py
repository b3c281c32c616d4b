# SPDX-License-Identifier: Apache-2.0
"""The page on configuration names every setting with its variable and its default, and no other."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.settings.loading import FILE_NAME, Settings, load
from gateway.settings.sections import StoreSettings

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "configuration.md").read_text("utf-8")
ROW = re.compile(r"^\| `([^`]+)` \| `(GATEWAY_[^`]+)` \| ([^|]+) \| (.+) \|$", re.MULTILINE)
EXAMPLE = re.search(r'^```yaml title="gateway.yaml"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        inner = StoreSettings if name == "stores" else field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            if name == "stores":
                yield prefix + name, field
            below = "stores.<store>." if name == "stores" else f"{prefix}{name}."
            yield from settings(inner, below)
        else:
            yield prefix + name, field


def told(field: FieldInfo) -> str:
    """Return a default as the page writes it."""
    if field.is_required() or field.default is None:
        return "-"
    default = str(field.default) if isinstance(field.default, Path) else field.default
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def test_every_setting_is_on_the_page_with_its_variable_and_default() -> None:
    """A setting that is added must be told, or this fails."""
    here = {key: (variable, default) for key, variable, default, _ in ROW.findall(PAGE)}
    expected = {key: ("GATEWAY_" + key.upper().replace(".", "__"), told(field)) for key, field in settings(Settings)}
    assert here == expected


def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    """It loads, and what it says is what comes of it."""
    assert EXAMPLE is not None
    (tmp_path / FILE_NAME).write_text(EXAMPLE[1])
    found = load(state=tmp_path)
    assert found.stores["crm"].read_s == yaml.safe_load(EXAMPLE[1])["stores"]["crm"]["read_s"]
    assert found.trusted_proxies == ("127.0.0.1/32",)


def test_the_environment_stands_above_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nested key, a store's key, a list in JSON, a secret in a file: as the page says."""
    (tmp_path / FILE_NAME).write_text("listen: {port: 1}\nstores: {crm: {base_url: 'http://crm.example'}}\n")
    (tmp_path / "url").write_text("postgresql://db.example/gateway\n")
    monkeypatch.setenv("GATEWAY_LISTEN__PORT", "2")
    monkeypatch.setenv("GATEWAY_STORES__CRM__READ_S", "3")
    monkeypatch.setenv("GATEWAY_TRUSTED_PROXIES", '["10.0.0.0/8"]')
    monkeypatch.setenv("GATEWAY_DATABASE_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("GATEWAY_POLICIES", "/etc/gateway/policies")
    found = load(state=tmp_path)
    assert (found.listen.port, found.stores["crm"].read_s, found.trusted_proxies) == (2, 3.0, ("10.0.0.0/8",))
    assert found.database is not None
    assert found.database.get_secret_value() == "postgresql://db.example/gateway"
    assert found.policies_dir == Path("/etc/gateway/policies")
