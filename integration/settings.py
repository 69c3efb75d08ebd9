"""One typed settings object: arguments beat the environment, which beats a TOML file.

Environment variables carry the prefix ``CLIR_``: ``CLIR_ENCODER``, ``CLIR_FIELDS="title^2,body"``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from opensearch_clir.debias.method import Method
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.index_templates.schema import SourceField
from opensearch_clir.language.base import DOCUMENT_DETECTOR, QUERY_DETECTOR
from opensearch_clir.languages import LANGUAGES, canonical
from opensearch_clir.toml_files import read_toml

__all__ = ["Settings", "load_settings"]


def _as_list(value: Any) -> Any:
    """Let ``"title^2, body"`` stand for a list wherever one is expected."""
    if isinstance(value, str):
        return [part for part in (p.strip() for p in value.strip("[]").split(",")) if part]
    return value


StringList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_as_list)]


class Settings(BaseSettings):
    """What a user can choose. `load_settings` reads it from a file, the environment, arguments.

    Attributes:
        url: address of the cluster; without one the local server is used.
        username, password: HTTP basic credentials.
        ca_certs: PEM file of the authority that signed the cluster's certificate.
        verify_certs: whether TLS certificates are verified.
        timeout: seconds for one request.
        fields: source fields that are embedded and analysed, ``NAME`` or ``NAME^BOOST``.
        languages: codes that get a field of their own.
        encoder: ``embedded`` or the name or folder of a sentence-transformers model.
        query_prompt, passage_prompt: text before each query or passage; without one the model's
            own prompts are used.
        detector: how the languages of documents are guessed; an index keeps the one of its set-up.
        query_detector: how the languages of queries are guessed.
        lang_field: field of the documents that holds their language tag.
        group_field: field of the documents that holds their translation group.
        lang_threshold: posterior in (0, 1] from which a language is one of the document's.
        namespace: object that holds our fields in each document.
        debias: what is done to vectors that say too much about their language: ``none``,
            ``centre``, ``shift`` or ``lir:R``; an index keeps that of its set-up.
        debias_sample: file with texts that a debiasing is fitted on, in place of the index's own
            documents.
    """

    model_config = SettingsConfigDict(env_prefix="CLIR_", extra="forbid", frozen=True)

    url: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    ca_certs: Path | None = None
    verify_certs: bool = True
    timeout: float = Field(default=30.0, gt=0)
    fields: StringList = ("title", "text")
    languages: StringList = tuple(LANGUAGES)
    encoder: str = "embedded"
    query_prompt: str | None = None
    passage_prompt: str | None = None
    detector: str = DOCUMENT_DETECTOR
    query_detector: str = QUERY_DETECTOR
    lang_field: str | None = None
    group_field: str | None = None
    lang_threshold: float = Field(default=0.25, gt=0, le=1)
    namespace: str = Field(default="clir", pattern=r"^[a-z][a-z0-9_-]*$")
    debias: str = "none"
    debias_sample: Path | None = None

    @field_validator("fields")
    @classmethod
    def _check_fields(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one source field")
        names = [SourceField.parse(item).name for item in value]
        if len(set(names)) < len(names):
            raise ValueError("a source field is named twice")
        return value

    @field_validator("languages")
    @classmethod
    def _check_languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            codes = dict.fromkeys(canonical(item) for item in value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        codes.pop("und", None)
        if not codes:
            raise ValueError("name at least one language")
        return tuple(codes)

    @field_validator("debias")
    @classmethod
    def _check_debias(cls, value: str) -> str:
        try:
            return str(Method.parse(value))
        except ConfigurationError as error:
            raise ValueError(str(error)) from error

    @property
    def source_fields(self) -> tuple[SourceField, ...]:
        """`fields`, parsed."""
        return tuple(SourceField.parse(item) for item in self.fields)


def load_settings(file: Path | None = None, **arguments: Any) -> Settings:
    """Return the settings from arguments, the environment and a TOML file, in that order.

    Args:
        file: a TOML file with the names of `Settings` as keys; default ``CLIR_CONFIG``, if set.
        arguments: values that beat everything else; ``None`` means not given.

    Raises:
        ConfigurationError: a value is wrong or unknown, or the file can't be read; every problem
            is listed.
    """
    path = file or (Path(os.environ["CLIR_CONFIG"]) if os.environ.get("CLIR_CONFIG") else None)
    from_file = read_toml(path) if path else {}
    in_environment = {
        name for name in Settings.model_fields if f"CLIR_{name.upper()}" in os.environ
    }
    merged = {name: value for name, value in from_file.items() if name not in in_environment}
    merged.update({name: value for name, value in arguments.items() if value is not None})
    try:
        return Settings(**merged)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in e['loc']) or 'settings'}: {e['msg']}"
            for e in error.errors(include_url=False, include_input=False)
        ]
        where = f" (file {path})" if path else ""
        raise ConfigurationError(f"wrong settings{where}: " + "; ".join(lines)) from None
