"""The OpenSearch home: assembled once per user and machine, checked before every use."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
import zipfile
from importlib import resources
from pathlib import Path

from filelock import FileLock

from opensearch_clir.errors import LocalServerError, MissingToolError
from opensearch_clir.local import artefacts
from opensearch_clir.local.artefacts import MODULES, PLUGINS, VERSION, Report, file_sha256
from opensearch_clir.local.paths import cache_dir, made_usable
from opensearch_clir.local.tools import Java, find_java, find_mvn, run

MANIFEST = "manifest.sha256"


def home_dir() -> Path:
    """Return where the home of this package version belongs (it may not exist yet).

    The name carries a digest of what a home is made of, so an upgraded package never meets the
    home of an older one.
    """
    recipe = "".join(f"{digest}{place}" for place, digest in sorted(artefacts.pinned().items()))
    digest = hashlib.sha256((recipe + _launcher_source()).encode()).hexdigest()
    return cache_dir() / f"opensearch-{VERSION}-{digest[:12]}"


def ensure_home(report: Report = lambda message: None) -> Path:
    """Return a complete, verified home, assembling it first where needed.

    Several processes may call this at once: one assembles, the others wait for it. `report` gets
    one line per longer step. Raises `MissingToolError` (java, mvn) and `LocalServerError`.
    """
    home = home_dir()
    made_usable(home.parent, "CLIR_CACHE_DIR")
    with FileLock(f"{home}.lock"):
        if home.exists():
            problem = find_damage(home)
            if problem is None:
                return home
            report(f"The cached OpenSearch is damaged ({problem}): assembling it again.")
        _assemble(home, report)
    return home


def find_damage(home: Path) -> str | None:
    """Compare every file with the manifest; return the first difference in words, or None."""
    try:
        expected = artefacts.parse_sums((home / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return f"{MANIFEST} is missing or unreadable"
    found = {str(path.relative_to(home)) for path in _files(home)}
    for place in sorted(expected.keys() ^ found):
        return f"{place} is {'missing' if place in expected else 'unexpected'}"
    for place, digest in expected.items():
        if file_sha256(home / place) != digest:
            return f"{place} has changed"
    return None


def _assemble(home: Path, report: Report) -> None:
    java, started = find_java(), time.monotonic()
    find_mvn()  # before anything is said or written
    report(
        f"Assembling OpenSearch {VERSION} with Maven: once per user, "
        "up to 470 MB to fetch, usually 1-3 minutes …"
    )
    # Beside the final place, so that the rename below stays on one file system and is atomic.
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=home.parent))
    try:
        new = building / "home"
        _lay_out(artefacts.fetch(building), new)
        _compile_launcher(java, new)
        lines = (f"{file_sha256(path)}  {path.relative_to(new)}\n" for path in _files(new))
        (new / MANIFEST).write_text("".join(lines), "utf-8")
        if home.exists():
            home.replace(building / "damaged")
        new.replace(home)
    except (OSError, zipfile.BadZipFile) as e:
        raise LocalServerError(f"assembling OpenSearch in {home.parent} failed: {e}") from e
    finally:
        shutil.rmtree(building, ignore_errors=True)
    report(f"OpenSearch {VERSION} is assembled ({time.monotonic() - started:.0f} s).")


def _files(home: Path) -> list[Path]:
    return sorted(p for p in home.rglob("*") if p.is_file() and p != home / MANIFEST)


def _lay_out(fetched: dict[str, Path], home: Path) -> None:
    folders = {artefact: folder for folder, artefact in PLUGINS.items()}
    for place, file in fetched.items():
        if file.suffix == ".zip":
            artefact = file.name.removesuffix(f"-{VERSION}.0.zip")
            _unzip(file, home / "plugins" / folders[artefact])
        else:
            (home / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(file, home / place)
    for name, (_, classname) in MODULES.items():
        (home / "modules" / name / "plugin-descriptor.properties").write_text(
            f"name={name}\ndescription={name}\nversion={VERSION}\nclassname={classname}\n"
            f"opensearch.version={VERSION}\njava.version=11\n",
            "utf-8",
        )


def _unzip(file: Path, folder: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if not Path(member.filename).name.startswith(artefacts.LEFT_OUT_PREFIX):
                archive.extract(member, folder)


def _launcher_source() -> str:
    return resources.files(__package__).joinpath("Launcher.java").read_text("utf-8")


def _compile_launcher(java: Java, home: Path) -> None:
    # The compiler as a module: a runtime without it can be told from a compile error, and javac
    # need not be on the PATH.
    if "jdk.compiler" not in run([java.program, "--list-modules"], "asking java", seconds=60):
        raise MissingToolError(
            f"{java.program} is a runtime without a compiler: install a full JDK "
            "(its package is often named -jdk or -jdk-headless, not -jre)"
        )
    folder = home / "launcher"
    folder.mkdir()
    (folder / "Launcher.java").write_text(_launcher_source(), "utf-8")
    run(
        [
            java.program,
            *("-m", "jdk.compiler/com.sun.tools.javac.Main"),
            *("-encoding", "UTF-8", "--release", "17", "-proc:none"),
            *("-cp", os.pathsep.join(map(str, sorted((home / "lib").glob("*.jar"))))),
            *("-d", folder, folder / "Launcher.java"),
        ],
        "compiling the launcher",
        seconds=120,
    )
