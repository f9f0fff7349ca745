"""The definitions of docs/theory.md in plain NumPy float64, and the random numbers of the C++ tests."""

from __future__ import annotations

import numpy as np

MASK = (1 << 64) - 1


def leverage(keys: np.ndarray) -> np.ndarray:
    keys = np.asarray(keys, np.float64)
    inverse = np.linalg.pinv(keys.T @ keys, rcond=1e-12, hermitian=True)
    return np.einsum("ij,jk,ik->i", keys, inverse, keys)


def weights(queries: np.ndarray, keys: np.ndarray, f=np.square, causal: bool = False) -> np.ndarray:
    """[m, n]: A_j(q_i) = f(q_i.k_j) / sum_l f(q_i.k_l)."""
    scores = f(np.asarray(queries, np.float64) @ np.asarray(keys, np.float64).T)
    if causal:
        m, n = scores.shape
        scores = np.where(np.arange(n) <= np.arange(m)[:, None] + (n - m), scores, 0.0)
    return scores / scores.sum(axis=1, keepdims=True)


def integers(rng: np.random.Generator, shape: tuple[int, ...], dtype=np.float32) -> np.ndarray:
    """Small integers, spread over columns: they lie on the grid, so NumPy and the library see the same keys."""
    return (rng.integers(-100, 101, shape) * (rng.integers(0, 20, (*shape[:-1], 1)) == 0)
            + rng.integers(-2, 3, shape)).astype(dtype)


def spiked(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Keys on the grid of which d, each of its own direction, are far from the rest: heavy under any score."""
    keys = rng.integers(-2, 3, (n, d)) / 64
    keys[rng.choice(n, d, replace=False)] = 4 * np.eye(d)
    return keys


class MersenneTwister64:
    """std::mt19937_64, by its definition."""

    def __init__(self, seed: int) -> None:
        self.state = [seed]
        for i in range(1, 312):
            last = self.state[-1]
            self.state.append((6364136223846793005 * (last ^ (last >> 62)) + i) & MASK)
        self.index = 312

    def bits(self) -> int:
        if self.index == 312:
            s = self.state
            for i in range(312):
                x = (s[i] & 0xFFFFFFFF80000000) | (s[(i + 1) % 312] & 0x7FFFFFFF)
                s[i] = s[(i + 156) % 312] ^ (x >> 1) ^ (0xB5026F5AA96619E9 if x & 1 else 0)
            self.index = 0
        x = self.state[self.index]
        self.index += 1
        x ^= (x >> 29) & 0x5555555555555555
        x ^= (x << 17) & 0x71D67FFFEDA60000
        x ^= (x << 37) & 0xFFF7EEE000000000
        return x ^ (x >> 43)

    def integer(self, low: int, high: int) -> int:
        return low + self.bits() % (high - low + 1)
