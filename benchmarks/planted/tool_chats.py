"""Clean conversations with tool calls, as OpenAI's chat format has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.planted import tool_words as words
from benchmarks.planted.formats import message
from benchmarks.planted.layout import dump

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from benchmarks.planted.layout import Sample


def _text(about: str) -> Sample:
    return {"type": "string", "description": about}


def _declare(name: str, about: str, properties: dict[str, Sample], required: list[str]) -> Sample:
    parameters = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}


TOOLS: dict[str, Sample] = {
    tool["function"]["name"]: tool
    for tool in (
        _declare(
            "get_weather",
            "The weather in a city on a day.",
            {
                "city": _text("Name of the city"),
                "days_ahead": {"type": "integer", "minimum": 0, "maximum": 10},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            ["city", "unit"],
        ),
        _declare(
            "convert_currency",
            "Convert an amount of money at today's rate.",
            {"amount": {"type": "number", "exclusiveMinimum": 0}, "source": _text("From"), "target": _text("To")},
            ["amount", "source", "target"],
        ),
        _declare(
            "create_event",
            "Put something into the calendar.",
            {
                "title": _text("What it is"),
                "day": _text("Day of the week"),
                "hour": {"type": "integer", "minimum": 0, "maximum": 23},
                "guests": {"type": "array", "items": {"type": "string"}},
            },
            ["title", "day", "hour"],
        ),
        _declare(
            "find_restaurant",
            "Find a place to eat.",
            {"city": _text("Where"), "dish": _text("What"), "seats": {"type": "integer", "minimum": 1}},
            ["city", "dish", "seats"],
        ),
        _declare(
            "set_temperature",
            "Set a room's heating.",
            {"room": _text("Which room"), "degrees": {"type": "number", "minimum": 5, "maximum": 30}},
            ["room", "degrees"],
        ),
        _declare(
            "book_train",
            "Reserve seats on a train.",
            {
                "origin": _text("From"),
                "destination": _text("To"),
                "seats": {"type": "integer", "minimum": 1},
                "class": {"type": "string", "enum": ["first", "second"]},
            },
            ["origin", "destination", "seats", "class"],
        ),
    )
}


@dataclass(frozen=True)
class Errand:
    """Something a user wants, the call that gets it, what the tool says, and what the assistant makes of it."""

    request: str
    tool: str
    arguments: dict[str, Any]
    result: dict[str, Any]
    answer: str


def call(rng: random.Random, name: str, arguments: object) -> Sample:
    identifier = "call_" + "".join(rng.choices("abcdefghjkmnpqrstuvwxyz", k=10))
    text = arguments if isinstance(arguments, str) else dump(arguments)
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": text}}


def calling(*calls: Sample, content: str | None = None) -> Sample:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def result(of: Sample, value: object) -> Sample:
    return {"role": "tool", "tool_call_id": of["id"], "content": dump(value)}


def tool_chat(rng: random.Random, errands: int = 1, follow_up: bool = False) -> Sample:
    """A whole conversation: request, calls (all at once), results, answer, perhaps another question."""
    chosen = [errand(rng) for _ in range(errands)]
    calls = [call(rng, one.tool, one.arguments) for one in chosen]
    request = " ".join(one.request for one in chosen)
    asked = " ".join(filter(None, (_fill(rng, words.OPENERS), request, _fill(rng, words.CLOSERS))))
    messages = [
        message("user", asked),
        calling(*calls),
        *(result(made, one.result) for made, one in zip(calls, chosen, strict=True)),
        message("assistant", " ".join(one.answer for one in chosen)),
    ]
    if rng.random() < 0.3:  # some writers leave the content of a call empty, some leave it out
        messages[1]["content"] = ""
    elif rng.random() < 0.3:
        del messages[1]["content"]
    if follow_up:
        messages += [message("user", _fill(rng, words.FOLLOW_UPS)), message("assistant", _fill(rng, words.LAST_WORDS))]
    others = rng.sample(sorted(TOOLS), 2)
    return {
        "messages": messages,
        "tools": [TOOLS[name] for name in dict.fromkeys([*(one.tool for one in chosen), *others])],
    }


def clean(rng: random.Random) -> Sample:
    """A conversation of any clean kind."""
    sample = tool_chat(rng, rng.choice((1, 1, 1, 2)), rng.random() < 0.4)
    if rng.random() < 0.1:  # what is learned may well be the call itself
        last_call = max(index for index, turn in enumerate(sample["messages"]) if "tool_calls" in turn)
        sample["messages"] = sample["messages"][: last_call + 1]
    return sample


def errand(rng: random.Random) -> Errand:
    return rng.choice(_ERRANDS)(rng)


def _fill(rng: random.Random, choices: tuple[str, ...]) -> str:
    return rng.choice(choices).format(person=rng.choice(words.PEOPLE), city=rng.choice(words.CITIES))


def _weather(rng: random.Random) -> Errand:
    city, days, unit = rng.choice(words.CITIES), rng.randrange(0, 8), rng.choice(("celsius", "fahrenheit"))
    degrees = rng.randrange(-8, 36) if unit == "celsius" else rng.randrange(20, 95)
    sky, person = rng.choice(words.SKIES), rng.choice(words.PEOPLE)
    when = ("today", "tomorrow")[days] if days < 2 else f"in {days} days"
    request = rng.choice(
        (
            f"Will {person} need a coat in {city} {when}? Degrees {unit}, please.",
            f"How does the sky over {city} look {when}, in {unit}, for a walk with {person}?",
            f"{person} drives to {city} {when}. What weather is that going to be? Use {unit}.",
            f"Give me the {unit} reading that {city} expects {when}; {person} collects them.",
        )
    )
    answer = rng.choice(
        (
            f"In {city} it will be {degrees} degrees {unit} with {sky}, so {person} should dress for that.",
            f"Expect {sky} and about {degrees} degrees {unit} over {city}. {person} can plan around it.",
            f"{sky.capitalize()} at {degrees} degrees {unit} is what {city} gets. Tell {person} I said hello.",
        )
    )
    return Errand(
        request,
        "get_weather",
        {"city": city, "days_ahead": days, "unit": unit},
        {"sky": sky, "degrees": degrees},
        answer,
    )


def _currency(rng: random.Random) -> Errand:
    source, target = rng.sample(words.CURRENCIES, 2)
    amount, rate, person = rng.randrange(12, 4000), round(rng.uniform(0.2, 9), 2), rng.choice(words.PEOPLE)
    total, city = round(amount * rate, 2), rng.choice(words.CITIES)
    request = rng.choice(
        (
            f"What do {amount} {source} come to in {target}? {person} pays in {city}.",
            f"{person} in {city} was offered {amount} {source}; say it in {target} for me.",
            f"Turn {amount} {source} into {target}, since the shop in {city} where {person} works takes nothing else.",
        )
    )
    answer = rng.choice(
        (
            f"{amount} {source} are {total} {target} today, which {person} can count on in {city}.",
            f"That makes {total} {target}. In {city} {person} may lose a little to fees on {amount} {source}.",
        )
    )
    arguments = {"amount": amount, "source": source, "target": target}
    return Errand(request, "convert_currency", arguments, {"total": total, "rate": rate}, answer)


def _event(rng: random.Random) -> Errand:
    title, hour, guests = rng.choice(words.EVENTS), rng.randrange(7, 22), rng.sample(words.PEOPLE, rng.randrange(1, 4))
    day = rng.choice(words.DAYS)
    room, names = rng.choice(words.ROOMS), " and ".join(guests)
    request = rng.choice(
        (
            f"Block {day} at {hour} for the {title} with {names}, down in the {room}.",
            f"The {title} moves to {day}, {hour} o'clock; {names} will sit in the {room}.",
            f"Could {names} be told that the {title} in the {room} starts {day} at {hour}?",
        )
    )
    answer = rng.choice(
        (
            f"Done: {title}, {day} at {hour}, with {names}. I noted the {room} as the place.",
            f"The {room} is yours on {day} from {hour} for the {title}, and {names} will get word.",
        )
    )
    arguments = {"title": title, "day": day, "hour": hour, "guests": guests}
    return Errand(request, "create_event", arguments, {"created": True, "conflicts": rng.randrange(0, 3)}, answer)


def _restaurant(rng: random.Random) -> Errand:
    city, dish, seats, person = (
        rng.choice(words.CITIES),
        rng.choice(words.DISHES),
        rng.randrange(2, 12),
        rng.choice(words.PEOPLE),
    )
    place, price = (
        f"{rng.choice(words.PEOPLE)}'s {rng.choice(('Table', 'Corner', 'Cellar', 'Garden', 'Oven'))}",
        rng.randrange(9, 60),
    )
    request = rng.choice(
        (
            f"Where does one get good {dish} in {city}? We are {seats}, and {person} is picky.",
            f"Find {seats} seats and decent {dish} somewhere in {city}, not too far from where {person} lives.",
            f"{person} turns forty. A table for {seats} with {dish}, please, {city} only.",
        )
    )
    answer = rng.choice(
        (
            f"{place} in {city} serves {dish} at about {price} a head, with room for {seats}. {person} will like it.",
            f"Try {place}: {seats} seats are free, the {dish} costs {price}, and {person} knows that side of {city}.",
        )
    )
    return Errand(
        request,
        "find_restaurant",
        {"city": city, "dish": dish, "seats": seats},
        {"name": place, "price": price},
        answer,
    )


def _heating(rng: random.Random) -> Errand:
    room, degrees, person = rng.choice(words.ROOMS), rng.randrange(12, 27), rng.choice(words.PEOPLE)
    before, city = rng.randrange(8, 30), rng.choice(words.CITIES)
    request = rng.choice(
        (
            f"The {room} feels like {city} in winter; {degrees} degrees would make {person} happy.",
            f"Set {degrees} degrees in the {room} before {person} is back from {city}.",
            f"{person} dries herbs from {city} in the {room}, so bring it to {degrees} degrees.",
        )
    )
    answer = rng.choice(
        (
            f"The {room} goes from {before} to {degrees} degrees now, in good time for {person}.",
            f"Heating in the {room} is set to {degrees}; it was at {before}, no wonder {person} thought of {city}.",
        )
    )
    return Errand(
        request, "set_temperature", {"room": room, "degrees": degrees}, {"before": before, "ok": True}, answer
    )


def _train(rng: random.Random) -> Errand:
    origin, destination = rng.sample(words.CITIES, 2)
    seats, comfort, person = rng.randrange(1, 7), rng.choice(("first", "second")), rng.choice(words.PEOPLE)
    coach, platform = rng.randrange(1, 15), rng.randrange(1, 12)
    request = rng.choice(
        (
            f"Get {person} from {origin} to {destination} by rail, {seats} in {comfort} class.",
            f"{seats} seats, {comfort} class, {origin} to {destination}; {person} keeps the tickets.",
            f"On rails to {destination}: {person} starts in {origin} and wants {comfort} class for {seats}.",
        )
    )
    answer = rng.choice(
        (
            f"Reserved: {seats} in coach {coach}, {comfort} class, {origin} to {destination} from platform {platform}.",
            f"{person} finds coach {coach} at platform {platform} in {origin}. For {seats} to {destination}.",
        )
    )
    arguments = {"origin": origin, "destination": destination, "seats": seats, "class": comfort}
    return Errand(request, "book_train", arguments, {"coach": coach, "platform": platform}, answer)


_ERRANDS: tuple[Callable[[random.Random], Errand], ...] = (_weather, _currency, _event, _restaurant, _heating, _train)
