# SPDX-License-Identifier: Apache-2.0
"""The desk at which one command works: its installation, who works there, and how it answers.

RULES

1. Answers go to stdout; with ``--json`` one document (or one a line for streams) and nothing else. What is
   asked, told on the way or wrong goes to stderr.
2. Every error of ours becomes one clear sentence and an exit code. A traceback is a bug of ours.
3. What reads people or the log, or changes anything, is entered in the log slot ``cli`` before it is answered.
4. Nothing heavy is imported before a command runs, so that ``gateway --help`` is quick.
"""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer

from gateway.domain.errors import GatewayError, RulesError, SettingsError

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.cli.desk.paper import Paper
    from gateway.record.writing.sequencer import Sequencer
    from gateway.settings.loading import Settings

P = ParamSpec("P")
T = TypeVar("T")

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state", metavar="DIR", envvar="GATEWAY_STATE", help="Folder of the installation.", show_envvar=True
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="gateway.yaml, where it lies outside of that folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


class Exit(IntEnum):
    """What a command ends with."""

    OK = 0
    FAILED = 1
    """Something that was checked is wrong, or cannot be done now."""
    USAGE = 2
    """What was asked for cannot be; ask in another way."""
    DENIED = 3


class Stop(Exception):
    """The command ends here, with a sentence for whoever gave it."""

    def __init__(self, sentence: str, code: Exit = Exit.USAGE) -> None:
        """Keep both; an empty sentence says nothing more."""
        self.code = code
        super().__init__(sentence)


class Desk:
    """What one command works with."""

    def __init__(self, state: Path | None, config: Path | None, *, json: bool) -> None:
        """Keep what was given; nothing is opened yet."""
        self._state, self._config = state, config
        self.json = json

    @functools.cached_property
    def settings(self) -> "Settings":
        """Settings of the installation that the command is for.

        Raises:
            SettingsError: There is no installation there, or its settings cannot be used.
        """
        from gateway.settings.loading import load

        if self._config is not None:
            return load(state=self._state, config=self._config)
        state = self.state
        # The option stands above what the environment says of the same key.
        return load(state=state).model_copy(update={"state": state})

    @property
    def state(self) -> Path:
        """Folder of the installation; settings are read only if ``--config`` has to tell it.

        Raises:
            SettingsError: Nothing says which installation the command is for.
        """
        if self._state is not None:
            return self._state.absolute()
        if self._config is not None:
            return self.settings.state
        if Path("gateway.yaml").is_file():
            return Path().absolute()
        raise SettingsError("which installation? Give --state DIR, set GATEWAY_STATE, or go to its folder")

    @property
    def is_lost(self) -> bool:
        """Tell whether it is not known for which installation the command is, or there is none."""
        if self._config is not None:
            return not self._config.is_file()
        return not ((self._state or Path()) / "gateway.yaml").is_file()

    @functools.cached_property
    def by(self) -> str:
        """Who gives the command: ``local:`` and the name of the operating system's user."""
        import pwd

        try:
            return f"local:{pwd.getpwuid(os.getuid()).pw_name}"
        except KeyError:
            return f"local:{os.getuid()}"

    @functools.cached_property
    def paper(self) -> "Paper":
        """What the command writes its answer on."""
        from gateway.cli.desk.paper import Paper

        return Paper(json=self.json)

    def open(self, *, with_rules: bool = True) -> "AbstractAsyncContextManager[Rooms]":
        """Open the installation, entering into the slot ``cli``."""
        from gateway.app.installation import open_installation
        from gateway.app.slots import CLI_SLOT

        return open_installation(self.settings, CLI_SLOT, with_rules=with_rules)

    def open_log(self) -> "AbstractAsyncContextManager[Sequencer]":
        """Open the slot ``cli`` alone, for what needs neither database nor rules."""
        from gateway.app.slots import CLI_SLOT, open_log

        return open_log(self.settings, CLI_SLOT)


def command(function: Callable[Concatenate[Desk, P], Any]) -> Callable[..., None]:
    """Give a function the options of every command, a desk, and an end by exit code.

    The function may be a coroutine function; it is then run to its end.
    """

    @functools.wraps(function)
    def run(*args: Any, state: StateOption, config: ConfigOption, json: JsonOption, **options: Any) -> None:
        desk = Desk(state, config, json=json)
        with ended_in_words():
            found = function(desk, *args, **options)
            if inspect.iscoroutine(found):
                run_to_end(found)

    own = list(inspect.signature(function).parameters.values())[1:]
    common = [
        inspect.Parameter("state", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=StateOption),
        inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=ConfigOption),
        inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JsonOption),
    ]
    signature = inspect.Signature([*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *common])
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    return run


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns."""
    import asyncio

    return asyncio.run(work)


@contextmanager
def ended_in_words() -> Iterator[None]:
    """Turn every error that has a name into its sentence on stderr and an exit code."""
    try:
        yield
    except Stop as stop:
        _end(str(stop), stop.code)
    except RulesError as error:
        _end(str(error), Exit.FAILED)
    except GatewayError as error:
        _end(str(error), _code_of(error))
    except BaseExceptionGroup as group:
        # The log's tasks run in a group; what ended it is what there is to tell.
        named = group.subgroup(GatewayError)
        if named is None:
            raise
        first = _first(named)
        _end(str(first), _code_of(first))
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _end(f"{where}{error.strerror or type(error).__name__}", Exit.FAILED)


def _code_of(error: BaseException) -> Exit:
    """Return 2 for what the one who asked can put right by asking in another way, else 1."""
    is_usage = isinstance(error, SettingsError) or type(error).__name__ == "EnrolmentRefused"
    return Exit.USAGE if is_usage else Exit.FAILED


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    first: BaseException = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _end(sentence: str, code: Exit) -> None:
    if sentence:
        from gateway.cli.desk.paper import visible

        # It can hold the name of a file or a word of somebody else's rules.
        print(visible(sentence), file=sys.stderr)
    raise typer.Exit(int(code))
