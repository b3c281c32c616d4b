# SPDX-License-Identifier: Apache-2.0
"""Labels of the keyring in words: what is made under each, and which keys an installation keeps for its life."""

from gateway.domain.names import is_under

FOR_LIFE = {
    "people.lookup": "under another key every known person would be a stranger",
    "backup": "backups are known for this installation's own by it",
    "credentials": "the log tells by it which passwords, authenticators and secrets are the newest",
    "tombstones": "under another key nobody who was erased would be known again",
    "idempotency": "under another key a message that was sent once could be sent again",
    "log": "logs are signed by name with one key, and a changed key is what the verifier looks for",
}
"""Labels, with all below them, that have one version for the life of an installation, and why."""

_VAULT, _LOOKUP = "vault/", "/lookup"
_VAULT_LOOKUP = "under another key every value of the vault would get a second token"

_MADE = {
    "people/wrap": "the keys of people",
    "totp": "secrets of authenticators",
    "bearer": "access bearers, for five minutes",
    "cursor": "cursors and conditions that callers hold",
    "idempotency": "keys of idempotency that stores got",
    "trace": "traces that stores wrote down",
    "people/lookup": "look-ups of identities",
    "backup": "digests of backups",
    "credentials": "digests of credentials in the log",
    "tombstones": "digests by which erased people are known",
}
_MADE_BELOW = {
    "surrogate/": "surrogates that callers hold",
    "at-rest/": "surrogates that stores hold",
    "backup-keys/": "copies of the keys of people that end on that day",
    "incident-list/": "the list of an incident, in its file",
    "log/": "signatures of the log",
}

UNCOUNTED = "at-rest/"
"""Labels under which stores hold values that the gateway cannot count, and without which nobody reads them again."""


def for_life(label: str) -> str | None:
    """Return why a label has one version for the life of an installation; ``None`` for one that can be rotated."""
    if label.startswith(_VAULT) and label.endswith(_LOOKUP):
        return _VAULT_LOOKUP
    return next((why for key, why in FOR_LIFE.items() if is_under(label.replace("/", "."), key)), None)


def made_under(label: str) -> str:
    """Return what is made under a label, in words; empty for one that is not known."""
    if label.startswith(_VAULT):
        return "look-ups of values" if label.endswith(_LOOKUP) else "values of the vault that are nobody's yet"
    below = next((said for key, said in _MADE_BELOW.items() if label.startswith(key)), "")
    return _MADE.get(label, below)
