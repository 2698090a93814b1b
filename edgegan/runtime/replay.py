"""The same work of PyTorch again and again, as one CUDA graph: a small network is tens of kernels, a step of its
training hundreds, most of them shorter than their launch.

https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from edgegan.core.errors import first_line

WARM = 4
"""Calls before the graph is captured, in which libraries choose their kernels and optimizers make their state."""


class Replay:
    """``work``: tensors -> tensor, which waits for nothing on the host. Captured anew for inputs of other shapes. The
    tensor that comes back is the same each time. ``refused``: why there is no graph although there is a GPU."""

    def __init__(self, work: Callable[..., torch.Tensor], device: str) -> None:
        self._work = work
        self._stream = torch.cuda.Stream() if device == "cuda" else None
        self.refused: str | None = None
        self.forget()

    def forget(self) -> None:
        """Other tensors hold the state from now on."""
        self._calls, self._inputs = 0, tuple[torch.Tensor, ...]()
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, *inputs: torch.Tensor) -> torch.Tensor:
        if self._stream is None or self.refused:
            return self._work(*inputs)
        if [each.shape for each in inputs] != [each.shape for each in self._inputs]:
            self.forget()
            self._inputs = tuple(each.clone() for each in inputs)
        for held, new in zip(self._inputs, inputs, strict=True):
            held.copy_(new)
        if self._graph is None and self._calls >= WARM:
            self._capture(self._stream)
        if self._graph is None:
            self._calls += 1
            return self._beside(self._stream)
        self._graph.replay()
        return self._result

    def _beside(self, stream: torch.cuda.Stream) -> torch.Tensor:
        """A call on the stream that is captured later."""
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            result = self._work(*self._inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return result

    def _capture(self, stream: torch.cuda.Stream) -> None:
        graph, drawn = torch.cuda.CUDAGraph(), torch.cuda.get_rng_state()
        try:
            with torch.cuda.graph(graph, stream=stream):
                self._result = self._work(*self._inputs)
        except RuntimeError as exc:
            self.refused = first_line(exc)
            _draw_on_from(drawn)
        else:
            self._graph = graph


def _draw_on_from(state: torch.Tensor) -> None:
    """What was refused left the GPU's random numbers waiting for a graph that never comes."""
    fresh = torch.Generator("cuda")
    fresh.set_state(state)
    drawing = torch.cuda.default_generators[torch.cuda.current_device()]
    drawing.graphsafe_set_state(fresh.graphsafe_get_state())
