"""Where a publisher may lead us, with real sockets; for the tests 127.0.0.2 is an address of the public internet."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from headwater.extract.connections import addresses
from headwater.extract.connections.addresses import AddressGuard, IpAddress, is_public
from headwater.extract.http.client import HttpClient
from headwater.extract.http.exchange import Patience
from headwater.extract.landing.store import ObjectStore
from headwater.extract.offers.discover import discover
from headwater.extract.offers.payload import Payload
from headwater.extract.run import Extraction, ExtractSummary, list_new
from headwater.metadata.errors import PublisherError
from tests.extract.http.test_client import Sink
from tests.support.publisher import Answer, Publisher
from tests.support.sources import make_source

NET = ipaddress.ip_address("127.0.0.2")


class Names:
    """Addresses of names; of several answers each is taken once, the last one stays."""

    def __init__(self) -> None:
        self.looked_up = list[str]()
        self.known: dict[str, list[str]] = {"public.example": [str(NET)], "inside.example": ["127.0.0.1"]}
        self._proper = socket.getaddrinfo

    def look_up(self, host: str, *arguments: Any) -> list[Any]:
        self.looked_up.append(host)
        if host in self.known:
            answers = self.known[host]
            host = answers.pop(0) if len(answers) > 1 else answers[0]
        return self._proper(host, *arguments)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Names as the test wants them."""
    proper, made = is_public, Names()
    monkeypatch.setattr(addresses, "is_public", lambda ip: ip == NET or proper(ip))
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    return made


@pytest.fixture
def net() -> Iterator[Publisher]:
    """A publisher in the public internet; `publisher` is inside."""
    with Publisher.running(host=str(NET)) as server:
        yield server


def at(host: str, publisher: Publisher, path: str = "/f") -> str:
    """An address of a publisher, by another name for its machine."""
    return f"http://{host}:{publisher.url.rpartition(':')[2]}{path}"


def client(*named: str, allow_private: bool = False) -> HttpClient:
    return HttpClient(
        Patience(attempts=1, read_timeout_s=2), AddressGuard(*named, allow_private=allow_private)
    )


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::"],
)  # fmt: skip
def test_an_address_that_only_we_can_reach_is_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


def test_what_the_metadata_names_may_be_anywhere(publisher: Publisher) -> None:
    publisher.files["/f"] = b"inside"
    asking = client(publisher.url, at("inside.example", publisher))
    for host in ("127.0.0.1", "inside.example", "INSIDE.example."):
        sink = Sink()
        asking.download(at(host, publisher), sink)
        assert sink.content == b"inside"


@pytest.mark.parametrize("target", ["127.0.0.1", "inside.example", "[::1]", "2130706433", "0x7f.1"])
def test_nobody_is_led_to_where_only_we_can_go(net: Publisher, publisher: Publisher, target: str) -> None:
    net.scripts["/f"] = [Answer(302, headers={"Location": at(target, publisher)})]
    publisher.files["/f"] = b"inside"
    sink = Sink()
    with pytest.raises(
        PublisherError, match=r"leads to .*, which is (127\.0\.0\.1|::1), a loopback"
    ) as message:
        client(at("public.example", net)).download(at("public.example", net), sink)
    assert "expected an address of the public internet, or allow_private_addresses = true" in str(
        message.value
    )
    assert sink.content == b""
    assert publisher.requests == []


def test_the_metadata_may_allow_to_be_led_there(net: Publisher, publisher: Publisher) -> None:
    net.scripts["/f"] = [Answer(302, headers={"Location": at("inside.example", publisher)})]
    publisher.files["/f"] = b"inside"
    sink = Sink()
    client(net.url, allow_private=True).download(f"{net.url}/f", sink)
    assert sink.content == b"inside"


def test_another_port_of_a_named_machine_is_another_place(publisher: Publisher) -> None:
    with Publisher.running() as other:
        publisher.scripts["/f"] = [Answer(302, headers={"Location": f"{other.url}/g"})]
        with pytest.raises(PublisherError, match=r"the publisher leads to 127\.0\.0\.1:"):
            client(publisher.url).download(f"{publisher.url}/f", Sink())
        assert other.requests == []


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(net: Publisher, names: Names) -> None:
    net.files["/f"] = b"public"
    names.known["public.example"] = [str(NET), "127.0.0.1"]
    client().download(at("public.example", net), Sink())
    assert names.looked_up.count("public.example") == 1


def test_a_name_that_comes_to_mean_this_machine_is_refused(net: Publisher, names: Names) -> None:
    net.scripts["/f"] = [Answer(200, b"public", {"Connection": "close"})]
    names.known["public.example"] = [str(NET), "127.0.0.1"]
    address = at("public.example", net)
    asking = client(address)
    asking.download(address, Sink())
    with pytest.raises(PublisherError, match=r"its name now stands for 127\.0\.0\.1, a loopback address"):
        asking.download(address, Sink())


def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.files["/f"] = b"inside"
    monkeypatch.setattr(addresses, "_addresses", lambda *_: [NET, ipaddress.ip_address("127.0.0.1")])
    client(at("inside.example", publisher)).download(at("inside.example", publisher), sink := Sink())
    assert sink.content == b"inside"


def test_one_address_inside_spoils_them_all() -> None:
    found: list[IpAddress] = [ipaddress.ip_address("93.184.216.34"), ipaddress.ip_address("10.0.0.1")]
    with pytest.raises(PublisherError, match=r"which is 10\.0\.0\.1, a private address"):
        AddressGuard().require("both.example", 443, found)


def test_a_link_of_a_page_leads_nowhere_inside(net: Publisher, publisher: Publisher) -> None:
    net.page("/", f'<a href="{at("inside.example", publisher, "/places-2026-01-01.csv")}">one</a>')
    publisher.files["/places-2026-01-01.csv"] = b"id,name\n1,Ulm\n"
    facts = {"file_pattern": r"places-(?P<date>[\d-]+)\.csv$"}
    [offer] = discover(make_source(address=f"{net.url}/", options=facts))
    with pytest.raises(PublisherError, match=r"the publisher leads to inside\.example"):
        offer.fetch(offer, Sink())
    assert publisher.requests == []

    allowed = {**facts, "allow_private_addresses": "true"}
    [offer] = discover(make_source(address=f"{net.url}/", options=allowed))
    offer.fetch(offer, sink := Sink())
    assert sink.content == b"id,name\n1,Ulm\n"


def landed(extraction: Extraction, payload: Payload) -> ExtractSummary:
    extraction.land_payload(payload)
    return extraction.summary


def test_what_was_public_at_discovery_may_not_be_inside_at_landing_whatever_process_lands(
    net: Publisher, publisher: Publisher, names: Names, database: Engine, store: ObjectStore, job_inst_id: int
) -> None:
    name = "places-2026-01-01.csv"
    net.page("/", f'<a href="{name}">one</a>')
    net.scripts[f"/{name}"] = [Answer(200, b"id,name\n1,Ulm\n", {"Connection": "close"})]
    publisher.files[f"/{name}"] = b"id,name\n1,inside\n"
    options = {"file_pattern": r"places-(?P<date>[\d-]+)\.csv$"}
    source = make_source(address=at("public.example", net, "/"), options=options)
    report = lambda *_, **__: None  # noqa: E731
    _, offers = list_new(database, store, source, job_inst_id, report)
    assert len(offers) == 1

    names.known["public.example"] = [
        "127.0.0.1"
    ]  # all that another process has is the offer, and the database
    found = landed(Extraction(database, store, source, job_inst_id, report), offers[0])
    assert "was in the public internet, and its name now stands for 127.0.0.1" in found.failed[0]
    without = {key: value for key, value in offers[0].items() if key != "address"}
    with pytest.raises(PublisherError, match="its name now stands for 127"):
        landed(Extraction(database, store, source, job_inst_id, report), without)
    with pytest.raises(PublisherError, match="its name now stands for 127"):
        list_new(database, store, source, job_inst_id, report)  # nor in any later run
    assert publisher.requests == []

    allowed = make_source(
        address=at("public.example", net, "/"), options={**options, "allow_private_addresses": "true"}
    )
    names.known["public.example"] = [str(NET)]
    assert len(landed(Extraction(database, store, allowed, job_inst_id, report), offers[0]).landed) == 1


def test_a_publisher_that_was_inside_from_the_beginning_stays_allowed(
    publisher: Publisher, database: Engine, store: ObjectStore, job_inst_id: int
) -> None:
    publisher.page("/", '<a href="places-2026-01-01.csv">one</a>')
    publisher.files["/places-2026-01-01.csv"] = b"id,name\n1,Ulm\n"
    source = make_source(
        address=at("inside.example", publisher, "/"),
        options={"file_pattern": r"places-(?P<date>[\d-]+)\.csv$"},
    )
    report = lambda *_, **__: None  # noqa: E731
    _, offers = list_new(database, store, source, job_inst_id, report)
    assert len(landed(Extraction(database, store, source, job_inst_id, report), offers[0]).landed) == 1
