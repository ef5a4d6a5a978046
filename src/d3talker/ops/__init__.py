"""Maths without state: rasterizer, grid, structural similarity, camera, mesh."""

import os

import llvmlite.binding

# LLVM keeps to half-wide vectors on Intel processors with AVX-512; the kernels gain a fifth from whole ones. Read by
# numba when it is imported, which happens in this room only.
_features = llvmlite.binding.get_host_cpu_features()
if _features.get("avx512f"):
    os.environ.setdefault("NUMBA_CPU_FEATURES", _features.flatten() + ",-prefer-256-bit")
