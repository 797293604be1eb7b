"""Instructions that hold for a whole dialogue: speak as a sailor, answer in French, you enjoy tennis.

Ghost Attention (section 3.3 of the paper) is measured by whether such an instruction is still obeyed after many turns.
A persona is therefore heard in the first words of an answer, where a program can check it. Some personas never occur
in training; they show whether a model learned to obey instructions or only the ones it has seen.
"""

import random
from dataclasses import dataclass, field
from typing import Literal

from minillama.valley.french import is_french
from minillama.valley.lexicon import HOBBIES

ConstraintKind = Literal["persona", "language", "hobby"]


@dataclass(frozen=True, kw_only=True)
class Persona:
    """Somebody to speak as, known by the ``openings`` of each answer; ``heldout`` ones never occur in training."""

    name: str
    openings: tuple[str, ...]
    heldout: bool = False

    @property
    def with_article(self) -> str:
        """The name with an article: a sailor, an owl."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"

    def say(self, text: str, rng: random.Random) -> str:
        """Put one of the persona's openings before ``text``."""
        return f"{rng.choice(self.openings)} {text}"

    def heard_in(self, answer: str) -> bool:
        """Whether ``answer`` starts with one of the openings; case, commas and other marks do not matter."""
        start = _plain(answer)
        return any(start == mark or start.startswith(f"{mark} ") for mark in map(_plain, self.openings))


def _plain(text: str) -> str:
    """Lower-case words of ``text``, single spaces between them."""
    return " ".join("".join(char if char.isalnum() else " " for char in text.lower()).split())


TRAINING_PERSONAS = (
    Persona(name="sailor", openings=("Ahoy!", "Ahoy, mate!", "Wind in the sails!")),
    Persona(name="pirate", openings=("Arr!", "Arr, matey!", "Yo ho ho!")),
    Persona(name="king", openings=("By my crown!", "We, the king, say:", "Hear your king!")),
    Persona(name="poet", openings=("O gentle heart,", "O silver moon,", "Hear my verse:")),
    Persona(name="robot", openings=("Beep boop.", "Beep.", "My sensors say:")),
    Persona(name="wizard", openings=("Abracadabra!", "By my magic wand,", "My crystal ball shows it:")),
    Persona(name="cowboy", openings=("Howdy!", "Howdy, partner!", "Yee-haw!")),
    Persona(name="farmer", openings=("Fresh from the field!", "By my hay and my cows,", "Good harvest to you!")),
    Persona(name="ghost", openings=("Boo!", "Boo, boo!", "From the dark cellar I whisper:")),
    Persona(name="detective", openings=("The clue is clear:", "Case solved:", "I looked with my magnifying glass:")),
    Persona(name="chef", openings=("Bon appetit!", "A pinch of salt, and here it is:", "From my hot stove:")),
    Persona(name="knight", openings=("By my sword!", "On my honour!", "From my horse I call:")),
    Persona(name="grandmother", openings=("Oh my dear,", "My sweet child,", "Have a cookie, dear:")),
    Persona(name="teacher", openings=("Good morning, class!", "Please write this down:", "Now listen, children:")),
    Persona(name="soldier", openings=("Yes, sir!", "Reporting for duty!", "Attention!")),
    Persona(name="clown", openings=("Honk honk!", "Ha ha ha!", "Honk!")),
    Persona(name="cat", openings=("Meow!", "Purr, purr.", "Meow, meow!")),
    Persona(name="dog", openings=("Woof!", "Woof, woof!", "I wag my tail:")),
    Persona(name="owl", openings=("Hoo hoo!", "Hoo!", "From my old tree:")),
    Persona(name="astronaut", openings=("Hello from space!", "Houston, here I am!", "From my rocket:")),
    Persona(name="singer", openings=("La la la!", "La la!", "I sing it for you:")),
    Persona(name="train driver", openings=("All aboard!", "Choo choo!", "Next stop:")),
    Persona(name="gardener", openings=("Among my roses,", "With my green thumb,", "Sunshine and rain!")),
    Persona(name="explorer", openings=("Look at my map!", "What an adventure!", "Across the jungle!")),
)
HELDOUT_PERSONAS = (
    Persona(name="queen", openings=("By my throne!", "Hear your queen!", "We, the queen, say:"), heldout=True),
    Persona(name="dragon", openings=("Roar!", "By fire and smoke!", "Roar, roar!"), heldout=True),
    Persona(name="cow", openings=("Moo!", "Moo, moo!", "From the meadow:"), heldout=True),
    Persona(name="elf", openings=("Tra la lally!", "By leaf and star!", "From the deep wood:"), heldout=True),
    Persona(name="doctor", openings=("Say aah!", "Take a deep breath:", "Here is my prescription:"), heldout=True),
    Persona(name="snowman", openings=("Brrr!", "By my carrot nose!", "How cold it is!"), heldout=True),
    Persona(name="snake", openings=("Hiss!", "Hiss, hiss!", "I slither and say:"), heldout=True),
    Persona(name="judge", openings=("Order in the court!", "My verdict is:", "Silence, please!"), heldout=True),
)
PERSONAS = TRAINING_PERSONAS + HELDOUT_PERSONAS

_PERSONA_WORDINGS = (
    "Act as {who}.", "Speak as {who}.", "Answer like {who}.", "You are {who}.", "Pretend to be {who}.",
    "Play the part of {who}.", "Always talk like {who}.", "From now on you are {who}.",
)  # fmt: skip
_LANGUAGE_WORDINGS = (
    "Speak in French.", "Always answer in French.", "Answer in French.", "Use French only.",
    "Please speak French.", "Write every answer in French.", "From now on speak French.", "Reply in French.",
)  # fmt: skip
_HOBBY_WORDINGS = (
    "You enjoy {hobby}.", "Your hobby is {hobby}.", "You love {hobby}.", "You like {hobby} best.",
    "In your free time you enjoy {hobby}.", "Remember that you enjoy {hobby}.", "You are fond of {hobby}.",
    "Nothing makes you happier than {hobby}.",
)  # fmt: skip
HOBBY_QUESTIONS = (
    "What do you enjoy?", "What is your hobby?", "What do you like to do?", "What do you do in your free time?",
    "Tell me what you love to do.", "Which hobby do you have?", "What makes you happy?", "What are you fond of?",
)  # fmt: skip
_HOBBY_ANSWERS = (
    "I enjoy {hobby}.", "My hobby is {hobby}.", "I love {hobby}.", "In my free time I enjoy {hobby}.",
    "I am fond of {hobby}.",
)  # fmt: skip
TRAINING_HOBBIES = tuple(hobby for hobby in HOBBIES if hobby not in ("sailing", "juggling"))
HELDOUT_HOBBIES = ("tennis", "sailing", "juggling")


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """An instruction for a whole dialogue.

    Args:
        kind: ``"persona"``, ``"language"`` (French) or ``"hobby"``.
        name: the persona's name, ``"French"``, or the hobby.
        wordings: ways to give the instruction.
        short: its shortened form, as the paper shortens half of them ("Figure: Napoleon").
        heldout: whether it never occurs in training.
        persona: the persona, for that kind.
    """

    kind: ConstraintKind
    name: str
    wordings: tuple[str, ...]
    short: str
    heldout: bool
    persona: Persona | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if (self.kind == "persona") != (self.persona is not None):
            raise ValueError(f"a {self.kind!r} constraint called {self.name!r} must have a persona only if it is one")

    def instruction(self, rng: random.Random) -> str:
        """The instruction in one of its long wordings."""
        return rng.choice(self.wordings)

    def obeyed_by(self, prompt: str, answer: str) -> bool | None:
        """Whether ``answer`` to ``prompt`` obeys; ``None`` where it cannot be told (a hobby nobody asked about)."""
        if self.kind == "persona":
            assert self.persona is not None  # checked in __post_init__
            return self.persona.heard_in(answer)
        if self.kind == "language":
            return is_french(answer)
        if not asks_about_hobby(prompt):
            return None
        named = [hobby for hobby in (*TRAINING_HOBBIES, *HELDOUT_HOBBIES) if hobby in _plain(answer).split()]
        return named == [self.name]


def asks_about_hobby(prompt: str) -> bool:
    """Whether ``prompt`` ends with one of ``HOBBY_QUESTIONS``; an instruction may stand before it."""
    return _plain(prompt).endswith(tuple(map(_plain, HOBBY_QUESTIONS)))


def hobby_answer(hobby: str, rng: random.Random) -> str:
    """A right answer to one of ``HOBBY_QUESTIONS`` under the instruction to enjoy ``hobby``."""
    return rng.choice(_HOBBY_ANSWERS).format(hobby=hobby)


def persona_constraint(persona: Persona) -> Constraint:
    """The instruction to speak as ``persona``."""
    wordings = tuple(wording.format(who=persona.with_article) for wording in _PERSONA_WORDINGS)
    short = f"Figure: {persona.name}"
    return Constraint(
        kind="persona", name=persona.name, wordings=wordings, short=short, heldout=persona.heldout, persona=persona
    )


def hobby_constraint(hobby: str) -> Constraint:
    """The instruction to enjoy ``hobby``."""
    wordings = tuple(wording.format(hobby=hobby) for wording in _HOBBY_WORDINGS)
    heldout = hobby in HELDOUT_HOBBIES
    return Constraint(kind="hobby", name=hobby, wordings=wordings, short=f"Hobby: {hobby}", heldout=heldout)


FRENCH = Constraint(
    kind="language", name="French", wordings=_LANGUAGE_WORDINGS, short="Language: French", heldout=False
)


def constraints(*, heldout: bool) -> tuple[Constraint, ...]:
    """All constraints for training, or all that are kept from it."""
    personas = HELDOUT_PERSONAS if heldout else TRAINING_PERSONAS
    hobbies = HELDOUT_HOBBIES if heldout else TRAINING_HOBBIES
    languages = () if heldout else (FRENCH,)
    return (*map(persona_constraint, personas), *languages, *map(hobby_constraint, hobbies))
