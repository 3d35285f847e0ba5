"""Words that tool conversations are made of."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


CITIES = _words(
    "Lisbon Oslo Kraków Nairobi Lima Hanoi Toronto Zagreb Tunis Bergen Valencia Porto Leeds Graz Izmir Accra "
    "Quito Perth Malmö Turin Ghent Basel Riga Split Cork Bilbao Osaka Busan Denver Austin Tampa Boise Cusco Dakar Rabat"
)

PEOPLE = _words(
    "Amira Tomasz Ingrid Kwame Lucía Henrik Mei Farid Noor Pavel Greta Samir Yuki Bruno Leila Oskar Nadia Jonas Priya "
    "Mateo Elif Sven Chiara Dmitri Aisha Ruben Hana Emil Zoe Carlos Wanjiru Piotr Selma Anders Rosa Viktor Maya Idris"
)

OPENERS = (
    "I am putting together the plans for {person}'s visit.",
    "{person} asked me about this at lunch and I had no idea.",
    "We only just landed and my phone is nearly empty.",
    "My sister {person} swears that you are quicker than a web search.",
    "There is a spreadsheet open in front of me with one cell missing.",
    "This is for the school trip that {person} organises every autumn.",
    "Sorry to bother you again so early.",
    "I have ten minutes before the meeting with {person} begins.",
    "Let us see whether you can save my evening.",
    "The train is late, so I have time to sort this out.",
    "Our neighbours left for {city} and I promised to help.",
    "Before I forget, one small thing.",
    "I lost the note where {person} had written it down.",
    "My grandmother {person} is coming over from {city}.",
    "The whole office is arguing about it, so please settle this.",
    "I am cooking with one hand and typing with the other.",
    "{person} and I have been going back and forth for days.",
    "Last year we got this wrong and it was expensive.",
    "It is raining, the dog wants out, and I need an answer.",
    "A customer from {city} is on the other line.",
    "I would do it myself, but the site keeps logging me out.",
    "You were a great help with the thing in {city}, so here is another one.",
    "For once I am planning ahead.",
    "Nobody at the desk could tell me, not even {person}.",
)

CLOSERS = (
    "Thanks in advance.",
    "A short answer is enough.",
    "Take your time.",
    "I will pass it on to {person}.",
    "Then I can finally close this tab.",
    "It would be lovely to know before noon.",
    "{person} will be relieved.",
    "Just the facts, please.",
    "I owe you one.",
    "Be honest if it looks bad.",
    "",
    "",
)

FOLLOW_UPS = (
    "Perfect. And what would you do in my place, {person} being who they are?",
    "Good to know. Is that the sort of thing people in {city} worry about?",
    "Great, and could you put that into one line that I can send to {person}?",
    "Hm, {person} hoped for something else. Anything I should keep in mind?",
    "Lovely. Remind me what I asked first, my head is in {city} already.",
    "That was quick! Would you say that this is usual for the time of year?",
)

LAST_WORDS = (
    "I would keep it simple and tell {person} today, so that nobody in {city} has to wait for it.",
    "Not more than elsewhere. Should anything change I can look again, and {person} can do the same from {city}.",
    "Here it is: all settled, details as above, and {person} may write back from {city} with any question.",
    "Only that plans change. Leave some room, above all when {person} travels by way of {city}.",
    "You asked me to look something up and I did. {person} and the rest of {city} can rest easy.",
    "Fairly usual, yes. I remember no year in which {city} was much different, whatever {person} says.",
)

DISHES = _phrases("ramen|tapas|injera|pierogi|ceviche|curry|falafel|pizza|dim sum|bibimbap|fondue|paella|mezze|tacos")

ROOMS = _phrases("kitchen|nursery|attic|hallway|study|bathroom|cellar|guest room|living room|workshop|greenhouse")

EVENTS = _phrases(
    "budget review|piano lesson|dentist|garden planning|bicycle repair|book club|chess evening|parents' evening|"
    "translation check|house viewing|choir practice|eye test|tax talk|rehearsal dinner|roof inspection"
)

CURRENCIES = _words("EUR USD GBP JPY CHF SEK NOK PLN CZK CAD AUD KRW BRL")

SKIES = _phrases("clear|overcast|light rain|thunderstorms|fog|snow showers|a dry wind|drizzle|broken clouds")

DAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
