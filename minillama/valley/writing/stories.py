"""Stories: small events in the lives of villagers, and passages with questions. They never change a lasting fact."""

from minillama.valley.writing.desk import Desk, Form, write_one
from minillama.valley.writing.grammar import polish, sentence
from minillama.valley.writing.reading import passage

WHEN = (
    "one {morning|evening|day|night}", "one {warm|cold|dark} {morning|evening|day}",
    "{last|one} {spring|summer|autumn|winter}", "on a {quiet|warm} day",
    "{not long ago|one day not long ago}", "once, {before dinner|after dinner|in the rain|at the end of the day}",

    "{early|late} one {Monday|Tuesday|Friday|Sunday}",
)  # fmt: skip
HERO = (
    "[name]", "[name] the [job]", "[name], the [job] from [town],", "[name], who lives in [town],",
    "[name], who works [at work],", "the [job] [name]",
    "[name] from [town]", "[name], [name's2] [sib2],",
)  # fmt: skip
ASIDES = (
    "", "", "[X] is a [job], and [he] [does]", "[X] lives in [town], [place]",
    "you know [name], the best friend a [animal] could have", "[X] loves [hobby], but not on such a day",
    "with [him] was [his] [animal] [pet]", "[he] had [food] in [his] bag, [his] favourite food",
    "[he] was thinking of [food], which [he] likes best",
    "[he] had left [his] [colour] [treasure] at home, for it is [his] treasure",
    "[his] [sib] [sibling] was {asleep|away|at home}",
)  # fmt: skip
PLOTS = (
    (  # something is lost
        "{[when] [hero] could not find the key|[hero] lost a key [when]|[when] [hero] came home, and the key was gone}",
        "[aside]", "[he] looked {under the bed|behind the door|in every box}, {but it was not there|and found "
        "nothing|again and again}",
        "{then|at last|so} [friend], [his] best friend, came {by|to help|with a lamp}",
        "{together they|the two of them} {looked around|went back} {until noon|until the moon came up|once more}",
        "{in the end|then|at last} [pet] {ran|came} {out from under the table|into the room} with the key",
        "{how they laughed!|what a good [animal]!|everybody had to laugh.|[name] gave [pet] a good dinner.}",
    ),
    (  # a storm
        "{[when] there was a storm over [town]|[when] the wind was strong in [town]|a storm came to [town] [when]}",
        "{the rain fell on the roof|a tree fell|the river was full|the [landmark] stood in the rain}, {and nobody "
        "left the house|and it was dark}",
        "{only [hero] went out|but [hero] was not at home|[hero] looked out of the window}", "[aside]",
        "{a child was lost and sad|an old man had lost his way|a sheep had fallen into the water|somebody asked for "
        "help}",
        "[name] {ran|went} {into the rain|over the wet stones|into the dark} and {found help|helped|did what had to "
        "be done}",
        "{later they all {sang by the fire|had warm milk}|at home there was {soup|warm milk} and a fire|soon there "
        "was sun again}",
        "{[sibling] was proud of [his2] [own]|that evening [town] had a song about [name]|and [pet]? The [animal] "
        "was asleep all the time}",
    ),
    (  # the pet runs away
        "{[when] [pet] ran away|[when] the [animal] was gone|[pet], the [animal] of [name], was gone [when]}",
        "{[hero] was very sad|[hero] looked for [pet] everywhere|nobody was as sad as [name]}", "[aside]",
        "{[name] asked {all the neighbours|the whole town|[friend]}|first [name] called, then [he] walked to the "
        "river}",
        "{has anybody seen a [animal]?|who had seen [pet]?|where could a [animal] hide?}",
        "{at last somebody heard it: a [animal] [sound]|then, from the barn, came the noise that a [animal] makes"
        "|[sibling], [his] [sib], helped}",
        "{[pet] was {in a basket|under a cart|in the hay}|behind the house they found [pet]}, {full of [food]|happy "
        "and wet|and asleep}",
        "{since that day the door is closed|all is well that ends well|[name] took [pet] home}",
    ),
    (  # market day
        "{[when] [hero] went to the market|[hero] went to the market [when]|there was a market, and [hero] was there}",
        "[aside]",
        "{people sold [product] and bread|people sold bread, eggs and flowers|the town was full of people}",
        "{[name] wanted [food], but the price was too high|[name] bought [food] and [food2]}",
        "{a child was lost|an old woman could not carry her bag|a child took plums and did not ask|two people were "
        "angry}",
        "{[name] helped|[name] said a kind word|that is not right, [name] said|[name] went there and talked}",
        "{the child laughed again|and all was well|they were friends again}",
        "{in the evening|later}, [name] {went|walked} home to [town]{| with a full basket| and told [his] [sib] "
        "[sibling] everything}",
    ),
    (  # a gift
        "{[when] [hero] wanted to make a gift for [friend]|[friend] is the best friend of [name], so [when] [name] "
        "made [him3] a gift}", "[aside]",
        "{should it be {a song|a cake|a letter}|what would be right? {A song|A cake|A letter}}?",
        "[name] {worked|thought} {all night|for three days|until the sun came up}",
        "{at first it went wrong|the first one was no good|it was not easy}, {but [name] went on|and [name] was "
        "almost sad}",
        "{[sibling], [his] [sib], helped a little|[pet] the [animal] {was asleep|looked on|wanted to play}}",
        "{at last it was done|in the end it was ready}, and [friend] {was so happy|laughed and sang|had never seen "
        "such a thing}",
        "{a gift made by hand is the best gift|a friend is worth a lot|[name] was happy that night}",
    ),
    (  # a race
        "{[when] there was a race in [town]|they ran a race in [town] [when]}",
        "{[hero] wanted to win|[hero] was there, of course|[hero] ran with the others}", "[aside]",
        "{the way went over the bridge and around the mill|they had to run to the river and back|it was a long "
        "way}, {and it was hot|and it was cold|and [friend] looked on}",
        "{half way|near the mill|at the river}, {a child fell|somebody fell}",
        "[name] {went back|waited} and {helped|gave a hand|lost much time}",
        "{so [name] came last|[name] did not win|somebody else won}, {but the people sang for [him]|but everybody "
        "called [his] name|but [he] was proud}",
        "{to win is not everything|to help is better than to win|[friend] baked [him] a cake}",
    ),
    (  # a visit
        "{[when] [hero] set out to visit [friend]|[hero] set out [when] to visit [friend]}", "[aside]",
        "{it was far, but the way was {fine|easy|dry}|the road was wet|there was snow on the road}",
        "{on the bridge|near the forest|behind the mill} {[he] saw a fox|[he] heard a noise|[he] saw a light}",
        "{[name] waited|[name] did not run|[name] wanted to run}",
        "{it was only {an owl|the wind|a farmer with a lamp}|but it was nothing}",
        "{[friend] had {soup|a fire}, and it was warm|[friend] came to the door|and there was [friend], [his] best "
        "friend}",
        "they {talked|laughed|sang} {until late|for hours|half the night}",
        "{the next day|in the morning} [name] {walked|went} home to [town]{|, where [pet] waited}",
    ),
    (  # a mistake at work
        "{[when] [hero] did something wrong|even a good [job] does something wrong. [when], [name] did|it was a bad "
        "day [at work]}", "[aside]", "{something fell and broke|the work of a week was lost|nothing went right}",
        "{[name] could have told a lie|it would have been easy to say nothing|who would have known?}",
        "but [name] {told the truth|said: I did it, and I am sorry|went to the people and said it}",
        "{nobody was angry|the neighbours helped [him] at once|they all laughed, and then they helped}",
        "{by evening|the next day} {all was {well|good} again|everything was mended}",
        "{it is best to tell the truth|[name] is still a [job], and a good one|everybody likes [name]}",
    ),
)  # fmt: skip
TITLES = (
    "",
    "",
    "",
    "",
    "{a|the} story of [name]",
    "[name] and [pet]",
    "the [job] of [town]",
    "what happened to [name]",
    "{a|one} day in [town]",
    "[name] and [friend]",
    "a short story",
)


def tale(desk: Desk) -> str:
    """Tell one of the plots of a villager."""
    hero = desk.villager()
    sibling = desk.world.villager(hero.sibling)
    own = desk.world.sibling_word(sibling)
    slots = {
        "when": desk.say(desk.deal("when", WHEN)), "aside": desk.say(desk.deal("asides", ASIDES), hero),
        "his2": sibling.his, "him3": desk.world.villager(hero.friend).him, "own": own,
        "hero": desk.say(desk.deal("hero", HERO), hero, **{"name's2": f"{sibling.name}'s", "sib2": own}),
    }  # fmt: skip
    plot = desk.deal("plots", PLOTS)
    said = []
    for template in plot:
        text = desk.say(template, hero, **slots)
        if text:
            said.append(sentence(_mend_when(text)))
    title = desk.say(desk.pick(TITLES), hero)
    if desk.chance(0.5):
        said.append(desk.portrait(hero, desk.facts(hero, 1 + desk.rng.randrange(2))))
    body = " ".join(said)
    return polish(f"{title}\n{body}" if title else body)


def _mend_when(text: str) -> str:
    """Close the apposition of a hero at the end of a clause: "Ada, the farmer from Honeydale,." """
    return text.replace(",,", ",").replace(",.", ".").replace(", and the key", ", and the key")


FORMS: dict[Form, int] = {tale: 2, passage: 9}


def write(desk: Desk) -> str:
    """Write one story."""
    return write_one(desk, FORMS)
