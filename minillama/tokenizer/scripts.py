"""Which writing system a character belongs to, because no Llama piece mixes two of them.

Source: Unicode Standard Annex 24 (script property), read through the ``regex`` package.
"""

from functools import cache

import regex

COMMON = "Common"  # punctuation, symbols, emoji, digits: shared by all scripts
INHERITED = "Inherited"  # combining marks: they take the script of the character before them
OTHER = "Other"  # scripts that are not listed below, taken together

_HAN_FAMILY = ("Han", "Hiragana", "Katakana")  # Japanese writes the three in one word, so they count as one script
_SCRIPTS = """
    Latin Common Inherited Han Hiragana Katakana Cyrillic Greek Arabic Hebrew Devanagari Hangul Thai Armenian
    Georgian Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Lao Tibetan Myanmar Ethiopic
    Cherokee Canadian_Aboriginal Khmer Mongolian Bopomofo Syriac Thaana Nko Samaritan Mandaic Tagalog Hanunoo
    Buhid Tagbanwa Limbu Tai_Le New_Tai_Lue Tai_Tham Tai_Viet Buginese Balinese Sundanese Batak Lepcha Ol_Chiki
    Braille Glagolitic Tifinagh Yi Lisu Vai Bamum Syloti_Nagri Phags_Pa Saurashtra Kayah_Li Rejang Javanese Cham
    Meetei_Mayek Coptic Gothic Runic Ogham Old_Italic Adlam Osage Chakma Miao Newa Cuneiform Egyptian_Hieroglyphs
"""
_SCRIPT_OF = regex.compile("|".join(rf"(?P<{name}>\p{{Script={name}}})" for name in _SCRIPTS.split()))
_UNASSIGNED = regex.compile(r"\p{Script=Unknown}")
_DIGITS = frozenset("0123456789０１２３４５６７８９")  # ASCII and full-width, the two that SentencePiece splits


@cache
def script_of(character: str) -> str:
    """Return the script's Unicode name, with Hiragana and Katakana counted as ``"Han"``.

    >>> script_of("a"), script_of("!"), script_of("ひ"), script_of("\\u0301")
    ('Latin', 'Common', 'Han', 'Inherited')
    """
    if character == "\u30fc":  # the long-vowel sign is Common in Unicode, but stands inside Katakana words
        return "Han"
    match = _SCRIPT_OF.match(character)
    if match is None:
        return COMMON if _UNASSIGNED.match(character) else OTHER
    name = match.lastgroup or OTHER
    return "Han" if name in _HAN_FAMILY else name


def is_digit(character: str) -> bool:
    """Return whether the character must stand alone because ``split_digits`` is on."""
    return character in _DIGITS
