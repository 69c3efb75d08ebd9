"""Reading: from a question to an OpenSearch request, and back to an explanation.

`plan` decides which evidence counts and how much, `dsl` writes it as a query, `explain` shows it.
"""
