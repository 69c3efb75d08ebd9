"""The languages known by name: codes, scripts and the analyzers a server may offer for them.

A language that is missing here can still be searched by vectors; its words are then analysed by the
neutral field alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from opensearch_clir.errors import ConfigurationError

__all__ = ["LANGUAGES", "UND", "Language", "canonical", "choose_analyzer"]

#: The tag of a text whose language is unknown (ISO 639-2 "undetermined").
UND = "und"

#: What analyses a language for which the server has nothing better.
NEUTRAL_ANALYZER = "standard"


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes:
        code: ISO 639-1 code (ISO 639-3 where there is no shorter one).
        name: English name.
        script: ISO 15924 code of its usual script.
        analyzer: best analyzer built into a bare server.
        plugins: ``(plugin, analyzer)`` in order of preference, better than the built-in one.
    """

    code: str
    name: str
    script: str = "Latn"
    analyzer: str = NEUTRAL_ANALYZER
    plugins: tuple[tuple[str, str], ...] = field(default=())


def _table() -> dict[str, Language]:
    smartcn = (("analysis-smartcn", "smartcn"),)
    kuromoji = (("analysis-kuromoji", "kuromoji"),)
    nori = (("analysis-nori", "nori"),)
    stempel = (("analysis-stempel", "polish"),)
    ukrainian = (("analysis-ukrainian", "ukrainian"),)
    rows = [
        Language("af", "Afrikaans"),
        Language("ar", "Arabic", "Arab", "arabic"),
        Language("az", "Azerbaijani"),
        Language("be", "Belarusian", "Cyrl"),
        Language("bg", "Bulgarian", "Cyrl", "bulgarian"),
        Language("bn", "Bengali", "Beng", "bengali"),
        Language("ca", "Catalan", analyzer="catalan"),
        Language("cs", "Czech", analyzer="czech"),
        Language("cy", "Welsh"),
        Language("da", "Danish", analyzer="danish"),
        Language("de", "German", analyzer="german"),
        Language("el", "Greek", "Grek", "greek"),
        Language("en", "English", analyzer="english"),
        Language("es", "Spanish", analyzer="spanish"),
        Language("et", "Estonian", analyzer="estonian"),
        Language("eu", "Basque", analyzer="basque"),
        Language("fa", "Persian", "Arab", "persian"),
        Language("fi", "Finnish", analyzer="finnish"),
        Language("fr", "French", analyzer="french"),
        Language("ga", "Irish", analyzer="irish"),
        Language("gl", "Galician", analyzer="galician"),
        Language("gu", "Gujarati", "Gujr"),
        Language("he", "Hebrew", "Hebr"),
        Language("hi", "Hindi", "Deva", "hindi"),
        Language("hr", "Croatian"),
        Language("hu", "Hungarian", analyzer="hungarian"),
        Language("hy", "Armenian", "Armn", "armenian"),
        Language("id", "Indonesian", analyzer="indonesian"),
        Language("is", "Icelandic"),
        Language("it", "Italian", analyzer="italian"),
        Language("ja", "Japanese", "Jpan", "cjk", kuromoji),
        Language("ka", "Georgian", "Geor"),
        Language("kn", "Kannada", "Knda"),
        Language("ko", "Korean", "Kore", "cjk", nori),
        Language("lt", "Lithuanian", analyzer="lithuanian"),
        Language("lv", "Latvian", analyzer="latvian"),
        Language("mk", "Macedonian", "Cyrl"),
        Language("ml", "Malayalam", "Mlym"),
        Language("mr", "Marathi", "Deva"),
        Language("ms", "Malay"),
        Language("ne", "Nepali", "Deva"),
        Language("nl", "Dutch", analyzer="dutch"),
        Language("no", "Norwegian", analyzer="norwegian"),
        Language("pa", "Punjabi", "Guru"),
        Language("pl", "Polish", plugins=stempel),
        Language("pt", "Portuguese", analyzer="portuguese"),
        Language("ro", "Romanian", analyzer="romanian"),
        Language("ru", "Russian", "Cyrl", "russian"),
        Language("sk", "Slovak"),
        Language("sl", "Slovenian"),
        Language("so", "Somali"),
        Language("sq", "Albanian"),
        Language("sr", "Serbian", "Cyrl"),
        Language("sv", "Swedish", analyzer="swedish"),
        Language("sw", "Swahili"),
        Language("ta", "Tamil", "Taml"),
        Language("te", "Telugu", "Telu"),
        Language("th", "Thai", "Thai", "thai"),
        Language("tl", "Tagalog"),
        Language("tr", "Turkish", analyzer="turkish"),
        Language("uk", "Ukrainian", "Cyrl", plugins=ukrainian),
        Language("ur", "Urdu", "Arab"),
        Language("vi", "Vietnamese"),
        Language("zh", "Chinese", "Hani", "cjk", smartcn),
    ]
    return {row.code: row for row in rows}


#: Every known language by its code.
LANGUAGES = _table()

_ALIASES = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "fil": "tl", "cmn": "zh", "yue": "zh"}


def canonical(tag: str) -> str:
    """Return the code under which a language tag is stored.

    ``pt-BR`` and ``zh_TW`` lose region and script, old and macro-language codes are mapped.

    Raises:
        ConfigurationError: the tag is neither `UND` nor a known language.
    """
    base = tag.strip().lower().replace("_", "-").split("-")[0]
    code = _ALIASES.get(base, base)
    if code != UND and code not in LANGUAGES:
        raise ConfigurationError(
            f"unknown language {tag!r}: use one of {', '.join(sorted(LANGUAGES))} or {UND!r}"
        )
    return code


def choose_analyzer(code: str, installed_plugins: frozenset[str]) -> str:
    """Return the best analyzer for a language on a server with these plugins.

    Args:
        code: a key of `LANGUAGES`, or `UND`.
        installed_plugins: plugin names as ``_cat/plugins`` gives them, present on every node.
    """
    language = LANGUAGES.get(code)
    if language is None:
        return NEUTRAL_ANALYZER
    for plugin, analyzer in language.plugins:
        if plugin in installed_plugins:
            return analyzer
    return language.analyzer
