"""Write values and look-alikes in the forms that people type and programs make.

A form changes how a value is written, not what it is: other separators, words
that touch it, other numbers beside it, blanks and line breaks, escapes, and
characters that can't be seen. Look-alikes get the same forms, so that a rule
that accepts a form has to tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

# Characters without a width, controls, and what Unicode says to ignore.
INVISIBLE = ("\u200b", "\u00ad", "\u2060", "\u034f", "\u3164", "\ufff9", "\U000e0041", "\0", "\x1f")
SEPARATORS = ("  ", "   ", "\t", "\n", "\r\n", "/", " / ", "_", "|", " | ", "*", ":", ",", ", ", "--", " . ")
WORDS_BEFORE = ("visa", "VISA", "card", "Karte", "cc", "no", "nr", "карта", "mc_", "num", "pan-")
WORDS_AFTER = ("exp12/27", "exp 12/27", "cvc123", "CVV999", "valid", "und", "x")
ACCOUNT_WORDS = ("IBAN", "iban", "Konto", "acct", "RIB", "счёт", "compte_")
PRINTED = {14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4), 19: (4, 4, 4, 4, 3)}


@dataclass(frozen=True)
class Written:
    """A value with what touches it but is not part of it."""

    value: str
    before: str = ""
    after: str = ""


Form = Callable[[Random, str], Written]


# --- forms of any text


def percent(rng: Random, text: str) -> Written:
    """Percent escapes, once or twice, of everything that isn't a letter or digit."""
    escaped = "".join(char if char.isalnum() and char.isascii() else _percent(char) for char in text)
    return Written(escaped.replace("%", "%25") if rng.random() < 0.2 else escaped)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode())


def entities(rng: Random, text: str) -> Written:
    """HTML entities of everything that isn't a letter or digit."""
    form = rng.choice(("&#{};", "&#x{:x};", "&#x{:X};"))
    return Written("".join(char if char.isalnum() else form.format(ord(char)) for char in text))


def json_escapes(rng: Random, text: str) -> Written:
    """JSON's escapes of everything that isn't a letter or digit, once or twice."""
    backslash = rng.choice(("\\", "\\", "\\\\"))
    return Written("".join(char if char.isalnum() or ord(char) > 0xFFFF else f"{backslash}u{ord(char):04x}" for char in text))


def invisible(rng: Random, text: str) -> Written:
    """A few characters that can't be seen."""
    for _ in range(rng.randint(1, 3)):
        place = rng.randint(1, len(text) - 1)
        text = text[:place] + rng.choice(INVISIBLE) + text[place:]
    return Written(text)


ESCAPES: tuple[Form, ...] = (percent, entities, json_escapes, invisible)


# --- forms of numbers


def digits_of(text: str) -> str:
    """The digits of a number."""
    return re.sub(r"\D", "", text)


def cut(text: str, sizes: tuple[int, ...]) -> list[str]:
    """A text in pieces of these sizes."""
    ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def separated_card(rng: Random, text: str) -> Written:
    """A card's groups with unusual separators."""
    number = digits_of(text)
    sizes = PRINTED.get(len(number))
    return Written(rng.choice(SEPARATORS).join(cut(number, sizes)) if sizes else text)


def glued_card(rng: Random, text: str) -> Written:
    """A card's number between words that touch it."""
    number = rng.choice((text, digits_of(text)))
    before = rng.choice(WORDS_BEFORE) if rng.random() < 0.6 else ""
    return Written(number, before, rng.choice(WORDS_AFTER) if not before or rng.random() < 0.5 else "")


def card_among_numbers(rng: Random, text: str) -> Written:
    """A card's groups after, and at times before, other groups of four digits."""
    number = digits_of(text)
    if len(number) != 16:
        return Written(text)
    other = f"{rng.randrange(1000, 3000)}"
    separator = rng.choice((" ", "-", " ", "  "))
    after = separator + f"{rng.randrange(1000, 3000)}" if rng.random() < 0.3 else ""
    return Written(separator.join(cut(number, PRINTED[16])), other + separator, after)


def form_encoded(_: Random, text: str) -> Written:
    """The blanks of a form that a browser sends."""
    return Written(text.replace(" ", "+"))


def separated_iban(rng: Random, text: str) -> Written:
    """An account's groups with unusual separators."""
    number = re.sub(r"[^0-9A-Za-z]", "", text)
    return Written(rng.choice(SEPARATORS).join(re.findall(".{1,4}", number)))


def glued_iban(rng: Random, text: str) -> Written:
    """An account's number after a word that touches it."""
    return Written(text, rng.choice(ACCOUNT_WORDS))


def spaced_country(_: Random, text: str) -> Written:
    """A blank after the country."""
    return Written(f"{text[:2].upper()} {text[2:]}")


def separated_ssn(rng: Random, text: str) -> Written:
    """The three groups with unusual separators."""
    return Written(rng.choice(SEPARATORS).join(cut(digits_of(text), (3, 2, 4))))


# --- forms of addresses


def blanks(rng: Random, text: str) -> Written:
    """Blanks or a line break on one side of the @, or on both."""
    blank = rng.choice((" ", "  ", "\t", "\n", "\u00a0"))
    return Written(text.replace("@", rng.choice((f"{blank}@{blank}", f"@{blank}", f" @{blank}"))))


def broken(rng: Random, text: str) -> Written:
    """A line break within the domain."""
    local, domain = text.split("@")
    place = domain.find(".")
    place = rng.randint(2, place - 1) if place > 3 else place
    return Written(f"{local}@{domain[:place]}\n{domain[place:]}")


def quoted_printable(rng: Random, text: str) -> Written:
    """Quoted-printable: an escaped sign, or a soft line break."""
    local, domain = text.split("@")
    if rng.random() < 0.5:
        return Written(f"{local}=40{domain}")
    place = domain.find(".")
    return Written(f"{local}@{domain[: place - 1]}=\n{domain[place - 1 :]}")


def in_query(_: Random, text: str) -> Written:
    """A parameter of a page's URL."""
    return Written(percent(Random(0), text).value, "https://www.example.com/a?mail=", "&b=1")


def as_json(_: Random, text: str) -> Written:
    """The slashes of a URL in JSON."""
    return Written(text.replace("/", "\\/"))


def escaped_parts(rng: Random, text: str) -> Written:
    """A path with an escaped sign that no URL holds as such."""
    sign = rng.choice(("%20", "%22", "%3C", "%7C", "%5B", "%E6%98%AF", "%0A"))
    scheme, rest = text.split("://", 1)
    host, slash, path = rest.partition("/")
    return Written(f"{scheme}://{host}/a{sign}b{slash}{path}" if slash else text)


# Each form of a kind is as frequent as the others.
FORMS: dict[str, tuple[Form, ...]] = {
    "card": (separated_card, separated_card, separated_card, glued_card, glued_card, card_among_numbers, form_encoded, *ESCAPES),
    "iban": (separated_iban, separated_iban, glued_iban, spaced_country, form_encoded, *ESCAPES),
    "ssn": (separated_ssn, separated_ssn, *ESCAPES),
    "email": (blanks, broken, quoted_printable, in_query, *ESCAPES),
    "phone": ESCAPES,
    "ip": ESCAPES,
    "url_secret": (as_json, invisible, percent, entities, escaped_parts),
    "birth_date": ESCAPES,
    "card_like": (separated_card, separated_card, glued_card, card_among_numbers, form_encoded, *ESCAPES),
    "iban_like": (separated_iban, glued_iban, spaced_country, form_encoded, *ESCAPES),
    "order": (*ESCAPES, glued_card),
    "tracking": (*ESCAPES, glued_card),
    "serial": ESCAPES,
    "isbn": ESCAPES,
    "version": ESCAPES,
    "mac": ESCAPES,
    "price": ESCAPES,
    "coordinates": ESCAPES,
    "percentage": (entities,),
    "plain_url": (as_json, percent, entities),
    "file": (percent, entities),
}


def written(rng: Random, kind: str, text: str) -> Written:
    """The value in a form of its kind."""
    forms = FORMS.get(kind)
    return rng.choice(forms)(rng, text) if forms and len(text) > 1 else Written(text)


def uuid_like(rng: Random) -> str:
    """An id in the form of a UUID, as programs write it."""
    text = "-".join("".join(rng.choices("0123456789abcdef", k=size)) for size in (8, 4, 4, 4, 12))
    return rng.choice((text, text, text.upper(), text.replace("-", ""), text.replace("-", "_")))
