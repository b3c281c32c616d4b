# SPDX-License-Identifier: Apache-2.0
"""Whatever processes do to a keyring, in any order: what a version sealed opens as long as it is not shredded, under any KEK of then."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import KeyUnavailable
from gateway.keys.keyring import Keyring
from gateway.keys.providers import HeldKek
from tests.fakes.clock import FakeClock

LABELS = ("totp", "people/wrap")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("seal", "rotate")), st.sampled_from(LABELS), st.integers(0, 1)),
        st.tuples(st.just("shred"), st.sampled_from(LABELS), st.integers(1, 4)),
        st.tuples(st.sampled_from(("begin", "end", "back", "restart")), st.just(""), st.integers(0, 1)),
    ),
    max_size=30,
)


class Model:
    """What must be so: values by what sealed them, versions that are gone, and which KEK is in force."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.n_keks = folder, 1
        self.kek, self.to_come = HeldKek(bytes(32)), None  # type: HeldKek, HeldKek | None
        self.sealed: dict[bytes, tuple[str, int, bytes]] = {}
        self.shredded: set[tuple[str, int]] = set()
        self.rings = [self.opened(), self.opened()]

    def opened(self) -> Keyring:
        """Open the keyring as a process does that is given the KEK in force."""
        return Keyring(self.folder, self.kek, FakeClock())

    def step(self, what: str, label: str, n: int) -> None:
        """Do one thing in one of two processes."""
        match what:
            case "seal":
                self._seal(label, n)
            case "rotate":
                if self.rings[n].versions(label):
                    self.rings[n].rotate(label)
            case "shred":
                if any(one.version == n for one in self.rings[0].versions(label)):
                    self.rings[0].shred(label, n)
                    self.shredded.add((label, n))
            case "begin":
                if self.to_come is None:
                    self.n_keks += 1
                    self.to_come = HeldKek(bytes([self.n_keks]) * 32)
                    self.rings[n].begin_change(self.to_come)
            case "end" | "back":
                if self.to_come is not None:
                    self.kek = self.to_come if what == "end" else self.kek
                    self.to_come = None
                    self.opened().end_change(self.kek)
                    # Processes are given the KEK that is in force by now.
                    self.rings = [self.opened(), self.opened()]
            case _:
                self.rings[n] = self.opened()

    def _seal(self, label: str, n: int) -> None:
        content = len(self.sealed).to_bytes(4, "big")
        try:
            sealed = self.rings[n].seal(label, content, b"row")
        except KeyUnavailable:
            active = [one for one in self.opened().versions(label) if one.state == "active"]
            assert not active
            return
        version = int.from_bytes(sealed[:4], "big")
        assert (label, version) not in self.shredded
        self.sealed[sealed] = (label, version, content)

    def check(self) -> None:
        """Every process opens everything that is not shredded, and nothing else, under every KEK of now."""
        keks = [self.kek, *([self.to_come] if self.to_come else [])]
        for ring in (*self.rings, *(Keyring(self.folder, kek, FakeClock()) for kek in keks)):
            ring.reload()
            for sealed, (label, version, content) in self.sealed.items():
                try:
                    assert ring.open(label, sealed, b"row") == content
                    assert (label, version) not in self.shredded
                except KeyUnavailable:
                    assert (label, version) in self.shredded


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_a_keyring_is_as_its_model_says(steps: list[tuple[str, str, int]]) -> None:
    """Two processes, restarts, rotations, shreddings, changes of the KEK begun, ended and given up."""
    with tempfile.TemporaryDirectory() as folder:
        model = Model(Path(folder))
        for what, label, n in steps:
            model.step(what, label, n)
        model.check()
