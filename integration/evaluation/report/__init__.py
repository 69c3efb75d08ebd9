"""The result of an evaluation as one self-contained HTML page.

::

    result.json ─> read ─> sections (headline, heatmaps, directions, differences, gaps, worst,
                           facts) ─> page ─> HTML

Every value passes through `markup.tag`, which escapes it; the page has no script and forbids any.
"""
