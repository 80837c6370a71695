"""`secrets`: keys, tokens and passwords that have a form of their own. Nothing is guessed from randomness."""

from collections.abc import Iterator

from adapters.checks.finder import Finder, Found, NoSettings, argument_texts
from domain.characters import readable
from domain.patterns import Pattern, PatternTable
from domain.signals import Content

_PATTERNS = [
    ("anthropic_key", r"\bsk-ant-[A-Za-z0-9_-]{20}"),
    ("authorization_header", r"(?i:\bauthorization\s{0,3}[:=]\s{0,3}(?:bearer|basic|token)\s{1,3})[\w.~+/=-]{12}"),
    ("aws_access_key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ("aws_secret_key", r"(?i:\baws[\w -]{0,20}secret[\w -]{0,20})[\"']?\s{0,3}[:=]\s{0,3}[\"']?[A-Za-z0-9/+]{40}"),
    ("azure_client_secret", r"(?:^|[^\w~.-])[\w~.]{3}[0-9]Q~[\w~.-]{31,34}"),
    ("azure_storage_key", r"\bAccountKey\s{0,3}=\s{0,3}[A-Za-z0-9+/]{86}=="),
    ("azure_shared_access", r"[?&;](?:sig|SharedAccessSignature)=[A-Za-z0-9%+/]{40}"),
    ("digitalocean_token", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("github_token", r"\bgh[pousr]_[A-Za-z0-9]{36}"),
    ("github_token", r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    ("gitlab_token", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[\w-]{20}"),
    ("google_api_key", r"\bAIza[\w-]{35}"),
    ("google_oauth_token", r"\bya29\.[\w-]{30}"),
    ("google_oauth_token", r"\bGOCSPX-[\w-]{28}"),
    ("huggingface_token", r"\bhf_[A-Za-z0-9]{34}\b"),
    ("jwt", r"\beyJ[\w-]{10,}\.eyJ[\w-]{10}"),
    ("npm_token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("openai_key", r"\bsk-(?:proj-|svcacct-|admin-)[\w-]{20}"),
    ("openai_key", r"\bsk-[A-Za-z0-9]{48}\b"),
    ("private_key", r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    ("private_key", r"\bPuTTY-User-Key-File-[0-9]:"),
    ("pypi_token", r"\bpypi-AgE[\w-]{50}"),
    ("remit_token", r"\bremit_(?:agent|reviewer|admin)_[\w-]{43}"),
    ("sendgrid_key", r"\bSG\.[\w-]{22}\.[\w-]{43}"),
    ("shopify_token", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("slack_token", r"\bxox[abeoprs]-(?:[0-9]{1,20}-)?[A-Za-z0-9-]{10}"),
    ("slack_token", r"\bxapp-[0-9]-[A-Z0-9]{8,20}-[0-9]{8,20}-[a-f0-9]{20}"),
    ("slack_webhook", r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[TE][A-Z0-9]{6,20}/\w{6,20}/\w{16}"),
    ("stripe_key", r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16}"),
    ("stripe_key", r"\bwhsec_[A-Za-z0-9+/]{24}"),
    ("telegram_token", r"\b[0-9]{8,10}:AA[\w-]{33}"),
    ("twilio_key", r"\bSK[a-f0-9]{32}\b"),
    ("url_password", r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:@/<>\"'{}$*]{0,64}:[^\s@/<>\"'{}$*]{3,128}@[A-Za-z0-9\[]"),
]
_ASSIGNED = (
    r"(?i)\b(?:password|passwd|passphrase|passcode|pwd|passwort|kennwort|mot de passe|contraseña|wachtwoord|hasło"
    r"|(?:client|app|consumer|shared|api)[ _-]?secret|api[ _-]?key|(?:access|auth|refresh)[ _-]?token|secret[ _-]?key)"
    r"[\"'`*]{0,3}(?:\s{0,3}(?:[:=]|=>|:=)\s{0,3}|\s{1,3}(?:is|ist|lautet|est|es)\s{0,2}:?\s{1,3})[\"'`*]{0,3}"
)
_VALUE = Pattern(r"[^\s\"'`,;<>{}\[\]()]{6,200}")
_FEWEST_CHARACTERS = 4
_SIGNS_IN_WORDS = "-_/'\u2019."
_TABLE = PatternTable([*_PATTERNS, ("password", _ASSIGNED)])
_ASSIGNMENT = Pattern(_ASSIGNED)


class Secrets(Finder[NoSettings]):
    """Looks for credentials in the arguments."""

    name = "secrets"
    version = "1"
    kinds = tuple(sorted({kind for kind, _ in _PATTERNS} | {"password"}))
    settings = NoSettings

    def find(self, content: Content, settings: NoSettings) -> Iterator[Found]:
        """Yield each field with each kind of credential in it."""
        for field, text in argument_texts(content):
            searched = readable(text).encode("utf-8", "replace")
            for kind in _TABLE.found_in(searched):
                if kind != "password" or _holds_password(searched):
                    yield field, kind


def _holds_password(text: bytes) -> bool:
    """Whether a value follows one of the words for a password that could be one: no word, no mask, no blank."""
    for _, end in _ASSIGNMENT.spans(text):
        value = _VALUE.first(text[end : end + 200])
        if (
            value
            and value[0] == 0
            and _could_be_one(text[end : end + value[1]].decode("utf-8", "replace").rstrip(".:!?"))
        ):
            return True
    return False


def _could_be_one(value: str) -> bool:
    """Whether the value mixes letters with digits or signs, as passwords do and words, masks and links do not."""
    if "://" in value or len(set(value)) < _FEWEST_CHARACTERS:
        return False
    letters = any(each.isalpha() for each in value)
    others = any(not each.isalpha() and each not in _SIGNS_IN_WORDS for each in value)
    return value.isdigit() or (letters and others)
