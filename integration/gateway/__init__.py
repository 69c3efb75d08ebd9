"""A gateway before a cluster that allows no inference pipelines of its own.

::

    a client's connection      server -> connection -> exchange (one request)
    what a request is          routes; app decides: handed on, or looked into
    its bytes                  wire, messages, framing, bodies: strict HTTP/1.1, kept as it came
    which indices are managed  targets; registry keeps what plans and enriches for them
    searches                   searches -> searching, multiple
    writes                     writes -> bulk, lines, enriching, fetching, settling

What is not for a managed index passes byte for byte.
"""
