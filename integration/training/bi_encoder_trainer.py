"""Parts of sentence-transformers' trainer, for a bi-encoder: batches, loss, progress, step size.

Import this module only where torch is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import Any

import torch
from sentence_transformers import SentenceTransformerTrainer
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from opensearch_clir.training import schedule
from opensearch_clir.training.bi_encoder_config import BiEncoderConfig
from opensearch_clir.training.workspace import Report

__all__ = ["Progress", "Trainer", "loss_of", "optimisers"]

#: Both ways: the text among the texts of a batch, and the question among its questions.
WAYS: Mapping[str, Any] = {
    "directions": ("query_to_doc", "doc_to_query"),
    "partition_mode": "per_direction",
}


class _Planned(DefaultBatchSampler):  # type: ignore[misc]
    """Batches that are drawn beforehand, the same in each run."""

    def __init__(self, plan: Callable[[], Iterator[list[int]]], steps: int, **given: Any) -> None:
        super().__init__(**given)
        self._plan, self._steps = plan, steps

    def __iter__(self) -> Iterator[list[int]]:
        return self._plan()

    def __len__(self) -> int:
        return self._steps


class Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
    """The library's trainer, with batches of our own."""

    def __init__(self, plan: Callable[[], Iterator[list[int]]], **given: Any) -> None:
        """Prepare a run.

        Args:
            plan: yields the row numbers of each batch, from the first.
            given: as the library has it.
        """
        self._plan = plan
        super().__init__(**given)

    def get_batch_sampler(self, dataset: Any, **given: Any) -> Any:
        """Return the batches; the library calls this."""
        return _Planned(self._plan, self.args.max_steps, dataset=dataset, **given)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leave the library's model card out: it quotes texts that may be confidential."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write a checkpoint's model, without a card and without pickled settings."""
        self.model.save_pretrained(output_dir, create_model_card=False)


class Progress(TrainerCallback, ExportableState):  # type: ignore[misc]
    """Reports figures, keeps the time, and ends a run when it is up."""

    def __init__(
        self,
        config: BiEncoderConfig,
        report: Report,
        figures: Callable[[], Mapping[str, float]],
        seconds: float = 0.0,
    ) -> None:
        """Prepare for a run.

        Args:
            config: steps and minutes.
            report: is given each row.
            figures: what else belongs in a row.
            seconds: of stepping in earlier legs of the run.
        """
        self._config, self._report, self._figures = config, report, figures
        self._before = seconds
        self._began = monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of stepping, those of earlier legs included."""
        return self._before + monotonic() - self._began

    def share(self, done: int) -> float:
        """Return how much of the run is over after so many steps."""
        return schedule.share(done, self._config.steps, self.seconds, self._config.minutes)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"args": {}, "attributes": {"seconds": self.seconds}}

    def tell(self, step: int, loss: float | None) -> None:
        """Report a row."""
        row: dict[str, Any] = {"step": step, "seconds": round(self.seconds)}
        if loss is not None:
            row["loss"] = round(loss, 4)
        self._report({**row, **self._figures()})

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self._began = monotonic()

    def on_step_end(self, _: Any, state: Any, control: Any, **__: Any) -> None:
        """End the run where it is over."""
        if self.share(state.global_step) >= 1:
            control.should_log = control.should_save = control.should_training_stop = True

    def on_log(self, _: Any, state: Any, __: Any, logs: Mapping[str, Any], **___: Any) -> None:
        """Report the mean loss since the last row."""
        if "loss" in logs:
            self.tell(state.global_step, float(logs["loss"]))


def optimisers(config: BiEncoderConfig, model: Any, progress: Progress) -> tuple[Any, Any]:
    """Return optimiser and schedule: the rate rises, then falls to 0 by steps or by time."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=0.01)

    def height(done: int) -> float:
        return schedule.height(progress.share(done), config.warmup)

    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, height)


def loss_of(config: BiEncoderConfig, model: Any, targets: Any) -> Any:
    """Return the loss: contrastive within the batch, and the cosine to what a teacher says.

    Args:
        config: scale, mini-batches, weight of the teacher.
        model: of sentence-transformers.
        targets: unit vectors (n, d) that labels number, of which negative ones mean none; None
            without a teacher.

    Raises:
        ValueError: the model can't be trained in mini-batches.
    """
    if config.mini_batch:
        cached = _Cached(model, config.scale, mini_batch_size=config.mini_batch, **WAYS)
        return cached.taught(targets, config.distillation)
    return _Plain(model, config.scale, **WAYS).taught(targets, config.distillation)


class _Taught:
    """A loss with a teacher."""

    def taught(self, targets: Any, weight: float) -> Any:
        if targets is not None:
            self.register_buffer("targets", torch.from_numpy(targets), persistent=False)  # type: ignore[attr-defined]
        self.weight = weight
        return self

    def apart(self, queries: Any, texts: Any, labels: Any) -> Any:
        """Return the weighed distance of both sides (n, d) from what the teacher says."""
        known = labels >= 0
        targets = self.targets[labels.clamp(min=0)]  # type: ignore[attr-defined]
        cosine = torch.nn.functional.cosine_similarity
        distance = 2 - cosine(queries, targets) - cosine(texts, targets)
        return self.weight * (distance * known).sum() / known.sum().clamp(min=1)


class _Plain(_Taught, MultipleNegativesRankingLoss):  # type: ignore[misc]
    def compute_loss_from_embeddings(self, embeddings: list[Any], labels: Any) -> Any:
        loss = super().compute_loss_from_embeddings(embeddings, labels)
        queries, texts = embeddings[:2]
        return loss + self.apart(queries, texts, labels) if self.weight else loss


class _Cached(_Taught, CachedMultipleNegativesRankingLoss):  # type: ignore[misc]
    def calculate_loss(
        self, reps: list[list[Any]], labels: Any = None, *, with_backward: bool = False
    ) -> Any:
        loss = super().calculate_loss(reps, labels, with_backward=with_backward)
        if not self.weight:
            return loss
        more = self.apart(torch.cat(reps[0]), torch.cat(reps[1]), labels)
        if with_backward:
            more.backward()
            more = more.detach()
        return loss + more
