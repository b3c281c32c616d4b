# SPDX-License-Identifier: Apache-2.0
"""A real nginx for a test: its own folder, loopback ports, nobody's rights, and no word with the system's nginx.

How to use it: choose ports with ``free_port``, write what stands inside ``http { }`` with ``{folder}`` where the
folder belongs, and

    with nginx_running(tmp_path / "nginx", "server { listen 127.0.0.1:8443; … }", ports=[8443]) as nginx:
        …
        nginx.reload()
        nginx.logs()

Everything that it wrote lies below the folder that was named once the block has ended, so that the search for
canaries sees it; meanwhile it lies in a folder of its own that nobody may enter but the user who runs nginx.
``modules`` are names of Debian's dynamic modules (``ngx_http_modsecurity_module``); they are looked for in
``/usr/lib/nginx/modules``. ``files`` are written into the folder before the start. Mark a test with ``needs_nginx``
or ``needs(module)``, which skip it with a sentence where the package is not installed.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

MODULES = Path("/usr/lib/nginx/modules")
PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NOBODY = 65_534
PATIENCE_S = 20.0

needs_nginx = pytest.mark.skipif(PROGRAM is None, reason="needs nginx: apt-get install nginx-core")

MAIN = """
{modules}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/logs/nginx.error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{http}
}}
"""


def needs(module: str, package: str) -> pytest.MarkDecorator:
    """Return a mark that skips a test where nginx or one of its modules is missing."""
    is_there = PROGRAM is not None and (MODULES / f"{module}.so").exists()
    return pytest.mark.skipif(not is_there, reason=f"needs nginx with {module}: apt-get install {package}")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_until(is_so: Callable[[], bool], *, timeout_s: float = PATIENCE_S) -> None:
    """Return once something is so that nobody tells of."""
    until_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until_s, "waited in vain"
        time.sleep(0.005)


class Nginx:
    """A running nginx.

    Attributes:
        folder: Where it lives; ``logs`` below it holds its logs.
    """

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        """Keep what was started."""
        self.folder, self.process = folder, process

    def workers(self) -> set[int]:
        """Return the processes that answer calls, and those that leave."""
        pid = self.process.pid
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def reload(self) -> set[int]:
        """Read the configuration again; return the workers of before, which leave when their calls are done."""
        before = self.workers()
        os.kill(self.process.pid, signal.SIGHUP)
        wait_until(lambda: bool(self.workers() - before))
        return before

    def logs(self) -> str:
        """Return everything that it logged so far."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted((self.folder / "logs").iterdir()))


@contextmanager
def nginx_running(
    keep: Path,
    http: str,
    *,
    ports: Sequence[int],
    modules: Sequence[str] = (),
    files: Mapping[str, str | bytes] | None = None,
) -> Iterator[Nginx]:
    """Run nginx until the block ends, and leave what it wrote in a folder.

    Args:
        keep: Folder to be made at the end.
        http: What stands inside ``http { }``; ``{folder}`` is put in.
        ports: Ports that it listens on; it is ready once all of them answer.
        modules: Dynamic modules to load.
        files: Content by path below the folder; ``{folder}`` is put in where it is text.
    """
    assert PROGRAM is not None
    folder = Path(tempfile.mkdtemp(prefix="gateway-nginx-"))
    try:
        _fill(folder, http, modules, files or {})
        process = _start(folder)
        try:
            _await_ready(folder, process, ports)
            yield Nginx(folder, process)
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)
    finally:
        shutil.move(folder, keep)


def _fill(folder: Path, http: str, modules: Sequence[str], files: Mapping[str, str | bytes]) -> None:
    loads = "\n".join(f"load_module {MODULES}/{name}.so;" for name in modules)
    main = MAIN.format(modules=loads, folder=folder, http=http.replace("{folder}", str(folder)))
    (folder / "logs").mkdir()
    for name, content in {"nginx.conf": main, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content.replace("{folder}", str(folder)).encode() if isinstance(content, str) else content
        path.write_bytes(text)
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def _start(folder: Path) -> "subprocess.Popen[bytes]":
    command = [str(PROGRAM), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "logs/start.log")]
    whose = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    with (folder / "logs/stderr.log").open("wb") as stderr:
        return subprocess.Popen(command, stderr=stderr, cwd=folder, **whose)  # type: ignore[call-overload, no-any-return]


def _await_ready(folder: Path, process: "subprocess.Popen[bytes]", ports: Sequence[int]) -> None:
    def is_ready() -> bool:
        said = (folder / "logs/stderr.log").read_text() + "".join(p.read_text() for p in folder.glob("logs/start.log"))
        assert process.poll() is None, said
        return all(_answers(port) for port in ports)

    wait_until(is_ready)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
