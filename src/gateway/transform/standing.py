# SPDX-License-Identifier: Apache-2.0
"""What single texts stand for in the fields of a plan: outgoing surrogates, what a store holds at rest, clear values.

RULES

1. An outgoing surrogate stands for something in its own scope alone. Of another scope, changed, or of no key: nothing.
2. Of a vault's field a text leads to a token and no further: what is behind it is for the vault to say.
3. What a store holds in clear of a field at rest is a value that was not turned over yet, and stands for itself.
"""

from collections.abc import Sequence

from gateway.domain.catalog import AtRest, FieldSpec, Form
from gateway.domain.names import FieldName
from gateway.domain.viewplan import ViewPlan
from gateway.transform.inner import MOST_SEALED_BYTES, TOKEN, Value, inner_form, raw_form, text_of
from gateway.transform.normalise import SPELLINGS
from gateway.transform.opening import Opening
from gateway.transform.surrogates import Surrogates
from gateway.transform.vaulted import is_vaulted, token_of
from gateway.transform.view_fields import spec_of


class Standing:
    """Tells what texts stand for under one plan.

    Attributes:
        plan: Whose fields they are of.
    """

    def __init__(self, plan: ViewPlan, surrogates: Surrogates) -> None:
        self.plan = plan
        self._surrogates = surrogates

    def resolve(self, field: FieldName, text: str) -> str | None:
        """Return the value that a surrogate of this plan's scope stands for, as the store holds it; ``None`` if it is none."""
        spec = self.plan.collection.field(field)
        form = None if spec is None else self._surrogates.value_form(spec, text)
        if spec is None or form is None or is_vaulted(spec):
            return None
        stored = self._surrogates.stored(spec)
        # Never spelled once more: what has no spelling in its row's country would get one without it.
        return text_of(form) if stored is None else stored.made(form)

    def in_vault(self, field: FieldName) -> FieldSpec | None:
        """Return a field in whose place the store holds tokens of the vault; ``None`` for any other."""
        spec = self.plan.collection.field(field)
        return spec if spec is not None and is_vaulted(spec) else None

    def token_or_value(self, field: FieldName, text: str) -> tuple[bytes | None, str | None]:
        """Return what a surrogate of this plan's scope stands for in a vault: a token, or a value of before; or neither."""
        spec = spec_of(self.plan, field)
        token = self._surrogates.token(spec, text)
        return (token, None) if token is not None else (None, self._surrogates.inner(spec, text))

    def forms(self, field: FieldName, texts: Sequence[str]) -> list[bytes]:
        """Return the inner form that each surrogate of this plan's scope stands for; empty where it is none.

        Raises:
            KeyUnavailable: The join domain has no key in force.
        """
        return Opening(self._surrogates.keys, spec_of(self.plan, field), self._surrogates.scope).forms(texts)

    def held(self, field: FieldName, text: str, country: str | None = None) -> str | None:
        """Return a value as the store holds it: itself, or its surrogate at rest; ``None`` if it can have none.

        Of a vault's field nothing: which token it has is for the vault to say.

        Raises:
            KeyUnavailable: The join domain has no key for values at rest in force.
        """
        spec = spec_of(self.plan, field)
        if is_vaulted(spec):
            return None
        stored = self._surrogates.stored(spec)
        if stored is None:
            return text
        return stored.sealed(SPELLINGS[spec.form], text, country)

    def stands_for(self, field: FieldName, held: Value, country: str | None = None) -> bytes:
        """Return the inner form that what a store holds stands for, at rest or not; empty where it is nothing."""
        spec = spec_of(self.plan, field)
        if spec.at_rest is AtRest.VAULT and isinstance(held, str) and (token := token_of(held)) is not None:
            return TOKEN + token if token else b""
        stored = self._surrogates.stored(spec) if isinstance(held, str) else None
        form = None if stored is None else stored.form(str(held))
        return inner_form(SPELLINGS[spec.form], held, country) if form is None else form

    def asked_forms(self, field: FieldName, text: str, *, surrogate: bool) -> tuple[bytes, ...]:
        """Return the inner forms that a field is asked for by a text, likeliest first; of a vault's, those of values.

        Nobody who asks by a clear value says in which country: what is a phone without one is none in some.

        Args:
            field: Which.
            text: A clear value, or a surrogate of this plan's scope; of any other, nothing is returned.
            surrogate: Which of both it is.
        """
        spec = spec_of(self.plan, field)
        if surrogate:
            known = self._surrogates.value_form(spec, text)
            return () if known is None else (known,)
        form, raw = inner_form(SPELLINGS[spec.form], text), raw_form(text)
        forms = (form,) if spec.form is not Form.PHONE or text_of(form) == text else (form, raw)
        return tuple(one for one in forms if len(one) <= MOST_SEALED_BYTES)

    def every_form(self, field: FieldName, form: bytes, oldest: int) -> tuple[str, ...]:
        """Return all that may stand for an inner form in a field that is at rest as ``siv``, likeliest first.

        Args:
            field: Which.
            form: Not longer than can be sealed.
            oldest: Version of the oldest key that anything may be sealed under.

        Raises:
            KeyUnavailable: The join domain has no key for values at rest in force.
        """
        stored = self._surrogates.stored(spec_of(self.plan, field))
        return () if stored is None else stored.every(form, oldest)

    def inner(self, field: FieldName, surrogate: str) -> str | None:
        """Return the normalised value that a surrogate of this plan's scope stands for, else ``None``."""
        spec = self.plan.collection.field(field)
        return None if spec is None else self._surrogates.inner(spec, surrogate)

    def vault_token(self, field: FieldName, text: str) -> bytes | None:
        """Return the token that a text of a vault's field stands for, at rest or outgoing; nothing for any other text."""
        if self.in_vault(field) is None:
            return None
        return token_of(text) or self._surrogates.token(spec_of(self.plan, field), text) or None

    def meant(self, field: FieldName, text: str) -> str | None:
        """Return the value in clear that a text stands for which a caller writes or a store holds.

        Returns:
            The text itself where it stands for itself; ``None`` where it stands for nothing, or a token.
        """
        spec = spec_of(self.plan, field)
        if is_vaulted(spec) and (token_of(text) is not None or self._surrogates.token(spec, text)):
            return None
        inner = self._surrogates.inner(spec, text)
        if inner is not None:
            return inner
        stored = self._surrogates.stored(spec)
        form = None if stored is None else stored.form(text)
        if form is None:
            return text
        return text_of(form) if form else None
