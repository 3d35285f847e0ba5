"""What language a text may be in, at a glance: by its script, or by the small words that every sentence has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lintune_server.lint.data_set import fact

if TYPE_CHECKING:
    from lintune_server.lint.sample import Line

UNKNOWN, LATIN = 0, 1
"""Too little text to tell, or code; and Latin script in none of the languages below."""

_SMALL_WORDS = {
    # Some of the commonest words of each, but for those that are English words as well.
    "en": "the and of is are that with this have how many what she they you his from which each than not were be it "
    "one two three would there then their when if but who some only him them your out about into after because can its",
    "de": "der die das und ist nicht ein eine einen mit sich auf für von dem den sie wie wird auch werden sind wenn",
    "fr": "les des est dans une pour qui pas sur avec vous nous sont plus cette fait être ou du et au aux il elle",
    "es": "los las una por con para es del se al como más pero sus está tiene hay cuando muy esta son y el",
    "it": "il che di è una non sono con del della gli nel alla come questo anche più si ha degli le lo e",
    "pt": "os um uma não com para é da em que mais como dos das ele você tem está são pelo ao foi o e",
    "nl": "het een van en de dat niet zijn op voor met als ook aan hij deze wordt naar bij hoe uit heeft maar",
    "sv": "och att det som en på är av för med den till inte har ett han var från hur jag vi",
    "da": "og det som en på er af med den til ikke har et han var fra hvordan jeg vi der",
    "fi": "ja ei se että hän oli ovat mutta kun niin jos myös joka kuin voi tämä siitä sen",
    "pl": "nie się na jest że jak co ale od za przez ile które tym był czy dla jego są oraz",
    "cs": "je na se že v s jako ale by pro za od po byl jsou která který když ve kolik nebo",
    "hu": "az és hogy nem egy van is meg ez mint de csak volt már vagy amely ha ki lehet",
    "ro": "și este în nu cu pe care un din la mai sunt pentru ce sau fost prin această dacă",
    "tr": "bir ve bu için ile çok ne daha kadar olarak olan gibi var kaç en sonra ama değil mi",
    "id": "yang dan di dengan untuk dari ini itu tidak pada adalah dalam akan ada ke juga atau oleh saya",
    "vi": "là và của có không được trong cho một các với những người này đã để khi từ",
}
_ENGLISH = (
    " the ",
    " and ",
    " that ",
    " are ",
    " with ",
    " they ",
    " this ",
    " she ",
    " his ",
    " how ",
    " from ",
    " each ",
)
"""Words of no other language. Looked for first, since most files are English, without cutting the text into words."""
_NUMBERS = {name: number for number, name in enumerate(_SMALL_WORDS, start=LATIN + 1)}
ENGLISH = _NUMBERS["en"]
_LANGUAGES: dict[str, tuple[int, ...]] = {}
for _name, _words in _SMALL_WORDS.items():
    for _word in _words.split():
        _LANGUAGES[_word] = (*_LANGUAGES.get(_word, ()), _NUMBERS[_name])
_KNOWN = frozenset(_LANGUAGES)

_SCRIPTS = (
    # First and last character of the scripts that are told apart, with the number that stands for each.
    *((0x0370, 0x03FF, 100), (0x0400, 0x052F, 101), (0x0590, 0x05FF, 102), (0x0600, 0x077F, 103)),
    *((0x0900, 0x097F, 104), (0x0980, 0x09FF, 105), (0x0B80, 0x0BFF, 106), (0x0C00, 0x0C7F, 107)),
    *((0x0E00, 0x0E7F, 108), (0x10A0, 0x10FF, 109), (0x1200, 0x137F, 110), (0x3040, 0x30FF, 111)),
    *((0xAC00, 0xD7AF, 112), (0x1780, 0x17FF, 113), (0x0530, 0x058F, 114), (0x4E00, 0x9FFF, 120)),
)
_KANA, _HAN = 111, 120

_LOOKED_AT = 240
"""Characters: two or three sentences."""
_FEWEST = 30
"""Characters in which a Latin language shows; of others a third."""
_ENGLISH_WORDS, _WORDS = 2, 3
"""That a text has of a language: one or two may be names."""
_FEWEST_WORDS = 6
"""Words that make a sentence of Latin script."""
_CODE = ("{", "[", "<", "#", "```", "import ", "def ", "SELECT ", "http")


@fact("B", 2)
def languages(line: Line) -> tuple[int, int]:
    """Of the first prompt of the user, and of the last answer."""
    prompt = answer = UNKNOWN
    for text in line.texts:
        if not text.learned and text.role != "system":
            prompt = at_a_glance(text.text)
            break
    if answers := line.taught:
        answer = at_a_glance(answers[-1].text)
    return prompt, answer


def at_a_glance(text: str) -> int:
    """The number of a language or a script, `LATIN` or `UNKNOWN`."""
    text = text[:_LOOKED_AT]
    if not text.isascii() and (script := _script(text)):
        return script
    if len(text) < _FEWEST or text.startswith(_CODE):
        return UNKNOWN
    hits = 0
    for word in _ENGLISH:
        if word in text:
            hits += 1
            if hits == _ENGLISH_WORDS:
                return ENGLISH
    words = text.lower().split()
    scores: dict[int, int] = {}
    for word in _KNOWN.intersection(words):
        for language in _LANGUAGES[word]:
            scores[language] = scores.get(language, 0) + 1
    if scores:
        ranked = sorted(scores, key=scores.__getitem__)
        best, second = ranked[-1], scores[ranked[-2]] if len(ranked) > 1 else 0
        if scores[best] >= _WORDS or (scores[best] > 1 and second == 0):
            return best
    found = 0  # sums and tables have few words
    for word in words:
        if word.isalpha():
            found += 1
            if found == _FEWEST_WORDS:
                return LATIN
    return UNKNOWN


def _script(text: str) -> int:
    """The script of most letters when it is not Latin; else 0."""
    if len(text.encode()) < len(text) * 1.3:  # all other scripts take two bytes a character, or three
        return 0
    counts: dict[int, int] = {}
    letters = 0
    for char in text[:: max(1, len(text) // 40)]:
        if char.isalpha():
            letters += 1
            code = ord(char)
            number = next((number for first, last, number in _SCRIPTS if first <= code <= last), 0)
            counts[number] = counts.get(number, 0) + 1
    best = max(counts, key=counts.__getitem__, default=0)
    if best == 0 or letters < _FEWEST // 3 or counts[best] * 2 < letters:
        return 0
    # Japanese has both; no other language has kana.
    return _KANA if best == _HAN and _KANA in counts else best
