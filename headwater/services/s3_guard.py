"""The guard of the embedded S3: it admits only requests that are signed with its key.

Every account of this machine can reach the port, and so can every page in a local browser. The guard requires
a signature (SigV4, in the headers) with the key that the server created at its first start. It also refuses
every browser: requests with the origin of a page, and requests under another host name (DNS rebinding). The
key is a file in the format of AWS' shared credentials, which only this user can read.
"""

from __future__ import annotations

import configparser
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from headwater.services.private_files import write_private

PROFILES = "default", "headwater"
HOSTS = frozenset({"127.0.0.1", "localhost"})
SKEW = timedelta(minutes=15)  # S3's tolerance for the time of a request
ALGORITHM = "AWS4-HMAC-SHA256"
ANYWHERE = "http://localhost"  # the Host header is what is signed


@dataclass(frozen=True)
class Refusal:
    """The reason why a request is refused, as S3's code and as a sentence."""

    code: str
    message: str


def own_key(path: Path) -> Credentials:
    """Return the key in `path`, created if there is none."""
    if not path.is_file():
        key = {"aws_access_key_id": "headwater", "aws_secret_access_key": secrets.token_urlsafe(30)}
        lines = "".join(f"{name} = {value}\n" for name, value in key.items())
        write_private(path, "\n".join(f"[{profile}]\n{lines}" for profile in PROFILES))
    profiles = configparser.ConfigParser(interpolation=None)
    profiles.read_string(path.read_text())
    return Credentials(
        *(profiles[PROFILES[0]][name] for name in ("aws_access_key_id", "aws_secret_access_key"))
    )


def refusal_of_browser(headers: Message) -> Refusal | None:
    """Return why a request of a browser is refused: it has an origin, or another host name."""
    if headers.get("Origin") is not None:
        return Refusal("AccessDenied", "Requests of web pages are not answered here.")
    if urlsplit(f"//{headers.get('Host', '')}").hostname not in HOSTS:
        return Refusal("AccessDenied", f"This server is called {' or '.join(sorted(HOSTS))}.")
    return None


def refusal_of_signature(
    key: Credentials, method: str, target: str, headers: Message, now: datetime | None = None
) -> Refusal | None:
    """Return why the signature of a request does not match `key`; None if it matches."""
    key_id, scope, signed, signature = _authorization(headers.get("Authorization", ""))
    if not signature:
        return Refusal("AccessDenied", "The request is not signed in its headers (AWS4-HMAC-SHA256).")
    if key_id != key.access_key:
        return Refusal("InvalidAccessKeyId", "There is no such key.")
    sent_at = headers.get("X-Amz-Date", "")
    try:
        sent = datetime.strptime(sent_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        date, region, service, _ = scope.split("/")
    except ValueError:
        return Refusal("AccessDenied", "The request does not say when it was signed, and for what.")
    if abs((now or datetime.now(UTC)) - sent) > SKEW or date != sent_at[:8]:
        return Refusal("RequestTimeTooSkewed", "The request was signed too long ago, or ahead of time.")
    if "host" not in signed or not _amz_headers(headers) <= set(signed):
        return Refusal("AccessDenied", "The host and every X-Amz header must be signed.")
    request = AWSRequest(method=method, url=_canonical(target))
    for name in signed:
        request.headers[name] = headers.get(name, "")
    request.context["timestamp"] = sent_at
    ours = S3SigV4Auth(key, service, region)
    expected = ours.signature(ours.string_to_sign(request, ours.canonical_request(request)), request)
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        return Refusal("SignatureDoesNotMatch", "The signature is not one of this server's key.")
    return None


def _authorization(message: str) -> tuple[str, str, list[str], str]:
    """Return key, scope, signed headers and signature of the Authorization header; an empty signature without one."""
    algorithm, _, rest = message.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    credential, signed, signature = (
        parts.get(name, "") for name in ("Credential", "SignedHeaders", "Signature")
    )
    key_id, _, scope = credential.partition("/")
    return key_id, scope, signed.split(";"), signature if algorithm == ALGORITHM else ""


def _amz_headers(headers: Message) -> set[str]:
    return {name.lower() for name in headers if name.lower().startswith("x-amz-")}


def _canonical(target: str) -> str:
    """Return the address in its signed form, however the client has written it."""
    asked = urlsplit(target)
    pairs = parse_qsl(asked.query.replace("+", "%2B"), keep_blank_values=True)
    query = "&".join(
        sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    )
    return f"{ANYWHERE}{quote(unquote(asked.path), safe='/-_.~')}{'?' if query else ''}{query}"
