"""Which addresses a webhook may reach: public ones, and no others unless that is allowed.

A url is given from outside, and a request to it is made from inside, where more can be reached. So the addresses of
its host are judged, all of them, and a request then goes to one that was judged: the name is not looked up again,
since it might lead elsewhere the second time.
"""

from __future__ import annotations

import queue
import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from optimizer.domain import MitaanError

LOOK_UP_S = 5.0
"""Seconds that the look-up of a name may take."""
MOST_CHARACTERS = 2_000
_MOST_SHOWN = 200
_USUAL_PORTS = (80, 443)
_FIRST_FREE_PORT = 1_024
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*|[0-9a-f:.]+:[0-9a-f:.]*")
_MOST_OF_HOST = 253

Address = IPv4Address | IPv6Address


def _networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


_NEVER = _networks(
    "0.0.0.0/8",  # this machine
    "169.254.0.0/16",  # the link, and with it the metadata of most clouds, credentials among them
    "100.100.100.200/32",  # metadata of Alibaba
    "168.63.129.16/32",  # metadata of Azure: a public address that never leaves the machine it runs on
    "192.0.0.192/32",  # metadata of Oracle
    "224.0.0.0/4",  # to many at once
    "240.0.0.0/4",
    "::/128",
    "64:ff9b:1::/48",  # translated to addresses of version 4 that cannot be known from here
    "2001::/32",  # Teredo and 6to4: tunnels to any address of version 4, given up long ago
    "2002::/16",
    "fd00:ec2::/32",  # metadata of Amazon
    "fd20:ce::/32",  # metadata of Google
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
_OWN = _networks("100.64.0.0/10")  # private, though `is_private` says it is neither
_NOT_PUBLIC = _networks(  # special ones that the `is_global` of some Pythons lets through
    "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "2001::/23", "2001:db8::/32", "3fff::/20"
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOW_32 = 0xFFFFFFFF


class UrlRefused(MitaanError):  # noqa: N818  (the name says what it is)
    """A url that no webhook may have, or may not reach now: a code, what it is about, the rule.

    `bad_url`, `https_only`, `credentials_in_url`, `bad_port`, `unresolvable`, `private_address`; where private
    addresses are allowed `forbidden_address`.
    """

    def __init__(self, code: str, subject: str, rule: str) -> None:
        super().__init__(code, subject, rule)
        self.code = code
        self.subject = subject
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.subject}: {self.rule} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A url, and the addresses of its host, each of which was judged and may be reached."""

    url: httpx.URL
    addresses: tuple[str, ...]

    @property
    def host(self) -> str:
        """The name that a certificate must be for."""
        return self.url.raw_host.decode()

    def at(self, number: int) -> httpx.URL:
        """The url with an address for its host, another one for the next number: nothing is left to be looked up."""
        return self.url.copy_with(host=self.addresses[number % len(self.addresses)])


def receiver_of(url: str, *, private: bool = False, plain_http: bool = False, limit_s: float = LOOK_UP_S) -> Receiver:
    """Where a request to this url would go now. Raises UrlRefused; one bad address among good ones is enough."""
    parts = parsed(url, private=private, plain_http=plain_http)
    host = parts.raw_host.decode()
    found = _looked_up(host, parts.port or (443 if parts.scheme == "https" else 80), limit_s)
    if not found:
        raise UrlRefused("unresolvable", host, "a name that has an address")
    if not all(may_be_reached(address, private=private) for address in found):
        if private:
            rule = "no address of the link, of many receivers at once or of the metadata of a cloud"
            raise UrlRefused("forbidden_address", host, rule)
        raise UrlRefused("private_address", host, "all addresses are public")
    return Receiver(parts, tuple(str(address) for address in found))


def parsed(url: str, *, private: bool = False, plain_http: bool = False) -> httpx.URL:
    """The parts of a url that a webhook may have, whatever its addresses are. Raises UrlRefused."""
    shown = url.rpartition("@")[2][:_MOST_SHOWN]  # what stands before it may be a password
    if len(url) > MOST_CHARACTERS or any(c.isspace() or c == "\\" or not c.isprintable() for c in url):
        rule = f"at most {MOST_CHARACTERS} characters, without blanks and backslashes"
        raise UrlRefused("bad_url", ascii(shown)[1:-1], rule)
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        raise UrlRefused("bad_url", shown, "an absolute url as https://example.org/events") from None
    if parts.userinfo:
        raise UrlRefused("credentials_in_url", shown, "no name and no password: messages are signed")
    if parts.scheme != "https" and not (plain_http and parts.scheme == "http"):
        raise UrlRefused("https_only", shown, "begins with https://")
    host = parts.raw_host.decode().removesuffix(".")
    if len(host) > _MOST_OF_HOST or not _HOST.fullmatch(host):
        raise UrlRefused("bad_url", shown, "has a host: a name or an address")
    if parts.fragment:
        raise UrlRefused("bad_url", shown, "has no fragment")
    port = parts.port
    if port is not None and not (port in _USUAL_PORTS or (1 if private else _FIRST_FREE_PORT) <= port < 65_536):
        raise UrlRefused("bad_port", shown, f"443, or from {_FIRST_FREE_PORT} on: below are services of other kinds")
    return parts.copy_with(host=host)


def may_be_reached(address: Address, *, private: bool = False) -> bool:
    """Whether requests go to an address: to public ones, where allowed to private ones, to some never."""
    inner = _inside(address)
    if inner is not None:
        return may_be_reached(inner, private=private)
    if _is_in(address, _NEVER):
        return False
    if private and (address.is_private or address.is_loopback or _is_in(address, _OWN)):
        return True
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not _is_in(address, (*_OWN, *_NOT_PUBLIC))


def _inside(address: Address) -> IPv4Address | None:
    """The address of version 4 that one of version 6 only wraps: mapped, or behind a translator of the provider."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & _LOW_32)
    return address.ipv4_mapped


def _is_in(address: Address, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)


def _looked_up(host: str, port: int, limit_s: float) -> list[Address]:
    """All addresses of a name, as the system knows it, each once; none when it does not know it in time.

    The look-up of the system cannot be ended, so it has a thread of its own, which is left behind when it is slow.
    """
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []
        answers.put([str(at[0]) for *_, at in found])

    threading.Thread(target=ask, name="mitaan-look-up", daemon=True).start()
    try:
        texts = answers.get(timeout=limit_s)
    except queue.Empty:
        return []
    return [ip_address(text) for text in dict.fromkeys(texts)]
