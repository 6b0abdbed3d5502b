"""The studied network's own view of the images, and that of a judge: the same metrics of both."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image

from vital.networks.judges import Judge
from vital.networks.model import StudiedModel
from vital.networks.taps.penultimate import features_and_logits
from vital.params.score import ScoreParams
from vital.runtime.seeds import derive_seed
from vital.scoring.metrics.agreement import top_k_agreement
from vital.scoring.metrics.centroid import centroid_distances
from vital.scoring.metrics.diversity import distances_within
from vital.scoring.metrics.frechet import frechet_distance
from vital.scoring.metrics.kernel import kernel_distance
from vital.scoring.metrics.nearest import nearest_label
from vital.scoring.observer import Measured, Seen, View


class NetworkView(View):
    """A classifier: its features are those that its last layer sees."""

    def __init__(
        self, model: StudiedModel, params: ScoreParams, kid_seed: int, device: torch.device
    ) -> None:
        self._model = model.to(device)
        self._params = params
        self._kid_seed = kid_seed
        self._device = device

    def look(self, images: Sequence[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
        batch = torch.stack([self._model.preprocessing(image) for image in images])
        features, logits = features_and_logits(self._model.network, batch.to(self._device))
        return features.cpu(), logits.cpu()

    def measure(self, scored: Seen, against: Seen) -> Measured:
        kid, deviation = kernel_distance(
            scored.features, against.features, self._params.kid_subsets, self._kid_seed
        )
        frechet = frechet_distance(scored.features, against.features)
        per_image = {
            "accuracy_top1": top_k_agreement(scored.logits, scored.labels, 1),
            "accuracy_top5": top_k_agreement(scored.logits, scored.labels, 5),
            "centroid_distance": centroid_distances(
                scored.features, scored.labels, against.features, against.labels
            ),
        }
        return Measured(per_image, {"frechet": frechet, "kid": kid, "kid_std": deviation})


class StudiedView(NetworkView):
    """The network under study, which also tells where the images lie among real ones."""

    def __init__(
        self, model: StudiedModel, params: ScoreParams, seed: int, device: torch.device
    ) -> None:
        super().__init__(model, params, derive_seed(seed, "score", "kid"), device)

    def voted_labels(self, scored: Seen, against: Seen) -> torch.Tensor:
        """The class that each image's nearest real images vote for, (N,)."""
        count = self._params.neighbours
        return nearest_label(scored.features, against.features, against.labels, count)

    def measure(self, scored: Seen, against: Seen) -> Measured:
        general = super().measure(scored, against)
        own = {
            "knn_accuracy": self.voted_labels(scored, against) == scored.labels,
            "diversity": distances_within(scored.features, scored.labels),
        }
        return Measured({**general.per_image, **own}, general.per_set)


class JudgeView(NetworkView):
    """A network that no method optimised, which tells what transfers to it."""

    def __init__(
        self, name: str, judge: Judge, params: ScoreParams, seed: int, device: torch.device
    ) -> None:
        super().__init__(judge.model, params, derive_seed(seed, "score", "kid", name), device)
        self.prefix = f"transfer_{name}_"
        self._indices = judge.indices

    def labels(self, units: torch.Tensor) -> torch.Tensor:
        return torch.tensor([self._indices[int(unit)] for unit in units])
