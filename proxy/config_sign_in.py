"""`guardhouse.oidc`: how people sign in through the organisation's own identity provider."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from proxy.roles import Role

CALLBACK = "/review/oidc/callback"
"""Path to which the identity provider sends people back."""
_HERE = ("127.0.0.1", "::1", "localhost")

Word = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[\x21-\x7e]+$")]
Label = Annotated[str, Field(min_length=1, max_length=64)]


class Oidc(BaseModel):
    """An OpenID Connect provider, and what its word is worth here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Word
    """The provider's own name for itself; `/.well-known/openid-configuration` is looked for below it."""
    client_id: Word
    client_secret: Annotated[str, Field(min_length=1)] | None = Field(None, repr=False)
    """None for a public client: then PKCE alone proves who asks."""
    public_url: Word
    """Where people reach this proxy, e.g. `https://guardhouse.example`; the way back is built from it alone."""
    label: Label = "single sign-on"
    """What the button says after `Sign in with`."""
    scopes: tuple[Word, ...] = ("openid", "email", "profile")
    roles_claim: Word | None = None
    """Claim with roles or groups; `a.b` also finds `b` within `a`."""
    roles: dict[str, Role] = {}
    """Value of that claim to role; the first in the file that a person has counts. Asked again at each sign-in."""
    default_role: Role | None = None
    """Role of who has none of those; None: such people are refused."""
    tenant: Annotated[str, Field(min_length=1, max_length=128)] = "default"
    """Tenant of the people who come this way."""
    tenant_claim: Word | None = None
    """Claim that names the tenant instead; who has none is refused."""
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 5.0
    """Seconds that the provider may take to answer one question."""
    plain_http: bool = False
    """Whether the provider and this proxy may be reached by plain http from other machines."""

    @field_validator("issuer", "public_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        url = urlsplit(value)
        if (
            url.scheme not in ("http", "https")
            or not url.hostname
            or "@" in url.netloc
            or url.query
            or url.fragment
        ):
            raise ValueError("takes an http or https URL without credentials, query and fragment")
        return value

    @field_validator("scopes")
    @classmethod
    def _asks_for_openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("must have openid among the scopes")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Oidc:
        for name in ("issuer", "public_url"):
            if not self.is_allowed(getattr(self, name)):
                raise ValueError(
                    f"{name} is plain http to another machine; use https, or set plain_http: true"
                )
        if urlsplit(self.public_url).path not in ("", "/"):
            raise ValueError("public_url takes no path: the pages are below /review of the host")
        if self.roles and self.roles_claim is None:
            raise ValueError("roles needs roles_claim, which says where a person's roles or groups stand")
        if self.roles_claim and not self.roles:
            raise ValueError("roles_claim needs roles, which says what each of its values means here")
        return self

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back to: to be registered there."""
        return self.public_url.rstrip("/") + CALLBACK

    def is_allowed(self, url: str) -> bool:
        """Whether an address may be used: https, or this machine, or plain http where that is said to be wanted."""
        parts = urlsplit(url)
        here = self.plain_http or parts.hostname in _HERE
        return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and here))
