"""The nodes of a local cluster: their folders, settings and Java command lines."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opensearch_clir.errors import LocalServerError
from opensearch_clir.local import security
from opensearch_clir.local.process import spawn
from opensearch_clir.local.tools import Java, tail

DEFAULT_HEAP = "512m"
#: The first free one is taken; OpenSearch itself tries them, so nobody can come in between.
USUAL_PORTS = "9200-9299"
ANY_PORT = "0"
_HEAP = re.compile(r"[1-9][0-9]*[kmgKMG]")
#: Said for each request of ours while the security plugin is still starting.
_HARMLESS = "Not yet initialized"
_TROUBLE = re.compile(r"ERROR|FATAL|Exception|Caused by|Error:|fatal")

LOGGING = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = ${sys:opensearch.logs.base_path}${sys:file.separator}server.log
appender.file.filePattern = ${sys:opensearch.logs.base_path}${sys:file.separator}server-%i.log
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 2
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


@dataclass(frozen=True)
class Node:
    """One node: `folder` is `<instance>/node-<n>`, `data` may lie elsewhere."""

    name: str
    folder: Path
    data: Path

    @property
    def config(self) -> Path:
        """The configuration folder."""
        return self.folder / "config"

    @property
    def logs(self) -> Path:
        """The folder with logs and, once they are bound, the files naming the ports."""
        return self.folder / "logs"

    def address(self, layer: str) -> str | None:
        """Return "host:port" of "http" or "transport", or None while it isn't bound."""
        try:
            return (self.logs / f"{layer}.ports").read_text("utf-8").split()[0]
        except (OSError, IndexError):
            return None

    def trouble(self) -> str:
        """Return the last telling log lines as one line."""
        lines: list[str] = []
        for log in ("server.log", "console.log"):
            with suppress(OSError):
                lines += (self.logs / log).read_text("utf-8", "replace").splitlines()
        telling = [line for line in lines if _TROUBLE.search(line) and _HARMLESS not in line]
        return tail("\n".join(telling or lines), lines=6)


def make_nodes(folder: Path, count: int, data_dir: Path | None) -> list[Node]:
    """Return the nodes of an instance; nothing is written."""
    names = [f"node-{i}" for i in range(1, count + 1)]
    root = data_dir or folder / "data"
    return [Node(name, folder / name, root / name) for name in names]


def check_heap(heap: str | None) -> str:
    """Return the heap size to use: the argument, else `CLIR_LOCAL_HEAP`, else the default.

    Raises `LocalServerError` unless it reads like "512m" or "2g".
    """
    chosen = heap or os.environ.get("CLIR_LOCAL_HEAP") or DEFAULT_HEAP
    if not _HEAP.fullmatch(chosen):
        raise LocalServerError(f"heap {chosen!r} is not a size like '512m' or '2g'")
    return chosen


def configure(
    node: Node,
    instance: Path,
    home: Path,
    *,
    all_names: list[str],
    ports: str,
    secure: bool,
    settings: Mapping[str, Any],
) -> None:
    """Write the node's configuration and its view of the home (with or without security)."""
    for folder in (node.config, node.logs):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (node.config, node.logs, node.data, node.folder / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    _view(home, node.folder / "home", secure=secure)
    own: dict[str, Any] = {
        "cluster.name": f"clir-{instance.name}",
        "node.name": node.name,
        "path.data": str(node.data),
        "path.logs": str(node.logs),
        "network.host": "127.0.0.1",
        "http.port": ports,
        "transport.port": ANY_PORT,
        # OpenSearch says in files which ports it got, and reads the other nodes' from a file.
        "node.portsfile": True,
        "discovery.seed_hosts": [],
        "discovery.seed_providers": "file",
        "cluster.initial_cluster_manager_nodes": all_names,
        # The ports are only told after this wait, and the nodes need them to find each other.
        "discovery.initial_state_timeout": "0s",
        # A small disk that is 90% full still has room for tests.
        "cluster.routing.allocation.disk.threshold_enabled": False,
    }
    if secure:
        own |= security.node_settings()
        shutil.copytree(instance / "certs", node.config / "certs")
        shutil.copytree(instance / "opensearch-security", node.config / "opensearch-security")
    # JSON is YAML.
    (node.config / "opensearch.yml").write_text(json.dumps({**own, **settings}, indent=1), "utf-8")
    (node.config / "log4j2.properties").write_text(LOGGING, "utf-8")
    for path in (node.config, *node.config.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _view(home: Path, view: Path, *, secure: bool) -> None:
    """Make a home of links, because a plugin that is there can't be switched off everywhere."""
    shutil.rmtree(view, ignore_errors=True)
    (view / "plugins").mkdir(parents=True)
    (view / "modules").symlink_to(home / "modules")
    for plugin in (home / "plugins").iterdir():
        if secure or plugin.name != "opensearch-security":
            (view / "plugins" / plugin.name).symlink_to(plugin)


def launch(node: Node, home: Path, java: Java, heap: str, owner: int | None) -> int:
    """Start the node's Java process and return its id; it stops when process `owner` ends."""
    flags = [
        f"-Xms{heap}",
        f"-Xmx{heap}",
        "-Xss1m",
        "-Xshare:auto",
        "-XX:+ExitOnOutOfMemoryError",
        "-Dfile.encoding=UTF-8",
        "-Djava.awt.headless=true",
        f"-Djava.io.tmpdir={node.folder / 'tmp'}",
        "-Djna.nosys=true",
        "-Dio.netty.noUnsafe=true",
        "-Dio.netty.recycler.maxCapacityPerThread=0",
        "-Dlog4j2.disable.jmx=true",
        "-Dlog4j.shutdownHookEnabled=false",
    ]
    if java.major >= 20:
        flags.append("--add-modules=jdk.incubator.vector")  # fast vector arithmetic in Lucene
    classpath = os.pathsep.join((f"{home}/launcher", f"{home}/lib/*"))
    command = [java.program, *flags, "-cp", classpath, "Launcher"]
    command += [str(node.folder / "home"), str(node.config)]
    command += [str(owner)] if owner is not None else []
    return spawn(command, cwd=node.folder, output=node.logs / "console.log")
