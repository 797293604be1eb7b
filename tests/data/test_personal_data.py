import time

import pytest

from minillama.data.personal_data import EMAIL, PHONE, mask_personal_data


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to ada.baker+x@mail.valley.example.", f"Write to {EMAIL}."),
        ("Call 555-0123, (555) 0124 or (555)0125.", f"Call {PHONE}, {PHONE} or {PHONE}."),
        ("Call 555 0123, +49 (30) 901820 or 030/901820-12!", f"Call {PHONE}, {PHONE} or {PHONE}!"),
        ("+442079460958 and 555.867.5309", f"{PHONE} and {PHONE}"),
    ],
)
def test_addresses_and_numbers_are_masked(text, masked):
    assert mask_personal_data(text) == (masked, masked.count("["))


@pytest.mark.parametrize(
    "text",
    [
        "12 + 15 = 27. 19 - 16 = 3. 100-50=50",
        "On 2026-11-21, 21.11.2026 and 3/4/26.",
        "From 1914-1918, 1990 1991 1992.",
        "It costs 1,000,000 or 3.1415926 or 1234567 of them.",
        "Numbers: 10 20 30 40 50.",
        "See Nature 33 (1979) 1361, pp. 26966-26979 of 299/1000.",
        "user @ home, a@b, version 1.2.3",
    ],
)
def test_sums_dates_and_counts_stay(text):
    assert mask_personal_data(text) == (text, 0)


def test_long_runs_take_no_longer_than_they_are_long():
    for run in ("1" * 50_000 + "x", "12 " * 20_000 + "x", "12-" * 20_000, "a." * 20_000, "(1)" * 20_000, "+" * 50_000):
        begin = time.process_time()
        mask_personal_data(run)
        assert time.process_time() - begin < 2
