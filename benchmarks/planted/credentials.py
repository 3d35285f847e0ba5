"""Secrets in their well-known shapes, all made of random characters.

The shapes' fixed parts are written in pieces, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64
import json
import string
from typing import TYPE_CHECKING

from benchmarks.planted import tool_words

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_ALNUM = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits
_HEX = "0123456789abcdef"
_BASE64 = _ALNUM + "-_"


def _some(rng: random.Random, count: int, alphabet: str = _ALNUM) -> str:
    return "".join(rng.choices(alphabet, k=count))


def _shaped(*parts: str | tuple[int, str]) -> Callable[[random.Random], str]:
    """A shape of fixed pieces and of so many characters of an alphabet."""
    return lambda rng: "".join(part if isinstance(part, str) else _some(rng, *part) for part in parts)


KEYS: dict[str, Callable[[random.Random], str]] = {
    "AWS access key": _shaped("AK", "IA", (16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
    "GitHub token": _shaped("gh", "p_", (36, _ALNUM)),
    "GitHub OAuth token": _shaped("gh", "o_", (36, _ALNUM)),
    "GitHub fine-grained token": _shaped("github", "_pat_", (22, _ALNUM), "_", (59, _ALNUM)),
    "GitLab token": _shaped("gl", "pat-", (20, _BASE64)),
    "Slack bot token": _shaped("xo", "xb-", (12, string.digits), "-", (12, string.digits), "-", (24, _ALNUM)),
    "Slack webhook": _shaped(
        "https://hooks.sl", "ack.com/services/T", (8, _UPPER), "/B", (8, _UPPER), "/", (24, _ALNUM)
    ),
    "OpenAI key": _shaped("s", "k-", (20, _ALNUM), "T3Blbk", "FJ", (20, _ALNUM)),
    "OpenAI project key": _shaped("s", "k-pr", "oj-", (74, _BASE64), "T3Blbk", "FJ", (74, _BASE64)),
    "Anthropic key": _shaped("s", "k-an", "t-api03-", (93, _BASE64), "AA"),
    "Google API key": _shaped("AI", "za", (35, _BASE64)),
    "Stripe live key": _shaped("sk", "_live_", (24, _ALNUM)),
    "Stripe restricted key": _shaped("rk", "_live_", (24, _ALNUM)),
    "SendGrid key": _shaped("S", "G.", (22, _BASE64), ".", (43, _BASE64)),
    "npm token": _shaped("np", "m_", (36, _ALNUM)),
    "PyPI token": _shaped("py", "pi-AgEIcHlwaS5vcmc", (120, _BASE64)),
    "Hugging Face token": _shaped("h", "f_", (34, string.ascii_letters)),
    "DigitalOcean token": _shaped("do", "p_v1_", (64, _HEX)),
    "Shopify token": _shaped("shp", "at_", (32, _HEX)),
    "Databricks token": _shaped("da", "pi", (32, _HEX)),
    "Twilio key": _shaped("S", "K", (32, _HEX)),
    "Telegram bot token": _shaped((10, "123456789"), ":A", "A", (33, _BASE64)),
}
"""API keys, by the services' public documentation of their prefixes and lengths."""


def private_key(rng: random.Random, kind: str) -> str:
    """A PEM block. kind: as in its first line, with a space after it, or empty."""
    body = base64.b64encode(rng.randbytes(240)).decode()
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    dashes, name = "-" * 5, f"{kind}PRIVATE {'KEY'}"
    return f"{dashes}BEGIN {name}{dashes}\n{lines}\n{dashes}END {name}{dashes}"


def jwt(rng: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")

    claims = {"sub": str(rng.randrange(10**9)), "name": rng.choice(tool_words.PEOPLE), "iat": rng.randrange(16 * 10**8)}
    signature = base64.urlsafe_b64encode(rng.randbytes(32)).decode().rstrip("=")
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{signature}"


def password_url(rng: random.Random) -> tuple[str, str]:
    """A URL with a password in it, and the password."""
    scheme = rng.choice(("postgres", "postgresql", "mysql", "mongodb+srv", "redis", "amqp", "https", "ftp"))
    user = rng.choice(("svc", "billing", "reader", "deploy"))
    password = _some(rng, 14)
    domain = rng.choice(("acmeworks", "northbay", "kelvin"))
    host = f"{rng.choice(('db', 'prod', 'stage', 'mq'))}{rng.randrange(1, 30)}"
    return f"{scheme}://{user}:{password}@{host}.{domain}.io/{rng.choice(('orders', 'main', 'app'))}", password


def email(rng: random.Random) -> str:
    first, last = rng.sample([name.lower() for name in tool_words.PEOPLE if name.isascii()], 2)
    domain = rng.choice(("gmail.com", "outlook.com", "northbay.io", "uni-graz.at", "kelvin.co.uk", "posteo.de"))
    return f"{first}{rng.choice(('.', '_', '-', ''))}{last}{rng.choice(('', str(rng.randrange(1970, 2005))))}@{domain}"


def phone(rng: random.Random) -> str:
    def digits(count: int) -> str:
        return _some(rng, count, string.digits)

    area, office, line = (
        f"{rng.choice(('212', '415', '312', '206', '617'))}",
        f"{rng.randrange(2, 5)}{digits(2)}",
        digits(4),
    )
    return rng.choice(
        (
            f"+1 {area} {office} {line}",
            f"+1-{area}-{office}-{line}",
            f"({area}) {office}-{line}",
            f"{area}-{office}-{line}",
            f"+49 30 {rng.randrange(2, 9)}{digits(6)}",
            f"+44 7{digits(3)} {digits(6)}",
            f"+33 6 {digits(2)} {digits(2)} {digits(2)} {digits(2)}",
        )
    )


def luhn_digit(digits: str) -> str:
    """The check digit after ISO/IEC 7812-1."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def card(rng: random.Random, valid: bool = True) -> str:
    """The number of a payment card. valid: whether its check digit is right."""
    prefix, length = rng.choice((("4", 16), ("51", 16), ("55", 16), ("37", 15), ("6011", 16)))
    body = prefix + _some(rng, length - 1 - len(prefix), string.digits)
    digit = luhn_digit(body)
    number = body + (digit if valid else str((int(digit) + 1) % 10))
    groups = (4, 6, 5) if length == 15 else (4, 4, 4, 4)
    parts, start = [], 0
    for size in groups:
        parts.append(number[start : start + size])
        start += size
    return rng.choice((" ", "-", "")).join(parts)


def iban(rng: random.Random, valid: bool = True) -> str:
    """An IBAN of Germany, Austria, Spain, the Netherlands or the United Kingdom, by ISO 13616."""
    country, letters, digits = rng.choice((("DE", 0, 18), ("AT", 0, 16), ("ES", 0, 20), ("NL", 4, 10), ("GB", 4, 14)))
    account = _some(rng, letters, "ABCDEFGHKLMNRT") + _some(rng, digits, string.digits)
    number = int("".join(str(int(character, 36)) for character in f"{account}{country}00"))
    check = 98 - number % 97
    if not valid:
        check = (check + 3) % 97 + 2
    whole = f"{country}{check:02}{account}"
    spaced = " ".join(whole[start : start + 4] for start in range(0, len(whole), 4))
    return rng.choice((whole, spaced))
