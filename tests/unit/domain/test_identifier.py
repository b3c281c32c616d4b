# SPDX-License-Identifier: Apache-2.0
"""One strong identifier is enough, two others of different forms are, and one alone never is."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.identifier import MOST_WEAK, STRONG, Identifier, IdentifierForm, combined, identity_value

IDENTIFIERS = st.lists(st.builds(Identifier, st.sampled_from(IdentifierForm), st.text(max_size=4)), max_size=30)


@given(IDENTIFIERS)
def test_nothing_is_enough_but_a_strong_one_or_two_of_different_forms(identifiers: list[Identifier]) -> None:
    """Whatever a person is known by."""
    for enough in combined(identifiers):
        if len(enough) == 1:
            assert enough[0].form in STRONG
        else:
            one, other = enough
            assert not {one.form, other.form} & STRONG
            assert one.form is not other.form


@given(IDENTIFIERS, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(identifiers: list[Identifier], chance: object) -> None:
    """The same values always make the same combinations, so the same digests."""
    again = identifiers + identifiers[:3]
    chance.shuffle(again)  # type: ignore[attr-defined]
    assert combined(again) == combined(identifiers)


@given(
    st.sets(st.sampled_from([Identifier(form, value) for form in IdentifierForm for value in "ab"]), max_size=10),
    st.sets(st.sampled_from([Identifier(form, value) for form in IdentifierForm for value in "ab"]), max_size=10),
)
def test_two_are_the_same_by_one_strong_or_two_others_that_they_share(
    erased: set[Identifier], record: set[Identifier]
) -> None:
    """And by nothing else, whatever each of them has besides."""
    shared = erased & record
    weak_forms = {one.form for one in shared if one.form not in STRONG}
    is_known = any(one.form in STRONG for one in shared) or len(weak_forms) > 1
    assert bool(set(combined(erased)) & set(combined(record))) == is_known


def test_the_number_of_combinations_is_bounded() -> None:
    """Sixteen weak ones count."""
    many = [Identifier(form, str(n)) for n in range(40) for form in (IdentifierForm.PHONE, IdentifierForm.EMAIL)]
    assert len(combined(many)) <= MOST_WEAK * (MOST_WEAK - 1) // 2


def test_kind_and_value_cannot_be_cut_elsewhere() -> None:
    """``a`` of kind ``k`` and the value that continues its kind are different identities."""
    assert identity_value("ka", "b") != identity_value("k", "ab")
