"""Secrets of every kind and of every type of source at once, over a whole life with failures on every path: none is
seen afterwards in an object, a table, a log, a page or a word of the command."""

from __future__ import annotations

import base64
import csv
import io
import json
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.retries.standard import ExponentialBackoff
from moto import mock_aws
from sqlalchemy import Engine
from typer.testing import CliRunner

from headwater.cli.commands import app
from headwater.extract.http.exchange import Patience
from headwater.extract.landing.store import ObjectStore
from headwater.extract.sources import rest_api
from headwater.home import make_home
from headwater.project import Project
from headwater.services import children
from headwater.services.private_files import key_file_of, write_private
from headwater.services.processes import stop
from tests.conftest import PROJECT, TestServers
from tests.extract.sources.sql.conftest import Publisher as Database
from tests.extract.sources.sql.conftest import shop, shop_database  # noqa: F401
from tests.pipeline.line import Line
from tests.pipeline.project import make_project
from tests.pipeline.seen import everything, forms_of
from tests.support.api_server import Api
from tests.support.broker import running
from tests.support.publisher import Answer, Publisher

PLANTED = "Gr3pPr00f"  # every secret has it, and nothing else has
CANARY = "C4naryBird"  # in the data: what looks for secrets has to find it
NOBODY = "127.0.0.1:1"
TOKEN = "token-of-the-day"
KINDS = ("header", "query", "basic", "bearer", "token", "files", "database", "bucket", "bus")
SECRETS = {kind: f"{PLANTED}-{kind}/s&cret+{number}" for number, kind in enumerate(KINDS)}
APIS = ("header", "query", "basic", "bearer", "token")

COMMANDS = ("status", "status --json", "deliveries", "deliveries --json", "check", "run --json", "env", "docs",
            "as-of of_header --on 2030-01-01 --json")  # fmt: skip

CONN_API = """\
conn_api,data_source,parent_conn_api,api_url,http_method,need_token,secret_ref,payload_json,pagination_type,\
page_param_name,per_page_param_name,page_size,cursor_param_name,cursor_path,use_incremental,modified_since_param
header,header,,${HEADER_API}/items,GET,false,env:HEADER_KEY,,page,page,size,10,,,true,since
query,query,,${QUERY_API}/items,GET,false,file:FOLDER/query,,next_url,,size,10,,meta.next,,
basic,basic,,${BASIC_API}/items,GET,false,airflow:basic_api,,link_header,,size,10,,,,
bearer,bearer,,${BEARER_API}/items,GET,false,aws:prod/bearer#key,,offset,page,size,10,,,,
token_parent,token,,${TOKEN_API}/token,POST,false,env:TOKEN_LOGIN,,none,,,,,,,
token,token,token_parent,${TOKEN_API}/items,GET,true,,,cursor,,size,10,after,meta.next,,
"""
CONN_STR = """\
conn_str,data_source,server,database_name,username,secret_ref,options,url_template,file_path
files,files,,,,,,http://clerk:${FILES_PASSWORD}@${FILES_HOST}/,
database,database,${DATABASE_SERVER},shop,${DATABASE_USER},env:DATABASE_KEY,sslmode=disable,,
bucket,bucket,${BUCKET_SERVER},,AKIADEPOT,env:BUCKET_KEY,,s3://${BUCKET_NAME}/out/,
bus,bus,${BUS},,clerk,env:BUS_KEY,security.protocol=${BUS_PROTOCOL};sasl.mechanisms=PLAIN;socket.connection.setup.timeout.ms=1000,,
"""
DATA_SOURCES = {**dict.fromkeys(APIS, "rest_api"), "files": "http_files", "database": "rdbms",
                "bucket": "object_store", "bus": "kafka"}  # fmt: skip
OPTIONS = {
    **{api: {"record_path": "data.items", "read_until_same": "false"} for api in APIS},
    "token": {"record_path": "data.items", "read_until_same": "false", "conn_str": "token"},
    "files": {"page": "list", "file_pattern": r"f-(?P<date>\d{8})\.csv"},
    "database": {"tbl": "shop.orders"},
    "bucket": {"file_pattern": r"f-(?P<date>\d{8})\.csv"},
    "bus": {
        "topic": "secrets",
        "dead_letter_topic": "secrets-dead",
        "delete_column": "tombstone",
        "delete_values": "true",
    },
}
OPTIONS["header"] |= {"auth": "header", "auth_name": "X-Api-Key", "watermark_path": "changed"}
OPTIONS["query"] |= {"auth": "query", "auth_name": "api_key"}
OPTIONS["basic"] |= {"auth": "basic"}
OPTIONS["bearer"] |= {"auth": "bearer"}


def seeds(folder: Path) -> dict[str, str]:
    """One source for each kind: id is its key, a number, and name a text."""
    sources: list[dict[str, str]] = []
    attributes: list[dict[str, str]] = []
    for kind in KINDS:
        is_delta = kind in ("header", "bus")
        name, inside = f"of_{kind}", "value." if kind == "bus" else ""
        sources.append({
            "source": name, "job": "all", "data_source": kind, "owner": "ops", "schedule": "daily",
            "geographic_granularity": "shop", "delivery_type": "delta" if is_delta else "snapshot",
            "on_duplicate_key": "last_wins" if is_delta else "", "description": "One row per item",
        })  # fmt: skip
        attributes += [
            {"source": name, "source_name": f"{inside}id", "target_name": "id", "target_datatype": "integer",
             "is_key": "true", "description": "Its number"},
            {"source": name, "source_name": f"{inside}name", "target_name": "name", "target_datatype": "text",
             "description": "Its name"},
        ]  # fmt: skip
    options = [
        {"source": f"of_{kind}", "name": name, "value": value}
        for kind, message in OPTIONS.items()
        for name, value in message.items()
    ]
    job = {
        "job": "all", "is_etl": "true", "etl_steps": "ETL", "is_full_load": "false", "del_temp_data": "false",
        "job_type": "batch", "owner": "ops", "is_active": "true", "description": "All to history",
    }  # fmt: skip
    return {
        "data_source": csv_of(
            "data_source",
            *({"data_source": n, "data_source_type": t, "description": "x"} for n, t in DATA_SOURCES.items()),
        ),
        "conn_api": CONN_API.replace("FOLDER", str(folder)),
        "conn_str": CONN_STR,
        "tbl": csv_of("tbl", {"tbl": "shop.orders", "data_source": "database", "data_size": "small"}),
        "job": csv_of("job", job),
        "source": csv_of("source", *sources),
        "attribute": csv_of("attribute", *attributes),
        "source_attribute": csv_of("source_attribute", *options),
    }


def csv_of(table: str, *rows: dict[str, str]) -> str:
    """A seed of these rows, with all columns that the project's own has."""
    header = (PROJECT / "seeds" / f"{table}.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    writer = csv.DictWriter(made := io.StringIO(), header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return made.getvalue()


@dataclass
class Publishers:
    """All publishers, their data, and their faults."""

    apis: dict[str, Api]
    files: Publisher
    database: Database
    bucket: Any
    produce: Callable[..., None]
    bus: str


def faults_of(secret: str) -> list[Answer]:
    """Answers of an API that fails, and repeats what it was told."""
    pair = base64.b64encode(f"clerk:{secret}".encode()).decode()
    coded = quote(secret, safe="")
    broken = [
        {"id": 1, "name": f"{secret}\0"},
        {"id": secret, "name": secret},
        {"id": 2, "name": {"a": [secret]}},
    ]
    moved = [{"id": 1, "name": "x", "changed": secret}]
    return [
        Answer(500, f"no access with {secret}, {coded}".encode()),
        Answer(403, json.dumps({"key": secret, "pair": pair, "bytes": secret.encode().hex()}).encode()),
        Answer(302, headers={"Location": f"ftp://clerk:{coded}@x/?api_key={coded}"}),
        Answer(302, headers={"Location": f"http://10.0.0.1/?api_key={coded}"}),
        Answer(200, f'{{"data": {{"items": [{{"id": "{"x" * 25}{secret}'.encode()),
        Answer(200, json.dumps({"data": {"rows": secret}}).encode()),
        Answer(200, json.dumps({"data": {"items": broken}, secret: coded}).encode()),
        Answer(200, json.dumps({"data": {"items": moved}, "meta": {"next": f"ftp://{coded}/"}}).encode()),
    ]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Secrets Manager, beside the S3 of the tests."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://secretsmanager.us-east-1.amazonaws.com")
    with mock_aws(config={"core": {"mock_credentials": False}}):
        client = boto3.client("secretsmanager", region_name=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
        client.create_secret(Name="prod/bearer", SecretString=json.dumps({"key": SECRETS["bearer"], "no": 1}))
        yield


@pytest.fixture
def publishers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: ObjectStore, aws: None, shop: Database  # noqa: ARG001, F811
) -> Iterator[Publishers]:  # fmt: skip
    (tmp_path / "query").write_text(SECRETS["query"] + "\n")
    for name, value in {
        "HEADER_KEY": SECRETS["header"],
        "AIRFLOW_CONN_BASIC_API": f"http://clerk:{quote(SECRETS['basic'], safe='')}@shop.example/",
        "TOKEN_LOGIN": f"clerk:{SECRETS['token']}",
        "FILES_PASSWORD": quote(SECRETS["files"], safe=""),
        "DATABASE_SERVER": str(shop.conn_str.server),
        "DATABASE_USER": shop.admit(SECRETS["database"]),
        "DATABASE_KEY": SECRETS["database"],
        "BUCKET_NAME": f"depot-of-{store.bucket}",
        "BUCKET_KEY": SECRETS["bucket"],
        "BUS_KEY": SECRETS["bus"],
        "BUS_PROTOCOL": "plaintext",
    }.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        apis = {kind: stack.enter_context(Api.running()) for kind in APIS}
        for kind, api in apis.items():
            monkeypatch.setenv(f"{kind.upper()}_API", api.url)
            api.rules.envelope = {"you": {"key": SECRETS[kind], "as": quote(SECRETS[kind], safe="")}}
        files = stack.enter_context(Publisher.running())
        monkeypatch.setenv("FILES_HOST", files.url.removeprefix("http://"))
        cluster = stack.enter_context(running())
        monkeypatch.setenv("BUS", cluster.servers)
        for topic in ("secrets", "secrets-dead"):
            cluster.topic(1, topic)
        depot = stack.enter_context(s3_with_key(tmp_path / "depot", "AKIADEPOT", SECRETS["bucket"]))
        monkeypatch.setenv("BUCKET_SERVER", depot.url)
        client = boto3.client(
            "s3", endpoint_url=depot.url, aws_access_key_id="AKIADEPOT",
            aws_secret_access_key=SECRETS["bucket"],
        )  # fmt: skip
        client.create_bucket(Bucket=os.environ["BUCKET_NAME"])
        apis["header"].rules.key = "X-Api-Key", SECRETS["header"]
        apis["header"].rules.pagination = "page"
        apis["query"].rules.key, apis["query"].rules.pagination = ("api_key", SECRETS["query"]), "next_url"
        apis["basic"].rules.login, apis["basic"].rules.pagination = f"clerk:{SECRETS['basic']}", "link_header"
        apis["bearer"].rules.token, apis["bearer"].rules.pagination = SECRETS["bearer"], "offset"
        apis["token"].rules.login = f"clerk:{SECRETS['token']}"
        apis["token"].rules.token, apis["token"].rules.lives, apis["token"].rules.pagination = (
            "none yet",
            2,
            "cursor",
        )
        yield Publishers(apis, files, shop, client, cluster.produce, cluster.servers)


@contextmanager
def s3_with_key(folder: Path, key_id: str, secret: str) -> Iterator[children.Child]:
    """An S3 of somebody else's, which takes this key."""
    key = f"aws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"
    write_private(key_file_of(folder), f"[default]\n{key}")
    server = children.start(children.S3, folder, folder.with_suffix(".log"))
    yield server
    stop(server.process, (signal.SIGKILL, 5))


def _repeat_token(api: Api, _page: int) -> None:
    for record in api.records:
        record.update(key=api.rules.token)


def publish(publishers: Publishers, day: int) -> None:
    """Something new of everything, with the secret in it wherever an API would repeat it."""
    rows = [(n, f"{CANARY} {n} of {day}") for n in range(15)]
    for kind, api in publishers.apis.items():
        message = SECRETS[kind]
        links = {
            "self": f"{api.url}/items?api_key={quote(message, safe='')}",
            "basic": base64.b64encode(f"clerk:{message}".encode()).decode(),
        }
        api.records = [
            {
                "id": n,
                "name": name,
                "changed": f"2026-03-{day:02}T00:{n:02}:00Z",
                "links": links,
                "key": message,
            }
            for n, name in rows
        ]
        if kind == "token":
            api.rules.before_page = partial(_repeat_token, api)
        api.rules.headers = {"Date": format_datetime(datetime.now(UTC) + timedelta(hours=day), usegmt=True)}
    text = "id,name\n" + "".join(f"{n},{name}\n" for n, name in rows)
    publishers.files.files[f"/f-202603{day:02}.csv"] = text.encode()
    names = [path for path in publishers.files.files if path.startswith("/f-")]
    publishers.files.page("/list", *(f'<a href="{name}">{name}</a>' for name in names))
    publishers.bucket.put_object(
        Bucket=os.environ["BUCKET_NAME"], Key=f"out/f-202603{day:02}.csv", Body=text.encode()
    )
    publishers.database.do(
        "create table if not exists shop.orders (id integer primary key, name text)",
        f"insert into shop.orders select n, '{CANARY} ' || n || ' of {day}' from generate_series(1, 15) as n"
        " on conflict (id) do update set name = excluded.name",
    )
    publishers.produce(
        "secrets", *((str(n), {"id": n, "name": name}) for n, name in rows), ("x", b"{ no JSON")
    )


@pytest.fixture
def line(
    tmp_path: Path, database: Engine, store: ObjectStore, publishers: Publishers, monkeypatch: pytest.MonkeyPatch  # noqa: ARG001
) -> Line:  # fmt: skip
    quick, proper = Patience(attempts=1, read_timeout_s=2, sleep=lambda _: None), rest_api.discover
    monkeypatch.setattr(rest_api, "discover", lambda source, landed=(): proper(source, landed, quick))
    project = make_project(tmp_path / "project", seeds(tmp_path), {})
    monkeypatch.setenv("HEADWATER_PROJECT", str(project))
    return Line(Project(project, make_home(project)), tmp_path, database, store)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """All that Python's logging knows, as the most talkative of users would have it."""
    handler = logging.FileHandler(tmp_path / "debug.log")
    root, before = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel("DEBUG")
    yield tmp_path / "debug.log"
    root.setLevel(before)
    root.removeHandler(handler)


def command(messages: list[str], *arguments: str) -> int:
    """Run the command; keep every word of it."""
    result = CliRunner().invoke(app, arguments, input="")
    messages += [result.stdout, result.stderr, repr(result.exception)]
    return result.exit_code


@pytest.mark.long
def test_no_secret_is_seen_anywhere(
    line: Line, publishers: Publishers, log: Path, servers: TestServers,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(Patience, "wait", lambda *_: 0)
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)
    messages: list[str] = []
    publish(publishers, 1)
    line.ran_well()
    assert len(line.query("select distinct source from metadata.delivery")) == len(KINDS)

    for number in range(len(faults_of(""))):  # every publisher fails, in every way
        for kind, api in publishers.apis.items():
            api.rules.faults = [faults_of(SECRETS[kind])[number]]
        publishers.files.scripts["/list"] = [faults_of(SECRETS["files"])[number]]
        result = line.run()
        messages += [repr(failure) for failure in result.failures]
        assert result.exit_code != 0
        publish(publishers, 2 + number)
    publishers.files.scripts.clear()
    for name, value in {
        "DATABASE_SERVER": NOBODY, "BUCKET_SERVER": f"http://{NOBODY}",
        "BUS_PROTOCOL": "sasl_plaintext",
        "FILES_HOST": NOBODY,
    }.items():  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            result = line.run(f"of_{name.partition('_')[0].lower()}")
            messages += [repr(failure) for failure in result.failures]
            assert len(result.failures) == 1, name
    publishers.database.do("alter table shop.orders rename name to title")
    result = line.run("of_database")
    publishers.database.do("alter table shop.orders rename title to name")
    assert result.halts
    line.run()

    for kind in APIS:  # the command, and what it says when it cannot
        reported = ["record_path", "auth", "auth_name", "watermark_path"]
        options = [f"--option={name}={OPTIONS[kind][name]}" for name in reported if name in OPTIONS[kind]]
        asked = ["new-source", f"more_{kind}", "--from", kind, "--dry-run", *options]
        assert command(messages, *asked, "--key", "id") == 0, messages[-2]
        publishers.apis[kind].rules.faults = [faults_of(SECRETS[kind])[0]] * 6
        assert command(messages, *asked, "--json") == 1, messages[-3]
        publishers.apis[kind].rules.faults = []
    for arguments in COMMANDS:
        assert command(messages, *arguments.split()) in (0, 3), messages[-2]
    halted = line.query("select max(delivery_sqn) from metadata.delivery_state where status = 'halted'")[0][0]
    for decision in ("accept", "replay", "withdraw"):
        command(messages, decision, str(halted), "--why", f"as {SECRETS['header']} says", "--dry-run")
        command(messages, decision, str(halted), "--why", f"as {SECRETS['header']} says")
    seed = line.project.seeds / "conn_str.csv"
    seed.write_text(
        seed.read_text().replace("clerk:${FILES_PASSWORD}", f"clerk:{quote(SECRETS['files'], safe='')}")
    )
    assert command(messages, "check") == 1
    seed.write_text(CONN_STR)

    process = capfd.readouterr()
    messages += [process.out, process.err, *line.messages]
    logs = [log, servers.folder / "postgres.log", servers.folder / "s3.log"]
    places = [*everything(line, *logs, line.project.root), ("said", "\n".join(messages))]
    words = [*forms_of(PLANTED), *forms_of(TOKEN)]
    found = {(name, word) for name, text in places for word in words if word in text}
    assert found == set()

    where = {name.partition(" ")[0] for name, text in places if CANARY in text}
    assert {"s3", "table"} <= where
    tables = {name for name, text in places if CANARY in text and name.startswith("table")}
    assert {f"table {schema}.of_{kind}" for schema in ("raw", "historical") for kind in KINDS} <= tables
    objects = {name.split("/")[1] for name, text in places if CANARY in text and name.startswith("s3")}
    assert objects == {f"of_{kind}" for kind in KINDS}
