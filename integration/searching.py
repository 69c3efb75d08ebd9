"""The part of the facade that searches: plans, requests, explanations, reranked hits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.calibration.active import Active
from opensearch_clir.calibration.second import SecondStage
from opensearch_clir.cluster import guarded
from opensearch_clir.errors import QueryError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.query.arguments import (
    clauses,
    language_hint,
    probability,
    routing_value,
    truth,
    whole_number,
)
from opensearch_clir.query.explain import Explanation, explain
from opensearch_clir.query.first_hits import with_first_hits
from opensearch_clir.query.forms import check_server, checked_form
from opensearch_clir.query.highlight import highlighting
from opensearch_clir.query.many import answers_of, header
from opensearch_clir.query.plan import QueryPlan, query_languages
from opensearch_clir.query.preferences import readers
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.query.request import check_page, neighbours, search_body
from opensearch_clir.rerank.base import Candidate, Reranker, compares
from opensearch_clir.rerank.explain import explained
from opensearch_clir.rerank.options import Rerank, by_default, check_request, wanted
from opensearch_clir.rerank.search import Question as Reranked
from opensearch_clir.rerank.search import asked_for, reranked, window_of
from opensearch_clir.rerank.window import POOL

__all__ = ["SearchMethods"]

Filter = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class SearchMethods:
    """Mixed into `opensearch_clir.Clir`, which says what it is about."""

    client: OpenSearch
    index_name: str
    _active: Active

    @property
    def schema(self) -> IndexSchema:
        """The index's set-up."""
        raise NotImplementedError

    def _ready(self) -> Preparer:
        raise NotImplementedError

    def search(
        self,
        text: str,
        *,
        size: int = 10,
        from_: int = 0,
        filter: Filter = None,  # noqa: A002 - the name OpenSearch users expect
        min_score: float | None = None,
        languages: str | Mapping[str, float] | None = None,
        languages_read: str | Sequence[str] | Mapping[str, float] | None = None,
        form: str = "auto",
        routing: str | None = None,
        feedback: bool = True,
        rerank: str | Reranker | Rerank | bool | None = None,
        **body: Any,
    ) -> dict[str, Any]:
        """Search with a question in any language.

        Args:
            text: the question.
            size, from_: the page; their sum is at most 10,000.
            filter: conditions as query clauses, one or a list.
            min_score: least score, in [0, 1].
            languages: the question's language, or a mapping to probabilities, if known.
            languages_read: languages of documents that the reader reads; others are left out. Or
                a mapping to usefulness in [0, 1], ``*`` for all others: a document's score is
                then its probability of relevance times its language's usefulness.
            form: ``auto``, ``one-stage``, ``focused``, ``rescore`` or ``hybrid``; all score a
                document alike, see the guide on requests.
            routing: custom routing values, separated by commas, to search only their shards.
            feedback: whether likeness to the first hits counts, where the index's weights have it:
                half of the time of a search goes into finding those first.
            rerank: a reranker that reads the question with each of the first hits: its name, as
                `opensearch_clir.rerank.load_reranker` takes it, itself, or a
                `opensearch_clir.rerank.Rerank` that also says how many hits and how much time. The
                page must lie inside of its window, and hits are sorted by score. None: by the
                embedded model, if the active bundle has weights for it and the request is one that
                can be reranked, else not. False: not.
            body: other keys of an OpenSearch search body: ``aggs``, ``sort``, ``collapse``,
                ``_source``, ``search_after`` … With ``highlight=True`` each hit has a snippet of
                its text with the question's words, and their translations, marked; a
                ``highlight`` of source fields marks them there.

        Returns:
            The server's response; each hit's ``_score`` is its probability of relevance, times
            the usefulness of its language where `languages_read` says one. With `rerank` it also
            has ``clir.rerank``: how many hits were rescored, whether by fitted weights, and why
            not.

        Raises:
            QueryError: empty or too long a question, too deep a page, an argument of a type or
                value that has no meaning, a form that can't do what the request asks for, or
                `rerank` with another order of the hits.
            ConfigurationError, RerankerError: there is no such reranker. One that fails leaves the
                hits as they were, and ``clir.rerank`` says so.
            GenerationMismatchError: the index's vectors are of another model.
            ClusterError: the cluster refused or did not answer.
        """
        size, from_ = whole_number("size", size), whole_number("from_", from_)
        chosen = self._reranking(rerank, size, from_, min_score, body)
        options: dict[str, Any] = {
            "filter": filter,
            "languages": languages,
            "languages_read": languages_read,
            "form": form,
            "routing": routing,
            "feedback": feedback,
        }
        if chosen is None:
            _, request = self._planned(
                text, size=size, from_=from_, min_score=min_score, **options, **body
            )
            return self._searched(request, routing)
        check_page(size, from_)
        check_request(chosen, size, from_, body)
        least = probability("min_score", min_score)
        more = asked_for(chosen, self.schema, body)
        # Without a least score: a hit that lies below it may rise above.
        plan, request = self._planned(text, size=POOL * chosen.window, **options, **more)
        question = Reranked(
            text,
            query_languages(plan.posterior, self.schema),
            self.schema,
            readers(languages_read),
            self._active.second,
        )
        response = self._searched(request, routing)
        return reranked(
            response, question, chosen, size=size, from_=from_, min_score=least, body=body
        )

    def _searched(self, request: dict[str, Any], routing: str | None) -> dict[str, Any]:
        with guarded(f"searching {self.index_name!r}"):
            response: dict[str, Any] = self.client.search(
                index=self.index_name, body=request, params=header(self._search_type(), routing)
            )
        return response

    def request(
        self,
        text: str,
        *,
        size: int = 10,
        from_: int = 0,
        filter: Filter = None,  # noqa: A002
        min_score: float | None = None,
        languages: str | Mapping[str, float] | None = None,
        languages_read: str | Sequence[str] | Mapping[str, float] | None = None,
        form: str = "auto",
        routing: str | None = None,
        feedback: bool = True,
        **body: Any,
    ) -> dict[str, Any]:
        """Return the search body that `search` sends, for ``_msearch`` or other clients.

        `routing` decides whose term statistics and first hits count; give the server the same one.
        With `feedback` a search for the first hits is made.
        """
        if "rerank" in body:
            raise QueryError("hits are reranked after a search, by `search`: leave out rerank here")
        return self._planned(
            text,
            size=size,
            from_=from_,
            filter=filter,
            min_score=min_score,
            languages=languages,
            languages_read=languages_read,
            form=form,
            routing=routing,
            feedback=feedback,
            **body,
        )[1]

    def _planned(
        self,
        text: str,
        *,
        size: int = 10,
        from_: int = 0,
        filter: Filter = None,  # noqa: A002
        min_score: float | None = None,
        languages: str | Mapping[str, float] | None = None,
        languages_read: str | Sequence[str] | Mapping[str, float] | None = None,
        form: str = "auto",
        routing: str | None = None,
        feedback: bool = True,
        **body: Any,
    ) -> tuple[QueryPlan, dict[str, Any]]:
        """Return the plan of a search and its body."""
        size, from_ = whole_number("size", size), whole_number("from_", from_)
        check_page(size, from_)
        least, filters = probability("min_score", min_score), clauses(filter)
        chosen, preference = checked_form(form), readers(languages_read)
        if chosen == "hybrid":
            check_server(self.client, chosen)
        plan = self.plan(text, languages=languages, k=neighbours(size, from_), routing=routing)
        if truth("feedback", feedback):
            plan = self._with_first_hits(plan, filters, routing)
        if "highlight" in body:
            ready = self._ready()
            wanted = body.pop("highlight")
            found = highlighting(wanted, plan, ready.schema, ready.language_mix())
            body.update({} if found is None else {"highlight": found})
        return plan, search_body(
            plan,
            namespace=self.schema.namespace,
            size=size,
            from_=from_,
            filters=filters,
            min_score=least,
            extra=body,
            form=chosen,
            readers=preference,
        )

    def _with_first_hits(
        self, plan: QueryPlan, filters: Sequence[dict[str, Any]], routing: str | None
    ) -> QueryPlan:
        params = header(self._search_type(), routing)
        return with_first_hits(self.client, self.index_name, plan, filters, params)

    def msearch(
        self, texts: Iterable[str], *, routing: str | None = None, **options: Any
    ) -> list[dict[str, Any]]:
        """Search with several questions in few requests.

        Args:
            texts: the questions.
            routing, options: as `search` takes them, the same for all.

        Returns:
            One response for each question, in order.

        Raises:
            QueryError, GenerationMismatchError: as `search`.
            ClusterError: the cluster refused one of them or did not answer.
        """
        if isinstance(texts, str):
            raise QueryError("msearch takes several questions, got one string: use search")
        bodies = [self.request(text, routing=routing, **options) for text in texts]
        first = header(self._search_type(), routing)
        return answers_of(self.client, self.index_name, first, bodies)

    def plan(
        self,
        text: str,
        *,
        languages: str | Mapping[str, float] | None = None,
        k: int | None = None,
        routing: str | None = None,
    ) -> QueryPlan:
        """Return which evidence a question counts, and how much, before any hit is known."""
        hint, limited = language_hint(languages), routing_value(routing)
        k = k or neighbours(10, 0)
        return self._ready().plan(text, k=k, languages=hint, routing=limited)

    def explain(
        self,
        text: str,
        document: str,
        *,
        languages: str | Mapping[str, float] | None = None,
        feedback: bool = True,
        rerank: str | Reranker | Rerank | bool | None = None,
    ) -> Explanation:
        """Return why a document has its score for a question, in a search without conditions.

        With `rerank`, which is as for `search`, what the reranker adds to a hit that is among those
        it is given.

        Raises:
            QueryError: the index has no document with this id.
            ConfigurationError, RerankerError: there is no such reranker, or it failed.
        """
        chosen = self._reranking(rerank, 1, 0, None, {})
        k = None if chosen is None else neighbours(POOL * chosen.window, 0)
        plan = self.plan(text, languages=languages, k=k)
        if truth("feedback", feedback):
            plan = self._with_first_hits(plan, [], None)
        found = explain(self.client, self.index_name, plan, document, self._search_type())
        found = replace(found, calibration=self._active.describe(found.pair))
        if chosen is None:
            return found
        reranker = chosen.load()
        window = self._window(plan, chosen) if compares(reranker) else []
        return explained(self._ready(), plan, found, reranker, self._active.second, window)

    def _reranking(
        self,
        rerank: str | Reranker | Rerank | bool | None,
        size: int,
        from_: int,
        min_score: float | None,
        body: Mapping[str, Any],
    ) -> Rerank | None:
        """Return how a request's hits are reranked."""
        if rerank is None:
            return by_default(self.second_stage, size, from_, min_score, body)
        return wanted(rerank)

    def _window(self, plan: QueryPlan, rerank: Rerank) -> list[Candidate]:
        """Return what a reranker is given of a search without conditions."""
        extra = asked_for(rerank, self.schema, {})
        size = POOL * rerank.window
        body = search_body(plan, namespace=self.schema.namespace, size=size, extra=extra)
        return window_of(self._searched(body, None)["hits"]["hits"], self.schema, rerank)[1]

    @property
    def second_stage(self) -> SecondStage | None:
        """The weights of a reranker in the active bundle, if it has any."""
        self._ready()
        return self._active.second

    def _search_type(self) -> str:
        # Term statistics of all shards: else a score would depend on where a document lives.
        return "query_then_fetch" if self._ready().shard_count == 1 else "dfs_query_then_fetch"
