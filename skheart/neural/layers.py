"""Keras layers that the networks are made of."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["AttentionPooling", "Calibration"]


@keras.saving.register_keras_serializable(package="skheart")
class AttentionPooling(keras.layers.Layer):
    """Average over time with learned weights.

    A score is computed for each frame, a softmax over the frames turns the scores into
    weights, and the frames are averaged with these weights. A murmur that is clear in
    some beats only counts for more than in a plain mean.

    Parameters
    ----------
    kernel_initializer : str or keras.initializers.Initializer, default="glorot_uniform"
        Draws the first weights of the score.
    **kwargs
        Other arguments of :class:`keras.layers.Layer`, such as `name`.

    Notes
    -----
    Takes a tensor of shape (n, n_frames, n_features), with any number of frames, and
    returns one of shape (n, n_features).

    References
    ----------
    .. [1] M. Ilse, J. M. Tomczak, M. Welling, "Attention-based deep multiple instance
       learning", ICML, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.neural import AttentionPooling
    >>> AttentionPooling()(np.ones((2, 7, 3), "float32")).shape
    TensorShape([2, 3])
    """

    def __init__(
        self, *, kernel_initializer: Any = "glorot_uniform", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights that score a frame."""
        self.score = self.add_weight(
            name="score",
            shape=(input_shape[-1], 1),
            initializer=self.kernel_initializer,
        )

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs to make this layer again."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), "kernel_initializer": initializer}

    def call(self, inputs: Any) -> Any:
        """Average `inputs` over their frames."""
        scores = ops.matmul(inputs, self.score)
        # Written out: Keras's softmax warns about a single frame, which is meant here.
        weights = ops.exp(scores - ops.max(scores, axis=1, keepdims=True))
        return ops.sum(weights * inputs, axis=1) / ops.sum(weights, axis=1)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the shape without the axis of frames."""
        return (input_shape[0], input_shape[-1])


@keras.saving.register_keras_serializable(package="skheart")
class Calibration(keras.layers.Layer):
    """Multiply all logits by one number and add one number to each.

    The numbers are weights that are not trained, so that networks with different
    calibrations have the same structure.

    Notes
    -----
    Takes and returns a tensor of shape (n, n_logits).

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.neural import Calibration
    >>> calibration = Calibration()
    >>> logits = calibration(np.ones((1, 2), "float32"))
    >>> calibration.set_weights([np.float32(3.0), np.array([1.0, -1.0], "float32")])
    >>> calibration(np.ones((1, 2), "float32")).numpy()
    array([[4., 2.]], dtype=float32)
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the numbers, which change nothing until they are set."""
        self.scale = self.add_weight(
            name="scale", shape=(), initializer="ones", trainable=False
        )
        self.offset = self.add_weight(
            name="offset",
            shape=(input_shape[-1],),
            initializer="zeros",
            trainable=False,
        )

    def call(self, inputs: Any) -> Any:
        """Scale and shift `inputs`."""
        return self.scale * inputs + self.offset

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """Return the same shape."""
        return input_shape
