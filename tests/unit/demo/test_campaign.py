# SPDX-License-Identifier: Apache-2.0
"""Claims about campaign attributes from a file and by chance."""

import gzip
from pathlib import Path

import pytest

from gateway.demo.campaign import Campaign, campaign_from, made_up_campaign, read_campaign
from gateway.demo.chance import Chance
from gateway.domain.errors import SettingsError

HEADER = "age,job,marital,education,default,balance,housing,loan,contact,day,month,duration,campaign,pdays,previous,poutcome,y"
ROW = "58,management,married,tertiary,no,-2143,yes,no,unknown,5,may,261,1,-1,0,unknown,no"
TEXT = f"{HEADER}\r\n{ROW}\r\n"


def test_a_plain_and_a_gzipped_file_read_alike(tmp_path: Path) -> None:
    """The content decides, not the name."""
    (tmp_path / "plain.gz").write_text(TEXT)
    (tmp_path / "packed.csv").write_bytes(gzip.compress(TEXT.encode()))

    plain, packed = list(read_campaign(tmp_path / "plain.gz")), list(read_campaign(tmp_path / "packed.csv"))

    assert plain == packed == [dict(zip(HEADER.split(","), ROW.split(","), strict=True))]


def test_semicolons_and_quotes_are_read_as_the_first_publisher_writes_them(tmp_path: Path) -> None:
    """The archive's own file has another separator than most copies."""
    (tmp_path / "bank.csv").write_text(
        '"' + HEADER.replace(",", '";"') + '"\n' + ROW.replace(",", ";").replace("management", '"management"') + "\n"
    )

    assert [row["job"] for row in read_campaign(tmp_path / "bank.csv")] == ["management"]


def test_a_header_between_the_rows_is_no_person(tmp_path: Path) -> None:
    """Copies put together from pieces have one."""
    (tmp_path / "bank.csv").write_text(TEXT + TEXT)

    assert len(list(read_campaign(tmp_path / "bank.csv"))) == 2


def test_numbers_become_numbers_and_words_stay_words() -> None:
    """A balance may be negative."""
    campaign = campaign_from(dict(zip(HEADER.split(","), ROW.split(","), strict=True)), 1)

    assert (campaign.age, campaign.balance, campaign.pdays, campaign.job, campaign.y) == (
        58,
        -2143,
        -1,
        "management",
        "no",
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no campaign file"),
        (b"name,mail\nsomebody,x@example.org\n", "no campaign file"),
        (b"PK\x03\x04\xff\xfe", "no UTF-8 text"),
        (gzip.compress(TEXT.encode())[:-9], "cut short or damaged"),
        (gzip.compress(TEXT.encode())[:12] + b"\xff" * 30, "cut short or damaged"),
    ],
    ids=["empty", "other columns", "other format", "cut gzip", "damaged gzip"],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, sentence: str) -> None:
    """A person who gave the wrong file reads which and why."""
    (tmp_path / "wrong.csv").write_bytes(content)

    with pytest.raises(SettingsError, match=f"wrong.csv.*{sentence}"):
        list(read_campaign(tmp_path / "wrong.csv"))


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    """The words are the system's."""
    with pytest.raises(SettingsError, match=r"none\.csv: No such file"):
        list(read_campaign(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("58,", "fifty,", "age"),
        ("-2143", "2,143", "housing"),
        (",yes,", ",maybe,", "housing"),
        ("unknown,no", "unknown", "y"),
        ("58,", "581,", "age"),
        ("unknown,no", "unknown,no,more", "the columns"),
    ],
)
def test_a_row_that_does_not_fit_is_named_by_number_and_column_alone(
    old: str, new: str, column: str, tmp_path: Path
) -> None:
    """What stands in the row is nobody's business in a message."""
    (tmp_path / "bank.csv").write_text(f"{HEADER}\n{ROW.replace(old, new)}\n")
    (row,) = read_campaign(tmp_path / "bank.csv")

    with pytest.raises(SettingsError) as caught:
        campaign_from(row, 17)

    assert str(caught.value) == f"row 17 of the people file does not fit the campaign data: {column}"


def test_every_row_of_the_real_file_fits(campaign_file: Path) -> None:
    """45,210 people: of its 45,212 lines two are headers, the first and one between the rows."""
    campaigns = [campaign_from(row, number) for number, row in enumerate(read_campaign(campaign_file), start=1)]

    assert len(campaigns) == 45_210
    assert min(one.age for one in campaigns) == 18


def test_made_up_attributes_are_of_the_kinds_of_the_file() -> None:
    """Adults with plausible jobs; earlier contacts exist or do not, in all three columns."""
    chance = Chance(2)

    made_up = [made_up_campaign(chance) for _ in range(1_000)]

    assert all(
        campaign_from({name: str(getattr(one, name)) for name in Campaign.__struct_fields__}, 1) == one
        for one in made_up
    )
    assert all(18 <= one.age <= 93 for one in made_up)
    assert all((one.pdays == -1) == (one.previous == 0) == (one.poutcome == "unknown") for one in made_up)
    assert {one.job for one in made_up if one.age >= 65} == {"retired"}
