"""`clir up`, `clir down`, `clir status`: a real OpenSearch on this machine."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

import click

from opensearch_clir import local
from opensearch_clir.addresses import parse_addresses
from opensearch_clir.cli.common import print_json, report_errors
from opensearch_clir.local.find import up as bring_up
from opensearch_clir.local.instance import Instance

_name = click.option("--name", default="default", show_default=True, help="Which instance.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(epilog="Example:  clir up --nodes 3 --heap 1g")
@_name
@click.option("--nodes", type=click.IntRange(1, 9), help="Nodes of the cluster.  [default: 1]")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="HTTP port.  [default: first free from 9200]"
)
@click.option("--security/--no-security", default=None, help="TLS and an administrator password.")
@click.option("--heap", help="Heap per node, like 1g.  [default: CLIR_LOCAL_HEAP, or 512m]")
@click.option("--no-docker", is_flag=True, help="Do not use Docker, even where it answers.")
@_as_json
@report_errors
def up(
    name: str,
    nodes: int | None,
    port: int | None,
    security: bool | None,
    heap: str | None,
    no_docker: bool,
    as_json: bool,
) -> None:
    """Start OpenSearch on this machine and leave it running.

    Uses Docker where an engine answers, else OpenSearch fetched with Maven (needs a JDK 17 or
    newer and mvn). Only this machine can reach it. Its data is kept over down and up.
    """
    _say_given_address()
    already = local.find_running(name)
    instance = bring_up(
        name,
        nodes=nodes,
        http_port=port,
        heap=heap,
        security=security,
        use_docker=not no_docker,
        report=functools.partial(click.echo, err=True),
    )
    if as_json:
        print_json(_describe(name, instance))
        return
    verb = "is already up" if already else "is up"
    click.echo(f"OpenSearch {instance.version} {verb}: {instance.url}")
    for url in instance.urls[1:]:
        click.echo(f"  also {url}")
    if instance.password_file is not None:
        click.echo(f"User {instance.username}, password in {instance.password_file}")
        click.echo(f"Certificate authority: {instance.ca_certs}")
    click.echo(f"Stop it with: clir down{_name_option(name)}")


@click.command(epilog="Example:  clir down --name default --delete")
@_name
@click.option("--all", "all_instances", is_flag=True, help="Every instance, instead of one.")
@click.option("--delete", is_flag=True, help="Remove the data as well.")
@report_errors
def down(name: str, all_instances: bool, delete: bool) -> None:
    """Stop what `clir up` has started; the data is kept unless --delete is given."""
    names = [known for known, _ in local.known()] if all_instances else [name]
    for one in names:
        was_running = local.stop(one, delete=delete, report=functools.partial(click.echo, err=True))
        done = "stopped" if was_running else "was not running"
        click.echo(f"{one}: {done}{', data removed' if delete else ''}")
    if not names:
        click.echo("There are no instances.")


@click.command(epilog="Example:  clir status --json")
@_as_json
@report_errors
def status(as_json: bool) -> None:
    """List the instances on this machine, running or not."""
    _say_given_address()
    known = local.known()
    if as_json:
        print_json([_describe(name, instance) for name, instance in known])
        return
    for name, instance in known:
        if instance is None:
            click.echo(f"{name}: stopped (start it with: clir up{_name_option(name)})")
            continue
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(instance.started))
        security = ", security" if instance.security else ""
        click.echo(
            f"{name}: up at {instance.url}, OpenSearch {instance.version}, {instance.kind}, "
            f"{instance.nodes} node(s){security}, since {since}"
        )
    if not known:
        click.echo("There are no instances. Start one with: clir up")


def _say_given_address() -> None:
    """Say on standard error which server the other commands use instead of a local one."""
    for variable in ("CLIR_URL", "OPENSEARCH_URL"):
        if given := os.environ.get(variable, "").strip(" ,"):
            where = ", ".join(address.url for address in parse_addresses(given))
            click.echo(
                f"Note: {variable} is set: all other commands use {where}, not a local server.",
                err=True,
            )
            return


def _describe(name: str, instance: Instance | None) -> dict[str, Any]:
    if instance is None:
        return {"name": name, "running": False}
    return {
        "name": name,
        "running": True,
        "kind": instance.kind,
        "urls": list(instance.urls),
        "version": instance.version,
        "nodes": instance.nodes,
        "security": instance.security,
        "started": instance.started,
        "pids": list(instance.pids),
        "folder": str(instance.folder) if instance.folder else None,
        "username": instance.username,
        "password_file": str(instance.password_file) if instance.password_file else None,
        "ca_certs": str(instance.ca_certs) if instance.ca_certs else None,
    }


def _name_option(name: str) -> str:
    return "" if name == "default" else f" --name {name}"
