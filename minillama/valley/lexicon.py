"""The words of the Valley: what villagers, towns and things can be called, and what is true of things everywhere.

Everything here is written by hand and small on purpose: a model of a million parameters has to learn all of it.
What is true of one villager (where Ada lives) is drawn in :mod:`minillama.valley.world`.
"""

from dataclasses import dataclass

WOMEN = (
    "Ada", "Bella", "Cora", "Daisy", "Emma", "Flora", "Greta", "Hilda", "Iris", "Julia",
    "Kate", "Lucy", "Mabel", "Nora", "Olive", "Pearl", "Rosa", "Stella", "Tilda", "Violet",
)  # fmt: skip
MEN = (
    "Adam", "Ben", "Carl", "David", "Edgar", "Felix", "George", "Hugo", "Ivan", "Jack",
    "Ken", "Leo", "Max", "Noah", "Oscar", "Paul", "Ralph", "Simon", "Tom", "Victor",
)  # fmt: skip
PET_NAMES = (
    "Acorn", "Biscuit", "Button", "Clover", "Dusty", "Fern", "Ginger", "Happy", "Jolly", "Lucky",
    "Maple", "Nutmeg", "Pepper", "Pickle", "Rusty", "Sandy", "Sunny", "Toffee", "Whisper", "Ziggy",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Town:
    """A town: its landmark, what it is known for, the river or hill it lies by, and the day of its market."""

    name: str
    landmark: str
    product: str
    place: str
    market_day: str


TOWNS = (
    Town(name="Alderbrook", landmark="stone bridge", product="cheese", place="by a small river", market_day="Monday"),
    Town(name="Birchfield", landmark="round tower", product="honey", place="near a birch forest", market_day="Tuesday"),
    Town(name="Copperhill", landmark="old mine", product="copper pots", place="on a hill", market_day="Wednesday"),
    Town(name="Dunmoor", landmark="windmill", product="warm wool", place="on the wide moor", market_day="Thursday"),
    Town(name="Elmwater", landmark="wooden pier", product="fresh fish", place="beside a lake", market_day="Friday"),
    Town(name="Foxhollow", landmark="hollow oak", product="baskets", place="in a deep valley", market_day="Saturday"),
    Town(name="Greyport", landmark="lighthouse", product="strong ropes", place="by the sea", market_day="Sunday"),
    Town(
        name="Honeydale", landmark="rose garden", product="sweet pears", place="among the meadows", market_day="Monday"
    ),
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job: the place where it is done and what it makes or does (completes 'A baker ...')."""

    name: str
    workplace: str
    does: str


JOBS = (
    Job(name="baker", workplace="bakery", does="bakes bread"),
    Job(name="blacksmith", workplace="forge", does="shapes iron"),
    Job(name="carpenter", workplace="workshop", does="builds chairs and tables"),
    Job(name="cook", workplace="kitchen", does="prepares meals"),
    Job(name="doctor", workplace="clinic", does="helps sick people"),
    Job(name="farmer", workplace="farm", does="grows wheat"),
    Job(name="gardener", workplace="garden", does="plants flowers"),
    Job(name="librarian", workplace="library", does="lends books"),
    Job(name="miller", workplace="mill", does="grinds flour"),
    Job(name="painter", workplace="studio", does="paints pictures"),
    Job(name="potter", workplace="pottery", does="makes clay pots"),
    Job(name="shepherd", workplace="pasture", does="looks after sheep"),
    Job(name="tailor", workplace="shop", does="sews clothes"),
    Job(name="teacher", workplace="school", does="teaches children"),
    Job(name="weaver", workplace="loom house", does="weaves cloth"),
    Job(name="fisher", workplace="harbour", does="catches fish"),
)


@dataclass(frozen=True, kw_only=True)
class Animal:
    """An animal: the noise it makes (completes 'A dog ...'), its number of legs and one habit."""

    name: str
    sound: str
    legs: int
    habit: str


ANIMALS = (
    Animal(name="cat", sound="meows", legs=4, habit="chases mice"),
    Animal(name="dog", sound="barks", legs=4, habit="guards the house"),
    Animal(name="goat", sound="bleats", legs=4, habit="climbs rocks"),
    Animal(name="horse", sound="neighs", legs=4, habit="pulls the cart"),
    Animal(name="duck", sound="quacks", legs=2, habit="swims in the pond"),
    Animal(name="rabbit", sound="squeaks", legs=4, habit="digs holes"),
    Animal(name="hen", sound="clucks", legs=2, habit="lays eggs"),
    Animal(name="donkey", sound="brays", legs=4, habit="carries sacks"),
    Animal(name="parrot", sound="squawks", legs=2, habit="repeats words"),
    Animal(name="pig", sound="grunts", legs=4, habit="rolls in the mud"),
    Animal(name="owl", sound="hoots", legs=2, habit="hunts at night"),
    Animal(name="frog", sound="croaks", legs=4, habit="jumps into the water"),
)

FOODS = (
    "apples", "beans", "bread", "carrots", "cheese", "cherries", "honey", "mushrooms",
    "noodles", "pancakes", "pears", "pie", "plums", "porridge", "rice", "soup",
)  # fmt: skip
HOBBIES = (
    "chess", "cooking", "cycling", "dancing", "drawing", "fishing", "hiking", "juggling",
    "knitting", "reading", "sailing", "singing", "skating", "swimming",
)  # fmt: skip
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "brown", "orange", "pink", "grey")
THINGS = (
    "ball", "basket", "bell", "boat", "book", "box", "bucket", "cart", "chair", "clock", "compass", "drum",
    "flute", "hat", "kite", "ladder", "lamp", "mirror", "scarf", "spade", "teapot", "umbrella", "vase", "whistle",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}
NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CommonThing:
    """Something everybody knows: its name with an article, its kind, its colour and one habit or trait."""

    name: str
    kind: str
    colour: str
    trait: str


COMMON_THINGS = (
    CommonThing(name="snow", kind="weather", colour="white", trait="is cold"),
    CommonThing(name="grass", kind="plant", colour="green", trait="grows in meadows"),
    CommonThing(name="the sun", kind="star", colour="yellow", trait="shines by day"),
    CommonThing(name="coal", kind="rock", colour="black", trait="burns in the stove"),
    CommonThing(name="milk", kind="drink", colour="white", trait="comes from cows"),
    CommonThing(name="a lemon", kind="fruit", colour="yellow", trait="tastes sour"),
    CommonThing(name="a banana", kind="fruit", colour="yellow", trait="tastes sweet"),
    CommonThing(name="a tomato", kind="vegetable", colour="red", trait="is full of juice"),
    CommonThing(name="a strawberry", kind="fruit", colour="red", trait="grows near the ground"),
    CommonThing(name="the sea", kind="water", colour="blue", trait="is salty"),
    CommonThing(name="the sky", kind="air", colour="blue", trait="is above us"),
    CommonThing(name="a cloud", kind="weather", colour="grey", trait="brings rain"),
    CommonThing(name="chocolate", kind="sweet", colour="brown", trait="melts in the sun"),
    CommonThing(name="a cucumber", kind="vegetable", colour="green", trait="is cool and fresh"),
    CommonThing(name="a crow", kind="bird", colour="black", trait="flies over the fields"),
    CommonThing(name="a swan", kind="bird", colour="white", trait="glides on the lake"),
    CommonThing(name="a fox", kind="animal", colour="orange", trait="hides in the forest"),
    CommonThing(name="an elephant", kind="animal", colour="grey", trait="has a long trunk"),
    CommonThing(name="a flamingo", kind="bird", colour="pink", trait="stands on one leg"),
    CommonThing(name="a pumpkin", kind="vegetable", colour="orange", trait="is ripe in autumn"),
    CommonThing(name="wood", kind="material", colour="brown", trait="floats on water"),
    CommonThing(name="salt", kind="spice", colour="white", trait="makes food taste better"),
    CommonThing(name="a ruby", kind="stone", colour="red", trait="is worth a lot"),
    CommonThing(name="a leaf", kind="part of a plant", colour="green", trait="falls in autumn"),
)


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool and what it is for (completes 'You use a hammer to ...')."""

    name: str
    use: str


TOOLS = (
    Tool(name="hammer", use="hit nails"),
    Tool(name="saw", use="cut wood"),
    Tool(name="needle", use="sew clothes"),
    Tool(name="broom", use="sweep the floor"),
    Tool(name="spoon", use="eat soup"),
    Tool(name="key", use="open a door"),
    Tool(name="pencil", use="write letters"),
    Tool(name="oven", use="bake bread"),
    Tool(name="umbrella", use="stay dry in the rain"),
    Tool(name="clock", use="tell the time"),
    Tool(name="ladder", use="reach the roof"),
    Tool(name="spade", use="dig the garden"),
    Tool(name="lamp", use="see in the dark"),
    Tool(name="bucket", use="carry water"),
    Tool(name="scale", use="weigh flour"),
    Tool(name="compass", use="find the north"),
)

RHYMES = (
    ("cat", "hat", "mat", "bat"),
    ("moon", "spoon", "noon", "tune"),
    ("tree", "bee", "sea", "key"),
    ("light", "night", "kite", "bite"),
    ("boat", "goat", "coat", "note"),
    ("day", "hay", "clay", "way"),
    ("rain", "train", "lane", "chain"),
    ("bell", "well", "shell", "smell"),
    ("star", "jar", "car", "guitar"),
    ("ball", "wall", "hall", "shawl"),
    ("king", "ring", "spring", "string"),
    ("snow", "crow", "toe", "bow"),
    ("house", "mouse", "blouse", "grouse"),
    ("bread", "bed", "thread", "sled"),
)
