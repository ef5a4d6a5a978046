"""Small perceptrons over many rows: ReLU between the layers, no biases but for what is the same in a whole call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from d3talker.ops.backend import runs_on_cpu_kernels
from d3talker.ops.pool import Task, shared_pool
from d3talker.ops.threads import quiet_torch

_FEWEST_ROWS, _MOST_ROWS = 2048, 4096  # of a chunk: fewer cost more dispatch than work, more leave the second cache


def mlp(
    x: Tensor | Sequence[Tensor], weights: Sequence[Tensor], bias: Tensor | None = None, backend: str = "auto"
) -> Tensor:
    """Passes rows through a perceptron, differentiable in the rows, in the weights and in the bias.

    On the CPU chunks of rows go through all layers on the shared pool with one torch thread each: as little processor
    time as one thread, and no OpenMP team that spins in between. The same input gives the same bits again.

    Args:
        x: (N, D_in), or several such tensors that are read side by side, without being copied together.
        weights: of the layers in order, each (D_out, D_in).
        bias: (D_out,) or (N, D_out), added to the first layer before its activation.
        backend: auto (the pool for float32 on the CPU, else reference), reference (plain torch) or cpu.

    Returns:
        (N, D_out) of the last layer, without an activation.

    Raises:
        ValueError: the sizes do not chain, or the backend cannot take the tensors.
    """
    parts = [x] if isinstance(x, Tensor) else list(x)
    _require_chain(parts, weights)
    tensors = [*parts, *weights, *([] if bias is None else [bias])]
    if runs_on_cpu_kernels(backend, *tensors):
        return _Perceptron.apply(len(parts), bias, *parts, *weights)
    hidden = sum(part @ first.T for part, first in zip(parts, _beside(weights[0], parts), strict=True))
    output = torch.as_tensor(hidden if bias is None else hidden + bias)
    for weight in weights[1:]:
        output = torch.relu(output) @ weight.T
    return output


def _require_chain(parts: list[Tensor], weights: Sequence[Tensor]) -> None:
    widths = [sum(part.shape[-1] for part in parts), *(weight.shape[0] for weight in weights)]
    chain = weights and all(w.shape[-1] == width for w, width in zip(weights, widths[:-1], strict=True))
    if not parts or any(part.ndim != 2 or len(part) != len(parts[0]) for part in parts) or not chain:
        seen = f"rows {[tuple(part.shape) for part in parts]} and weights {[tuple(weight.shape) for weight in weights]}"
        raise ValueError(f"{seen}; wanted (N, D) and weights (next, D) that chain")


def _beside(weight: Tensor, parts: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The columns of the first layer that read each of ``parts``."""
    return weight.split([part.shape[1] for part in parts], dim=1)


class _Perceptron(torch.autograd.Function):
    """All layers as one node, so that a chunk stays in the cache."""

    @staticmethod
    def forward(ctx: Any, count: int, bias: Tensor | None, *tensors: Tensor) -> Tensor:
        """See :func:`mlp`; ``count`` of the tensors are rows, the others weights."""
        parts, weights = tensors[:count], tensors[count:]
        rows_in_all, keep = len(parts[0]), any(ctx.needs_input_grad)
        firsts, chunk_rows = _beside(weights[0], parts), _chunk_rows(rows_in_all)
        with torch.inference_mode(False):  # the pool's threads may not write into tensors of inference mode
            kept = [parts[0].new_empty(rows_in_all, len(weight)) for weight in weights[:-1]] if keep else []
            output = parts[0].new_empty(rows_in_all, len(weights[-1]))

        def task(chunk: int, worker: int) -> None:
            rows = slice(chunk * chunk_rows, min((chunk + 1) * chunk_rows, rows_in_all))
            layers = [layer[rows] for layer in kept]
            if not keep:
                layers = [parts[0].new_empty(rows.stop - rows.start, len(weight)) for weight in weights[:-1]]
            layers.append(output[rows])
            _first_layer(bias, [part[rows] for part in parts], firsts, rows, layers[0])
            for before, weight, after in zip(layers[:-1], weights[1:], layers[1:], strict=True):
                torch.mm(before.relu_(), weight.T, out=after)

        _run(-(-rows_in_all // chunk_rows), task)
        ctx.count, ctx.rows_of_bias = count, None if bias is None else bias.ndim == 2
        ctx.save_for_backward(*kept, *tensors)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients to rows and weights; every worker sums its own chunks in order, then the workers are added."""
        depth = (len(ctx.saved_tensors) - ctx.count + 1) // 2
        kept, tensors = ctx.saved_tensors[: depth - 1], ctx.saved_tensors[depth - 1 :]
        parts, weights = tensors[: ctx.count], tensors[ctx.count :]
        firsts, chunk_rows, workers = _beside(weights[0], parts), _chunk_rows(len(gradient)), shared_pool().workers
        _, bias_wanted, *wanted = ctx.needs_input_grad
        parts_wanted, weights_wanted = wanted[: ctx.count], wanted[ctx.count :]
        to_parts = [torch.empty_like(part) if wants else None for part, wants in zip(parts, parts_wanted, strict=True)]
        to_firsts, to_weights = (
            [[torch.zeros_like(w) for w in ws] for _ in range(workers)] for ws in (firsts, weights)
        )
        to_bias = [gradient.new_zeros(len(weights[0])) for _ in range(workers)]
        to_rows = gradient.new_empty(len(gradient), len(weights[0])) if bias_wanted and ctx.rows_of_bias else None
        scratch = [[gradient.new_empty(chunk_rows, w.shape[1]) for w in weights[1:]] for _ in range(workers)]

        def task(chunk: int, worker: int) -> None:
            rows = slice(chunk * chunk_rows, (chunk + 1) * chunk_rows)
            incoming = gradient[rows]
            for number in range(depth - 1, 0, -1):
                before = kept[number - 1][rows]
                if weights_wanted[number]:
                    to_weights[worker][number].addmm_(incoming.T, before)
                outgoing = scratch[worker][number - 1][: len(incoming)]
                torch.mm(incoming, weights[number], out=outgoing)
                incoming = torch.ops.aten.threshold_backward.grad_input(outgoing, before, 0.0, grad_input=outgoing)
            for place, (part, first) in enumerate(zip(parts, firsts, strict=True)):
                if weights_wanted[0]:
                    to_firsts[worker][place].addmm_(incoming.T, part[rows])
                if (to_part := to_parts[place]) is not None:
                    torch.mm(incoming, first, out=to_part[rows])
            if to_rows is not None:
                to_rows[rows] = incoming
            elif bias_wanted:
                to_bias[worker] += incoming.sum(dim=0)

        _run(-(-len(gradient) // chunk_rows), task)
        for own, beside in zip(to_weights, to_firsts, strict=True):
            own[0] = torch.cat(beside, dim=1)
        totals = [torch.stack(shares).sum(0) for shares in zip(*to_weights, strict=True)]
        found = to_rows if to_rows is not None else torch.stack(to_bias).sum(0) if bias_wanted else None
        return None, found, *to_parts, *(t if wants else None for t, wants in zip(totals, weights_wanted, strict=True))


def _first_layer(
    bias: Tensor | None, parts: Sequence[Tensor], firsts: Sequence[Tensor], rows: slice, output: Tensor
) -> None:
    """Writes the sums of the first layer for a chunk of ``rows``."""
    pairs = list(zip(parts, firsts, strict=True))
    part, first = pairs[0]
    if bias is None:
        torch.mm(part, first.T, out=output)
    else:
        torch.addmm(bias if bias.ndim == 1 else bias[rows], part, first.T, out=output)
    for part, first in pairs[1:]:
        output.addmm_(part, first.T)


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
