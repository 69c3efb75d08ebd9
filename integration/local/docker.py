"""OpenSearch in a container, where a Docker engine answers (one node, without security)."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from opensearch_clir.errors import LocalServerError, MissingToolError
from opensearch_clir.local.instance import Instance
from opensearch_clir.local.readiness import wait_until_answering
from opensearch_clir.local.tools import run, tail

DEFAULT_IMAGE = "opensearchproject/opensearch:2.19.1"
#: Seconds to pull the image (about 1 GB) and create the container.
CREATE_SECONDS = 1200.0
_SETTINGS = {
    "discovery.type": "single-node",
    "DISABLE_SECURITY_PLUGIN": "true",
    "DISABLE_INSTALL_DEMO_CONFIG": "true",
    "cluster.routing.allocation.disk.threshold_enabled": "false",
}


def image() -> str:
    """Return the image to run: `CLIR_DOCKER_IMAGE`, or the tested one."""
    return os.environ.get("CLIR_DOCKER_IMAGE") or DEFAULT_IMAGE


def engine_answers() -> bool:
    """Tell whether an engine on this machine answers the `docker` program within 10 seconds."""
    if os.environ.get("DOCKER_HOST", "unix:").partition(":")[0] in ("tcp", "ssh", "http", "https"):
        return False  # its ports would be another machine's
    try:
        return _ask("version", "--format", "{{.Server.Version}}", seconds=10).returncode == 0
    except (MissingToolError, OSError, subprocess.TimeoutExpired):
        return False


def container_name(folder: Path) -> str:
    """Return the name of an instance's container and of the volume with its data."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
    return f"clir-{folder.name}-{digest}"


def create(name: str, *, http_port: int | None, heap: str) -> None:
    """Create and start a container whose data outlives it. Raises `LocalServerError`."""
    with suppress(LocalServerError):
        remove(name, delete=False)  # one that stopped by itself, or with the machine
    _run_container("--name", name, "--volume", f"{name}:/usr/share/opensearch/data",
                   http_port=http_port, heap=heap)  # fmt: skip


def create_temporary(heap: str) -> Instance:
    """Run a container that ends with this process.

    With testcontainers it ends even when this process is killed. Raises `LocalServerError`.
    """
    container = _with_testcontainers(heap) or _run_container("--rm", http_port=None, heap=heap)

    def stop() -> None:
        atexit.unregister(stop)
        remove(container, delete=False)

    atexit.register(stop)
    url, version = wait(container, seconds=180)
    return Instance("temporary", "docker", (url,), version=version, container=container, _stop=stop)


def wait(container: str, *, seconds: float) -> tuple[str, str]:
    """Wait until the server in `container` is ready; return its address and version.

    Raises `LocalServerError`, quoting the container's log.
    """
    try:
        published = _run("port", container, "9200/tcp", purpose="asking Docker for the port")
        url = f"http://127.0.0.1:{published.split()[0].rpartition(':')[2]}"
        return url, wait_until_answering(url, lambda: is_running(container), seconds=seconds)
    except (LocalServerError, IndexError) as e:
        log = _ask("logs", "--tail", "8", container, seconds=30).stdout
        raise LocalServerError(f"OpenSearch in Docker is not ready: {e}: {tail(log)}") from e


def is_running(container: str) -> bool:
    """Tell whether the container exists and runs; False where Docker doesn't answer."""
    try:
        done = _ask("inspect", "--format", "{{.State.Running}}", container, seconds=30)
    except (MissingToolError, OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == "true"


def remove(container: str, *, delete: bool) -> None:
    """Stop and remove the container; with `delete` its data as well. Raises `LocalServerError`."""
    if _ask("inspect", container, seconds=30).returncode == 0:
        _run("stop", "-t", "30", container, purpose="stopping the container")
        # A container made with --rm may already be gone.
        _ask("rm", "--force", container, seconds=60)
    if delete:
        _ask("volume", "rm", "--force", container, seconds=60)


def _run_container(*options: str, http_port: int | None, heap: str) -> str:
    environment = {**_SETTINGS, "OPENSEARCH_JAVA_OPTS": f"-Xms{heap} -Xmx{heap}"}
    flags = [part for key, value in environment.items() for part in ("--env", f"{key}={value}")]
    publish = f"127.0.0.1:{http_port or ''}:9200"
    said = _run(
        *("run", "--detach", "--publish", publish),
        *options,
        *flags,
        image(),
        purpose=f"starting {image()} with Docker",
        seconds=CREATE_SECONDS,
    )
    return said.split()[-1]  # the id; a pull may print lines before it


def _with_testcontainers(heap: str) -> str | None:
    """Return the id of a container that testcontainers watches over, or None without it."""
    try:
        from testcontainers.core.container import DockerContainer
    except ImportError:
        return None
    container = DockerContainer(image()).with_exposed_ports(9200)
    for key, value in {**_SETTINGS, "OPENSEARCH_JAVA_OPTS": f"-Xms{heap} -Xmx{heap}"}.items():
        container = container.with_env(key, value)
    try:
        container.start()
    except Exception as e:  # the Docker client's errors have no common base worth naming
        raise LocalServerError(f"starting {image()} with Docker failed: {e}") from e
    return str(container.get_wrapped_container().id)


def _run(*arguments: str, purpose: str, seconds: float = 120.0) -> str:
    return run([_program(), *arguments], purpose, seconds=seconds)


def _ask(*arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_program(), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )


def _program() -> str:
    program = shutil.which("docker")
    if program is None:
        raise MissingToolError("docker was not found")
    return program
