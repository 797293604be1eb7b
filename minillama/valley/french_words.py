"""The words of the Valley's second language, by their English ones.

Small and written by hand like the English lexicon. Every noun knows its gender, number and whether the word before it
loses its vowel (l'atelier, but le hibou), so that articles, elision and agreement come out right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from minillama.valley.lexicon import DAYS, MONTHS

VOWELS = "aeiouâàéèêëîïôœûAEIOUÂÀÉÈÊÎÔŒ"
_SILENT_H = ("horloge",)  # le hibou and le haricot keep their vowel


@dataclass(frozen=True)
class Noun:
    """A French noun: the word, its gender, its number, and the forms that other words take before it."""

    word: str
    gender: Literal["m", "f"]
    plural: bool = False

    @property
    def elides(self) -> bool:
        """Whether le, la and de lose their vowel before the word."""
        return self.word[0] in VOWELS or self.word.startswith(_SILENT_H)

    @property
    def the(self) -> str:
        """With the definite article: le pain, la soupe, l'échelle, les pommes."""
        if self.plural:
            return f"les {self.word}"
        if self.elides:
            return f"l'{self.word}"
        return f"{'le' if self.gender == 'm' else 'la'} {self.word}"

    @property
    def a(self) -> str:
        """With the indefinite article: un livre, une lampe, des pommes."""
        if self.plural:
            return f"des {self.word}"
        return f"{'un' if self.gender == 'm' else 'une'} {self.word}"

    @property
    def some(self) -> str:
        """With the partitive article: du pain, de la soupe, de l'eau, des pommes."""
        return _contract("de", self)

    @property
    def at(self) -> str:
        """With à and the definite article: au moulin, à la ferme, à l'école, aux champs."""
        return _contract("à", self)


def _contract(preposition: Literal["de", "à"], noun: Noun) -> str:
    """Join ``preposition`` and the definite article: de + le = du, à + les = aux."""
    if noun.plural:
        return f"{'des' if preposition == 'de' else 'aux'} {noun.word}"
    if noun.gender == "m" and not noun.elides:
        return f"{'du' if preposition == 'de' else 'au'} {noun.word}"
    return f"{preposition} {noun.the}"


JOBS: Mapping[str, tuple[str, str]] = {
    "baker": ("boulanger", "boulangère"),
    "blacksmith": ("forgeron", "forgeronne"),
    "carpenter": ("menuisier", "menuisière"),
    "cook": ("cuisinier", "cuisinière"),
    "doctor": ("médecin", "médecin"),
    "farmer": ("fermier", "fermière"),
    "fisher": ("pêcheur", "pêcheuse"),
    "gardener": ("jardinier", "jardinière"),
    "librarian": ("bibliothécaire", "bibliothécaire"),
    "miller": ("meunier", "meunière"),
    "painter": ("peintre", "peintre"),
    "potter": ("potier", "potière"),
    "shepherd": ("berger", "bergère"),
    "tailor": ("couturier", "couturière"),
    "teacher": ("instituteur", "institutrice"),
    "weaver": ("tisserand", "tisserande"),
}
WORKPLACES: Mapping[str, Noun] = {
    "bakery": Noun("boulangerie", "f"),
    "clinic": Noun("clinique", "f"),
    "farm": Noun("ferme", "f"),
    "forge": Noun("forge", "f"),
    "garden": Noun("jardin", "m"),
    "harbour": Noun("port", "m"),
    "kitchen": Noun("cuisine", "f"),
    "library": Noun("bibliothèque", "f"),
    "loom house": Noun("atelier de tissage", "m"),
    "mill": Noun("moulin", "m"),
    "pasture": Noun("pâturage", "m"),
    "pottery": Noun("poterie", "f"),
    "school": Noun("école", "f"),
    "shop": Noun("boutique", "f"),
    "studio": Noun("studio", "m"),
    "workshop": Noun("atelier", "m"),
}
ANIMALS: Mapping[str, Noun] = {
    "cat": Noun("chat", "m"),
    "dog": Noun("chien", "m"),
    "donkey": Noun("âne", "m"),
    "duck": Noun("canard", "m"),
    "frog": Noun("grenouille", "f"),
    "goat": Noun("chèvre", "f"),
    "hen": Noun("poule", "f"),
    "horse": Noun("cheval", "m"),
    "owl": Noun("hibou", "m"),
    "parrot": Noun("perroquet", "m"),
    "pig": Noun("cochon", "m"),
    "rabbit": Noun("lapin", "m"),
}
FOODS: Mapping[str, Noun] = {
    "apples": Noun("pommes", "f", True),
    "beans": Noun("haricots", "m", True),
    "bread": Noun("pain", "m"),
    "carrots": Noun("carottes", "f", True),
    "cheese": Noun("fromage", "m"),
    "cherries": Noun("cerises", "f", True),
    "honey": Noun("miel", "m"),
    "mushrooms": Noun("champignons", "m", True),
    "noodles": Noun("nouilles", "f", True),
    "pancakes": Noun("crêpes", "f", True),
    "pears": Noun("poires", "f", True),
    "pie": Noun("tarte", "f"),
    "plums": Noun("prunes", "f", True),
    "porridge": Noun("bouillie", "f"),
    "rice": Noun("riz", "m"),
    "soup": Noun("soupe", "f"),
}
HOBBIES: Mapping[str, Noun] = {
    "chess": Noun("échecs", "m", True),
    "cooking": Noun("cuisine", "f"),
    "cycling": Noun("vélo", "m"),
    "dancing": Noun("danse", "f"),
    "drawing": Noun("dessin", "m"),
    "fishing": Noun("pêche", "f"),
    "hiking": Noun("randonnée", "f"),
    "juggling": Noun("jonglerie", "f"),
    "knitting": Noun("tricot", "m"),
    "reading": Noun("lecture", "f"),
    "sailing": Noun("voile", "f"),
    "singing": Noun("chant", "m"),
    "skating": Noun("patinage", "m"),
    "swimming": Noun("natation", "f"),
}
THINGS: Mapping[str, Noun] = {
    "ball": Noun("ballon", "m"),
    "basket": Noun("panier", "m"),
    "bell": Noun("cloche", "f"),
    "boat": Noun("bateau", "m"),
    "book": Noun("livre", "m"),
    "box": Noun("boîte", "f"),
    "bucket": Noun("seau", "m"),
    "cart": Noun("charrette", "f"),
    "chair": Noun("chaise", "f"),
    "clock": Noun("horloge", "f"),
    "compass": Noun("boussole", "f"),
    "drum": Noun("tambour", "m"),
    "flute": Noun("flûte", "f"),
    "hat": Noun("chapeau", "m"),
    "kite": Noun("cerf-volant", "m"),
    "ladder": Noun("échelle", "f"),
    "lamp": Noun("lampe", "f"),
    "mirror": Noun("miroir", "m"),
    "scarf": Noun("écharpe", "f"),
    "spade": Noun("bêche", "f"),
    "teapot": Noun("théière", "f"),
    "umbrella": Noun("parapluie", "m"),
    "vase": Noun("vase", "m"),
    "whistle": Noun("sifflet", "m"),
}
COLOURS: Mapping[str, tuple[str, str]] = {
    "red": ("rouge", "rouge"),
    "blue": ("bleu", "bleue"),
    "green": ("vert", "verte"),
    "yellow": ("jaune", "jaune"),
    "white": ("blanc", "blanche"),
    "black": ("noir", "noire"),
    "brown": ("brun", "brune"),
    "orange": ("orange", "orange"),
    "pink": ("rose", "rose"),
    "grey": ("gris", "grise"),
}
LANDMARKS: Mapping[str, Noun] = {
    "stone bridge": Noun("pont de pierre", "m"),
    "round tower": Noun("tour ronde", "f"),
    "old mine": Noun("vieille mine", "f"),
    "windmill": Noun("moulin à vent", "m"),
    "wooden pier": Noun("jetée en bois", "f"),
    "hollow oak": Noun("chêne creux", "m"),
    "lighthouse": Noun("phare", "m"),
    "rose garden": Noun("jardin de roses", "m"),
}
FRENCH_DAYS = dict(zip(DAYS, ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"), strict=True))
FRENCH_MONTHS = dict(
    zip(
        MONTHS,
        (
            "janvier", "février", "mars", "avril", "mai", "juin",
            "juillet", "août", "septembre", "octobre", "novembre", "décembre",
        ),
        strict=True,
    )
)  # fmt: skip
FRENCH_NUMBERS = (
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix",
    "onze", "douze", "treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf", "vingt",
)  # fmt: skip
