# SPDX-License-Identifier: Apache-2.0
"""Errors that cross rooms, by whose fault they are. Refusals are values, not errors: see decision.

No message of these may hold a secret or a personal value.
"""

import msgspec


class GatewayError(Exception):
    """Base of all errors of this package."""


class RuleProblem(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong with the rules, and where: file, line counted from 1, sentence."""

    file: str
    line: int
    message: str

    def sentence(self) -> str:
        """Return the place and the sentence, as compilers print them."""
        return f"{self.file}:{self.line}: {self.message}"


class RulesError(GatewayError):
    """The rules cannot be put in force; all problems at once."""

    def __init__(self, problems: tuple[RuleProblem, ...]) -> None:
        """Keep the problems, sorted by place."""
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(problem.sentence() for problem in self.problems))


class SettingsError(GatewayError):
    """The configuration of this process is unusable; the message says what to change."""


class LogUnavailable(GatewayError):
    """Nothing can be entered in the log now, so nothing may leave."""


class LogHeld(LogUnavailable):
    """Another process writes to the same log."""


class LogDamaged(GatewayError):
    """The log on disk contradicts itself; it is not opened for writing."""


class LogBehind(LogDamaged):
    """The log on disk is shorter than others saw it: it was lost, cut, or put back to an older copy."""


class NotDeleted(GatewayError):
    """Parts of the log that were to be deleted are not, or not all; the message says why, and what to do."""


class KeyUnavailable(GatewayError):
    """A key does not exist, was shredded, or cannot be unwrapped."""


class StateBehind(GatewayError):
    """The gateway's own database is older than its log and cannot be brought up to it, or the other way round."""


class StateUnavailable(GatewayError):
    """The gateway's own database does not answer, is full, or is locked for too long."""


class StoreUnreachable(GatewayError):
    """The store did not take the call or did not answer in time.

    Attributes:
        timed_out: Time ran out.
        not_sent: Nothing of the call can have reached the store.
        retry_after_s: When the store will be asked again at the earliest, if it is left alone now.
    """

    def __init__(
        self, message: str, *, timed_out: bool = False, not_sent: bool = False, retry_after_s: int | None = None
    ) -> None:
        """Keep what is known of the failure."""
        self.timed_out = timed_out
        self.not_sent = not_sent
        self.retry_after_s = retry_after_s
        super().__init__(message)


class StoreMisbehaved(GatewayError):
    """The store answered something that its declaration does not allow."""


class HangUp(GatewayError):
    """The caller went away before the answer was complete."""


class Overloaded(GatewayError):
    """A bounded queue of ours is full."""


class WitnessSilent(GatewayError):
    """A witness of the log does not answer, or not as a witness does; nothing of the gateway waits for it."""


class QuestionRefused(GatewayError):
    """The gateway's own data cannot be asked for so; the sentence is for the caller, without the value.

    Attributes:
        parameter: Name by which the caller gave what cannot be.
    """

    def __init__(self, parameter: str, sentence: str) -> None:
        """Keep both."""
        self.parameter = parameter
        self.sentence = sentence
        super().__init__(sentence)
