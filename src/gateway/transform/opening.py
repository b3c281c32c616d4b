# SPDX-License-Identifier: Apache-2.0
"""Many outgoing surrogates of one field, opened at once: to the inner form that each stands for, or to nothing.

RULES

1. What was made in another scope, what was changed, what has another shape and what nobody can open all come to
   the same nothing, and take the same steps: where there is nothing to try a key on, a decoy is tried.
2. Each key version is set up once for the whole batch, however many surrogates name it.
3. What links somebody's devices stands for a person and for no value: nothing.

Source: RFC 5297 (SIV).
"""

from collections.abc import Sequence

from gateway.domain.catalog import FieldSpec, SurrogateKind
from gateway.domain.errors import KeyUnavailable
from gateway.keys.siv import Siv
from gateway.transform.inner import SurrogateKeys, filled, person_of, unfilled
from gateway.transform.outgoing import SHAPE, label_of, siv_of

NOTHING = b""


class Opening:
    """Opens surrogates of one field and scope."""

    def __init__(self, keys: SurrogateKeys, spec: FieldSpec, scope: tuple[str, str]) -> None:
        """Set up the key in force, which decoys are tried on.

        Raises:
            KeyUnavailable: The join domain has no key in force.
        """
        self._keys, self._label, self._scope = keys, label_of(spec.join_domain), scope
        self._can_open = spec.surrogate is SurrogateKind.SIV
        now = keys.current(self._label)
        decoy = siv_of(now, scope)
        self._nobodys = (decoy, False)
        self._siv = {now.version: (decoy, True)}
        sealed = bytearray(decoy.seal(filled(b"n")))
        sealed[-1] ^= 1
        self._decoy = bytes(sealed)

    def forms(self, texts: Sequence[str]) -> list[bytes]:
        """Return the inner form that each text stands for, in order; ``NOTHING`` where it is none of this scope's."""
        return [self._form(text) for text in texts]

    def _form(self, text: str) -> bytes:
        shape = SHAPE.fullmatch(text)
        (siv, is_own), sealed = self._nobodys, self._decoy
        if shape is not None and len(shape[3]) % 2 == 0:
            sealed = bytes.fromhex(shape[3])
            if shape[1] == "v" and self._can_open:
                siv, is_own = self._of_version(int(shape[2]))
        try:
            blocks = siv.open(sealed)
        except KeyUnavailable:
            return NOTHING
        # What opened under a key that it does not name is no surrogate of that version.
        form = unfilled(blocks) if is_own else NOTHING
        return NOTHING if person_of(form) is not None else form

    def _of_version(self, version: int) -> tuple[Siv, bool]:
        """Return what a version is tried with, and whether that is its key."""
        if version not in self._siv:
            try:
                self._siv[version] = (siv_of(self._keys.version(self._label, version), self._scope), True)
            except KeyUnavailable:
                self._siv[version] = self._nobodys
        return self._siv[version]
