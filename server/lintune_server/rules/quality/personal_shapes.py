"""What personal data looks like: e-mail addresses, phone numbers, card numbers, IBANs. What manuals show is none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lintune_server.lint.patterns import lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]

_EMAIL = lazily(
    r"(?<![A-Za-z0-9._%+@-])([A-Za-z0-9][A-Za-z0-9._%+-]{1,63})@((?:[A-Za-z0-9-]{2,63}\.)+([A-Za-z]{2,12}))(?![\w@(-]|\.\w)"
)
# Attributes and file names look like domains (`X.T@layer.weight`, `logo@2x.png`): an ending has to be one.
_LONG_ENDINGS_LISTED = """
    com org net edu gov mil int info biz name pro app dev online site shop store tech cloud email xyz club live
    world agency company group digital studio blog news media academy network solutions systems
"""
_LONG_ENDINGS = frozenset(_LONG_ENDINGS_LISTED.split())
_NO_COUNTRY = frozenset(("js", "ts", "md", "rb", "sh", "cc", "hh", "vb", "tf", "go"))
_NOBODY = lazily(
    # Mailboxes of organisations, which are there to be known, and the names that manuals use.
    r"(?:info|support|contact|sales|help|helpdesk|hello|office|press|media|jobs|careers|hr|billing|orders?|service|admin|"
    r"administrator|webmaster|postmaster|hostmaster|abuse|security|privacy|legal|team|feedback|news|newsletter|marketing|"
    r"no-?reply|do-?not-?reply|mail|mailer-daemon|root|git|customer-?(?:care|service|support)|enquir(?:y|ies)|inquir(?:y|ies)|"
    r"user\d*|username|name|email|e-mail|test\d*|tester|someone|somebody|anyone|me|you|foo|bar|abc|xyz|example|sample|demo|"
    r"your\W?\w*|my\W?\w*|first\W?name\W?\w*|firstname\W?\w*|recipient|sender|from|to|alice|bob|jane\W?doe|john\W?doe|jdoe|"
    r"john|jane|john\W?smith|jane\W?smith)",
    re.IGNORECASE,
)
_NOWHERE = lazily(
    r"(?:.*\.)?(?:example|test|invalid|localhost|local|internal)(?:\.[a-z]+){0,2}|"
    r"(?:.*\.)?(?:domain|e?mail|company|website|site|server|host|provider|acme|contoso|fabrikam|foo|bar|abc|xyz|abcd?corp|"
    r"(?:your|my|some|our)[a-z-]*|placeholder|sample\w*|dummy\w*|fake\w*|noreply|users\.noreply\.github)\.[a-z.]+"
)


def emails(text: str) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        local, domain, ending = match[1], match[2].lower(), match[3].lower()
        real = ending in _LONG_ENDINGS or (len(ending) == 2 and ending not in _NO_COUNTRY)
        in_url = "://" in text[max(0, match.start() - 80) : match.start()].rpartition(" ")[2]
        if real and not in_url and not _NOBODY.fullmatch(local) and not _NOWHERE.fullmatch(domain):
            yield match.span()


_INTERNATIONAL = lazily(
    r"(?<![\w+.)\]=*/^-])\+([1-9]\d{0,2})[ .-]?(?:\(\d{1,5}\)[ .-]?)?\d(?:[ .-]?\d){5,12}(?![\w%]|[.,]\d)"
)
_COUNTRIES = lazily(
    # Calling codes of ITU-T E.164 that are given out to countries.
    r"1|7|2(?:0|7|1[1-368]|[2-6]\d|9[01789])|3(?:[0-469]|5\d|7\d|8[0-35-79])|4(?:[013-9]|2[013])|5(?:[1-8]|0\d|9\d)|"
    r"6(?:[0-6]|7\d|8\d|9[0-2])|8(?:[1246]|5[0-6]|8[06])|9(?:[0-58]|6\d|7\d|9[2-68])"
)
_AMERICAN = lazily(r"(?<![\w.+/-])(?:1[- ])?(?:\(([2-9]\d\d)\) ?|([2-9]\d\d)-)([2-9]\d\d)-(\d{4})(?![\w-]|[.,]\d)")
_TOLL_FREE = ("800", "833", "844", "855", "866", "877", "888", "900")
_SUM = lazily(r"[\d=)]\s*\Z")
# Given out for films and manuals: 555 in North America, and Ofcom's in the United Kingdom.
_FICTION = lazily(r"1(?:\d{3})?555|44(?:7700900|1632960|2079460|113496|1154960)")
_RUNS = "0123456789012345678909876543210987654321"


def phone_numbers(text: str) -> Iterator[Span]:
    """With a country's code, or as North America writes them. Free numbers are nobody's own."""
    for match in _INTERNATIONAL.finditer(text):
        digits = "".join(filter(str.isdigit, match[0]))
        code = next((digits[:size] for size in (1, 2, 3) if _COUNTRIES.fullmatch(digits[:size])), None)
        if code is None or not 10 <= len(digits) <= 15 or (code == "1" and len(digits) != 11):
            continue
        if _SUM.search(text, max(0, match.start() - 3), match.start()) or _made_up(digits[len(code) :]):
            continue
        if not _FICTION.match(digits) and digits[1:4] not in (_TOLL_FREE if code == "1" else ()):
            yield match.span()
    for match in _AMERICAN.finditer(text):
        area, exchange, last = match[1] or match[2], match[3], match[4]
        if "555" not in (area, exchange) and area not in _TOLL_FREE and not _made_up(area + exchange + last):
            yield match.span()


def _made_up(digits: str) -> bool:
    return len(set(digits)) <= 2 or digits[-7:] in _RUNS or digits[:7] in _RUNS


_CARD = lazily(
    r"(?<![\w.,+*/^=-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|3\d{3}([ -])\d{6}\2\d{4,5}|\d{15,16})(?![\w]|[.,*/^=-]\d)"
)
_MORE_BEFORE = lazily(r"(?:(?:\d|[A-Z]{2}\d\d|[A-Z]{4}) |\d ?[*/+=^×÷-] ?)\Z")
_MORE_AFTER = lazily(r" \d| ?[*/+=^×÷-] ?\d")
_ISSUERS = lazily(
    r"4\d{15}|(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)\d*|3[47]\d{13}|6(?:011|5)\d*|35(?:2[89]|[3-8])\d*|3(?:0|6|8)\d{12}"
)
# Of the manuals of Stripe, PayPal, Adyen and Braintree.
_TEST_CARDS_LISTED = """
    4111111111111111 4242424242424242 4012888888881881 4000056655665556 4000000000000002 4000000000009995
    4000002500003155 4000000000003220 4929420573595709 4532015112830366 4539578763621486 4916338506082832
    4485040993287642 4556737586899855 4024007103939509 5555555555554444 5105105105105100 5200828282828210
    5454545454545454 5431111111111111 2223003122003222 2223000048400011 378282246310005 371449635398431
    378734493671000 374245455400126 6011111111111117 6011000990139424 6011000000000004 3056930009020004
    30569309025904 38520000023237 36227206271667 3530111333300000 3566002020360505 4000000000000077
"""
_TEST_CARDS = frozenset(_TEST_CARDS_LISTED.split())


def card_numbers(text: str) -> Iterator[Span]:
    """With a valid check digit, in the number space of an issuer."""
    for match in _CARD.finditer(text):
        digits = "".join(filter(str.isdigit, match[0]))
        made_up = digits in _TEST_CARDS or len(set(digits)) < 5
        if _MORE_BEFORE.search(text, max(0, match.start() - 5), match.start()) or _MORE_AFTER.match(text, match.end()):
            continue  # groups of a longer number, such as an IBAN, or a sum
        if _ISSUERS.fullmatch(digits) and not made_up and _luhn(digits):
            yield match.span()


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(double - 9 * (double > 9) for double in doubled)) % 10 == 0


_IBAN = lazily(r"(?<![A-Za-z0-9])([A-Z]{2})\d{2}(?:[ ]?[A-Z0-9]){11,30}(?![A-Za-z0-9])")
_IBAN_LENGTHS = {
    # From SWIFT's IBAN registry.
    "NO": 15, "BE": 16,
    **dict.fromkeys(("DK", "FO", "FI", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19), **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "XK"), 20),
    **dict.fromkeys(("CH", "CR", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "OM", "SO", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("LY", "PT", "ST"), 25), **dict.fromkeys(("IS", "TR"), 26),
    **dict.fromkeys(("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"), 27),
    **dict.fromkeys(("AL", "AZ", "BY", "CY", "DO", "GT", "HN", "HU", "LB", "NI", "PL", "SV"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29), **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31), "LC": 32, "RU": 33, "FK": 18, "MN": 20,
}  # fmt: skip
# Of SWIFT's registry and of Wikipedia.
_EXAMPLE_IBANS_LISTED = """
    GB82WEST12345698765432 GB29NWBK60161331926819 GB33BUKB20201555555555 DE89370400440532013000
    FR1420041010050500013M02606 FR7630006000011234567890189 NL91ABNA0417164300 NL02ABNA0123456789 BE68539007547034
    ES9121000418450200051332 ES7921000813610123456789 IT60X0542811101000000123456 CH9300762011623852957
    CH5604835012345678009 AT611904300234573201 AT483200000012345864 PL61109010140000071219812874
    SE4550000000058398257466 NO9386011117947 DK5000400440116243 FI2112345600000785 IE29AIBK93115212345678
    IE64IRCE92050112345678 PT50000201231234567890154 GR1601101250000000012300695 LU280019400644750000
    CZ6508000000192000145399 HU42117730161111101800000000 RO49AAAA1B31007593840000 TR330006100519786457841326
    SA0380000000608010167519 AE070331234567890123456 MT84MALT011000012345MTLCAST001S BR1800360305000010009795493C1
"""
_EXAMPLE_IBANS = frozenset(_EXAMPLE_IBANS_LISTED.split())


def ibans(text: str) -> Iterator[Span]:
    """With a valid check number, and as long as its country has them."""
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match[1])
        if length is None:
            continue
        end, taken = match.start(), 0
        while end < match.end() and taken < length:
            taken += text[end] != " "
            end += 1
        number = text[match.start() : end].replace(" ", "")
        whole = taken == length and not (end < len(text) and text[end].isalnum())
        if whole and number not in _EXAMPLE_IBANS and _checks(number):
            yield match.start(), end


def _checks(iban: str) -> bool:
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1
