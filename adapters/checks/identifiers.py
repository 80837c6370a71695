"""The forms that personal identifiers have, with what proves one: check digits, valid parts, words beside it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_network
from typing import Literal, get_args

import phonenumbers
from stdnum import luhn
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.iso7064 import mod_97_10
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.us import ssn

from domain.patterns import Pattern, PatternTable

Kind = Literal[
    "email",
    "phone",
    "iban",
    "payment_card",
    "ip_address",
    "us_ssn",
    "uk_nino",
    "de_tax_id",
    "fr_nir",
    "es_dni",
    "es_nie",
    "it_codice_fiscale",
    "nl_bsn",
    "pl_pesel",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
EXPECTED: frozenset[Kind] = frozenset({"email", "phone", "iban"})
"""What an argument that names a recipient or an account holds by its nature."""

Read = Callable[[str, str | None], str | None]
"""Returns the value that a candidate starts with, or None. The second argument is the region of phone numbers."""

_BEFORE, _AFTER = 60, 30
_PART_OF_MORE = Pattern(r"[A-Za-z0-9][-_/.#]\z")
_GOES_ON = Pattern(r"\A[-_/.][A-Za-z0-9]")


@dataclass(frozen=True)
class Form:
    """One way an identifier is written. With `words`, only near one of them, or in an argument of such a name."""

    kind: Kind
    pattern: str
    read: Read
    words: str = ""
    near: Pattern | None = None
    not_after: Pattern | None = None
    within_words: bool = False
    compiled: Pattern = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", Pattern(self.pattern, ignore_case=True))
        if self.words and self.near is None:
            object.__setattr__(self, "near", Pattern(self.words, ignore_case=True))

    def value_at(self, text: bytes, span: tuple[int, int], place: bytes, region: str | None) -> str | None:
        """Return the value at `span`, None if nothing proves that it is one. `place` names the argument in words."""
        start, end = span
        before = text[max(0, start - _BEFORE) : start]
        if self.near is not None and not self.near.is_in(b"%b: %b\0%b" % (place, before, text[end : end + _AFTER])):
            return None
        if self.not_after is not None and self.not_after.is_in(before):
            return None
        if not self.within_words and _PART_OF_MORE.is_in(before):
            return None
        value = self.read(text[start:end].decode("latin-1"), region)
        if value is None:
            return None
        rest = text[start + len(value) : start + len(value) + 2]
        if rest[:1].isalnum() or (not self.within_words and _GOES_ON.is_in(rest)):
            return None
        return value


def _proven(is_valid: Callable[[str], bool]) -> Read:
    """Return the whole candidate where `is_valid` holds for its letters and digits."""
    return lambda text, _: text if is_valid(re.sub(r"[^0-9A-Za-z]", "", text)) else None


# Lengths of IBANs by country, as the registry of ISO 13616 has them.
_IBAN_LENGTHS_LISTED = """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24
    FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21
    LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22
    RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_LENGTHS_LISTED.split()}


def _read_iban(text: str, _: str | None) -> str | None:
    length = IBAN_LENGTHS.get(text[:2].upper())
    ends = [at + 1 for at, each in enumerate(text) if each.isalnum()]
    if length is None or len(ends) < length:
        return None
    value = text[: ends[length - 1]]
    digits = re.sub("[ -]", "", value)
    return value if mod_97_10.is_valid(digits[4:] + digits[:4]) else None


_ISSUED = re.compile(
    r"3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|4[0-9]{15}|5[0-9]{15}|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)[0-9]{12,13}"
    r"|35[0-9]{14}|6[0-9]{15}|(?:4|5[06-8]|6)[0-9]{17,18}"
)


def _is_card(digits: str) -> bool:
    """Whether a number of 14 to 19 digits is of a range that is issued, with its check digit."""
    return _ISSUED.fullmatch(digits) is not None and luhn.is_valid(digits)


_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[ABCEGHJ-PRSTW-Z][ABCEGHJ-NPRSTW-Z][0-9]{6}[A-D]", re.IGNORECASE)
_GROUP_END = re.compile(r"(?<=[0-9])(?=[^0-9])")
_MOST_GROUPS = 4


def _read_phone(text: str, region: str | None) -> str | None:
    """Return the longest run of whole groups that is a phone number in force: what follows may be something else."""
    national = not text.startswith("+")
    if national and region is None and not text.startswith("00"):
        return None
    ends = [len(text), *(match.start() for match in reversed(list(_GROUP_END.finditer(text))))]
    for end in ends[:_MOST_GROUPS]:
        candidate = f"+{text[2:end]}" if text.startswith("00") else text[:end]
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(candidate, region)):
                return text[:end]
        except phonenumbers.NumberParseException:
            continue
    return None


_NOBODYS = [ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]


def _read_address(text: str, _: str | None) -> str | None:
    """Return an IP address that a person may have: not one of a private network, of this machine, or of none."""
    try:
        address = IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        return None
    if address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local:
        return None
    if isinstance(address, IPv6Address) and sum(bool(group) for group in text.split(":")) < 3:
        return None  # `ab::cd` is more often a name in a program
    if address == IPv4Address("255.255.255.255") or any(address in block for block in _NOBODYS):
        return None
    return text


_PHONE_WORDS = (
    r"\b(?:tel|phone|telephone|mobile|cell|fax|hotline|call|whatsapp|sms|telefon|telefono|handy|mobil|rufnummer|movil"
    r"|portable)\b"
)
_RIGHT_BEFORE = Pattern(
    rf"{_PHONE_WORDS}[^0-9a-z+]{{0,6}}(?:(?:us|me|at|on|is|no|nr|number|unter)\b[^0-9a-z+]{{0,4}}){{0,3}}\x00",
    ignore_case=True,
)
_VERSIONS = Pattern(
    r"(?i)(?:\b(?:v|ver|version|release|build|firmware|sec|section|clause|chapter|kapitel|abschnitt|kb)|§)[.:]?\s?\z"
)
_SSN = r"\bssn\b|social security"
_NI = r"\bnino\b|\bni (?:no|number)\b|national insurance"
_TAX_ID = r"steuer|\bid-?nr\b|\bidentifikationsnummer|\btin\b|\btax (?:id|number|identification)"
_DNI = r"\bd\.?n\.?i\b|\bnif\b|identidad|identity (?:card|number)|\bid (?:card|number|no)\b"
_BSN = r"\bbsn\b|burgerservicenummer|\bsofi|citizen service number"
_PESEL = r"pesel"

FORMS = [
    Form(
        "email",
        r"[a-z0-9\x80-\xff.!#$%&'*+/=?^_{|}~-]{1,64}@(?:[a-z0-9\x80-\xff-]{1,63}\.){1,8}[a-z\x80-\xff][a-z0-9\x80-\xff-]{1,62}",
        lambda text, _: text.rstrip("-"),
        within_words=True,
    ),
    Form("phone", r"\B\+[0-9][0-9()./ -]{5,24}[0-9]", _read_phone, within_words=True),
    Form("phone", r"\(?\b[0-9][0-9()./ -]{5,22}[0-9]\b", _read_phone, words=_PHONE_WORDS, near=_RIGHT_BEFORE),
    Form("iban", r"\b[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]){11,30}", _read_iban, within_words=True),
    Form("payment_card", r"\b[0-9]{4}(?:[ -]?[0-9]{4}){3}\b", _proven(_is_card)),
    Form("payment_card", r"\b[0-9]{4}(?:[ -]?[0-9]{4}){3}[ -]?[0-9]{2,3}\b", _proven(_is_card)),
    Form("payment_card", r"\b[0-9]{4}[ -]?[0-9]{6}[ -]?[0-9]{4,5}\b", _proven(_is_card)),
    Form("ip_address", r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b", _read_address, not_after=_VERSIONS, within_words=True),
    Form(
        "ip_address",
        r"\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}|::[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){1,6}",
        _read_address,
        within_words=True,
    ),
    Form("us_ssn", r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", _proven(ssn.is_valid)),
    Form("us_ssn", r"\b[0-9]{3} ?[0-9]{2} ?[0-9]{4}\b", _proven(ssn.is_valid), words=_SSN),
    Form("uk_nino", r"\b[a-z]{2} [0-9]{2} [0-9]{2} [0-9]{2} [a-d]\b", _proven(lambda v: bool(_NINO.fullmatch(v)))),
    Form("uk_nino", r"\b[a-z]{2} ?[0-9]{6} ?[a-d]\b", _proven(lambda v: bool(_NINO.fullmatch(v))), words=_NI),
    Form("de_tax_id", r"\b[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}\b", _proven(idnr.is_valid), words=_TAX_ID),
    Form(
        "fr_nir",
        r"\b[1-478] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9ab] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b",
        _proven(nir.is_valid),
    ),
    Form("es_dni", r"\b[0-9]{8}[ -]?[a-z]\b", _proven(dni.is_valid), words=_DNI),
    Form("es_nie", r"\b[xyz][ -]?[0-9]{7}[ -]?[a-z]\b", _proven(nie.is_valid)),
    Form(
        "it_codice_fiscale",
        r"\b[a-z]{3} ?[a-z]{3} ?[0-9lmnp-v]{2}[abcdehlmprst][0-9lmnp-v]{2} ?[a-z][0-9lmnp-v]{3}[a-z]\b",
        _proven(codicefiscale.is_valid),
    ),
    Form("nl_bsn", r"\b[0-9]{4}[. ]?[0-9]{2}[. ]?[0-9]{3}\b", _proven(bsn.is_valid), words=_BSN),
    Form("pl_pesel", r"\b[0-9]{11}\b", _proven(pesel.is_valid), words=_PESEL),
]
CANDIDATES = PatternTable(((str(number), form.pattern) for number, form in enumerate(FORMS)), ignore_case=True)
"""Which forms, by their number, have candidates in a text."""

WORDS = PatternTable(((str(number), form.words) for number, form in enumerate(FORMS) if form.words), ignore_case=True)
"""Which forms, by their number, have one of their words in a text."""
