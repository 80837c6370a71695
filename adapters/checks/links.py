"""`links`: where texts send people: only to the domains that the use case lists, and never in disguise."""

import re
from collections.abc import Iterator

from adapters.checks.finder import Finder, Found, NoSettings, argument_texts, has_path, paths
from adapters.checks.hosts import Host, hosts_in
from domain.characters import readable
from domain.patterns import Pattern
from domain.signals import Content

_SCRIPT = Pattern(
    r"(?i)\b(?:javascript|vbscript):\S|\bdata:[a-z]{1,20}/[a-z0-9.+-]{1,60}[;,]|\b(?:file|blob):[/\\]{1,3}"
)
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")


class Links(Finder[NoSettings]):
    """Looks for links in the arguments, other than those that name files."""

    name = "links"
    version = "1"
    kinds = ("unlisted_domain", "userinfo", "punycode", "ip_address", "dangerous_scheme")
    settings = NoSettings

    def find(self, content: Content, settings: NoSettings) -> Iterator[Found]:
        """Yield each field with each kind of link that should not be there."""
        files = paths(content.action_type.roles.files)
        allowed = content.use_case.style.link_domains
        for field, text in argument_texts(content):
            if has_path(field, files):
                continue
            for host in hosts_in(text):
                yield from ((field, kind) for kind in _wrong_with(host, allowed))
            if ":" in text and _SCRIPT.is_in(readable(text)):
                yield field, "dangerous_scheme"


def _wrong_with(host: Host, allowed: list[str]) -> Iterator[str]:
    if host.user:
        yield "userinfo"
    if any(host.name == domain or host.name.endswith(f".{domain}") for domain in allowed):
        return
    yield "unlisted_domain"
    if any(label.startswith("xn--") for label in host.name.split(".")):
        yield "punycode"
    if host.name.startswith("[") or _NUMBER.fullmatch(host.name.rpartition(".")[2]):
        yield "ip_address"
