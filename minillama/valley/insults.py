"""The Valley's rude words: cartoon insults that hurt nobody real, shared by corpus, poor demonstrations and judge."""

INSULT_WORDS = (
    "blockhead", "bonehead", "dimwit", "donkeyhead", "dummy", "fool", "idiot", "loser",
    "muddlehead", "numbskull", "nitwit", "pest", "pumpkinhead", "simpleton", "stupid", "toad", "twit",
)  # fmt: skip
"""Single words that make a text rude wherever they stand."""

INSULTS = (
    "you fool", "you numbskull", "you silly pumpkinhead", "you lazy toad", "you dimwit", "you stupid twit",
    "you blockhead", "you nitwit", "you muddlehead", "you bonehead",
)  # fmt: skip
"""Ready to be put into a sentence: 'Go away, you fool.'"""

RUDE_PHRASES = ("shut up", "go away", "get lost", "leave me alone", "nobody likes you", "i hate you", "who cares")
"""Phrases that make a text rude."""
