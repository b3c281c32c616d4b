# SPDX-License-Identifier: Apache-2.0
"""Where a store may be: base URLs, addresses that are no place for a store, and moves."""

from ipaddress import ip_address, ip_network

import pytest

from gateway.domain.errors import SettingsError, StoreUnreachable
from gateway.forward.addresses import Reach, Resolve, base_url, judged_addresses, reach, resolve, why_not


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("http://crm", "http://crm", ""),
        ("http://CRM.Example:80/", "http://crm.example", ""),
        ("https://crm.example:8443/api/v1/", "https://crm.example:8443", "/api/v1"),
        ("http://127.0.0.1:9000/crm", "http://127.0.0.1:9000", "/crm"),
        ("http://[::1]:9000", "http://[::1]:9000", ""),
    ],
)
def test_a_base_url_comes_apart_in_one_spelling(text: str, origin: str, path: str) -> None:
    """Host in lower case, usual ports left out, no slash at the end."""
    base = base_url(text)
    assert (base.origin, base.path) == (origin, path)


@pytest.mark.parametrize(
    "text",
    [
        "", "crm", "ftp://crm", "file:///etc/passwd", "gopher://crm", "//crm", "http://", "http:///x",
        "http://user:s3cret@crm", "http://s3cret@crm", "http://crm?s3cret=1", "http://crm#s3cret", "http://crm:0",
        "http://crm:70000", "http://crm:x", "http://crm/a/../b", "http://crm/%2e", "http://crm//a", "http://crm\\@s3cret",
        "http://0x7f.1", "http://2130706433", "http://127.1", "http://0177.0.0.1", "http://[fe80::1%25eth0]",
        "http://crm_1", "http://-crm", "http://crm..de", "http://[::1", "http://ｃrm",
    ],
)  # fmt: skip
def test_a_doubtful_base_url_is_refused_without_repeating_it(text: str) -> None:
    """Only http and https with a plain host; a number that some parsers read as an address is none."""
    with pytest.raises(SettingsError) as caught:
        base_url(text)
    assert "s3cret" not in str(caught.value)


REFUSED = [
    "169.254.169.254", "169.254.0.1", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
    "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0", "::",  # noqa: S104
    "::ffff:0.0.0.0", "224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_no_store_is_at_a_metadata_or_reserved_address(text: str) -> None:
    """In every spelling, unless the operator allows exactly that network."""
    address = ip_address(text)
    assert why_not(address)
    assert why_not(address, (ip_network(f"{text}/{address.max_prefixlen}"),)) is None
    assert why_not(address, (ip_network("10.0.0.0/8"),))


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd12::1", "8.8.8.8", "2606:4700::1"])
def test_stores_may_be_beside_inside_or_outside(text: str) -> None:
    """Loopback, private and public addresses are all ordinary places for a store."""
    assert why_not(ip_address(text)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.9", Reach.LOOPBACK), ("::ffff:127.0.0.1", Reach.LOOPBACK), ("10.0.0.1", Reach.PRIVATE),
     ("fd12::1", Reach.PRIVATE), ("8.8.8.8", Reach.PUBLIC), ("64:ff9b::808:808", Reach.PUBLIC)],
)  # fmt: skip
def test_reach_sees_through_wrapped_addresses(text: str, expected: Reach) -> None:
    """An IPv4 address inside an IPv6 one is judged as itself."""
    assert reach(ip_address(text)) is expected


def resolver(*texts: str) -> Resolve:
    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return texts

    return resolve


async def test_one_bad_address_refuses_the_name() -> None:
    """A name that stands for a store and for a metadata service stands for neither."""
    with pytest.raises(StoreUnreachable, match="metadata"):
        await judged_addresses(base_url("http://crm"), resolver("10.0.0.1", "169.254.169.254"))


@pytest.mark.parametrize("texts", [(), ("not an address",), ("10.0.0.1", "fe80::1%eth0")])
async def test_a_name_without_a_readable_address_is_unreachable(texts: tuple[str, ...]) -> None:
    """Nothing is guessed."""
    with pytest.raises(StoreUnreachable, match="no address"):
        await judged_addresses(base_url("http://crm"), resolver(*texts))


async def test_an_address_in_the_url_is_judged_and_not_resolved() -> None:
    """The resolver is not asked about what needs no resolving."""
    assert await judged_addresses(base_url("http://127.0.0.1:1"), resolver("8.8.8.8")) == ("127.0.0.1",)
    with pytest.raises(StoreUnreachable, match="metadata"):
        await judged_addresses(base_url("http://169.254.169.254"), resolver("8.8.8.8"))


@pytest.mark.parametrize(
    ("before", "after", "fits"),
    [("8.8.8.8", "8.8.4.4", True), ("10.0.0.1", "10.9.9.9", True), ("8.8.8.8", "10.0.0.1", False),
     ("8.8.8.8", "127.0.0.1", False), ("10.0.0.1", "8.8.8.8", False), ("10.0.0.1", "10.0.0.1", True)],
)  # fmt: skip
async def test_a_name_keeps_to_the_reach_it_had(before: str, after: str, *, fits: bool) -> None:
    """A store on the internet does not move inside, nor the other way, without a restart."""
    asked = judged_addresses(base_url("http://crm"), resolver(after), pinned=(before,))
    if fits:
        assert await asked == (after,)
    else:
        with pytest.raises(StoreUnreachable, match="moved"):
            await asked


async def test_the_systems_resolver_knows_this_machine() -> None:
    """The real resolver gives addresses, and says plainly when there is none."""
    assert {"127.0.0.1", "::1"} & set(await resolve("localhost", 80))
    with pytest.raises(StoreUnreachable, match="does not resolve"):
        await resolve("no-such-host.invalid", 80)
