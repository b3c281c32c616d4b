# SPDX-License-Identifier: Apache-2.0
"""Pages of the site whose files stand outside of ``docs/``: README, SECURITY, CHANGELOG and deployment.

They stay where readers of a repository look for them. A link from them, or to them, is turned to the
page that it becomes here; a link to any other file outside of ``docs/`` becomes that file's name.
"""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
OUTSIDE = {
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "deploy/README.md": "deployment.md",
    "README.md": "readme.md",
}
"""Files of the repository, and the pages that they become."""

_LINK = re.compile(r"\[([^\]]*)\]\(([^)#:\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages (MkDocs calls this once, when it knows the files of ``docs/``)."""
    for path, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=turned((ROOT / path).read_text("utf-8"), path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn the links of a page of ``docs/`` that lead outside."""
    source = page.file.src_uri
    return markdown if source in OUTSIDE.values() else turned(markdown, f"docs/{source}")


def turned(markdown: str, path: str) -> str:
    """Return a page with each link as it is in the site.

    Args:
        markdown: The page.
        path: Where it stands in the repository.
    """
    page = OUTSIDE.get(path) or path.removeprefix("docs/")

    def link(found: re.Match[str]) -> str:
        words, to, place = found[1], found[2], found[3] or ""
        target = normpath(str(PurePosixPath(path).parent / to))
        inside = target.removeprefix("docs/") if target.startswith("docs/") else OUTSIDE.get(target)
        if inside is None:
            return f"{words} (`{target}`)"
        return f"[{words}]({relpath(inside, str(PurePosixPath(page).parent))}{place})"

    return _LINK.sub(link, markdown)
