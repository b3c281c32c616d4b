# SPDX-License-Identifier: Apache-2.0
"""Runs a program under the restrictions of a systemd unit, where no systemd runs; see ``restrictions_of``.

    python -m tests.servers.restricted UNIT FOLDER COMMAND…

What is done as the service manager does it: the system calls (``SystemCallFilter`` with the error number of the unit),
the families of sockets, no writable memory that can be executed, no new privileges, no capability, umask, limits.
With FOLDER other than ``-`` the whole tree of files is read-only but for that folder, which takes root. What is not done:
other users, private devices and the like. It needs libseccomp, which systemd itself uses.
"""

import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NO_NEW_PRIVS, SET_MDWE, REFUSE_EXEC_GAIN, CAPBSET_DROP = 38, 65, 1, 24
ALLOW, ERRNO_EPERM, NOT_EQUAL = 0x7FFF0000, 0x00050001, 1
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
N_CAPABILITIES = 41
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18


class Compared(ctypes.Structure):
    """What libseccomp calls scmp_arg_cmp."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def restrictions_of(unit: str) -> dict[str, list[str]]:
    """Return the values of every setting of a unit, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def allowed_calls(filters: list[str]) -> set[str]:
    """Return the names of the system calls that the filters of a unit leave."""
    allowed: set[str] = set()
    for value in filters:
        names = {name for group in value.lstrip("~").split() for name in _members(group)}
        allowed = allowed - names if value.startswith("~") else allowed | names
    return allowed


def _members(group: str) -> Iterator[str]:
    if not group.startswith("@"):
        yield group
        return
    command = ["systemd-analyze", "syscall-filter", "--no-pager", group]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in told.splitlines()[1:]:
        name = line.strip()
        if name and not name.startswith("#"):
            yield from _members(name)


def restrict(unit: dict[str, list[str]], folder: str) -> None:
    """Put this process under the restrictions; they hold for whatever it becomes."""
    libc = ctypes.CDLL(None, use_errno=True)
    calls = allowed_calls(unit["SystemCallFilter"])
    if folder != "-":
        _read_only_but(libc, folder)
    os.umask(int(unit["UMask"][0], 8))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.geteuid() == 0:
        for capability in range(N_CAPABILITIES):
            libc.prctl(CAPBSET_DROP, capability, 0, 0, 0)
    _done(libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0))
    # Linux before 6.3 does not know it; systemd uses system calls for the same there.
    libc.prctl(SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)
    _filter(calls, unit["RestrictAddressFamilies"][0].split())


def _read_only_but(libc: ctypes.CDLL, folder: str) -> None:
    place = folder.encode()
    _done(libc.unshare(CLONE_NEWNS))
    _done(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    _done(libc.mount(place, place, None, MS_BIND, None))
    for mounted in (b"/", b"/tmp", b"/home", b"/var"):
        libc.mount(None, mounted, None, MS_REMOUNT | MS_BIND | MS_RDONLY, None)


def _filter(calls: set[str], families: list[str]) -> None:
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ERRNO_EPERM))
    # A program is exchanged for another once more, and `execve` is allowed by the unit as well.
    for name in calls:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0 and name != "socket":
            _done(seccomp.seccomp_rule_add_array(context, ALLOW, number, 0, None))
    for family in families:
        equal = Compared(0, 4, FAMILIES[family], 0)
        number = seccomp.seccomp_syscall_resolve_name(b"socket")
        _done(seccomp.seccomp_rule_add_array(context, ALLOW, number, 1, ctypes.byref(equal)))
    _done(seccomp.seccomp_load(context))


def _done(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"a restriction was not put in place: {result}")


if __name__ == "__main__":
    unit_file, writable, *command = sys.argv[1:]
    restrict(restrictions_of(Path(unit_file).read_text("utf-8")), writable)
    os.execv(command[0], command)  # noqa: S606 - the command that was given
