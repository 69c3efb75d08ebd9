"""Signs that a set was made by translating a monolingual benchmark.

Sets of native queries against a corpus that grew in several languages differ in a countable way
from translated ones: in the former few relevant documents have a counterpart in another language.
"""

from __future__ import annotations

from opensearch_clir.evaluation.sets import EvaluationSet

__all__ = ["looks_translated"]

#: Share from which a sign counts: above one half it is the rule in the set, not the exception.
MAJORITY = 0.5

#: Share of languages in which the average group exists that counts as "everywhere".
EVERYWHERE = 0.8


def looks_translated(evaluation_set: EvaluationSet) -> tuple[str, ...]:
    """Return the evidence, as sentences; empty if there is none.

    Four signs are counted:

    - most relevant documents exist in other languages too (same group);
    - most relevant documents in other languages than the query's are mere translations of one that
      is relevant in the query's own language;
    - the average group of relevant documents exists in nearly all languages of the corpus;
    - all relevant documents are in one language, and most queries are asked in several languages
      with the very same answers (a translated query set over a monolingual corpus).

    Whether native speakers wrote parallel queries can't be seen in the files, so queries that are
    parallel over a corpus that is not are no sign.
    """
    signs = (_parallel_documents, _translated_answers, _everywhere, _translated_queries)
    return tuple(sentence for sign in signs if (sentence := sign(evaluation_set)))


def _languages_of_groups(evaluation_set: EvaluationSet) -> dict[str, set[str]]:
    languages: dict[str, set[str]] = {}
    for document in evaluation_set.documents.values():
        if document.group is not None:
            languages.setdefault(document.group, set()).add(document.lang)
    return languages


def _relevant(evaluation_set: EvaluationSet) -> set[str]:
    return {doc for query in evaluation_set.queries for doc in evaluation_set.relevant(query)}


def _parallel_documents(evaluation_set: EvaluationSet) -> str:
    languages = _languages_of_groups(evaluation_set)
    relevant = _relevant(evaluation_set)
    groups = [evaluation_set.documents[doc].group for doc in relevant]
    share = sum(g is not None and len(languages[g]) > 1 for g in groups) / max(1, len(relevant))
    if share <= MAJORITY:
        return ""
    return f"{share:.0%} of the relevant documents have a translation in the corpus"


def _translated_answers(evaluation_set: EvaluationSet) -> str:
    foreign = translated = 0
    for query in evaluation_set.queries.values():
        answers = [evaluation_set.documents[doc] for doc in evaluation_set.relevant(query.id)]
        own = {doc.group for doc in answers if doc.lang == query.lang and doc.group is not None}
        foreign += sum(doc.lang != query.lang for doc in answers)
        translated += sum(doc.lang != query.lang and doc.group in own for doc in answers)
    if translated <= MAJORITY * foreign:
        return ""
    return (
        f"{translated / foreign:.0%} of the relevant foreign documents are translations of one "
        "that is relevant in the query's own language"
    )


def _everywhere(evaluation_set: EvaluationSet) -> str:
    languages = _languages_of_groups(evaluation_set)
    all_languages = {document.lang for document in evaluation_set.documents.values()}
    found = {evaluation_set.documents[doc].group for doc in _relevant(evaluation_set)}
    sizes = [len(languages[group]) for group in found if group is not None]
    if len(all_languages) < 2 or len(sizes) < MAJORITY * len(found):
        return ""
    average = sum(sizes) / max(1, len(sizes))
    if average < EVERYWHERE * len(all_languages):
        return ""
    return f"the average text exists in {average:.1f} of {len(all_languages)} languages"


def _translated_queries(evaluation_set: EvaluationSet) -> str:
    relevant = _relevant(evaluation_set)
    if len({evaluation_set.language(doc) for doc in relevant}) != 1:
        return ""
    asked: dict[frozenset[str], set[str]] = {}
    for query in evaluation_set.queries.values():
        asked.setdefault(frozenset(evaluation_set.relevant(query.id)), set()).add(query.lang)
    parallel = sum(
        len(asked[frozenset(evaluation_set.relevant(query))]) > 1
        for query in evaluation_set.queries
    )
    share = parallel / max(1, len(evaluation_set.queries))
    if share <= MAJORITY:
        return ""
    return (
        f"{share:.0%} of the queries repeat, in another language, one with the same answers, "
        "and all answers are in one language"
    )
