# SPDX-License-Identifier: Apache-2.0
"""The session of a client: a bearer when one is needed, refreshed before it ends; shared between threads."""

import threading
from collections.abc import Callable

from gateway_client.errors import NotTheGateway, SignInFailed
from gateway_client.signin import Bearer, SignIn, Tokens, tokens_of
from gateway_client.wire import Wire

EARLY_S = 20
"""A bearer is replaced so long before it ends: a call that begins with it is decided before that."""


class Session:
    """Owner of the bearers; each is in memory alone and in no repr."""

    def __init__(self, wire: Wire, sign_in: SignIn, clock: Callable[[], float]) -> None:
        """Begin signed out."""
        self._wire, self._sign_in, self._clock = wire, sign_in, clock
        self._lock = threading.RLock()
        self._tokens: Tokens | None = None
        self._ends_s = 0.0

    @property
    def can_renew(self) -> bool:
        """Tell whether another bearer can be got."""
        return not isinstance(self._sign_in, Bearer)

    def end(self) -> None:
        """Let every bearer go."""
        with self._lock:
            self._tokens = None

    def bearer(self) -> str:
        """Return a bearer that is good for a call that begins now."""
        with self._lock:
            if self._tokens is None or self._clock() >= self._ends_s - EARLY_S:
                self._renew()
            return self._tokens.access if self._tokens else ""

    def _renew(self) -> None:
        """Refresh, or sign in where there is nothing to refresh with or it is good no more."""
        refresh = self._tokens.refresh if self._tokens else None
        self._tokens = None
        if refresh is not None:
            try:
                self._keep(tokens_of(self._wire.json("/-/login/refresh", {"refresh_token": refresh})))
            except SignInFailed:
                pass
            else:
                return
        self._keep(self._sign_in.tokens(self._wire))

    def _keep(self, tokens: Tokens) -> None:
        if not tokens.access:
            raise NotTheGateway("the sign-in gave no bearer")
        self._tokens, self._ends_s = tokens, self._clock() + tokens.lives_s

    def forget(self, bearer: str) -> None:
        """Let the bearer go, unless another thread has replaced it already."""
        with self._lock:
            if self._tokens is not None and self._tokens.access == bearer:
                self._ends_s = self._clock()

    def sign_in_again(self, bearer: str) -> None:
        """Sign in with all factors, unless another thread has done so: a refresh makes no sign-in younger."""
        with self._lock:
            if self._tokens is None or self._tokens.access == bearer:
                self._tokens = None
                self._keep(self._sign_in.tokens(self._wire))
