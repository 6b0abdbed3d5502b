"""What is changed in a network's attributes while relevance is computed, and put back after."""

from __future__ import annotations

from torch import nn
from zennit.canonizers import Canonizer


class _AttributeOff(Canonizer):  # type: ignore[misc]
    """Switches an attribute off wherever it is on."""

    attribute: str

    def __init__(self) -> None:
        super().__init__()
        self._switched: list[object] = []

    def apply(self, root_module: nn.Module) -> list[Canonizer]:
        """Switch off everywhere in the network; removing the one instance returned undoes it."""
        instance = type(self)()
        instance.register(root_module)
        return [instance]

    def register(self, root_module: nn.Module) -> None:
        for owner in self.owners(root_module):
            if getattr(owner, self.attribute, False) is True:
                setattr(owner, self.attribute, False)
                self._switched.append(owner)

    def remove(self) -> None:
        for owner in self._switched:
            setattr(owner, self.attribute, True)
        self._switched.clear()

    def owners(self, root_module: nn.Module) -> list[object]:
        """What can have the attribute."""
        return list(root_module.modules())


class OutOfPlace(_AttributeOff):
    """No module overwrites its input: rules and taps hold on to it."""

    attribute = "inplace"


class Frozen(_AttributeOff):
    """No parameter asks for a gradient: what depends on the image is then known from its tensor."""

    attribute = "requires_grad"

    def owners(self, root_module: nn.Module) -> list[object]:
        return list(root_module.parameters())


def canonizers() -> list[Canonizer]:
    """All that is needed before hooks go on."""
    return [Frozen(), OutOfPlace()]
