"""A cluster's own pipelines that call the service: `install` and `uninstall`."""

from opensearch_clir.pipelines.install import install
from opensearch_clir.pipelines.plan import InstallPlan
from opensearch_clir.pipelines.uninstall import Removal, uninstall

__all__ = ["InstallPlan", "Removal", "install", "uninstall"]
