# SPDX-License-Identifier: Apache-2.0
"""The body of a call that sends: one message or an array of them, taken apart by the declared members.

RULES

1. Every member is declared; its value is a text. The key and the address must be there, and nothing that is
   said twice is: two messages of one call have two keys.
2. A key is 1 to 128 printable ASCII characters. A text has no control characters but tab and the end of a line, which
   is one line feed however it was written; what is called a subject is one line. What else could become a header of a
   mail is for the room that writes mails to judge.
3. A refusal names members that are declared, with the row's number, says which bound was passed, and no value.
"""

import re
import unicodedata
from collections.abc import Iterator

from gateway.domain.catalog import BodyShape, MessageShape
from gateway.domain.decision import Deny, Reason
from gateway.domain.sending import Message
from gateway.doors.http.reading.query import told_name

MAX_DEPTH = 6
"""An array of messages, whose members are three objects deep at most."""
MOST_ADDRESS_CHARACTERS = 4_096
MOST_TEXT_CHARACTERS = 100_000
MOST_TOLD = 20

NOT_SO = "Each member must be declared and a text, each message an object with a key and an address of its own."
SUBJECT = "subject"
ONE_LINE = "A subject is one line."
TWICE = "Two messages of one call have two keys."
BAD_KEY = "A key is 1 to 128 printable ASCII characters, without a blank at either end."
BAD_ADDRESS = f"An address is a surrogate, on one line of at most {MOST_ADDRESS_CHARACTERS} characters."
TOO_LONG = f"A text has at most {MOST_TEXT_CHARACTERS} characters."
CONTROL = "A text has no control characters but tabs and ends of lines."

_KEY = re.compile(r"[!-~](?:[ -~]{0,126}[!-~])?")
_LAID_OUT = frozenset("\n\t")


def messages_of(value: object, shape: BodyShape) -> tuple[Message, ...] | Deny:
    """Return the messages of a body, or why it is not what the route takes.

    Args:
        value: Of the strict reader.
        shape: As the route declares it.
    """
    members, rows = shape.messages, value if isinstance(value, list) else [value]
    if members is None or not 0 < len(rows) <= shape.most:
        return _invalid(f"The body must be a message, or an array of 1 to {shape.most} messages.")
    found, wrong, keys, why = list[Message](), dict[str, None](), set[str](), dict[str, None]()
    for row, one in enumerate(rows):
        bad: dict[str, str] = {}
        message = _message(row, one, members, bad)
        if message is not None and message.key in keys:
            bad[members.key] = TWICE
        if message is not None:
            keys.add(message.key)
            found.append(message)
        wrong |= dict.fromkeys(f"[{row}].{told_name(name)}".rstrip(".") for name in bad)
        why |= dict.fromkeys(bad.values())
    if wrong or len(found) < len(rows):
        return _invalid(" ".join(why), *list(wrong)[:MOST_TOLD])
    return tuple(found)


def _message(row: int, value: object, members: MessageShape, bad: dict[str, str]) -> Message | None:
    said: dict[str, str] = {}
    if not isinstance(value, dict):
        bad[""] = NOT_SO
        return None
    known = {members.key, members.address, *members.texts}
    for path, text in _leaves(value, known, ""):
        if path not in known or not isinstance(text, str):
            bad[path] = NOT_SO
        elif (no := _why_not(path, text, members)) is not None:
            bad[path] = no
        else:
            said[path] = text
    for name in (members.key, members.address):
        if name not in said:
            bad.setdefault(name, NOT_SO)
    if bad:
        return None
    texts = tuple((name, said[name].replace("\r\n", "\n")) for name in members.texts if name in said)
    return Message(row=row, key=said[members.key], address=said[members.address], texts=texts)


def _leaves(value: dict[str, object], known: set[str], above: str) -> Iterator[tuple[str, object]]:
    for name, inner in value.items():
        path = above + name
        if isinstance(inner, dict) and "." not in name and any(one.startswith(f"{path}.") for one in known):
            yield from _leaves(inner, known, f"{path}.")
        else:
            # A member whose own name has a dot is none of the declared ones.
            yield path if "." not in name else f"{path} ", inner


def _why_not(path: str, text: str, members: MessageShape) -> str | None:
    """Return which bound a member passes, in a sentence; ``None`` if it passes none."""
    if path == members.key:
        return None if _KEY.fullmatch(text) else BAD_KEY
    if path == members.address:
        return None if 0 < len(text) <= MOST_ADDRESS_CHARACTERS and text.isprintable() else BAD_ADDRESS
    if len(text) > MOST_TEXT_CHARACTERS:
        return TOO_LONG
    if path.rpartition(".")[2] == SUBJECT and not {"\r", "\n"}.isdisjoint(text):
        return ONE_LINE
    marks = text.replace("\r\n", "\n")
    return CONTROL if any(mark not in _LAID_OUT and unicodedata.category(mark) == "Cc" for mark in marks) else None


def _invalid(sentence: str, *names: str) -> Deny:
    return Deny(reason=Reason.BODY_INVALID, fields=names, title=sentence)
