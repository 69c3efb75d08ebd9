"""The HTTP service that a cluster's pipelines call: enrich, rewrite, embed, detect.

``app.make_app`` builds it, ``run.serve`` runs it. ``limits`` and ``auth`` are plain ASGI middleware
that other servers of this package can use, too. Needs the extra ``[service]``.
"""
