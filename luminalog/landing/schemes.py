"""How the OpenAPI description names our authentication."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from accounts.permissions import scope_of


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`x-api-key` in the header."""

    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:  # noqa: ARG002 - its signature
        return {
            "type": "apiKey",
            "in": "header",
            "name": "x-api-key",
            "description": "`ll_` and 48 hex digits, tied to one organisation and project; made in the admin.",
        }

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[str]]:
        """Say which scope an operation needs (OpenAPI 3.1, Security Requirement Object: "role names")."""
        scope = scope_of(auto_schema.view)
        return {self.name: [scope.value] if scope else []}
