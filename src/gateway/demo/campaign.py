# SPDX-License-Identifier: Apache-2.0
"""What a bank's telephone campaigns knew of people, read from a file or made up.

The file is ``bank-full.csv`` of the Bank Marketing data, plain or gzipped, its cells separated by commas
or, as first published, by semicolons. It names nobody.

Source: S. Moro, R. Laureano, P. Cortez, Using Data Mining for Bank Direct Marketing, ESM 2011.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from gateway.demo.chance import Chance
from gateway.domain.errors import SettingsError

YesNo = Literal["yes", "no"]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
GZIP_MAGIC = b"\x1f\x8b"


class Campaign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The columns of the file, in its order.

    Attributes:
        balance: Average yearly balance in euros.
        day / month: Of the last contact.
        duration: Of the last contact, in seconds.
        campaign: Contacts during this campaign.
        pdays: Days since the last contact of an earlier campaign, -1 if there was none.
        previous: Contacts before this campaign.
        y: Whether the person subscribed to a term deposit.
    """

    age: Annotated[int, msgspec.Meta(ge=0, le=120)]
    job: Word
    marital: Word
    education: Word
    default: YesNo
    balance: int
    housing: YesNo
    loan: YesNo
    contact: Word
    day: int
    month: Word
    duration: int
    campaign: int
    pdays: int
    previous: int
    poutcome: Word
    y: YesNo


def read_campaign(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a campaign file as texts by column.

    A header that stands again between the rows is passed over: copies of this file that were put
    together from pieces have one, and it is no person.

    Raises:
        SettingsError: The file cannot be read, or its columns are others.
    """
    try:
        with path.open("rb") as raw:
            is_gzip = raw.read(2) == GZIP_MAGIC
        with gzip.open(path, "rt", encoding="utf-8") if is_gzip else path.open(encoding="utf-8", newline="") as lines:
            header = lines.readline()
            delimiter = ";" if ";" in header else ","
            columns = next(csv.reader([header], delimiter=delimiter), [])
            if tuple(columns) != Campaign.__struct_fields__:
                raise SettingsError(
                    f"{path.name} is no campaign file: its first line must name the columns {','.join(Campaign.__struct_fields__)}"
                )
            yield from (
                row for row in csv.DictReader(lines, columns, delimiter=delimiter) if list(row.values()) != columns
            )
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise SettingsError(f"cannot read the people file {path.name}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Say what is wrong with a file without a word of what stands in it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text"
    if isinstance(error, (EOFError, gzip.BadGzipFile, zlib.error)):
        return "it is cut short or damaged"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is no table of comma separated values"


def campaign_from(row: Mapping[str, str], number: int) -> Campaign:
    """Return the attributes of a row of the file.

    Args:
        row: Texts by column.
        number: Number of the row, counted from 1 below the header, for the message.

    Raises:
        SettingsError: The row has other columns, or a text is not of its column's kind.
    """
    try:
        return msgspec.convert(row, Campaign, strict=False)
    except (msgspec.ValidationError, TypeError) as error:
        column = str(error).partition("$.")[2].rstrip("`") or "the columns"
        raise SettingsError(f"row {number} of the people file does not fit the campaign data: {column}") from None


JOBS = (
    "management", "blue-collar", "technician", "admin.", "services", "entrepreneur", "self-employed", "housemaid", "unemployed", "unknown",
)  # fmt: skip
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def made_up_campaign(chance: Chance) -> Campaign:
    """Make up attributes with shares close to those of the file."""
    age = 18 + (chance.below(31) + chance.below(31) + chance.below(17))
    n_before = chance.between(1, 6) if chance.happens(18) else 0
    return Campaign(
        age=age,
        job=_job(chance, age),
        marital=chance.pick(
            ("married", "married", "married", "single", "divorced") if age > 27 else ("single", "single", "married")
        ),
        education=chance.pick(("secondary", "secondary", "tertiary", "primary", "unknown")),
        default="yes" if chance.happens(2) else "no",
        balance=_balance(chance),
        housing="yes" if chance.happens(55) else "no",
        loan="yes" if chance.happens(16) else "no",
        contact=chance.pick(("cellular", "cellular", "telephone", "unknown")),
        day=chance.between(1, 28),
        month=chance.pick(MONTHS),
        duration=5 + chance.below(250) + chance.below(250),
        campaign=1 + chance.below(3) * chance.below(3),
        pdays=chance.between(30, 400) if n_before else -1,
        previous=n_before,
        poutcome=chance.pick(("failure", "failure", "other", "success")) if n_before else "unknown",
        y="yes" if chance.happens(12) else "no",
    )


def _job(chance: Chance, age: int) -> str:
    if age >= 65:
        return "retired"
    return "student" if age < 25 and chance.happens(60) else chance.pick(JOBS)


def _balance(chance: Chance) -> int:
    if chance.happens(9):
        return -chance.below(900)
    return chance.below(700) + chance.below(40) * chance.below(110)
