"""Distinguishes the user's own servers from embedded ones in the environment's variables.

A user points Headwater at real servers by the variables that every client knows. But Headwater passes the
embedded servers to child processes and shells (`headwater env`) by the same variables. There they must not
pass for the user's own, or nobody would start the embedded ones again. So HEADWATER_EMBEDDED repeats these
addresses: a variable that equals its entry is ours, even after the port has changed; a variable that differs
was set by the user since.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headwater.home import DEMO_SITE
from headwater.services.processes import LOOPBACK

POSTGRES, S3, PUBLISHER, KAFKA = "postgres", "s3", "publisher", "kafka"
FOLDERS = {POSTGRES: "pg", S3: "s3", PUBLISHER: DEMO_SITE, KAFKA: "kafka"}  # in the working folder
MARKER = "HEADWATER_EMBEDDED"
BUCKET = "headwater"
S3_USUAL = {"AWS_DEFAULT_REGION": "us-east-1", "HEADWATER_BUCKET": BUCKET}
S3_KEY_FILE = "HEADWATER_S3_CREDENTIALS"
OWN_AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE")


def users_own(service: str, environ: Mapping[str, str], port: int | None) -> str | None:
    """Return the address of the user's own server, or None if the embedded one is meant.

    `port` is the recorded port of the embedded service, if it ever ran.
    """
    address = _address(service, environ)
    if address is None:
        return None
    ours = {entry.partition("=")[2] for entry in environ.get(MARKER, "").split()}
    if port is not None:
        ours.add(_embedded_address(service, port))
    return None if address in ours else address


def variables(
    service: str, port: int, environ: Mapping[str, str], secret: Path | None = None
) -> dict[str, str]:
    """Return the variables by which clients find the embedded service.

    No value is a secret: `secret` is the file that contains it. If the user has other AWS keys, other AWS
    clients keep using those; only our archive uses the key of the embedded S3.
    """
    address = _embedded_address(service, port)
    if service == POSTGRES:
        from headwater.services.postgres_roles import DATABASE, USER

        found = {"PGHOST": LOOPBACK, "PGPORT": str(port), "PGUSER": USER, "PGDATABASE": DATABASE}
        found |= {"PGPASSFILE": str(secret)} if secret else {}
        of_another = {"PGSSLMODE": "disable", "PGPASSWORD": ""}  # a blank password leads libpq to the file
        return found | {name: value for name, value in of_another.items() if name in environ}
    if service == S3:
        found = {name: value for name, value in S3_USUAL.items() if name not in environ}
        if secret is not None:
            has_own = any(environ.get(name) not in (None, "", str(secret)) for name in OWN_AWS_KEYS)
            found |= {S3_KEY_FILE: str(secret)} | (
                {} if has_own else {"AWS_SHARED_CREDENTIALS_FILE": str(secret)}
            )
        return {"AWS_ENDPOINT_URL": address} | found
    return {"HEADWATER_KAFKA" if service == KAFKA else "HEADWATER_DEMO_URL": address}


def marker(ports: Mapping[str, int]) -> dict[str, str]:
    """Return HEADWATER_EMBEDDED for these embedded services."""
    messages = [f"{service}={_embedded_address(service, port)}" for service, port in sorted(ports.items())]
    return {MARKER: " ".join(messages)}


def _embedded_address(service: str, port: int) -> str:
    return f"{LOOPBACK}:{port}" if service in (POSTGRES, KAFKA) else f"http://{LOOPBACK}:{port}"


def _address(service: str, environ: Mapping[str, str]) -> str | None:
    """Return the address in the variables, in the form of `_embedded_address`; None if they are unset."""
    if service == POSTGRES:
        host = environ.get("PGHOST")
        return f"{host}:{environ.get('PGPORT') or 5432}" if host else None
    if service == S3:
        endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
        bucket = environ.get("HEADWATER_BUCKET")
        return endpoint or (f"s3://{bucket}" if bucket else None)
    return environ.get("HEADWATER_KAFKA" if service == KAFKA else "HEADWATER_DEMO_URL") or None
