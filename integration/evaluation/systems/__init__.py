"""What is compared: stock OpenSearch in its several forms, and this package.

Every system is a class over a query body; all of them search one index with one set of vectors.
"""
