from __future__ import annotations

import pytest

from headwater.metadata.static.secrecy import (
    holds_secret,
    is_secret_reference,
    json_holds_secret,
    names_a_secret,
)


@pytest.mark.parametrize(
    "name",
    [
        "env:PGPASSWORD",
        "env:CRM_READER_2",
        "file:/run/secrets/crm/password",
        "aws:prod/crm/warehouse-2",
        "aws:prod/crm#password",
        "aws:arn:aws:secretsmanager:eu-central-1:123456789012:secret:crm-AbCdEf",
        "airflow:crm_reader",
        "airflow:crm_reader#login",
    ],
)
def test_where_a_secret_is_can_be_said(name: str) -> None:
    assert is_secret_reference(name)


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        "env:hunter2",
        "env:XK29FQ",
        "file:secrets/crm",
        "aws:two words",
        "airflow:",
        "vault:crm",
        "PGPASSWORD",
        "crm_reader",
        "S3cr3t!",
        "correct horse",
        "aB3dE5gH",
        "AKIAIOSFODNN7EXAMPLE",
        "p@ss",
        "",
        "2fast",
        "x" * 40,
    ],
)
def test_what_may_be_the_secret_itself_is_refused(text: str) -> None:
    assert not is_secret_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://joe:hunter2@example.org",
        "joe:hunter2@host",
        "postgresql://:hunter2@host/db",
        "sslmode=require;Password = hunter2",
        "https://example.org/?api_key=abc",
        "accessKey=abc",
        "https://${USER}:hunter2@example.org",
    ],
)
def test_password_in_a_text_is_seen(text: str) -> None:
    assert holds_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org:8080/a@b",
        "https://joe@example.org",
        "https://${USER}:${PASSWORD}@example.org",
        "sslmode=verify-full&token=${TOKEN}",
        "host1:9092,host2:9092",
        "bypass=1",
        "",
    ],
)
def test_text_without_a_password_passes(text: str) -> None:
    assert not holds_secret(text)


def test_fields_that_hold_secrets_are_known_by_name() -> None:
    assert all(
        map(names_a_secret, ["password", "apiKey", "client_secret", "access-key", "TOKEN", "credentials"])
    )
    assert not any(map(names_a_secret, ["null_tokens_of", "passenger", "keyboard", "tokenizer", "secretary"]))


def test_secret_deep_in_json_is_seen() -> None:
    assert json_holds_secret('{"a": [{"clientSecret": "x"}]}')
    assert not json_holds_secret('{"a": [{"clientSecret": "${SECRET}"}], "secret": ""}')
    assert not json_holds_secret("no json")
