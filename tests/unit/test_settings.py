from __future__ import annotations

from pathlib import Path

import pytest

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.index_templates.schema import SourceField
from opensearch_clir.settings import load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLIR_FIELDS", "CLIR_ENCODER", "CLIR_CONFIG", "CLIR_PASSWORD", "CLIR_LANGUAGES"):
        monkeypatch.delenv(name, raising=False)


def test_arguments_beat_the_environment_which_beats_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clir.toml"
    file.write_text('encoder = "from-file"\nfields = ["a^2", "b"]\ntimeout = 5\n')
    monkeypatch.setenv("CLIR_FIELDS", "c, d^3")
    settings = load_settings(file, encoder="from-argument")
    assert settings.encoder == "from-argument"
    assert settings.source_fields == (SourceField("c"), SourceField("d", 3))
    assert settings.timeout == 5


def test_every_problem_is_listed_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None, fields="a^12,b", languages="fr,xx", timeout=-1, nonsense=1)
    message = str(caught.value)
    for part in ("fields", "a^12", "languages", "'xx'", "timeout", "nonsense"):
        assert part in message


def test_languages_are_canonical_and_unique() -> None:
    assert load_settings(None, languages="pt-BR,nb,pt,zh_TW").languages == ("pt", "no", "zh")


def test_the_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIR_PASSWORD", "s3cret")
    settings = load_settings(None, username="u")
    assert "s3cret" not in repr(settings) + str(settings)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None, password=17, timeout=-1)
    assert "17" not in str(caught.value)


def test_a_broken_or_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("fields = [")
    with pytest.raises(ConfigurationError, match=r"broken\.toml is not valid TOML"):
        load_settings(broken)
    with pytest.raises(ConfigurationError, match=r"can't read .*absent\.toml"):
        load_settings(tmp_path / "absent.toml")


def test_duplicate_source_fields_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="named twice"):
        load_settings(None, fields="a,a^2")
