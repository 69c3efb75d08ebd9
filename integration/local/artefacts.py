"""What an OpenSearch home is made of, and how it is fetched through the user's own Maven.

`artefacts.txt` names every file of a home before unzipping, its place and its pinned SHA-256, in
the format of `sha256sum`. No repository address is written anywhere: Maven's settings decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path

from opensearch_clir.errors import LocalServerError
from opensearch_clir.local.tools import find_mvn, run

VERSION = "2.19.1"
LOG4J_VERSION = "2.21.0"
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"

#: Module folder -> (artefact, plugin class): parts of the standard distribution.
MODULES = {
    "analysis-common": ("analysis-common", "org.opensearch.analysis.common.CommonAnalysisPlugin"),
    "ingest-common": ("ingest-common", "org.opensearch.ingest.common.IngestCommonPlugin"),
    "lang-mustache": ("lang-mustache-client", "org.opensearch.script.mustache.MustachePlugin"),
    "lang-painless": ("lang-painless", "org.opensearch.painless.PainlessPlugin"),
    "mapper-extras": ("mapper-extras-client", "org.opensearch.index.mapper.MapperExtrasPlugin"),
    "rank-eval": ("rank-eval-client", "org.opensearch.index.rankeval.RankEvalPlugin"),
    "reindex": ("reindex-client", "org.opensearch.index.reindex.ReindexPlugin"),
    "transport-netty4": ("transport-netty4-client", "org.opensearch.transport.Netty4Plugin"),
}

#: Plugin folder -> artefact (a zip).
PLUGINS = {
    "opensearch-job-scheduler": "opensearch-job-scheduler",
    "opensearch-knn": "opensearch-knn",
    "opensearch-ml": "opensearch-ml-plugin",
    "opensearch-neural-search": "neural-search",
    "opensearch-security": "opensearch-security",
}

#: A GPU runtime of 304 MB inside the ML Commons zip, useless for remote models.
LEFT_OUT_PREFIX = "onnxruntime_gpu"

Report = Callable[[str], None]


@cache
def pinned() -> dict[str, str]:
    """Return place in the home -> SHA-256 (hex) of everything fetched."""
    return parse_sums(resources.files(__package__).joinpath("artefacts.txt").read_text("ascii"))


def parse_sums(text: str) -> dict[str, str]:
    """Return path -> SHA-256 from the format of `sha256sum`."""
    rows = (line.split("  ", 1) for line in text.splitlines() if line)
    return {path: digest for digest, path in rows}


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def pom() -> str:
    """Return a Maven project whose dependencies are exactly the named artefacts."""
    core = [
        _dependency("org.opensearch", "opensearch", VERSION),
        _dependency("org.opensearch", "opensearch-plugin-classloader", VERSION),
        _dependency("org.apache.logging.log4j", "log4j-core", LOG4J_VERSION),
    ]
    modules = [
        _dependency("org.opensearch.plugin", artefact, VERSION) for artefact, _ in MODULES.values()
    ]
    plugins = [
        _dependency("org.opensearch.plugin", artefact, f"{VERSION}.0", zipped=True)
        for artefact in PLUGINS.values()
    ]
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0">\n'
        "<modelVersion>4.0.0</modelVersion>\n"
        "<groupId>opensearch-clir</groupId><artifactId>local-server</artifactId>\n"
        f"<version>{VERSION}</version><packaging>pom</packaging>\n<dependencies>\n"
        + "".join(core + modules + plugins)
        + "</dependencies>\n</project>\n"
    )


def _dependency(group: str, artefact: str, version: str, *, zipped: bool = False) -> str:
    # A zip carries all its jars; what its pom names would only come twice.
    extra = (
        "<type>zip</type><exclusions><exclusion><groupId>*</groupId>"
        "<artifactId>*</artifactId></exclusion></exclusions>"
        if zipped
        else ""
    )
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artefact}</artifactId>"
        f"<version>{version}</version>{extra}</dependency>\n"
    )


def fetch(into: Path) -> dict[str, Path]:
    """Fetch everything into the folder `into`; return place in the home -> fetched file, checked.

    Raises `MissingToolError` without Maven and `LocalServerError` where Maven fails, or where a
    file is missing or is not the pinned one.
    """
    (into / "pom.xml").write_text(pom(), "utf-8")
    run(
        [
            find_mvn(),
            "--batch-mode",
            "--quiet",
            f"{DEPENDENCY_PLUGIN}:copy-dependencies",
            "-DoutputDirectory=artefacts",
            "-DincludeScope=runtime",
        ],
        f"fetching OpenSearch {VERSION} with Maven",
        seconds=1800,
        cwd=into,
    )
    fetched = {place: into / "artefacts" / Path(place).name for place in pinned()}
    for place, file in fetched.items():
        if not file.is_file():
            raise LocalServerError(f"Maven did not deliver {file.name}")
        if file_sha256(file) != pinned()[place]:
            raise LocalServerError(
                f"{file.name} as delivered by Maven is not the expected file (SHA-256 differs): "
                "remove it from the local Maven repository and try again"
            )
    return fetched
