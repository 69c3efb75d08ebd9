"""Certificates and the administrator's password of a secure local server."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from opensearch_clir.local.tools import find_openssl, run

ADMIN = "admin"
#: As long as an instance's data may be of use; the key never leaves this machine.
VALID_DAYS = "3650"
_NODE = "/O=opensearch-clir/CN=node"


def prepare(folder: Path, home: Path, java: str) -> None:
    """Make certificates and password in `folder`, once; later calls keep what is there.

    Leaves `folder/certs/{ca,node,node-key}.pem`, `folder/password` (mode 0600) and
    `folder/opensearch-security/`, the plugin's own configuration with one user, the administrator.
    Raises `MissingToolError` (openssl) and `LocalServerError`.
    """
    if (folder / "opensearch-security").exists():
        return
    _make_certificates(folder / "certs")
    password = secrets.token_urlsafe(24)
    _write_private(folder / "password", password)
    staged = folder / "opensearch-security.new"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(home / "plugins" / "opensearch-security" / "config", staged)
    user = {"hash": _hash(password, home, java), "reserved": True, "backend_roles": ["admin"]}
    # JSON is YAML; the demo users of the original must not come along.
    (staged / "internal_users.yml").write_text(
        json.dumps({"_meta": {"type": "internalusers", "config_version": 2}, ADMIN: user}), "utf-8"
    )
    staged.replace(folder / "opensearch-security")


def node_settings() -> dict[str, Any]:
    """Return the node settings for TLS on both layers (paths relative to the configuration)."""
    settings: dict[str, Any] = {
        "plugins.security.nodes_dn": ["CN=node,O=opensearch-clir"],
        "plugins.security.allow_default_init_securityindex": True,
        "plugins.security.ssl.http.enabled": True,
        "plugins.security.audit.type": "noop",
        # Every node is 127.0.0.1: the name in the certificate says nothing there.
        "plugins.security.ssl.transport.enforce_hostname_verification": False,
        "plugins.security.restapi.roles_enabled": ["all_access", "security_rest_api_access"],
    }
    for layer in ("http", "transport"):
        prefix = f"plugins.security.ssl.{layer}"
        settings[f"{prefix}.pemcert_filepath"] = "certs/node.pem"
        settings[f"{prefix}.pemkey_filepath"] = "certs/node-key.pem"
        settings[f"{prefix}.pemtrustedcas_filepath"] = "certs/ca.pem"
    return settings


def _make_certificates(folder: Path) -> None:
    openssl = find_openssl()
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "node.ext").write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
        "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\n"
        "extendedKeyUsage=serverAuth,clientAuth\n",
        "utf-8",
    )
    # `req -newkey -nodes` writes PKCS#8, the only form the security plugin reads.
    new_key = ("req", "-newkey", "rsa:2048", "-nodes", "-sha256")
    steps = (
        (*new_key, "-x509", "-days", VALID_DAYS, "-subj", "/O=opensearch-clir/CN=local CA",
         "-keyout", "ca-key.pem", "-out", "ca.pem"),
        (*new_key, "-subj", _NODE, "-keyout", "node-key.pem", "-out", "node.csr"),
        ("x509", "-req", "-in", "node.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem",
         "-CAcreateserial", "-days", VALID_DAYS, "-sha256", "-extfile", "node.ext",
         "-out", "node.pem"),
    )  # fmt: skip
    for step in steps:
        run([openssl, *step], "making certificates with openssl", seconds=60, cwd=folder)
    for leftover in ("ca-key.pem", "ca.srl", "node.csr", "node.ext"):
        (folder / leftover).unlink(missing_ok=True)


def _hash(password: str, home: Path, java: str) -> str:
    """Return the bcrypt hash as the security plugin's own tool makes it."""
    said = run(
        [
            java,
            "-cp",
            os.pathsep.join((f"{home}/plugins/opensearch-security/*", f"{home}/lib/*")),
            "org.opensearch.security.tools.Hasher",
            *("-env", "CLIR_LOCAL_PASSWORD"),
        ],
        "hashing the administrator's password",
        seconds=60,
        # In the environment and not as an argument, which every user of the machine could read.
        env={"CLIR_LOCAL_PASSWORD": password},
    )
    return said.strip().splitlines()[-1]


def _write_private(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
