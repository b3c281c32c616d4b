# SPDX-License-Identifier: Apache-2.0
"""The pages for developers are run as a reader would run them, and their readers of rows against a peer that cuts.

The blocks of one language on a page are one script. ``output`` is what the block before it prints, where ``…``
stands for anything.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.demo.making import read_credentials
from tests.client.conftest import Demo
from tests.fakes.scripted_gateway import answer, lines, scripted, tokens

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE_S = 60
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
RUN = {"python": [sys.executable], "sh": ["bash", "-eu"], "js": ["node"]}
SUFFIX = {"python": ".py", "sh": ".sh", "js": ".mjs"}


def blocks(page: str, language: str) -> tuple[str, list[str]]:
    """Return the script of a language, and the outputs behind its blocks."""
    script, outputs, was = "", list[str](), ""
    for kind, content in BLOCK.findall((HOW_TO / page).read_text("utf-8")):
        if kind == language:
            script += content
        elif kind == "output" and was == language:
            outputs.append(content.strip())
        was = kind if kind != "output" else was
    return script, outputs


def run(folder: Path, language: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder that has a demo's ``.demo``."""
    file = folder / f"snippet{SUFFIX[language]}"
    file.write_text(script)
    return subprocess.run(
        [*RUN[language], str(file)], cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.mark.parametrize(("page", "language"), [
    ("client.md", "python"),
    pytest.param("snippets.md", "sh", marks=needs_curl),
    pytest.param("snippets.md", "js", marks=needs_node),
])  # fmt: skip
def test_a_page_does_what_it_says(demo: Demo, tmp_path: Path, page: str, language: str) -> None:
    """Against the demo: every block succeeds, and prints what the page shows, in order."""
    (tmp_path / ".demo").symlink_to(demo.state)
    script, outputs = blocks(page, language)
    done = run(tmp_path, language, script)

    assert done.returncode == 0, done.stderr
    assert len(outputs) >= 1
    expected = ".*".join(re.escape(one).replace("…", ".*") for one in outputs)
    assert re.search(expected, done.stdout, re.DOTALL), f"expected\n{expected}\nfound\n{done.stdout}"


CUTS = {
    "by the gateway": lines({"email": "a@example.com"}, cut="held", missing=7),
    "by the connection": lines({"email": "a@example.com"}, missing=7),
    "inside a line": answer(b'{"email": "a@example.com"}\n{"ema', media="application/x-ndjson", data_page="last"),
}


@pytest.mark.parametrize(("language", "cut"), [
    *(pytest.param("js", cut, marks=needs_node) for cut in CUTS),
    # What ends whole on the wire but inside a line is nothing that curl could see.
    *(pytest.param("sh", cut, marks=needs_curl) for cut in list(CUTS)[:2]),
])  # fmt: skip
def test_a_snippet_never_takes_a_cut_answer_for_whole(tmp_path: Path, language: str, cut: str) -> None:
    """The same reading of rows, against a peer that cuts: it fails and says so."""
    script, _ = blocks("snippets.md", language)
    if language == "sh":
        reader = script[script.index("every_row() {") : script.index("every_row '/crm")]
        script = f"touch call.conf\n{reader}every_row '/crm/customers' > all.ndjson\n"
        script_answers: tuple[bytes, ...] = (CUTS[cut],)
    else:
        script, script_answers = script[: script.index("try {")], (tokens("b"), CUTS[cut])
    with scripted(*script_answers) as peer:
        app = {"client_id": "newsletter-app", "client_secret": "x"}
        (tmp_path / ".demo").mkdir()
        (tmp_path / ".demo" / "credentials.json").write_text(json.dumps({"base_url": peer.url, "clients": [app]}))
        done = run(tmp_path, language, f"GATEWAY={peer.url}\n{script}" if language == "sh" else script)

    assert done.returncode != 0
    assert re.search(r"cut|terminated|aborted", done.stderr)
    assert "true" not in done.stdout


def test_the_demo_of_the_pages_has_what_they_use(demo: Demo) -> None:
    """The client app and the analyst."""
    assert read_credentials(demo.state).base_url == demo.url
    assert demo.client("newsletter-app")["client_secret"]
    assert demo.account("analyst")["totp_secret"]
