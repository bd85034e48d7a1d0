"""Train the network: cross-entropy of annotated frames, Adam, a falling step."""

from __future__ import annotations

import numpy as np

from skheart._core.progress import progress_bar
from skheart.segmentation import network
from skheart.segmentation.batches import CropDrawer, Frames
from skheart.segmentation.frames import IGNORED, SAMPLE_RATE, decibels, levelled
from skheart.segmentation.noise import draw_noise

N_CROP = 640  # frames
_N_NOISES = 120
_NOISE_SECONDS = 12
_STEP = 2e-3  # of Adam, at its largest
_WARMING = 0.05  # share of the batches
_DECAY = 1e-4
_FIRST, _SECOND = 0.9, 0.99  # of Adam's means
_LARGEST_GRADIENT = 1.0
_EVERY = 2  # crops of n_crop frames that an epoch draws for n_crop annotated frames


def noise_frames(random: np.random.Generator) -> np.ndarray:
    """Draw sounds without a heartbeat and return their frames in dB."""
    n_times = int(_NOISE_SECONDS * SAMPLE_RATE)
    return np.concatenate(
        [decibels(draw_noise(random, n_times, SAMPLE_RATE)) for _ in range(_N_NOISES)]
    ).astype(np.float16)


def train(
    frames: Frames,
    *,
    n_epochs: float,
    batch_size: int,
    random: np.random.Generator,
    verbose: int = 0,
) -> tuple[network.Weights, list[float]]:
    """Return the mean weights of the last steps, and the loss of each tenth."""
    drawer = CropDrawer(frames, noise_frames(random), n_crop=N_CROP)
    n_batches = max(20, int(n_epochs * drawer.n_annotated / (N_CROP * batch_size)))
    weights = network.new_weights(random)
    average = [weight.copy() for weight in weights]
    first = [np.zeros_like(weight) for weight in weights]
    second = [np.zeros_like(weight) for weight in weights]
    losses = []
    with progress_bar("Training", total=n_batches, shown=verbose > 0) as advance:
        for number in range(n_batches):
            x, labels = drawer.draw(random, batch_size)
            loss, gradients = loss_and_gradients(weights, levelled(x), labels)
            losses.append(loss)
            size = step_size(number / n_batches)
            length = np.sqrt(sum(float(np.sum(g * g)) for g in gradients))
            shrink = np.float32(min(1.0, _LARGEST_GRADIENT / max(length, 1e-9)))
            keep = min(0.998, number / (number + 10))
            for w, g, m, v, a in zip(
                weights, gradients, first, second, average, strict=True
            ):
                g *= shrink
                m += (1 - _FIRST) * (g - m)
                v += (1 - _SECOND) * (g * g - v)
                corrected = m / (1 - _FIRST ** (number + 1))
                spread = np.sqrt(v / (1 - _SECOND ** (number + 1))) + 1e-8
                w -= np.float32(size) * (corrected / spread + _DECAY * w)
                a += np.float32(1 - keep) * (w - a)
            advance(1, note=f"loss {np.mean(losses[-50:]):.3f}")
    tenths = [float(part.mean()) for part in np.array_split(np.array(losses), 10)]
    return average, tenths


def step_size(done: float) -> float:
    """Return the step: it rises at the beginning, then falls as a cosine to zero."""
    if done < _WARMING:
        return _STEP * (done + 0.002) / (_WARMING + 0.002)
    return _STEP * 0.5 * (1 + np.cos(np.pi * (done - _WARMING) / (1 - _WARMING)))


def loss_and_gradients(
    weights: network.Weights, x: np.ndarray, labels: np.ndarray
) -> tuple[float, network.Weights]:
    """Return the mean cross-entropy of the labelled frames, and its gradients."""
    logits, kept = network.forward(weights, x)
    probability = network.softmax(logits)
    known = labels != IGNORED
    n_known = max(int(known.sum()), 1)
    picked = np.maximum(labels, 0)[..., np.newaxis].astype(np.int64)
    likely = np.take_along_axis(probability, picked, axis=-1)[..., 0]
    loss = -float(np.log(np.maximum(likely[known], 1e-9)).sum()) / n_known
    gradient = probability
    np.put_along_axis(gradient, picked, (likely - 1)[..., np.newaxis], axis=-1)
    gradient *= known[..., np.newaxis] / np.float32(n_known)
    return loss, network.backward(weights, kept, gradient)
