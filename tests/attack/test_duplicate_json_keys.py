# SPDX-License-Identifier: Apache-2.0
"""Attack: one key twice, so that what is judged and what is used differ."""

import itertools
import json

import pytest

from gateway.domain.strictjson import read

SPELLINGS = ["email", "\\u0065mail", "e\\u006Dail", "\\u0065\\u006d\\u0061\\u0069\\u006c"]
VALUES = ['"a@example.org"', "null", '"surrogate"', "[]", "{}", "0"]
WRAPPERS = ["%s", "[%s]", '{"a":%s}', '[[{"a":[%s]}]]', '{"a":1,"b":{"c":%s}}', '[1,"\\"{",%s]']


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_key_twice_is_refused_in_every_spelling_order_and_place(wrapper: str) -> None:
    """Equal after its escapes is equal."""
    for (one, other), (first, second) in itertools.product(
        itertools.product(SPELLINGS, repeat=2), itertools.product(VALUES, repeat=2)
    ):
        for members in (f'"{one}":{first},"{other}":{second}', f'"{one}":{first},"x":1,"{other}":{second}'):
            text = wrapper % ("{" + members + "}")
            json.loads(text)  # a lenient reader takes it, which is what makes it an attack
            with pytest.raises(ValueError, match="twice"):
                read(text.encode())


def test_keys_that_only_look_alike_are_different_keys() -> None:
    """Case and composition are not folded: such a key is unknown, and unknown keys are refused later."""
    assert read('{"email":1,"Email":2,"ｅmail":3,"e\u0301":4,"é":5}'.encode()) == {
        "email": 1,
        "Email": 2,
        "ｅmail": 3,
        "e\u0301": 4,
        "é": 5,
    }


def test_a_key_in_two_objects_is_no_duplicate() -> None:
    """The rule is about one object."""
    assert read(b'[{"a":1},{"a":{"a":2}}]') == [{"a": 1}, {"a": {"a": 2}}]
