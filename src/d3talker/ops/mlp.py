"""Small perceptrons over many rows: no biases, ReLU between the layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from d3talker.ops.backend import runs_on_cpu_kernels
from d3talker.ops.pool import Task, shared_pool
from d3talker.ops.threads import quiet_torch

_FEWEST_ROWS, _MOST_ROWS = 1024, 4096  # of a chunk: fewer cost more dispatch than work, more leave the second cache


def mlp(x: Tensor, weights: Sequence[Tensor], backend: str = "auto") -> Tensor:
    """Passes rows through a perceptron, differentiable in the rows and in the weights.

    On the CPU chunks of rows go through all layers on the shared pool with one torch thread each: as little processor
    time as one thread, and no OpenMP team that spins in between. The same input gives the same bits again.

    Args:
        x: (N, D_in).
        weights: of the layers in order, each (D_out, D_in).
        backend: auto (the pool for float32 on the CPU, else reference), reference (plain torch) or cpu.

    Returns:
        (N, D_out) of the last layer, without an activation.

    Raises:
        ValueError: the sizes do not chain, or the backend cannot take the tensors.
    """
    widths = [x.shape[-1], *(weight.shape[0] for weight in weights)]
    if x.ndim != 2 or not weights or any(w.shape[-1] != width for w, width in zip(weights, widths[:-1], strict=True)):
        seen = f"rows {tuple(x.shape)} and weights {[tuple(weight.shape) for weight in weights]}"
        raise ValueError(f"{seen}; wanted (N, D) and weights (next, D) that chain")
    if runs_on_cpu_kernels(backend, x, *weights):
        return _Perceptron.apply(x, *weights)
    for weight in weights[:-1]:
        x = torch.relu(x @ weight.T)
    return x @ weights[-1].T


class _Perceptron(torch.autograd.Function):
    """All layers as one node, so that a chunk stays in the cache."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *weights: Tensor) -> Tensor:
        """See :func:`mlp`."""
        with torch.inference_mode(False):  # the pool's threads may not write into tensors of inference mode
            layers = [x, *(x.new_empty(len(x), len(weight)) for weight in weights)]
        chunk_rows = _chunk_rows(len(x))

        def task(chunk: int, worker: int) -> None:
            rows = slice(chunk * chunk_rows, (chunk + 1) * chunk_rows)
            for number, weight in enumerate(weights):
                output = layers[number + 1][rows]
                torch.mm(layers[number][rows], weight.T, out=output)
                if number < len(weights) - 1:
                    output.relu_()

        _run(-(-len(x) // chunk_rows), task)
        ctx.save_for_backward(*layers[:-1], *weights)
        return layers[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients to rows and weights; every worker sums its own chunks in order, then the workers are added."""
        depth = len(ctx.saved_tensors) // 2
        layers, weights = ctx.saved_tensors[:depth], ctx.saved_tensors[depth:]
        chunk_rows = _chunk_rows(len(gradient))
        workers = shared_pool().workers
        wants_x, *wanted = ctx.needs_input_grad
        to_x = torch.empty_like(layers[0]) if wants_x else None
        to_weights = [[torch.zeros_like(weight) for weight in weights] for _ in range(workers)]
        scratch = [[gradient.new_empty(chunk_rows, w.shape[1]) for w in weights[1:]] for _ in range(workers)]

        def task(chunk: int, worker: int) -> None:
            rows = slice(chunk * chunk_rows, (chunk + 1) * chunk_rows)
            incoming = gradient[rows]
            for number in range(depth - 1, 0, -1):
                before = layers[number][rows]
                if wanted[number]:
                    to_weights[worker][number].addmm_(incoming.T, before)
                outgoing = scratch[worker][number - 1][: len(incoming)]
                torch.mm(incoming, weights[number], out=outgoing)
                incoming = torch.ops.aten.threshold_backward.grad_input(outgoing, before, 0.0, grad_input=outgoing)
            if wanted[0]:
                to_weights[worker][0].addmm_(incoming.T, layers[0][rows])
            if to_x is not None:
                torch.mm(incoming, weights[0], out=to_x[rows])

        _run(-(-len(gradient) // chunk_rows), task)
        totals = (torch.stack(shares).sum(0) for shares in zip(*to_weights, strict=True))
        return to_x, *(total if wants else None for total, wants in zip(totals, wanted, strict=True))


def _chunk_rows(rows: int) -> int:
    """Two chunks a worker where the bounds allow it."""
    return min(_MOST_ROWS, max(_FEWEST_ROWS, -(-rows // (2 * shared_pool().workers))))


def _run(chunks: int, task: Task) -> None:
    """Runs torch work on the pool. Each thread counts its own OpenMP threads, and starts out recording gradients."""

    def quiet_task(chunk: int, worker: int) -> None:
        torch.set_num_threads(1)
        with torch.no_grad():
            task(chunk, worker)

    with quiet_torch():
        shared_pool().run(chunks, quiet_task)
