"""Masks e-mail addresses and telephone numbers (the paper left out sites rich in personal information, section 2.1).

Patterns find the form of an address, not whose it is, so a masked text keeps its sense: "write to [EMAIL]".
"""

import re

EMAIL, PHONE = "[EMAIL]", "[PHONE]"
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# Groups of digits with one sign or bracket between them; a sum has spaces around its sign, so it is none. Where a group
# ends is never in doubt, so that a long run of digits costs no more than it is long.
_DIGIT_GROUPS = re.compile(
    r"(?<![\w.,/=*+(-])(?:\+ ?)?\(?\d{1,15}\)?(?:(?:[-./ ]\(?|\(|(?<=\)))\d{2,9}\)?){0,6}(?![\w/=*@]|[.,-]\d)"
)
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2})|[12]\d{3}(?:[- ][12]\d{3})+")
_DECIMAL = re.compile(r"\d+\.\d+")
_USUAL_SHAPES = {(3, 4), (3, 3, 4), (1, 3, 3, 4)}  # of numbers that begin with neither plus nor zero


def mask_personal_data(text: str) -> tuple[str, int]:
    """The text with every e-mail address and telephone number masked, and how many there were.

    A telephone number has 7 to 15 digits: behind a plus or a zero in any groups, else in groups of 3 and 4, 3, 3 and 4,
    or 1, 3, 3 and 4. Dates, rows of years, sums, decimals, citations and plain counts are none.
    """
    text, n_emails = _EMAIL.subn(EMAIL, text)
    n_phones = 0

    def mask(match: re.Match[str]) -> str:
        nonlocal n_phones
        if not _is_phone(match.group()):
            return match.group()
        n_phones += 1
        return PHONE

    return _DIGIT_GROUPS.sub(mask, text), n_emails + n_phones


def _is_phone(candidate: str) -> bool:
    groups = re.findall(r"\d+", candidate)
    if not 7 <= sum(map(len, groups)) <= 15 or _DATE.fullmatch(candidate) or _DECIMAL.fullmatch(candidate):
        return False
    if candidate[0] == "+":
        return True
    if "(" in candidate[1:]:
        return False  # a citation: 33 (1979) 1361
    if candidate[0] == "0":
        return len(groups[0]) > 1 and (len(groups) > 1 or len(groups[0]) >= 9)
    return "/" not in candidate and tuple(map(len, groups)) in _USUAL_SHAPES
