"""Credentials of an API: the secret or the token that goes with every request, and how it travels.

A token comes from the connection's parent, `parent_conn_api`, which may need a token of its own. It is had when it is
first needed, and once more when the API no longer takes it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from headwater.extract.connections.environment import expand, secrets_in
from headwater.extract.connections.safe_address import shown
from headwater.extract.connections.secrets import Secret, resolve
from headwater.extract.formats.json_values import DECODER
from headwater.extract.http.client import HttpClient
from headwater.extract.http.exchange import Answer, AnswerBroken, Request
from headwater.extract.sources.api.address import with_parameters
from headwater.extract.sources.api.values import text_at
from headwater.metadata import redaction
from headwater.metadata.errors import PublisherError
from headwater.metadata.redaction import Secrets
from headwater.metadata.static.model import ConnApi, Source

LARGEST_TOKEN = 1 << 20  # bytes of the answer that holds it
OWN_SECRET = "${SECRET}"  # in a payload: the connection's secret
SHORTEST_AMID_WORDS = 8  # characters: a shorter secret may be a part of a record's word by chance


class Credentials:
    """The credentials that a source's requests carry in one reading. Nothing is kept but in memory.

    `secrets` are those that the API and those who give its tokens were told, or gave, so far.
    """

    def __init__(self, source: Source, client: HttpClient) -> None:
        self._source, self._client = source, client
        self._api = require_api(source)
        self._token: str | None = None
        self._secret: Secret | None = None
        self.secrets = Secrets(alone_below=SHORTEST_AMID_WORDS)
        for api in (self._api, *source.token_apis):
            for secret in secrets_in(f"{api.api_url} {api.payload_json or ''}"):
                self.secrets.add(secret)

    @property
    def can_renew(self) -> bool:
        """Return whether there is somebody to ask for another token."""
        return self._api.need_token and bool(self._source.token_apis)

    def renew(self) -> None:
        """Forget the token: the next request gets another one."""
        self._token = None

    def applied(self, request: Request) -> Request:
        """The request with its credentials. Raises `SecretUnavailable`, or `PublisherError` without a token."""
        api, options = self._api, self._source.options
        if self.can_renew:
            if self._token is None:
                self._token = self._fetched_token(self._source.token_apis)
            return _travelling(
                request, self._token, None, options.get("auth", "bearer"), options.get("auth_name")
            )
        if api.secret_ref is None or _is_in_payload(api):
            return request
        auth = options.get("auth", "bearer")
        if self._secret is None:
            self._secret = self._resolved(api.secret_ref, auth)
        secret = self._secret
        return _travelling(request, secret.reveal(), secret.login, auth, options.get("auth_name"))

    def payload_of(self, api: ConnApi) -> dict[str, Any] | None:
        """The body of a call before it is cut into pages; `${SECRET}` in it is the connection's own secret."""
        if api.payload_json is None:
            return None
        secret = self._resolved(api.secret_ref) if api.secret_ref and _is_in_payload(api) else None
        found = _filled(json.loads(api.payload_json), self._source, secret)
        if not isinstance(found, dict):
            raise PublisherError(
                f"{self._source.name}: payload_json of {api.name} is no object, expected one"
            )
        return found

    def _resolved(self, reference: str, auth: str | None = None) -> Secret:
        secret = resolve(reference)
        self.secrets.add(secret.reveal())
        if auth == "basic" and secret.login is None:  # user:password
            self.secrets.add(secret.reveal().partition(":")[2])
        return secret

    def _fetched_token(self, apis: tuple[ConnApi, ...]) -> str:
        api, parents = apis[0], apis[1:]
        request = Request(api.http_method, expand(api.api_url, self._source))
        payload = self.payload_of(api)
        if payload is not None and self._source.options.get("token_format") == "form":
            body, kind = urlencode(payload).encode(), "application/x-www-form-urlencoded"
            request = replace(request, body=body, headers={"Content-Type": kind})
        elif payload is not None:
            request = replace(request, body=as_body(payload), headers=JSON_BODY)
        if api.need_token and parents:
            request = _travelling(request, self._fetched_token(parents), None, "bearer", None)
        elif api.secret_ref is not None and not _is_in_payload(api):
            secret = self._resolved(api.secret_ref, "basic")
            request = _travelling(request, secret.reveal(), secret.login, "basic", None)
        path = self._source.options.get("token_path", "access_token")

        def read(answer: Answer) -> str:
            try:
                document = DECODER.decode(answer.body.decode("utf-8-sig"))
            except (ValueError, RecursionError):
                raise AnswerBroken("its answer is no JSON") from None
            token = text_at(document, path)
            if token is None:
                members = ", ".join(document) if isinstance(document, dict) else "no members"
                raise PublisherError(
                    f"{shown(api.api_url)}: its answer has no token at {path} (token_path), it has {members}"
                )
            return token

        token = self._client.exchange(request, read, largest=LARGEST_TOKEN)
        redaction.register(token)
        self.secrets.add(token)
        return token


JSON_BODY = {"Content-Type": "application/json"}


def require_api(source: Source) -> ConnApi:
    """The connection of a source of an API. Raises `PublisherError` when it has none."""
    if source.conn_api is None:
        raise PublisherError(f"{source.name}: no conn_api, expected one of its data source in conn_api.csv")
    return source.conn_api


def as_body(payload: Mapping[str, Any]) -> bytes:
    """A payload as it is sent."""
    return json.dumps(payload, ensure_ascii=False).encode()


def _is_in_payload(api: ConnApi) -> bool:
    return OWN_SECRET in (api.payload_json or "")


def _filled(value: Any, source: Source, secret: Secret | None) -> Any:
    if isinstance(value, dict):
        return {name: _filled(member, source, secret) for name, member in value.items()}
    if isinstance(value, list):
        return [_filled(member, source, secret) for member in value]
    if not isinstance(value, str):
        return value
    if secret is None:
        return expand(value, source)
    return secret.reveal().join(expand(part, source) for part in value.split(OWN_SECRET))


def _travelling(request: Request, secret: str, login: str | None, auth: str, name: str | None) -> Request:
    """The request with a secret in the place that `auth` names."""
    redaction.register(secret)
    if auth == "query":
        return replace(request, address=with_parameters(request.address, {name or "": secret}))
    if auth == "basic":
        pair = secret if login is None else f"{login}:{secret}"
        value = base64.b64encode(pair.encode()).decode()
        redaction.register(value)
        redaction.register(pair.partition(":")[2])
        header = ("Authorization", f"Basic {value}")
    elif auth == "header":
        header = (name or "", secret)
    else:
        header = ("Authorization", f"Bearer {secret}")
    return replace(request, private={**request.private, header[0]: header[1]})
