"""Generate a labelled corpus of customer-service chat messages.

Each line printed is one message in JSON: its text, and the byte range and
kind of every piece of personal data in it. The sentences come from
`templates/tuning.json` (rules may be tuned on those) or `templates/final.json`
(kept for the final measurement); all values are made up by Faker and by the
generators below, so that no real person's data is involved.

    python corpus.py --templates tuning --seed 1 --per-locale 400 > corpus.ndjson

With `--forms` every value and look-alike is written in one of the forms of
`forms.py`, and a part of the look-alikes are UUIDs.

The output depends on the arguments and on the versions pinned in
`requirements.txt` only.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import ipaddress
import json
import re
import string
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import phonenumbers
from faker import Faker

import forms as unusual

KINDS = ("email", "phone", "card", "iban", "ip", "url_secret", "ssn", "birth_date")
SECTIONS = (*KINDS, "mixed")

# Shares of the messages without any personal data. A chat is mostly such
# messages, and only they show how often a rule fires on something harmless.
LOOK_ALIKE_SHARE = 0.42
PLAIN_SHARE = 0.06

NBSP = "\u00a0"
CJK = ("ja_JP", "zh_CN", "ko_KR")
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
BASE62 = string.ascii_letters + string.digits
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Piece:
    """A generated value with what is written around it but not part of it."""

    value: str
    after: str = ""


@dataclass(frozen=True)
class Source:
    """The randomness of one locale, so that locales do not affect each other."""

    locale: str
    region: str
    rng: Random
    fake: Faker
    us: Faker
    banks: tuple[Faker, ...]
    forms: bool


IBAN_LOCALES = (
    "de_DE", "en_GB", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "tr_TR", "pt_PT",
    "de_AT", "de_CH", "nl_BE", "fi_FI", "no_NO", "da_DK", "cs_CZ", "el_GR", "en_IE",
)  # fmt: skip


def make_source(templates: str, seed: int, locale: str, region: str, *, forms: bool) -> Source:
    """Seed everything random from the arguments alone.

    The name of the template set goes in, so that both sets have other values
    even where the seed is the same.
    """
    name = f"{templates}/forms" if forms else templates
    number = zlib.crc32(f"{name}/{seed}/{locale}".encode())
    rng = Random(number)

    def faker(name: str) -> Faker:
        fake = Faker(name)
        fake.seed_instance(rng.getrandbits(32))
        return fake

    return Source(locale, region, rng, faker(locale), faker("en_US"), tuple(faker(name) for name in IBAN_LOCALES), forms)


def chance(s: Source, share: float) -> bool:
    """Whether something that happens in this share of the cases happens now."""
    return s.rng.random() < share


def digits(s: Source, count: int) -> str:
    """Random digits; the first is never 0."""
    return s.rng.choice("123456789") + "".join(s.rng.choices(string.digits, k=count - 1))


def token(s: Source, alphabet: str, low: int, high: int) -> str:
    """A random word over an alphabet."""
    return "".join(s.rng.choices(alphabet, k=s.rng.randint(low, high)))


def until(make: Callable[[], str], accept: Callable[[str], bool]) -> str:
    """Repeat a generator until its value is what its name says."""
    for _ in range(10_000):
        value = make()
        if accept(value):
            return value
    raise RuntimeError(f"no acceptable value from {make!r}")


# --- validators: what makes a value the thing, and a look-alike not the thing


def luhn(text: str) -> bool:
    """Whether the digits of a text pass the check of payment cards."""
    total = 0
    for place, char in enumerate(reversed(re.sub(r"\D", "", text))):
        digit = int(char) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


def mod97(text: str) -> bool:
    """Whether a text passes the check of IBANs."""
    compact = re.sub(r"[^0-9A-Za-z]", "", text).upper()
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def no_card(text: str) -> bool:
    """Whether no run of digits in a text could be a payment card's number."""
    runs = re.findall(r"\d(?:[ .\-\u00a0]?\d)*", text)
    return not any(12 <= len(re.sub(r"\D", "", run)) <= 19 and luhn(run) for run in runs)


def valid_phone(text: str, region: str) -> bool:
    """Whether a number can be dialled in the region's numbering plan."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def valid_ssn(text: str) -> bool:
    """Whether a US social security number lies in a range that is given out."""
    number = re.sub(r"\D", "", text)
    area, group, serial = number[:3], number[3:5], number[5:]
    return len(number) == 9 and area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


# --- email

NEW_TLDS = (
    "app", "dev", "shop", "online", "berlin", "tech", "technology", "xyz", "studio", "cloud", "email",
    "photography", "store", "io", "ai", "museum", "international", "amsterdam", "tokyo", "travel",
)  # fmt: skip
SUB_DOMAINS = ("mail", "support", "eu", "cs", "mx1", "crm.eu", "office", "post")
TAGS = ("shop", "orders", "newsletter", "2024", "spam", "work", "family", "bank")


def email(s: Source) -> Piece:
    """An e-mail address, with the spellings that simple rules miss."""
    make = s.rng.choice((s.fake.email, s.fake.ascii_free_email, s.fake.company_email))
    address = until(make, lambda v: re.fullmatch(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", v, re.ASCII) is not None)
    local, domain = address.split("@")
    if chance(s, 0.15):
        local += "+" + s.rng.choice(TAGS)
    if chance(s, 0.2):
        local = s.rng.choice((f"{local[0]}.{local}", f"{local}.{digits(s, 2)}", f"{local}_{digits(s, 2)}"))
    if chance(s, 0.12):
        domain = f"{s.rng.choice(SUB_DOMAINS)}.{domain}"
    if chance(s, 0.15):
        domain = f"{domain.rsplit('.', 1)[0]}.{s.rng.choice(NEW_TLDS)}"
    address = f"{local}@{domain}"
    if chance(s, 0.1):
        address = s.rng.choice((address.upper(), address.title(), address.capitalize()))
    return Piece(address)


# --- phone

PHONE_FORMATS = (
    phonenumbers.PhoneNumberFormat.NATIONAL,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.RFC3966,
)
PHONE_TYPES = (
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.TOLL_FREE,
)


def plan_number(s: Source) -> phonenumbers.PhoneNumber:
    """A valid number that keeps only some leading digits of the plan's example.

    The examples alone would be a handful of numbers that rules could learn.
    """
    while True:
        example = phonenumbers.example_number_for_type(s.region, s.rng.choice(PHONE_TYPES))
        if example is None:
            continue
        national = phonenumbers.national_significant_number(example)
        for _ in range(50):
            keep = s.rng.randint(1, 4)
            tail = "".join(s.rng.choices(string.digits, k=len(national) - keep))
            number = phonenumbers.PhoneNumber(
                country_code=example.country_code,
                national_number=int(national[:keep] + tail),
                italian_leading_zero=example.italian_leading_zero,
            )
            if phonenumbers.is_valid_number(number):
                return number


def plan_phone(s: Source) -> str:
    """A number as the `phonenumbers` package writes it."""
    return phonenumbers.format_number(plan_number(s), s.rng.choice(PHONE_FORMATS)).removeprefix("tel:")


def valid_here(text: str, region: str) -> bool:
    """Whether a number is valid and of this region, not of another by its +."""
    return valid_phone(text, region) and phonenumbers.is_valid_number_for_region(
        phonenumbers.parse(text, region), region
    )


def faker_phone(s: Source) -> str:
    """A number as Faker writes it.

    Many of Faker's can't exist, hence the tries; for locales that it has no
    numbers of (ar_SA), it makes American ones, which are no use here.
    """
    for _ in range(30):
        number = s.fake.phone_number()
        if valid_here(number, s.region):
            return number
    return plan_phone(s)


def respell_phone(s: Source, number: str) -> str:
    """Swap the separators of a number for ones that people type instead."""
    style = s.rng.choice((".", NBSP, "/", "-", "", " "))
    if style == "/":
        return re.sub(r"[ -]+", "/", number.replace("(", "").replace(")", ""), count=1)
    return re.sub(r"[ -]+", style, number.replace("(", "").replace(")", ""))


def phone(s: Source) -> Piece:
    """A phone number of the locale's region that can be dialled."""
    number = faker_phone(s) if chance(s, 0.4) else plan_phone(s)
    candidate = respell_phone(s, number) if chance(s, 0.3) else number
    if s.locale in CJK and chance(s, 0.08):
        candidate = candidate.translate(FULL_WIDTH)
    if s.locale == "ar_SA" and chance(s, 0.2):
        candidate = candidate.translate(ARABIC_INDIC)
    return Piece(candidate if valid_phone(candidate, s.region) else number)


# --- card

FAKER_CARDS = (
    "visa", "visa16", "visa16", "visa19", "visa13", "mastercard", "mastercard", "amex", "amex",
    "discover", "diners", "jcb", "maestro",
)  # fmt: skip
OWN_CARDS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "mastercard2": (("2221", "2300", "2450", "2599", "2710", "2720"), (16,)),
    "unionpay": (("620", "621226", "622202", "625", "627", "628"), (19,)),
    "maestro": (("5018", "5020", "5038", "6304", "6759", "6761", "6762", "6763"), (16, 18, 19)),
    "mir": (("2200", "2201", "2202", "2203", "2204"), (16,)),
}
CARD_GROUPS = {12: (4, 4, 4), 13: (4, 3, 3, 3), 14: (4, 6, 4), 15: (4, 6, 5), 18: (4, 4, 4, 4, 2), 19: (4, 4, 4, 4, 3)}
CARD_SEPARATORS = ("", "", "", " ", " ", " ", "-", "-", ".", NBSP)


def own_card(s: Source) -> str:
    """A number of a scheme that Faker lacks; the last digit makes it pass Luhn."""
    prefixes, lengths = s.rng.choice(tuple(OWN_CARDS.values()))
    prefix, length = s.rng.choice(prefixes), s.rng.choice(lengths)
    body = prefix + "".join(s.rng.choices(string.digits, k=length - len(prefix) - 1))
    return next(body + last for last in string.digits if luhn(body + last))


def group(text: str, sizes: tuple[int, ...], separator: str) -> str:
    """Cut a number into groups as it is printed on paper or plastic."""
    parts, start = [], 0
    for size in sizes:
        parts.append(text[start : start + size])
        start += size
    return separator.join(part for part in parts if part)


def group_card(s: Source, number: str) -> str:
    """Write a card number in one of the usual groupings."""
    sizes = CARD_GROUPS.get(len(number), (4, 4, 4, 4))
    if number.startswith("62") and len(number) == 19 and chance(s, 0.3):
        sizes = (6, 13)
    return group(number, sizes, s.rng.choice(CARD_SEPARATORS))


def card(s: Source) -> Piece:
    """A payment card's number that passes Luhn."""
    if chance(s, 0.25):
        return Piece(group_card(s, own_card(s)))
    return Piece(group_card(s, until(lambda: s.us.credit_card_number(s.rng.choice(FAKER_CARDS)), luhn)))


# --- iban


def saudi_iban(s: Source) -> str:
    """An IBAN of Saudi Arabia, which Faker lacks."""
    body = digits(s, 2) + "".join(s.rng.choices(string.digits, k=18))
    return next(f"SA{check:02}{body}" for check in range(2, 99) if mod97(f"SA{check:02}{body}"))


def plain_iban(s: Source) -> str:
    """A valid IBAN without separators."""
    if s.locale == "ar_SA" and chance(s, 0.5):
        return saudi_iban(s)
    return until(lambda: s.rng.choice(s.banks).iban(), mod97)


def write_iban(s: Source, number: str) -> str:
    """Write an IBAN compact or in the groups of four of bank letters."""
    separator = s.rng.choice(("", "", " ", " ", " ", NBSP, "-"))
    text = separator.join(re.findall(r".{1,4}", number))
    return text.lower() if chance(s, 0.12) else text


def iban(s: Source) -> Piece:
    """An IBAN that passes its check."""
    return Piece(write_iban(s, plain_iban(s)))


# --- ssn, ip


def ssn(s: Source) -> Piece:
    """A US social security number in the range that is given out."""
    number = until(s.us.ssn, valid_ssn)
    return Piece(number.replace("-", s.rng.choice(("-", "-", "-", "-", "-", " ", " ", "", "", "."))))


def usable_ip(text: str) -> bool:
    """Whether an address may be someone's; loopback and the like are nobody's."""
    address = ipaddress.ip_address(text)
    return not (address.is_loopback or address.is_multicast or address.is_unspecified or text.startswith("0."))


def ipv6(s: Source) -> str:
    """An IPv6 address in full or with its zeros compressed."""
    blocks = s.us.ipv6().split(":")
    blocks[0] = s.rng.choice(("2001", "2a02", "2003", "2400", "fe80", "fd12"))
    zeros = s.rng.choice((0, 0, 1, 3, 4, 5))
    start = s.rng.randint(1, 7 - zeros) if zeros else 0
    for place in range(start, start + zeros):
        blocks[place] = "0"
    address = ipaddress.IPv6Address(":".join(blocks))
    text = address.exploded if chance(s, 0.25) else address.compressed
    return text.upper() if chance(s, 0.15) else text


def ip(s: Source) -> Piece:
    """An IP address; a port or prefix length after it is not part of the value."""
    if chance(s, 0.4):
        return Piece(ipv6(s), "/" + s.rng.choice(("64", "56", "128")) if chance(s, 0.15) else "")
    address = until(s.rng.choice((s.us.ipv4_public, s.us.ipv4_public, s.us.ipv4_private)), usable_ip)
    after = ""
    if chance(s, 0.25):
        after = s.rng.choice((":443", ":8080", ":22", ":3389", "/24", "/32", "/16"))
    return Piece(address, after)


# --- url_secret

SECRET_KEYS = (
    "token", "api_key", "access_token", "sig", "password", "session", "apikey", "auth", "secret", "key",
    "refresh_token", "sessionid", "X-Amz-Signature", "client_secret", "code", "pwd",
)  # fmt: skip
URL_PATHS = ("api/v1/export", "download/invoice.pdf", "account", "hooks/orders", "feed.ics", "files/42", "login", "s")


def base64url(value: bytes) -> str:
    """Base64 as JWTs use it."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def jwt(s: Source) -> str:
    """A JSON web token with a random signature."""
    header = base64url(b'{"alg":"HS256","typ":"JWT"}')
    payload = base64url(json.dumps({"sub": digits(s, 10), "iat": int(digits(s, 9))}).encode())
    return f"{header}.{payload}.{base64url(s.rng.randbytes(32))}"


def secret(s: Source) -> str:
    """A random key in one of the usual alphabets."""
    return s.rng.choice(
        (
            token(s, BASE62, 16, 40),
            token(s, "0123456789abcdef", 32, 40),
            token(s, BASE62 + "-_", 20, 32) + "x",
            s.us.uuid4(),
        )
    )


def host(s: Source) -> str:
    """A host name, at times with a sub-domain or a port."""
    name = s.fake.domain_name()
    if chance(s, 0.4):
        name = f"{s.rng.choice(('app', 'api', 'my', 'files', 'sso', 'shop'))}.{name}"
    return f"{name}:{s.rng.choice((8443, 8080, 3000))}" if chance(s, 0.08) else name


def login_url(s: Source) -> str:
    """A URL with user name and password."""
    scheme = s.rng.choice(("https", "https", "http", "ftp", "sftp", "postgres"))
    path = "/" + s.rng.choice(URL_PATHS) if chance(s, 0.6) else ""
    return f"{scheme}://{s.us.user_name()}:{token(s, BASE62 + '!$_-', 7, 14)}7@{host(s)}{path}"


def query_url(s: Source) -> str:
    """A URL with a key among its query parameters."""
    pairs = [f"{s.rng.choice(SECRET_KEYS)}={secret(s)}"]
    if chance(s, 0.4):
        pairs.insert(s.rng.randint(0, 1), s.rng.choice(("lang=en", "id=4711", "utm_source=mail", "v=2")))
    return f"https://{host(s)}/{s.rng.choice(URL_PATHS)}?{'&'.join(pairs)}"


def jwt_url(s: Source) -> str:
    """A URL with a JSON web token in the query, fragment or path."""
    path = s.rng.choice(("sso?jwt=", "login?token=", "cb#access_token=", "sso?id_token="))
    return f"https://{host(s)}/{path}{jwt(s)}"


def reset_url(s: Source) -> str:
    """A link that lets whoever has it take an account over."""
    path = s.rng.choice(
        ("reset-password?token=", "password/reset?code=", "verify?token=", "invite?key=", "magic-login?t=1&token=")
    )
    return f"https://{host(s)}/{path}{secret(s)}"


def url_secret(s: Source) -> Piece:
    """A URL that lets whoever reads it in."""
    return Piece(s.rng.choice((login_url, query_url, query_url, jwt_url, reset_url))(s))


# --- dates

MONTHS: dict[str, str] = {
    "en_US": "January February March April May June July August September October November December",
    "en_GB": "January February March April May June July August September October November December",
    "de_DE": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr_FR": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es_ES": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it_IT": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt_BR": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl_NL": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl_PL": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "tr_TR": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "ru_RU": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "ar_SA": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
}
# Abbreviations where they are not the first three letters.
SHORT_MONTHS: dict[str, str] = {
    "de_DE": "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
    "fr_FR": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "nl_NL": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "pl_PL": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "ru_RU": "янв фев мар апр мая июн июл авг сен окт ноя дек",
    "ar_SA": MONTHS["ar_SA"],
}
# {d} {m} day and month, {d2} {m2} with two digits, {y} {y2} year, {th} the
# day's English ending, {M} {M3} the month's name and abbreviation.
NUMERIC_DATES: dict[str, tuple[str, ...]] = {
    "en_US": ("{m2}/{d2}/{y}", "{m}/{d}/{y}", "{m2}-{d2}-{y}", "{m}/{d}/{y2}", "{m2}.{d2}.{y}", "{y}-{m2}-{d2}"),
    "en_GB": ("{d2}/{m2}/{y}", "{d}/{m}/{y}", "{d2}-{m2}-{y}", "{d2}/{m2}/{y2}", "{d2}.{m2}.{y}", "{y}-{m2}-{d2}"),
    "de_DE": ("{d2}.{m2}.{y}", "{d}.{m}.{y}", "{d2}.{m2}.{y}", "{d2}.{m2}.{y2}", "{d2}/{m2}/{y}", "{y}-{m2}-{d2}"),
    "nl_NL": ("{d2}-{m2}-{y}", "{d}-{m}-{y}", "{d2}/{m2}/{y}", "{d2}-{m2}-{y2}", "{d2}.{m2}.{y}", "{y}-{m2}-{d2}"),
    "ja_JP": ("{y}/{m2}/{d2}", "{y}/{m}/{d}", "{y}-{m2}-{d2}", "{y}.{m}.{d}"),
    "zh_CN": ("{y}-{m2}-{d2}", "{y}/{m}/{d}", "{y}.{m}.{d}", "{y}.{m2}.{d2}"),
    "ko_KR": ("{y}-{m2}-{d2}", "{y}.{m2}.{d2}", "{y}. {m}. {d}.", "{y}/{m2}/{d2}", "{y2}.{m2}.{d2}", "{y2}/{m2}/{d2}"),
}
DAY_FIRST = (
    "{d2}/{m2}/{y}",
    "{d2}.{m2}.{y}",
    "{d}.{m}.{y}",
    "{d}/{m}/{y}",
    "{d2}-{m2}-{y}",
    "{d2}.{m2}.{y2}",
    "{y}-{m2}-{d2}",
)
NAMED_DATES: dict[str, tuple[str, ...]] = {
    "en_US": ("{M} {d}, {y}", "{M3} {d} {y}", "{M} {d}{th}, {y}", "{d} {M} {y}", "{M} {d}{th} {y}"),
    "en_GB": ("{d} {M} {y}", "{d}{th} {M} {y}", "{d} {M3} {y}", "{d}{th} of {M} {y}"),
    "de_DE": ("{d}. {M} {y}", "{d}.{M} {y}", "{d}. {M3} {y}"),
    "es_ES": ("{d} de {M} de {y}", "{d} {M} {y}", "{d} de {M} del {y}"),
    "pt_BR": ("{d} de {M} de {y}", "{d} {M} {y}", "{d} de {M3} de {y}"),
    "ja_JP": ("{y}年{m}月{d}日", "{y}年{m2}月{d2}日", "{era}{m}月{d}日", "{y} 年 {m} 月 {d} 日"),
    "zh_CN": ("{y}年{m}月{d}日", "{y}年{m2}月{d2}日", "{y}年{m}月{d}号"),
    "ko_KR": ("{y}년 {m}월 {d}일", "{y}년{m}월{d}일", "{y2}년 {m}월 {d}일"),
}
NAMED_DEFAULT = ("{d} {M} {y}", "{d} {M} {y}", "{d} {M3} {y}")
ERAS = ((2019, "令和"), (1989, "平成"), (1926, "昭和"))


def english_ending(day: int) -> str:
    """st, nd, rd or th."""
    return "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def japanese_era(year: int) -> str:
    """A year as counted from the start of the emperor's reign."""
    start, name = next(era for era in ERAS if year >= era[0])
    return f"{name}{year - start + 1}年"


def write_date(s: Source, date: datetime.date) -> str:
    """Write a date in one of the usual forms of the locale."""
    numeric = NUMERIC_DATES.get(s.locale, DAY_FIRST)
    named = NAMED_DATES.get(s.locale, NAMED_DEFAULT)
    fields = {
        "d": date.day, "m": date.month, "y": date.year, "d2": f"{date.day:02}", "m2": f"{date.month:02}",
        "y2": f"{date.year % 100:02}", "th": english_ending(date.day), "era": japanese_era(date.year),
    }  # fmt: skip
    if s.locale in MONTHS:
        name = MONTHS[s.locale].split()[date.month - 1]
        short = SHORT_MONTHS[s.locale].split()[date.month - 1] if s.locale in SHORT_MONTHS else name[:3]
        fields |= {"M": name, "M3": short}
    text = s.rng.choice(named if chance(s, 0.4) else numeric).format(**fields)
    if s.locale in ("en_US", "en_GB", "de_DE", "tr_TR") and chance(s, 0.2):
        text = text.lower()
    if s.locale == "ar_SA" and chance(s, 0.2):
        text = text.translate(ARABIC_INDIC)
    return text


def birth_date(s: Source) -> Piece:
    """The date of birth of an adult."""
    start = datetime.date(1935, 1, 1)
    return Piece(write_date(s, start + datetime.timedelta(days=s.rng.randrange(72 * 365))))


# --- look-alikes: what rules take for personal data though it is none

CURRENCIES: dict[str, tuple[str, ...]] = {
    "en_US": ("${n},{k}.{c}", "${n}.{c}", "{n} dollars", "USD {n}.{c}"),
    "en_GB": ("£{n}.{c}", "£{n},{k}.{c}", "{n} quid"),
    "de_DE": ("{n},{c} €", "{n}.{k},{c} €", "{n}€", "EUR {n},{c}"),
    "pt_BR": ("R$ {n},{c}", "R$ {n}.{k},{c}", "R${n}", "{n} reais"),
    "pl_PL": ("{n},{c} zł", "{n} {k},{c} zł", "{n} PLN"),
    "tr_TR": ("{n},{c} TL", "{n}.{k},{c} TL", "₺{n}"),
    "ru_RU": ("{n} {k} ₽", "{n} руб.", "{n},{c} р"),
    "ja_JP": ("¥{n},{k}", "{n}{k}円", "{n},{k}円"),
    "zh_CN": ("¥{n}.{c}", "{n}元", "{n}.{c}元", "￥{n}{k}"),
    "ko_KR": ("{n},{k}원", "₩{n},{k}", "{n}{k}원"),
    "ar_SA": ("{n} ريال", "{n}.{c} ر.س", "SAR {n}.{c}"),
}
EURO = ("{n},{c} €", "{n} {k},{c} €", "{n}€", "{n},{c}€")
TIMES: dict[str, tuple[str, ...]] = {
    "en_US": ("{h12}:{mi} pm", "{h12}pm", "{h12}:{mi}AM", "{h}:{mi}"),
    "en_GB": ("{h}:{mi}", "{h12}.{mi}pm", "{h12}am"),
    "de_DE": ("{h}:{mi}", "{h}.{mi}", "{h}:{mi}:{mi}"),
    "fr_FR": ("{h}h{mi}", "{h}:{mi}", "{h}h"),
    "ja_JP": ("{h}:{mi}", "{h}時{mi}分", "{h}時"),
    "zh_CN": ("{h}:{mi}", "{h}点{mi}分", "{h}点"),
    "ko_KR": ("{h}:{mi}", "{h}시 {mi}분", "{h}시"),
}


def order(s: Source) -> str:
    """An order number; a quarter could be dialled, the word before it says no."""

    def make() -> str:
        if chance(s, 0.25):
            national = phonenumbers.national_significant_number(plan_number(s))
            return s.rng.choice((national, "0" + national))
        number = digits(s, s.rng.randint(6, 14))
        return s.rng.choice((number, number, number, f"#{number}", f"A-{number}", f"2024-{number[:6]}"))

    return until(make, lambda v: no_card(v) and 6 <= len(re.sub(r"\D", "", v)) <= 14)


def isbn(s: Source) -> str:
    """A book's number, the old or the new kind."""
    separator = s.rng.choice(("-", "-", "", " "))
    make = s.rng.choice((s.us.isbn13, s.us.isbn13, s.us.isbn10))
    return until(lambda: make(separator), lambda v: no_card(v) and not valid_phone(v, s.region))


def date(s: Source) -> str:
    """An appointment's or delivery's date, written like dates of birth."""
    return write_date(s, datetime.date(2021, 1, 1) + datetime.timedelta(days=s.rng.randrange(6 * 365)))


def time(s: Source) -> str:
    """A time of day."""
    hour, minute = s.rng.randint(7, 21), s.rng.choice((0, 5, 15, 20, 30, 45, 50))
    form = s.rng.choice(TIMES.get(s.locale, ("{h}:{mi}", "{h}.{mi}", "{h}:{mi}")))
    return form.format(h=hour, h12=(hour - 1) % 12 + 1, mi=f"{minute:02}")


def price(s: Source) -> str:
    """An amount with its currency."""
    form = s.rng.choice(CURRENCIES.get(s.locale, EURO))
    return form.format(n=digits(s, s.rng.randint(1, 3)), k=digits(s, 3), c=f"{s.rng.randrange(100):02}")


def version(s: Source) -> str:
    """A version; half would be IPv4 addresses without the word before them."""
    if chance(s, 0.5):
        return ".".join(str(s.rng.randint(1 if place == 0 else 0, 60)) for place in range(4))
    parts = ".".join(str(s.rng.randint(0, 99)) for _ in range(s.rng.randint(2, 3)))
    return s.rng.choice((parts, f"v{parts}", f"{parts}-beta.{s.rng.randint(1, 9)}", f"{parts}.{digits(s, 5)}"))


def mac(s: Source) -> str:
    """A network card's address, which is no IP address."""
    pairs = until(lambda: s.us.mac_address(), lambda v: re.search("[a-f]", v) is not None)
    text = pairs.replace(":", s.rng.choice((":", ":", "-")))
    if chance(s, 0.15):
        text = ".".join(re.findall("....", pairs.replace(":", "")))
    return text.upper() if chance(s, 0.4) else text


def handle(s: Source) -> str:
    """A name on a social network. No dots, so that no @ makes it an address."""
    name = re.sub(r"[^a-z0-9_]", "_", s.fake.user_name().lower())
    return "@" + s.rng.choice((name, f"{name}_official", f"_{name}", f"{name}{digits(s, 2)}", name.capitalize()))


def plain_url(s: Source) -> str:
    """A URL that anyone may see."""
    name = s.fake.domain_name()
    slug = "-".join(s.us.words(s.rng.randint(1, 3)))
    return s.rng.choice(
        (
            f"https://www.{name}/{slug}",
            f"https://{name}/{slug}?page={s.rng.randint(2, 9)}",
            f"http://{name}",
            f"www.{name}/help/{slug}.html",
            f"https://{name}/p/{digits(s, 6)}?color=blue&size=xl",
            f"https://{name}/@{s.us.user_name()}/{slug}",
            f"https://{name}/faq#{slug}",
            f"{name}/{slug}?utm_source=chat&utm_medium=web",
        )
    )


def tracking(s: Source) -> str:
    """A parcel's number: UPS, postal union, or digits only."""

    def make() -> str:
        return s.rng.choice(
            (
                "1Z" + token(s, string.ascii_uppercase + string.digits, 6, 6) + digits(s, 10),
                f"{s.rng.choice(('RR', 'LX', 'CP', 'EE'))}{digits(s, 9)}{s.region}",
                digits(s, s.rng.choice((12, 14, 20, 22))),
                "00" + digits(s, 18),
                "JJD" + digits(s, 18),
                f"{digits(s, 4)} {digits(s, 4)} {digits(s, 4)}",
            )
        )

    return until(make, lambda v: no_card(v) and not mod97(v) and not valid_phone(v, s.region))


def card_like(s: Source) -> str:
    """A card's shape that fails Luhn."""

    def make() -> str:
        return group_card(s, s.rng.choice("2345") + digits(s, 15))

    return until(make, lambda v: not luhn(v))


def iban_like(s: Source) -> str:
    """An IBAN with wrong digits."""

    def make() -> str:
        number = plain_iban(s)
        place = s.rng.randrange(len(number) - 6, len(number))
        return number[:place] + s.rng.choice(string.digits) + number[place + 1 :]

    return write_iban(s, until(make, lambda v: not mod97(v) and no_card(v)))


def serial(s: Source) -> str:
    """A device's serial number."""
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"

    def make() -> str:
        return s.rng.choice(
            (
                "-".join(token(s, alphabet, 4, 4) for _ in range(s.rng.randint(2, 4))),
                token(s, alphabet, 10, 14),
                f"SN{digits(s, 9)}X",
                f"{token(s, string.ascii_uppercase, 2, 3)}{digits(s, 7)}",
            )
        )

    def accept(text: str) -> bool:
        mixed = re.search("[A-Z]", text) is not None and re.search("[0-9]", text) is not None
        return mixed and no_card(text) and not mod97(text)

    return until(make, accept)


def number_range(s: Source) -> str:
    """From one number to another."""
    low = s.rng.randint(1, 12)
    years = s.rng.randint(2010, 2020)
    dash = s.rng.choice(("-", "-", "–"))
    return s.rng.choice((f"{low}{dash}{low + s.rng.randint(1, 9)}", f"{years}{dash}{years + s.rng.randint(1, 6)}"))


def coordinates(s: Source) -> str:
    """A place on the map of the world, not an address."""
    north, east = s.rng.uniform(-60, 60), s.rng.uniform(-170, 170)
    return s.rng.choice(
        (
            f"{north:.4f}, {east:.4f}",
            f"{north:.6f},{east:.6f}",
            f"{abs(north):.2f}° N, {abs(east):.2f}° E",
        )
    )


def percentage(s: Source) -> str:
    """A share in per cent."""
    number = s.rng.randint(1, 95)
    if s.locale == "tr_TR" and chance(s, 0.6):
        return f"%{number}"
    return s.rng.choice((f"{number}%", f"{number} %", f"{number},5%", f"{number}.25%"))


def file(s: Source) -> str:
    """A file's name; those of doubled images look like addresses."""
    word = s.us.word()
    return s.rng.choice(
        (
            f"{word}@2x.png",
            f"{word}@3x.jpg",
            f"{word}-logo@2x.webp",
            f"IMG_2024{s.rng.randint(1, 12):02}{s.rng.randint(1, 28):02}_{digits(s, 6)}.jpg",
            f"screenshot-2025-{s.rng.randint(1, 12):02}-{s.rng.randint(1, 28):02}.png",
            f"{word}_final_v{s.rng.randint(2, 9)}.pdf",
        )
    )


def ratio(s: Source) -> str:
    """The proportion of an image."""
    return s.rng.choice(("16:9", "4:3", "1:1", "21:9", "9:16", "3:2", "2.35:1", "3/4", "1920x1080"))


VALUES: dict[str, Callable[[Source], Piece]] = {
    "email": email,
    "phone": phone,
    "card": card,
    "iban": iban,
    "ip": ip,
    "url_secret": url_secret,
    "ssn": ssn,
    "birth_date": birth_date,
}
LOOK_ALIKES: dict[str, Callable[[Source], str]] = {
    "order": order,
    "isbn": isbn,
    "date": date,
    "time": time,
    "price": price,
    "version": version,
    "mac": mac,
    "handle": handle,
    "plain_url": plain_url,
    "tracking": tracking,
    "card_like": card_like,
    "iban_like": iban_like,
    "serial": serial,
    "range": number_range,
    "coordinates": coordinates,
    "percentage": percentage,
    "file": file,
    "ratio": ratio,
}


# --- messages


def write(s: Source, kind: str, text: str) -> unusual.Written:
    """A value or look-alike as this corpus writes it."""
    return unusual.written(s.rng, kind, text) if s.forms else unusual.Written(text)


def write_look_alike(s: Source, kind: str) -> str:
    """A look-alike that no form makes a value by chance."""
    if s.forms and kind in ("order", "serial", "tracking") and chance(s, 0.3):
        return unusual.uuid_like(s.rng)

    def make() -> str:
        form = write(s, kind, LOOK_ALIKES[kind](s))
        return form.before + form.value + form.after

    return until(make, no_card_in_groups) if s.forms and kind == "card_like" else make()


def no_card_in_groups(text: str) -> bool:
    """Whether no four groups of four digits in a row pass the check of payment cards."""
    groups = re.findall(r"\d{4}", re.sub(r"%[0-9A-F]{2}|&#x?[0-9A-Fa-f]+;|u[0-9a-f]{4}", " ", text))
    return not any(luhn("".join(groups[place : place + 4])) for place in range(max(1, len(groups) - 3)))


def render(s: Source, sentence: str) -> dict[str, object]:
    """Fill a sentence in and note where its values lie, in bytes of UTF-8."""
    text, values, last = "", [], 0
    for match in PLACEHOLDER.finditer(sentence):
        text += sentence[last : match.start()]
        last = match.end()
        kind = match[1]
        if kind in VALUES:
            piece = VALUES[kind](s)
            form = write(s, kind, piece.value)
            text += form.before
            start = len(text.encode())
            values.append({"kind": kind, "start": start, "end": start + len(form.value.encode())})
            text += form.value + form.after + piece.after
        else:
            text += write_look_alike(s, kind)
    return {"locale": s.locale, "region": s.region, "text": text + sentence[last:], "values": values}


def plan(s: Source, count: int) -> list[str]:
    """Which section of the templates each message of a locale comes from.

    Sections take turns rather than being drawn, so that all kinds occur in
    every locale and about equally often.
    """
    look_alikes = -int(-count * LOOK_ALIKE_SHARE // 1)
    plain = int(count * PLAIN_SHARE)
    rest = [SECTIONS[i % len(SECTIONS)] for i in range(count - look_alikes - plain)]
    sections = ["look_alike"] * look_alikes + ["plain"] * plain + rest
    s.rng.shuffle(sections)
    return sections


def sentences(s: Source, pool: list[str]) -> Iterator[str]:
    """The sentences of a section, each as often as the others, in random order."""
    while True:
        yield from s.rng.sample(pool, len(pool))


def messages(templates: str, seed: int, per_locale: int, *, forms: bool) -> Iterator[dict[str, object]]:
    """All messages of the corpus."""
    path = Path(__file__).parent / "templates" / f"{templates}.json"
    for locale, sections in json.loads(path.read_text(encoding="utf-8")).items():
        s = make_source(templates, seed, locale, sections["region"], forms=forms)
        pools = {name: sentences(s, pool) for name, pool in sections.items() if name != "region"}
        for name in plan(s, per_locale):
            yield render(s, next(pools[name]))


def main() -> None:
    """Print the corpus."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--templates", choices=("tuning", "final"), required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--per-locale", type=int, required=True)
    parser.add_argument("--forms", action="store_true")
    arguments = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    for message in messages(arguments.templates, arguments.seed, arguments.per_locale, forms=arguments.forms):
        print(json.dumps(message, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
