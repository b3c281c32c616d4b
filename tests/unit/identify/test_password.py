# SPDX-License-Identifier: Apache-2.0
"""What a new password must be, and how hashes are made and compared."""

import threading

import anyio
import pytest

from gateway.domain.errors import Overloaded
from gateway.identify.blocklist import Blocklist
from gateway.identify.password import Comparison, PasswordProblem, Passwords, normalised, problem_of

GOOD = "seven lamps of architecture"
NONE = Blocklist(())


def cheap(**changes: int) -> Passwords:
    """Return the hasher at its smallest cost, with what a test changes."""
    return Passwords(**{"time_cost": 1, "memory_kib": 8, "parallelism": 1, "workers": 1, "waiting": 8} | changes)


@pytest.mark.parametrize("length", [0, 1, 14])
def test_fewer_than_fifteen_code_points_are_too_short(length: int) -> None:
    """The bound is on what is hashed, and one less is refused."""
    assert problem_of("kd83jf02ls94mx7"[:length], NONE) is PasswordProblem.TOO_SHORT


def test_fifteen_code_points_are_enough() -> None:
    """There is no rule of composition: one kind of character is fine."""
    assert problem_of("kdqjfzolsxrmxuw", NONE) is None


def test_code_points_are_counted_after_normalisation() -> None:
    """Letters with separate accents join to one, so seven of them are not fifteen."""
    assert problem_of("e\u0301a\u0300" * 7, NONE) is PasswordProblem.TOO_SHORT


def test_sixty_four_characters_of_any_script_are_taken() -> None:
    """Four bytes each are within the bound of 1,024."""
    assert problem_of("".join(chr(0x20000 + 97 * place) for place in range(64)), NONE) is None


@pytest.mark.parametrize("password", ["x" * 1025, "語" * 342, "\ufdfa" * 60])
def test_more_than_1024_bytes_are_refused_and_never_cut(password: str) -> None:
    """Also when normalisation makes them so many: one ligature can become eighteen letters."""
    assert problem_of(password, NONE) is PasswordProblem.TOO_LONG
    assert normalised(password) is None


def test_a_lone_surrogate_is_no_text() -> None:
    """It has no bytes to hash."""
    assert problem_of("\ud800" + GOOD, NONE) is PasswordProblem.NOT_TEXT
    assert normalised("\ud800" + GOOD) is None


def test_a_common_password_is_refused() -> None:
    """What is refused is told by a word, without the password."""
    assert problem_of("passwordpassword", Blocklist(("password",))) is PasswordProblem.COMMON


async def test_the_right_password_is_right_and_any_other_is_not() -> None:
    """The whole password counts, to its last character, its case and its spaces."""
    passwords = cheap()
    stored = await passwords.hash(GOOD)
    assert await passwords.compare(stored, GOOD) == Comparison(right=True)
    for other in (GOOD[:-1], GOOD + " ", GOOD.title(), "", "x" * 2000, "\ud800"):
        assert await passwords.compare(stored, other) == Comparison(right=False)


async def test_two_spellings_of_one_text_are_one_password() -> None:
    """What a phone and a laptop send for the same keys may differ in form."""
    passwords = cheap()
    stored = await passwords.hash("caf\u00e9 on the corner of the square")
    assert (await passwords.compare(stored, "cafe\u0301 on the corner of the square")).right


async def test_nothing_is_right_for_an_account_that_does_not_exist() -> None:
    """Not even the text that the stand-in hash was made from, and not an empty one."""
    passwords = cheap()
    for guess in ("an account that does not exist", "", GOOD):
        assert not (await passwords.compare(None, guess)).right


async def test_a_hash_under_old_parameters_is_made_again() -> None:
    """The comparison hands back a hash under the present ones, which compares right and stays."""
    old, new = cheap(), cheap(time_cost=2)
    compared = await new.compare(await old.hash(GOOD), GOOD)
    assert compared.right
    assert compared.rehashed is not None
    assert "t=2" in compared.rehashed
    assert await new.compare(compared.rehashed, GOOD) == Comparison(right=True)


async def test_hashes_are_argon2id_with_the_parameters_of_the_design() -> None:
    """The default cost is t=2, 64 MiB, one lane, with a salt of 16 and a tag of 32 bytes."""
    stored = await Passwords().hash(GOOD)
    _, kind, version, cost, salt, tag = stored.split("$")
    assert (kind, version, cost) == ("argon2id", "v=19", "m=65536,t=2,p=1")
    assert (len(salt), len(tag)) == (22, 43)


async def test_a_damaged_hash_is_a_wrong_password() -> None:
    """It fails closed, as a wrong password does."""
    assert not (await cheap().compare("not a hash", GOOD)).right


async def test_when_the_queue_is_full_more_are_refused_at_once() -> None:
    """With one thread and one place to wait, the third is not begun; afterwards there is room again."""
    gate = threading.Event()
    passwords = cheap(workers=1, waiting=1)
    async with anyio.create_task_group() as group:
        group.start_soon(passwords._in_thread, gate.wait)
        group.start_soon(passwords._in_thread, gate.wait)
        while passwords._under_way < 2:
            await anyio.lowlevel.checkpoint()
        with pytest.raises(Overloaded):
            await passwords.compare(None, GOOD)
        gate.set()
    assert await passwords.compare(None, GOOD) == Comparison(right=False)
