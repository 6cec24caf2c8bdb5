"""Protection against forged forms, and headers that limit what a browser may do.

A browser sends Airflow's cookie with forms of any page. So a request that changes something must come from
this origin, by the browser's headers, and carry a token from one of our pages: signed with the key of
Airflow's API, for this user, for some hours.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.api_fastapi.auth.tokens import get_signing_key
from airflow.configuration import conf
from fastapi import HTTPException, Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

TOKEN_AGE_S = 12 * 3600
REFUSED = "This did not come from the page itself, or the page was open for very long: load it again."

POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    ]
)
# pages with inline styles and without scripts
POLICY_OF_DOCUMENTS = "; ".join(
    [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "frame-ancestors 'self'",
        "base-uri 'none'",
    ]
)
# which sets a policy for its own scripts
POLICY_OF_DBT_DOCS = "sandbox allow-scripts; frame-ancestors 'self'"


def token_for(user_id: str) -> str:
    """Return a token for the forms of this user."""
    return _serializer().dumps(user_id)


def require_own_form(request: Request, user_id: str, token: str) -> None:
    """Raise 403 if a request that changes something does not come from a form of ours for this user."""
    headers = request.headers
    is_foreign = headers.get("sec-fetch-site", "same-origin") != "same-origin"
    origin = headers.get("origin")
    if is_foreign or (origin is not None and urlsplit(origin).netloc not in _own_hosts(request)):
        raise HTTPException(403, REFUSED)
    try:
        bearer = _serializer().loads(token, max_age=TOKEN_AGE_S)
    except BadSignature:
        raise HTTPException(403, REFUSED) from None
    if bearer != user_id:
        raise HTTPException(403, REFUSED)


def protect(response: Response) -> Response:
    """Add the headers of every answer."""
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(get_signing_key("api", "secret_key"), salt="headwater deliveries")


def _own_hosts(request: Request) -> set[str]:
    """Return our host names: as the browser sees them, and from the settings for a proxy in front."""
    own_host = urlsplit(conf.get("api", "base_url", fallback="")).netloc
    return {host for host in (request.headers.get("host", ""), own_host) if host}
