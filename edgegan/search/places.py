"""Where trials run: here, one after the other, or on the nodes of a Ray cluster, one at a time on each, for what is
timed is timed alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from edgegan.core.errors import MissingPackageError, UsageError

T = TypeVar("T")
RETRIES = 3
"""How often work is begun anew whose node was lost."""


class Place(Protocol):
    """Runs work."""

    def each(self, function: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[T]:
        """What ``function`` gives for each of ``arguments``, as it is done."""
        ...


class Here:
    """In this process."""

    def each(self, function: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[T]:
        for given in arguments:
            yield function(*given)


class OnRay:
    """On the cluster at ``address`` (auto, HOST:PORT or ray://HOST:PORT), whose nodes reach the model, the data and OUT
    under the same paths. Each piece of work has a node's CPUs, and a GPU where ``gpu``; that of a lost node is begun
    anew on another. Raises UsageError where there is no cluster."""

    def __init__(self, address: str, gpu: bool = False) -> None:
        try:
            import ray
        except ImportError as exc:
            raise MissingPackageError("ray", "cluster", "Searching on a cluster") from exc
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False, configure_logging=False)
            except (ConnectionError, RuntimeError, ValueError) as exc:
                raise UsageError(f"--ray {address}: {str(exc).splitlines()[0]}") from exc
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        if not nodes:
            raise UsageError(f"--ray {address}: no node of the cluster has a CPU to give")
        self._ray, self._gpus = ray, int(gpu)
        self._cpus = min(int(node["CPU"]) for node in nodes)

    def each(self, function: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[T]:
        work = self._ray.remote(function).options(num_cpus=self._cpus, num_gpus=self._gpus, max_retries=RETRIES)
        waiting = [work.remote(*given) for given in arguments]
        while waiting:
            (done, *_), waiting = self._ray.wait(waiting)
            yield self._ray.get(done)
