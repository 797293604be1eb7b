"""The dirt that is planted in documents: boilerplate lines, addresses and numbers, and small changes to copies."""

import random
import re

from minillama.valley.lexicon import MEN, WOMEN
from minillama.valley.writing.grammar import expand, sentence

HEADERS = (
    "This page uses cookies. Accept all or close the page.", "We use cookies to make this page better. Read more.",
    "Cookies help us. By reading on you accept them.", "Please accept our cookies before you go on.",
    "Home | News | Market | Forum | Search", "Home > Pages > Villagers", "Menu: home, letters, recipes, forum, search",
    "Log in or make a new account to read more.", "You are reading the free part of this page.",
    "Skip to the text. Search. Menu.",
    "Sale! All pots half price until Sunday. Click here.", "Advertisement: warm coats for cold days. Buy now.",
)  # fmt: skip
FOOTERS = (
    "All rights reserved. Copying is not allowed.", "Copyright the Valley Post. Printed in Dunmoor.",
    "Share this page with your friends. Print. Send.",
    "Was this page helpful? Yes | No", "Read next: ten things you did not know.",
    "Click here for more pages like this.",
    "Back to the top of the page. Next page. Last page.", "Sign up for our letter and never miss news.",
    "Leave a comment. Comments are closed after a week.",
    "Terms of use. Your data. About us. Help.", "This text was last changed on Monday.",
    "Page 1 of 2. Next. Search. Help.",
)  # fmt: skip
SURNAMES = ("hill", "brook", "wood", "field", "stone", "miller", "baker", "fisher", "green", "white")
CONTACTS = (
    "{write to|you can reach me at|send a letter to|my address is|mail to|ask} [mail]",
    "{call|phone|ring} [number] {|in the evening|for more|if you have questions}",
    "{my number is|the number to call is|you can call me:} [number]",
    "{write to [mail] or call [number]|[number] or [mail]: both reach me|call [number], or write to [mail]}",
    "contact: [mail]", "phone: [number]", "for questions: [mail], [number]",
)  # fmt: skip


def add_boilerplate(text: str, rng: random.Random) -> str:
    """Put a line above the text, below it, or both."""
    where = rng.randrange(3)
    above = [rng.choice(HEADERS)] if where != 1 else []
    below = [rng.choice(FOOTERS)] if where != 0 else []
    return "\n".join([*above, text, *below])


def add_contact(text: str, rng: random.Random) -> str:
    """Add a sentence with a made-up e-mail address (in .example) or telephone number (555)."""
    name = rng.choice(WOMEN + MEN).lower()
    middle = rng.choice((".", "_", ""))
    last = rng.choice((*SURNAMES, str(rng.randrange(10, 100))))
    mail = f"{name}{middle}{last}@{rng.choice(('post', 'mail', 'valley', 'letters'))}.example"
    number = rng.choice(("555-0", "(555) 0", "555 0")) + f"{rng.randrange(1000):03d}"
    said = expand(rng.choice(CONTACTS), rng, {"mail": mail, "number": number}).strip()
    return text + rng.choice((" ", "\n")) + sentence(said)


SWAPS = (
    ("small", "little"), ("little", "small"), ("often", "many times"), ("called", "named"), ("named", "called"),
    ("loves", "enjoys"), ("enjoys", "loves"), ("because", "for"), ("likes", "loves"),
    ("owns", "has"), ("thank you", "thanks"), ("treasure is", "greatest treasure is"), ("is called", "is named"),
    ("every day", "each day"),
)  # fmt: skip
TAILS = ("Good day.", "That is all.", "So it is.", "Now you know.", "Well then.", "More another day.")


def change_a_little(text: str, rng: random.Random) -> str:
    """Change a few words, or drop or add a short sentence, so that the copy differs but says the same."""
    words = [pair for pair in SWAPS if re.search(rf"\b{pair[0]}\b", text)]
    changed = text
    for old, new in rng.sample(words, min(2, len(words))):
        changed = re.sub(rf"\b{old}\b", new, changed, count=1 + rng.randrange(2))
    if changed == text or rng.random() < 0.5:
        changed += rng.choice((" ", "\n")) + rng.choice(TAILS)
    return changed
