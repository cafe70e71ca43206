"""Values to plant: personal data of every structured entity and forty kinds of secret, drawn from a seed.

All are made here from the published formats, with check digits computed here: none belongs to anybody on
purpose, none stands in a file, and no pattern of the product was used to make them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import phonenumbers

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
URLSAFE = ALNUM + "_-"
B64 = ALNUM + "+/"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_FIRST = [
    "ada",
    "linus",
    "grace",
    "edsger",
    "barbara",
    "donald",
    "margaret",
    "alan",
    "katherine",
    "dennis",
    "radia",
    "ken",
]
_LAST = [
    "okafor",
    "lindqvist",
    "moreau",
    "takeda",
    "brandt",
    "silva",
    "novak",
    "haddad",
    "petrov",
    "oneill",
    "castillo",
    "berg",
]
_HOSTS = [
    "nordwind-labs.com",
    "brightmill.io",
    "kestrel.dev",
    "tidewater.org",
    "quillfeather.co.uk",
    "stellwerk.de",
    "example.com",
]
_REGIONS = ["US", "GB", "DE", "FR", "ES", "IT", "NL", "SE", "CH", "AU", "IN", "BR", "JP"]


@dataclass(frozen=True, slots=True)
class Value:
    """One value, and the words before it without which it means nothing."""

    entity: str
    text: str = field(repr=False)
    lead: str = ""
    secret: bool = False


def drawn(chance: Random, alphabet: str, size: int) -> str:
    """Random characters that begin and end with a letter or digit, with at least one digit among them."""
    ends = [letter for letter in alphabet if letter.isalnum()]
    middle = "".join(chance.choice(alphabet) for _ in range(size - 3))
    digits = [letter for letter in alphabet if letter.isdigit()] or ends
    return chance.choice(ends) + middle + chance.choice(digits) + chance.choice(ends)


def luhn_digit(digits: str) -> str:
    """The check digit that completes a card number."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def _digits(chance: Random, size: int) -> str:
    return "".join(chance.choice(string.digits) for _ in range(size))


def _email(chance: Random) -> str:
    local = chance.choice("._-+").join((chance.choice(_FIRST), chance.choice(_LAST)))
    return f"{local}{chance.choice(['', '7', '42'])}@{chance.choice(_HOSTS)}"


def _phone(chance: Random) -> str:
    forms = (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164)
    while True:
        region = chance.choice(_REGIONS)
        kind = chance.choice([phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE])
        sample = phonenumbers.example_number_for_type(region, kind)
        if sample is None:
            continue
        sample.national_number += chance.randrange(1, 900)
        if phonenumbers.is_valid_number(sample):
            return str(phonenumbers.format_number(sample, chance.choice(forms)))


def _card(chance: Random) -> str:
    if chance.random() < 0.2:
        body = chance.choice(("34", "37")) + _digits(chance, 12)
        number = body + luhn_digit(body)
        return f"{number[:4]} {number[4:10]} {number[10:]}" if chance.random() < 0.5 else number
    body = chance.choice(("4", "51", "52", "55", "6011", "2221"))
    body += _digits(chance, 15 - len(body))
    number = body + luhn_digit(body)
    return chance.choice((" ", "-", "")).join(number[at : at + 4] for at in range(0, 16, 4))


def _ssn(chance: Random) -> str:
    area = chance.choice([one for one in range(1, 900) if one != 666])
    return f"{area:03}-{chance.randrange(1, 100):02}-{chance.randrange(1, 10000):04}"


def _iban(chance: Random) -> str:
    country, body = chance.choice(
        (
            ("DE", _digits(chance, 18)),
            ("GB", "".join(chance.choice(string.ascii_uppercase) for _ in range(4)) + _digits(chance, 14)),
            ("NL", "".join(chance.choice(string.ascii_uppercase) for _ in range(4)) + _digits(chance, 10)),
            ("ES", _digits(chance, 20)),
            ("AT", _digits(chance, 16)),
        )
    )
    value = int("".join(str(int(letter, 36)) for letter in f"{body}{country}00"))
    number = f"{country}{98 - value % 97:02}{body}"
    return (
        number if chance.random() < 0.5 else " ".join(number[at : at + 4] for at in range(0, len(number), 4))
    )


def _ip(chance: Random) -> str:
    if chance.random() < 0.35:
        return str(ipaddress.IPv6Address((0x20010DB8 << 96) | chance.getrandbits(80)))
    return f"{chance.choice((23, 45, 81, 93, 146, 203))}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"


def _mac(chance: Random) -> str:
    sign = chance.choice(":-")
    return sign.join(f"{byte:02x}" for byte in (0x3C, *(chance.randrange(1, 255) for _ in range(5))))


def _itin(chance: Random) -> str:
    return f"9{_digits(chance, 2)}-{chance.randrange(70, 89)}-{chance.randrange(1, 10000):04}"


def _wallet(chance: Random) -> str:
    payload = b"\0" + chance.randbytes(20)
    payload += hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(payload, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = _BASE58[rest] + text
    zeros = len(payload) - len(payload.lstrip(b"\0"))
    return "1" * zeros + text


def _nhs(chance: Random) -> str:
    while True:
        digits = chance.choice("469") + _digits(chance, 8)
        check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits)) % 11
        if check != 10 and len(set(digits)) > 3:
            number = digits + str(check % 11)
            return f"{number[:3]} {number[3:6]} {number[6:]}"


PERSONAL: dict[str, tuple[str, Callable[[Random], str]]] = {
    "EMAIL_ADDRESS": ("", _email),
    "PHONE_NUMBER": ("", _phone),
    "CREDIT_CARD": ("", _card),
    "US_SSN": ("", _ssn),
    "IBAN_CODE": ("", _iban),
    "IP_ADDRESS": ("", _ip),
    "MAC_ADDRESS": ("", _mac),
    "US_ITIN": ("", _itin),
    "CRYPTO": ("", _wallet),
    "UK_NHS": ("NHS number ", _nhs),
}
"""For every structured entity: the words it needs before it, and how one is drawn."""


def _uuid(chance: Random) -> str:
    return "-".join(drawn(chance, HEX, size) for size in (8, 4, 4, 4, 12))


def _pem(chance: Random) -> str:
    body = "\n".join(drawn(chance, B64, 64) for _ in range(3))
    return (
        f"-----BEGIN {'PRIVATE'} KEY-----\n{body}\n{drawn(chance, B64, 12)}==\n-----END {'PRIVATE'} KEY-----"
    )


def _jwt(chance: Random) -> str:
    return ".".join(
        (
            "ey" + "J" + drawn(chance, ALNUM, 24),
            "ey" + "J" + drawn(chance, ALNUM, 40),
            drawn(chance, URLSAFE, 43),
        )
    )


def _password(chance: Random) -> str:
    return drawn(chance, ALNUM, 9) + chance.choice("!?#*") + drawn(chance, ALNUM, 4)


def _plain(prefix: str, alphabet: str, size: int, tail: str = "") -> Callable[[Random], str]:
    return lambda chance: prefix + drawn(chance, alphabet, size) + tail


SECRET: tuple[tuple[str, str, Callable[[Random], str]], ...] = (
    ("OPENAI_API_KEY", "", _plain("sk-" + "proj-", URLSAFE, 120)),
    ("OPENAI_API_KEY", "", _plain("sk-", ALNUM, 48)),
    ("ANTHROPIC_API_KEY", "", _plain("sk-" + "ant-api03-", URLSAFE, 93)),
    ("OPENROUTER_API_KEY", "", _plain("sk-" + "or-v1-", HEX, 64)),
    ("HUGGINGFACE_TOKEN", "", _plain("hf_", ALNUM, 34)),
    ("GROQ_API_KEY", "", _plain("gsk_", ALNUM, 52)),
    ("REPLICATE_API_TOKEN", "", _plain("r8_", ALNUM, 37)),
    ("AWS_ACCESS_KEY_ID", "", _plain("AK" + "IA", UPPER, 16)),
    ("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key = ", _plain("", B64, 40)),
    ("GOOGLE_API_KEY", "", _plain("AI" + "za", URLSAFE, 35)),
    ("GOOGLE_OAUTH_SECRET", "", _plain("GOC" + "SPX-", URLSAFE, 28)),
    ("AZURE_STORAGE_KEY", "AccountKey=", _plain("", B64, 86, "==")),
    ("DIGITALOCEAN_TOKEN", "", _plain("dop_" + "v1_", HEX, 64)),
    ("SUPABASE_KEY", "", _plain("sbp_", HEX, 40)),
    ("DATABRICKS_TOKEN", "", _plain("dapi", HEX, 32)),
    ("VAULT_TOKEN", "", _plain("hvs.", URLSAFE, 90)),
    ("DOPPLER_TOKEN", "", _plain("dp.pt.", ALNUM, 43)),
    ("GITHUB_TOKEN", "", _plain("gh" + "p_", ALNUM, 36)),
    ("GITHUB_FINE_GRAINED_TOKEN", "", _plain("github" + "_pat_", ALNUM, 82)),
    ("GITLAB_TOKEN", "", _plain("gl" + "pat-", ALNUM, 20)),
    ("ATLASSIAN_API_TOKEN", "", _plain("ATA" + "TT3", URLSAFE, 180)),
    ("NPM_TOKEN", "", _plain("npm_", ALNUM, 36)),
    ("PYPI_TOKEN", "", _plain("pypi-" + "Ag", URLSAFE, 150)),
    ("RUBYGEMS_TOKEN", "", _plain("rubygems_", HEX, 48)),
    ("DOCKER_TOKEN", "", _plain("dckr_" + "pat_", URLSAFE, 27)),
    ("SENTRY_TOKEN", "", _plain("sntryu_", HEX, 64)),
    ("SLACK_TOKEN", "", lambda chance: f"xox{'b'}-{_digits(chance, 12)}-{_digits(chance, 12)}-{drawn(chance, ALNUM, 24)}"),
    ("SLACK_WEBHOOK", "https://", lambda chance: f"hooks.slack.com/{'services'}/T{drawn(chance, UPPER, 8)}/B{drawn(chance, UPPER, 8)}/{drawn(chance, ALNUM, 24)}"),
    ("TELEGRAM_BOT_TOKEN", "", lambda chance: f"{_digits(chance, 9).replace('0', '7')}:{'AA'}{drawn(chance, URLSAFE, 33)}"),
    ("TWILIO_API_KEY", "", _plain("S" + "K", HEX, 32)),
    ("SENDGRID_API_KEY", "", lambda chance: f"S{'G'}.{drawn(chance, URLSAFE, 22)}.{drawn(chance, URLSAFE, 43)}"),
    ("STRIPE_SECRET_KEY", "", _plain("sk" + "_live_", ALNUM, 32)),
    ("STRIPE_WEBHOOK_SECRET", "", _plain("wh" + "sec_", ALNUM, 32)),
    ("SHOPIFY_TOKEN", "", _plain("shp" + "at_", HEX, 32)),
    ("LINEAR_API_KEY", "", _plain("lin_" + "api_", ALNUM, 40)),
    ("NEW_RELIC_KEY", "", _plain("NR" + "AK-", UPPER, 27)),
    ("PLAID_ACCESS_TOKEN", "", lambda chance: f"access-{'production'}-{_uuid(chance)}"),
    ("AGE_SECRET_KEY", "", _plain("AGE-" + "SECRET-KEY-1", UPPER, 58)),
    ("PRIVATE_KEY", "", _pem),
    ("JWT", "", _jwt),
    ("URL_PASSWORD", "postgres://app:", lambda chance: drawn(chance, ALNUM, 14)),
    ("AUTHORIZATION_HEADER", "Authorization: Bearer ", _plain("", ALNUM, 40)),
    ("PASSWORD", "password: ", _password),
    ("GENERIC_SECRET", "client_secret = ", _plain("", ALNUM, 32)),
)  # fmt: skip
"""For forty kinds of secret: the words before it, and how one is drawn."""

_AFTER = {"URL_PASSWORD": "@db.internal:5432/app"}


def personal(chance: Random, entity: str | None = None) -> Value:
    """A personal value of an entity, or of any."""
    entity = entity or chance.choice(list(PERSONAL))
    lead, make = PERSONAL[entity]
    return Value(entity, make(chance), lead)


def secret(chance: Random, place: int | None = None) -> Value:
    """A secret: of the kind at a place in `SECRET`, or of any."""
    entity, lead, make = chance.choice(SECRET) if place is None else SECRET[place % len(SECRET)]
    return Value(entity, make(chance), lead, secret=True)


def after(value: Value) -> str:
    """What must follow a value for it to mean anything."""
    return _AFTER.get(value.entity, "")
