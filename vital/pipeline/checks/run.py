"""A run by its parameters: its blocks, and its networks as far as they are known."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from vital.errors import DataError, ModelError, VitalError
from vital.images.splits import listed_classes
from vital.networks.classes import ClassMap
from vital.networks.outline import Outline, UnknownSizeError, outline_model
from vital.params.base import BlockType, read_block
from vital.params.data import PHOTOGRAPHS, DataParams
from vital.params.extract import ExtractParams
from vital.params.judges import JudgesParams
from vital.params.methods import read_methods
from vital.params.model import ModelParams
from vital.params.peers import PeersParams
from vital.params.references import ReferencesParams
from vital.params.relevance import RelevanceParams
from vital.params.together import coarse_pools
from vital.params.units import UnitsParams
from vital.params.visualize import VisualizeParams
from vital.pipeline.checks.faults import UnknowableError, remembered


class Run:
    """The parameters of a run in the folder ``root``.

    Each property raises what is wrong with it, every time that it is asked for.
    """

    def __init__(self, root: Path, content: dict[str, Any]) -> None:
        self._root = root
        self._content = content

    def _block(self, name: str, kind: type[BlockType]) -> BlockType:
        return read_block(self._content, name, kind)

    @property
    def data(self) -> DataParams:
        return self._block("data", DataParams)

    @property
    def model_params(self) -> ModelParams:
        return self._block("model", ModelParams)

    @property
    def units(self) -> UnitsParams:
        return self._block("units", UnitsParams)

    @property
    def extract(self) -> ExtractParams:
        return self._block("extract", ExtractParams)

    @property
    def references(self) -> ReferencesParams:
        return self._block("references", ReferencesParams)

    @property
    def relevance(self) -> RelevanceParams:
        return self._block("relevance", RelevanceParams)

    @property
    def visualize(self) -> VisualizeParams:
        return self._block("visualize", VisualizeParams)

    @property
    def peers(self) -> PeersParams:
        return self._block("peers", PeersParams)

    @property
    def judges(self) -> JudgesParams:
        return self._block("judges", JudgesParams)

    @property
    def methods(self) -> tuple[str, ...]:
        return read_methods(self._content)

    @property
    def coarse_pools(self) -> list[tuple[str, int]]:
        """The pools of the studied method's coarse phases, after the parameters that name them."""
        return list(coarse_pools(self._content))

    @remembered
    def classes(self) -> tuple[str, ...]:
        """The classes of the images, by the names that networks are to know them by."""
        found = listed_classes(self.data, self._root)
        if found is None:
            raise UnknowableError
        return tuple(found.values())

    @remembered
    def model(self) -> Outline:
        """The network under study."""
        params = self.model_params
        try:
            return self.outline(params)
        except ModelError as error:
            raise ModelError(f"model: {error}") from None

    @property
    def classes_if_known(self) -> tuple[str, ...] | None:
        """The same as :attr:`classes`, or None where these cannot be told, or are at fault."""
        with suppress(VitalError, UnknowableError):
            return self.classes
        return None

    def outline(self, params: ModelParams) -> Outline:
        """A network of the run; raises ModelError for one that cannot be made."""
        data = self.data
        cut = (data.size, data.size) if data.kind == PHOTOGRAPHS and data.size else None
        try:
            return outline_model(params, self.classes_if_known, cut)
        except UnknownSizeError:
            raise UnknowableError from None

    @property
    def labels(self) -> dict[str, int]:
        """The index that the network under study has for each class of the images."""
        if not self.model.has_classes:
            raise UnknowableError
        try:
            return self.known.find_all({name: name for name in self.classes})
        except DataError as error:
            raise DataError(f"data.classes: {error}") from None

    @property
    def known(self) -> ClassMap:
        """The classes of the network under study, by any of their names."""
        return ClassMap(self.model.model.classes, len(self.model.model.classes))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of what the network under study sees."""
        if not self.model.has_size:
            raise UnknowableError
        return self.model.model.preprocessing.size

    @property
    def taps(self) -> list[str]:
        """The taps at which classes are read."""
        return list(self.extract.taps or self.model.model.taps)

    @property
    def relevant_taps(self) -> list[str]:
        """The taps at which inner units are read, as far as they run before them."""
        return list(self.relevance.taps or self.taps)

    @property
    def unit_taps(self) -> list[str]:
        """The taps that the inner units are channels of, each once."""
        units = self.units
        taps = [*(one.tap for one in units.listed), *(one.tap for one in units.top)]
        taps += units.random.taps if units.random is not None else ()
        if units.circuit is not None:
            taps.append(units.circuit.tap or self.taps[-1])
        return list(dict.fromkeys(taps))
