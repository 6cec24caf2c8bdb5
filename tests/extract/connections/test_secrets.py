"""Secrets by reference: each place that can hold one, and what is said when it does not."""

from __future__ import annotations

import json
import pickle
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.extract.connections.secrets import Secret, resolve
from headwater.metadata.errors import SecretUnavailable
from headwater.metadata.redaction import BLANK, redact


def test_a_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_TOKEN", "k7Hq-environment")
    assert resolve("env:CRM_TOKEN").reveal() == "k7Hq-environment"
    monkeypatch.setenv("CRM_TOKEN", "k7Hq-renewed")  # it is had when it is used
    assert resolve("env:CRM_TOKEN").reveal() == "k7Hq-renewed"


def test_a_secret_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b" k7Hq-file \r\n")
    assert resolve(f"file:{tmp_path}/token").reveal() == " k7Hq-file "


URI = "http://clerk:k7Hq%2Fairflow@crm.example:8443/sales?region=eu"
JSON = json.dumps(
    {"conn_type": "http", "login": "clerk", "password": "k7Hq/airflow", "host": "crm.example", "port": 8443,
     "schema": "sales", "extra": {"region": "eu"}}
)  # fmt: skip
JSON_WITH_TEXT = json.dumps({"login": "clerk", "password": "k7Hq/airflow", "extra": '{"region": "eu"}'})
URI_WITH_EXTRA = "http://clerk:k7Hq%2Fairflow@crm.example/?__extra__=%7B%22region%22%3A+%22eu%22%7D"


@pytest.mark.parametrize("text", [URI, JSON, JSON_WITH_TEXT, URI_WITH_EXTRA])
def test_a_connection_of_airflow_in_the_environment(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM_READER", text)
    secret = resolve("airflow:crm_reader")
    assert (secret.reveal(), secret.login) == ("k7Hq/airflow", "clerk")
    assert resolve("airflow:crm_reader#login").reveal() == "clerk"
    monkeypatch.setenv("AIRFLOW_CONN_CRM_READER", text.replace("eu", "eu-central"))
    assert resolve("airflow:crm_reader#region").reveal() == "eu-central"


def test_a_connection_that_airflow_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    class BaseHook:
        @staticmethod
        def get_connection(conn_id: str) -> types.SimpleNamespace:
            if conn_id != "crm":
                raise RuntimeError("k7Hq-no-such-connection")
            return types.SimpleNamespace(
                login="clerk",
                password="k7Hq-hook",
                host="h",
                schema=None,
                port=1,
                extra_dejson={"region": "eu-1"},
            )

    module = types.ModuleType("airflow.sdk.bases.hook")
    module.BaseHook = BaseHook  # type: ignore[attr-defined]
    for name in ("airflow", "airflow.sdk", "airflow.sdk.bases"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "airflow.sdk.bases.hook", module)
    assert resolve("airflow:crm").reveal() == "k7Hq-hook"
    assert resolve("airflow:crm#region").reveal() == "eu-1"
    with pytest.raises(
        SecretUnavailable, match=r"airflow:erp is not known to Airflow \(RuntimeError\), expected"
    ):
        resolve("airflow:erp")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Secrets Manager with two secrets."""
    import boto3
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="prod/token", SecretString="k7Hq-aws")
        client.create_secret(
            Name="prod/crm", SecretString='{"user": "clerk", "password": "k7Hq-member", "port": 1}'
        )
        client.create_secret(Name="prod/key", SecretBinary=b"k7Hq")
        yield


@pytest.mark.usefixtures("aws")
def test_a_secret_of_aws_is_not_logged_as_it_comes(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"), caplog.at_level("DEBUG", logger="botocore"):
        assert resolve("aws:prod/token").reveal() == "k7Hq-aws"
    assert "Response headers" not in caplog.text
    assert "k7Hq-aws" not in caplog.text
    assert "secretsmanager" in caplog.text


@pytest.mark.usefixtures("aws")
def test_a_secret_of_aws() -> None:
    assert resolve("aws:prod/token").reveal() == "k7Hq-aws"
    assert resolve("aws:prod/crm#password").reveal() == "k7Hq-member"
    for reference, message in {
        "aws:prod/nothing": r"cannot be read \(ResourceNotFoundException\), expected a secret prod/nothing that",
        "aws:prod/crm#pasword": r"has no text pasword, expected one of user, password, port",
        "aws:prod/crm#port": r"has no text port",
        "aws:prod/token#password": r"is not a JSON object, expected one with a member password",
        "aws:prod/key": r"is binary, expected a text",
    }.items():
        with pytest.raises(SecretUnavailable, match=message):
            resolve(reference)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("env:CRM_TOKEN", "the secret env:CRM_TOKEN is not set, expected the environment variable CRM_TOKEN"),
        ("env:EMPTY", "the secret env:EMPTY is empty, expected 4 at least: a shorter one cannot be kept out"),
        ("env:SHORT", "the secret env:SHORT has only 3 characters, expected 4 at least: a shorter one"),
        ("file:/nowhere/token", r"file:/nowhere/token cannot be read \(No such file or directory\), expected a file"),
        ("airflow:crm", r"airflow:crm is not known to Airflow \(AirflowNotFoundException\), expected a connection crm"),
        ("airflow:broken", "airflow:broken is broken: AIRFLOW_CONN_BROKEN is not JSON"),
        ("airflow:bare", r"airflow:bare has no password \(it has host\), expected a connection bare that has one"),
        ("vault:crm", "vault:crm names no place that we know, expected env:NAME, file:/path"),
    ],
)  # fmt: skip
def test_a_secret_that_is_not_there_is_said(
    reference: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "EMPTY": "",
        "SHORT": "abc",
        "AIRFLOW_CONN_BROKEN": '{"login',
        "AIRFLOW_CONN_BARE": "http://h",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SecretUnavailable, match=message):
        resolve(reference)


def test_where_there_is_no_airflow_the_environment_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "airflow.sdk.bases.hook", None)
    with pytest.raises(
        SecretUnavailable, match="airflow:crm is not there, expected AIRFLOW_CONN_CRM in the env"
    ):
        resolve("airflow:crm")


def test_a_secret_shows_nothing_of_itself() -> None:
    secret = Secret("env:CRM_TOKEN", None, "k7Hq-shown")
    assert str(secret) == f"{secret}" == BLANK
    assert repr(secret) == "Secret(reference='env:CRM_TOKEN', login=None)"
    assert redact("it was k7Hq-shown") == f"it was {BLANK}"
    with pytest.raises(TypeError, match="the secret env:CRM_TOKEN is not to be stored"):
        pickle.dumps(secret)
