"""Whose servers the variables mean."""

from pathlib import Path

import pytest

from headwater.services.environment import KAFKA, POSTGRES, PUBLISHER, S3, marker, users_own, variables


@pytest.mark.parametrize(
    ("service", "environ", "address"),
    [
        (POSTGRES, {"PGHOST": "db.example.org"}, "db.example.org:5432"),
        (POSTGRES, {"PGHOST": "127.0.0.1", "PGPORT": "5433"}, "127.0.0.1:5433"),
        (S3, {"AWS_ENDPOINT_URL": "https://s3.example.org"}, "https://s3.example.org"),
        (S3, {"AWS_ENDPOINT_URL_S3": "https://s3.example.org"}, "https://s3.example.org"),
        (S3, {"HEADWATER_BUCKET": "archive"}, "s3://archive"),
        (PUBLISHER, {"HEADWATER_DEMO_URL": "http://127.0.0.1:8000"}, "http://127.0.0.1:8000"),
        (KAFKA, {"HEADWATER_KAFKA": "bus.example.org:9092"}, "bus.example.org:9092"),
    ],
)
def test_variables_that_the_user_sets_name_the_users_own_server(
    service: str, environ: dict[str, str], address: str
) -> None:
    assert users_own(service, environ, port=40000) == address


@pytest.mark.parametrize(
    ("service", "environ"),
    [
        (POSTGRES, {"PGPORT": "5433", "PGUSER": "me"}),
        (POSTGRES, {"PGHOST": ""}),
        (S3, {"AWS_ACCESS_KEY_ID": "key", "AWS_PROFILE": "work"}),
        (PUBLISHER, {}),
        (KAFKA, {}),
    ],
)
def test_without_an_address_the_embedded_server_is_meant(service: str, environ: dict[str, str]) -> None:
    assert users_own(service, environ, port=None) is None


@pytest.mark.parametrize("service", [POSTGRES, S3, PUBLISHER, KAFKA])
def test_variables_told_to_a_child_process_mean_the_embedded_server(service: str) -> None:
    payload = variables(service, 40000, {}) | marker({service: 40000})
    assert users_own(service, payload, port=40000) is None


@pytest.mark.parametrize("service", [POSTGRES, S3, PUBLISHER, KAFKA])
def test_variables_of_a_shell_that_is_older_than_a_new_port_still_mean_the_embedded_server(
    service: str,
) -> None:
    payload = variables(service, 40000, {}) | marker({service: 40000})
    assert users_own(service, payload, port=50000) is None
    assert users_own(service, payload, port=None) is None


@pytest.mark.parametrize("service", [POSTGRES, S3, PUBLISHER, KAFKA])
def test_the_remembered_port_suffices_where_the_marker_was_lost(service: str) -> None:
    assert users_own(service, variables(service, 40000, {}), port=40000) is None


def test_a_server_that_the_user_names_after_headwater_env_is_the_users_own() -> None:
    payload = variables(POSTGRES, 40000, {}) | marker({POSTGRES: 40000})
    assert users_own(POSTGRES, payload | {"PGHOST": "db.example.org"}, port=40000) == "db.example.org:40000"


KEYS = Path("/home/me/s3.credentials")


def test_keys_and_bucket_that_the_user_has_set_stay_and_are_not_repeated() -> None:
    local = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "my secret", "HEADWATER_BUCKET": "other"}
    assert variables(S3, 40000, local, KEYS) == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:40000",
        "AWS_DEFAULT_REGION": "us-east-1",
        "HEADWATER_S3_CREDENTIALS": str(KEYS),
    }


def test_without_keys_of_the_users_every_client_of_aws_takes_the_embedded_ones() -> None:
    payload = variables(S3, 40000, {}, KEYS)
    assert payload["AWS_SHARED_CREDENTIALS_FILE"] == payload["HEADWATER_S3_CREDENTIALS"] == str(KEYS)
    assert variables(S3, 40000, payload, KEYS)["AWS_SHARED_CREDENTIALS_FILE"] == str(KEYS)


def test_the_password_of_the_embedded_postgres_is_a_file() -> None:
    payload = variables(POSTGRES, 40000, {}, Path("/home/me/pg.pgpass"))
    assert payload["PGPASSFILE"] == "/home/me/pg.pgpass"
    assert "PGPASSWORD" not in payload


def test_a_demand_for_ssl_does_not_reach_the_embedded_postgres() -> None:
    assert variables(POSTGRES, 40000, {"PGSSLMODE": "require"})["PGSSLMODE"] == "disable"
    assert "PGSSLMODE" not in variables(POSTGRES, 40000, {})
