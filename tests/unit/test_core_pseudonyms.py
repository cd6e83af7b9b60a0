"""Pseudonyms: the same for the same key, strangers apart, and nothing that leads from one key's to another's."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.core.pseudonyms import MAX_SHIFT_DAYS, Pseudonymiser

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
HERE, ELSEWHERE = Pseudonymiser(KEY), Pseudonymiser(OTHER_KEY)

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64).filter(lambda text: text.strip(" \0"))
UIDS = st.from_regex(r"[1-9][0-9]{0,8}(\.(0|[1-9][0-9]{0,8})){1,5}", fullmatch=True)


def all_of(names: Pseudonymiser, patient: str, study: str, series: str) -> dict[str, str]:
    return {
        "p": names.patient(patient, study),
        "s": names.study(patient, study),
        "u": names.unit(patient, study, series),
        "i": names.item(patient),
        "x": names.token("accession", patient),
    }


@settings(max_examples=40)
@given(IDS, UIDS, UIDS)
def test_every_process_with_the_key_gives_the_same_short_name(patient: str, study: str, series: str) -> None:
    made = all_of(HERE, patient, study, series)
    assert made == all_of(Pseudonymiser(KEY), patient, study, series)
    assert all(re.fullmatch(f"{prefix}[a-z2-7]{{12}}", name) for prefix, name in made.items())


@settings(max_examples=40)
@given(IDS)
def test_one_value_has_an_unrelated_name_in_each_namespace(value: str) -> None:
    names = [HERE.patient(value), HERE.study(value, value), HERE.unit(value, value, value), HERE.item(value)]
    names += [HERE.token("accession", value), HERE.token("reader", value), HERE.patient("", value)]
    assert len({name[1:] for name in names}) == len(names)


@settings(max_examples=40)
@given(IDS, UIDS, UIDS)
def test_another_key_gives_names_that_share_nothing(patient: str, study: str, series: str) -> None:
    here, elsewhere = all_of(HERE, patient, study, series), all_of(ELSEWHERE, patient, study, series)
    assert not set(here.values()) & set(elsewhere.values())
    assert HERE.uid(study) != ELSEWHERE.uid(study)
    assert HERE.fingerprint(patient) != ELSEWHERE.fingerprint(patient)


@settings(max_examples=40)
@given(st.lists(UIDS, min_size=2, max_size=6, unique=True))
def test_new_uids_are_valid_and_never_merge_two(uids: list[str]) -> None:
    made = [HERE.uid(uid) for uid in uids]
    assert len(set(made)) == len(uids)
    assert all(len(uid) <= 64 and re.fullmatch(r"2\.25\.(0|[1-9][0-9]*)", uid) for uid in made)
    assert [HERE.uid(f"{uid}\0") for uid in uids] == made  # padded to even length (PS3.5 6.2)


@settings(max_examples=40)
@given(IDS, UIDS)
def test_dates_move_back_by_at_least_a_day_and_at_most_ten_years_the_same_for_a_patient(
    patient: str, study: str
) -> None:
    shift = HERE.shift_days(patient, study)
    assert -MAX_SHIFT_DAYS <= shift <= -1
    assert shift == HERE.shift_days(f" {patient} ", "1.2.3")


def test_shifts_spread_over_the_whole_range() -> None:
    shifts = [HERE.shift_days(f"patient {number}") for number in range(2000)]
    assert min(shifts) < -0.99 * MAX_SHIFT_DAYS
    assert max(shifts) > -0.01 * MAX_SHIFT_DAYS


@settings(max_examples=40)
@given(UIDS, UIDS)
def test_patients_without_an_id_are_one_only_within_a_study(study: str, other: str) -> None:
    assert HERE.patient("", study) == HERE.patient(" \0", study)
    assert (HERE.patient("", study) == HERE.patient("", other)) == (study == other)


def test_the_parts_of_a_fingerprint_keep_apart() -> None:
    assert HERE.fingerprint("ab", "c") != HERE.fingerprint("a", "bc")


def test_the_name_of_a_key_does_not_tell_it() -> None:
    assert re.fullmatch("[0-9a-f]{16}", HERE.key_id)
    assert HERE.key_id not in KEY.hex()
    assert HERE.key_id != ELSEWHERE.key_id
