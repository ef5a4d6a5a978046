"""Maths without state: rasterizer, grid, structural similarity, camera, mesh."""
