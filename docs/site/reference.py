# SPDX-License-Identifier: Apache-2.0
"""Writes the pages of the reference that are made from the code: commands, metrics, rooms of the source, a schema.

    python docs/site/reference.py           writes them
    python docs/site/reference.py --check   names those that are not as the code is, and fails

The schema is of ``gateway.yaml``, for editors that help with YAML.
"""

import ast
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from gateway.app.signals.exposition import label_names
from gateway.app.signals.metrics import METRICS, SECONDS
from gateway.cli.main import app
from gateway.settings.loading import Settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

HEAD = """# Every command and its options

Made from the code by `make reference`; what commands are for, and how they are used together, is told in
[the command line](cli.md). Every command also takes `--help`.
"""


METRICS_HEAD = """# Metrics

Made from the code by `make reference`; who may read them, and what to do with them, is told in
[watching](../how-to/watching.md). `GET /-/metrics` answers in the text format of Prometheus, for all processes at once.

Counters and histograms are of the whole gateway since its start: crashes and restarts by SIGUSR1 lose none. A gauge is
of one process, its `slot` (`door-0`, `worker`), and ends with it. A label comes from a closed set: what the rules
declare (stores, operations, purposes), reasons and causes of the gateway, slots. None is ever a person, an account, a
client, an address, a path or a value.

| name | kind | labels | means |
|---|---|---|---|
"""

ROOMS_HEAD = """# The rooms of the source

Made from the code by `make reference`. `src/gateway` is a house of floors: a room may use the floors below its own and
no sibling on its floor; `lint-imports` (part of `make check`) holds that, and which libraries live in which room alone.
Every file has a test of its name under `tests/unit`, or a line in `tests/architecture` that says what tests it instead.
Stories through the whole gateway are in `tests/story`, one attack a file in `tests/attack`, laws in `tests/property`,
long runs in `tests/referee`. Why the house is so: [decisions](../adr/README.md).

From the roof down:
"""

ROOM_TABLE = "| room | files | what it is for |\n|---|---:|---|\n"


def commands_page() -> str:
    """Return the page of all commands: what each says of itself."""
    return HEAD + "".join(
        f"\n## {words}\n\n```text\n{told}\n```\n" for words, told in _commands(get_command(app), "gateway")
    )


def settings_schema() -> str:
    """Return the JSON Schema of ``gateway.yaml``."""
    schema: dict[str, Any] = Settings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "gateway.yaml"
    # The file's own folder is the state folder if it says nothing else.
    schema["required"] = [key for key in schema.get("required", []) if key != "state"]
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def metrics_page() -> str:
    """Return the page of all metrics, in the order in which a scrape tells them."""
    rows = (
        f"| `{one.name}` | {one.kind} | {' '.join(f'`{name}`' for name in label_names(one)) or '-'} | {one.means} |\n"
        for one in METRICS
    )
    buckets = ", ".join(map(repr, SECONDS))
    return METRICS_HEAD + "".join(rows) + f"\nBuckets of every histogram end at {buckets} seconds.\n"


def rooms_page() -> str:
    """Return the page of the rooms, floor by floor, each as its ``__init__.py`` tells it."""
    source = ROOT / "src" / "gateway"
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    floors = next(one["layers"] for one in linter["contracts"] if one["type"] == "layers")
    page = ROOMS_HEAD
    for floor in floors:
        names = [name for name in floor.split(" | ") if (source / name).is_dir()]
        inits = [init for name in names for init in sorted((source / name).rglob("__init__.py"))]
        page += f"\n## {', '.join(names)}\n\n{ROOM_TABLE}" + "".join(map(_room, inits)) if names else ""
    return page


def _room(init: Path) -> str:
    told = ast.get_docstring(ast.parse(init.read_text())) or ""
    n_files = len(list(init.parent.glob("*.py"))) - 1
    name = init.parent.relative_to(ROOT / "src" / "gateway").as_posix()
    return f"| `{name}` | {n_files} | {told.replace('``', '`')} |\n" if told else ""


def pages() -> dict[Path, str]:
    """Return every file that is made from the code, with what it must hold."""
    return {
        REFERENCE / "commands.md": commands_page(),
        REFERENCE / "gateway.schema.json": settings_schema(),
        REFERENCE / "metrics.md": metrics_page(),
        REFERENCE / "rooms.md": rooms_page(),
    }


def _commands(command: Any, words: str) -> Iterator[tuple[str, str]]:
    """Yield the words of each command and its help; groups stand for their commands."""
    below = getattr(command, "commands", None)
    if below is None:
        with command.make_context(
            words, [], resilient_parsing=True, terminal_width=100, max_content_width=100
        ) as asked:
            yield words, command.get_help(asked).strip()
        return
    for name in sorted(below):
        if not below[name].hidden:
            yield from _commands(below[name], f"{words} {name}")


def main() -> int:
    """Write the pages, or tell which are not as the code is."""
    made = pages()
    if "--check" in sys.argv[1:]:
        old = [path.name for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text]
        if old:
            sys.stderr.write(f"not as the code is: {', '.join(old)}; run `make reference`\n")
        return int(bool(old))
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
