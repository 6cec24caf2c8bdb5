"""Another account of the machine gets nothing: not from the embedded servers, and not from the files beside them."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headwater.home import make_home
from headwater.services.peers import uid_of_peer
from headwater.services.processes import born

PROJECT = Path(__file__).resolve().parents[3]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")

START = """
import json, os
from pathlib import Path
from headwater import services
found = services.ensure_up(Path.cwd())
import psycopg2
connection = psycopg2.connect("")
connection.autocommit = True
connection.cursor().execute("create table secret as select 'C4nary' as word")
from headwater.extract.landing.store import ObjectStore
ObjectStore.from_environment().put_new("landed", b"C4nary")
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": os.environ["HEADWATER_KAFKA"]})
producer.produce("canary", b"C4nary")
assert producer.flush(30) == 0
from headwater.services import state
pids = {name: [one.process.pid, one.process.born] for name, one in state.read(found.home).items()}
print(json.dumps({"variables": found.environment, "home": str(found.home), "pids": pids}))
"""

STOP = "from pathlib import Path; from headwater import services; services.down(Path.cwd())"

ATTACK = """
import json, os, sys
told = json.load(sys.stdin)
variables, home = told["variables"], told["home"]
gained = []

def attempt(what, act):
    try:
        found = act()
    except Exception as error:
        print(what, type(error).__name__, error, file=sys.stderr)
    else:
        gained.append([what, str(found)])

def files():
    seen = []
    for place in [home, *(f"/proc/{pid}/cwd" for pid, _ in told["pids"].values())]:
        for folder, _, names in os.walk(place):
            for name in names:
                try:
                    seen.append(open(os.path.join(folder, name), "rb").name)
                except OSError:
                    pass
    for name in ("pg.pgpass", "s3.credentials", "services.json", "logs/postgres.log", "pg/cluster/PG_VERSION"):
        try:
            seen.append(open(os.path.join(home, name), "rb").name)
        except OSError:
            pass
    if not seen:
        raise PermissionError("nothing")
    return seen

attempt("files", files)
attempt("list", lambda: os.listdir(home))
for name in ("HOST", "PORT", "DATABASE"):
    os.environ["PG" + name] = variables["PG" + name]
import psycopg2
for user in ("headwater", "headwater_superuser", "postgres", "root", "nobody"):
    for password in ("", "headwater", "postgres"):
        attempt(f"postgres as {user}", lambda: psycopg2.connect(user=user, password=password, sslmode="disable"))
import urllib.request
endpoint = variables["AWS_ENDPOINT_URL"]
for method in ("GET", "PUT", "DELETE"):
    for path in ("", "/headwater/", "/headwater/landed"):
        request = urllib.request.Request(endpoint + path, method=method, data=b"forged" if method == "PUT" else None)
        attempt(f"{method} {path}", lambda: urllib.request.urlopen(request).read())
import boto3
old = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id="headwater", aws_secret_access_key="headwater",
                   region_name="us-east-1")
attempt("s3 with the key of earlier versions", lambda: old.get_object(Bucket="headwater", Key="landed")["Body"].read())
from confluent_kafka import Consumer
bus = {"bootstrap.servers": variables["HEADWATER_KAFKA"], "group.id": "x", "log_level": 0}
attempt("topics", lambda: Consumer(bus).list_topics(timeout=3).topics)
for name, (pid, _) in told["pids"].items():
    attempt(f"signal to {name}", lambda: os.kill(pid, 9))
print(json.dumps(gained))
"""


@dataclass(frozen=True)
class Started:
    """Servers that an account has started in a folder which everybody may enter."""

    report: str  # as JSON
    owner: int

    @property
    def home(self) -> Path:
        return Path(json.loads(self.report)["home"])


def run(python: str, program: str, account: str | None, folder: Path, message: str = "") -> str:
    """Return what a program prints that is run by an account, None for our own."""
    user = pwd.getpwnam(account) if account else None
    switched: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    search = os.pathsep.join([str(PROJECT), *(path for path in sys.path if "site-packages" in path)])
    ran: subprocess.CompletedProcess[str] = subprocess.run(
        [python, "-c", textwrap.dedent(program)],
        input=message, capture_output=True, text=True, check=False, cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": search, "HOME": str(folder)}, **switched,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def python() -> str:
    """A Python that ordinary users may run, with the packages of this one."""
    program = f"import os, psycopg2; os.stat({str(PROJECT / 'pyproject.toml')!r})"
    for path in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        try:
            if run(path, program, "nobody", Path("/")) == "":
                return path
        except (AssertionError, OSError):
            continue
    pytest.skip("no Python that an ordinary user may run")


@pytest.fixture(scope="module", params=["root", "games"])
def started(request: pytest.FixtureRequest, python: str) -> Iterator[Started]:
    """Postgres, S3 and Kafka of root, and of an ordinary user."""
    account = None if request.param == "root" else request.param
    folder = Path(tempfile.mkdtemp(prefix="headwater-"))  # pytest's own folders are closed to others
    folder.chmod(0o755)
    (folder / "seeds").mkdir()
    (folder / "seeds" / "conn_str.csv").write_text("conn_str,server\nx,${HEADWATER_KAFKA}\n")
    owner = pwd.getpwnam(request.param)
    for path in (folder, folder / "seeds"):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    try:
        yield Started(run(python, START, account, folder), owner.pw_uid)
    finally:
        run(python, STOP, account, folder)
        shutil.rmtree(folder)


@as_root
@pytest.mark.parametrize("attacker", ["nobody", "postgres", "daemon"])
def test_another_account_gets_nothing(started: Started, python: str, attacker: str) -> None:
    try:
        pwd.getpwnam(attacker)
    except KeyError:
        pytest.skip(f"there is no account {attacker} here")
    assert json.loads(run(python, ATTACK, attacker, Path("/"), started.report)) == []
    for pid, birth in json.loads(started.report)["pids"].values():
        assert born(pid) == birth


@as_root
def test_the_owner_gets_all_of_it(started: Started, python: str) -> None:
    """Else the test above would show nothing: the same attempts succeed for the account whose servers they are."""
    account = pwd.getpwuid(started.owner).pw_name
    look = ATTACK.partition("for name, (pid, _)")[0].replace("user=user, password=password, ", "")
    with_variables = "told = json.load(sys.stdin); os.environ.update(told['variables'])"
    look = look.replace("told = json.load(sys.stdin)", with_variables) + "print(json.dumps(gained))"
    gained = {what for what, _ in json.loads(run(python, look, account, Path("/"), started.report))}
    assert {"files", "list", "postgres as headwater", "topics"} <= gained


def modes(home: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home, *home.iterdir()) if path.is_dir()}


@as_root
def test_the_working_folder_is_closed(started: Started) -> None:
    assert set(modes(started.home).values()) == {0o700}
    assert {path.name for path in started.home.iterdir() if path.is_file() and path.stat().st_mode & 0o077} <= {
        "services.json", "services.lock",
    }  # fmt: skip


@pytest.mark.parametrize("named", [".headwater", "of_my_own"])
def test_a_working_folder_that_is_there_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    home = tmp_path / named
    monkeypatch.setenv("HEADWATER_HOME", str(home))
    for name in ("logs", "data_docs", "docs", "s3"):
        (home / name).mkdir(parents=True)
    (home / "services.lock").touch()
    assert set(modes(home).values()) == {0o755}
    assert make_home(tmp_path) == home
    assert set(modes(home).values()) == {0o700}


def test_a_folder_of_other_things_stays_as_it_is_but_for_what_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    (shared / "of_others").mkdir(parents=True)
    shared.chmod(0o1777)
    monkeypatch.setenv("HEADWATER_HOME", str(shared))
    make_home(tmp_path)
    (shared / "services.lock").touch()
    make_home(tmp_path)
    assert modes(shared) == {"shared": 0o1777, "of_others": 0o755, "logs": 0o700}


@as_root
def test_a_process_is_known_by_the_account_that_holds_it(python: str) -> None:
    connect = (
        "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for uid in (0, 2):
            client = subprocess.Popen([python, "-c", connect, str(port)], stdin=subprocess.PIPE, user=uid)
            accepted, (_, peer_port) = server.accept()
            assert uid_of_peer(port, peer_port) == uid
            client.communicate()
            assert uid_of_peer(port, peer_port) is None
            accepted.close()
