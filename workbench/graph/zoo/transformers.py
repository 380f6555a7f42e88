"""Transformers: vision transformers, BERT, and one step of a LLaMA-style decoder.

Source: A. Vaswani et al., "Attention Is All You Need", 2017; A. Dosovitskiy et al., "An Image is Worth 16x16 Words",
ICLR 2021; H. Touvron et al., "DeiT", ICML 2021 (ViT-Tiny); J. Devlin et al., "BERT", 2019; I. Turc et al., 2019 (BERT-Tiny);
H. Touvron et al., "LLaMA", 2023; J. Su et al., "RoFormer", 2021 (rotary embeddings); J. Ainslie et al., "GQA", 2023.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.graph.zoo.builder import Builder, Value


def _layer_norm(b: Builder, x: Value, name: str, epsilon: float = 1e-6) -> Value:
    scale, shift = b.weight(f"{name}.scale", x.shape[-1:], 0.05, 1.0), b.weight(f"{name}.shift", x.shape[-1:], 0.05)
    return b.op("LayerNormalization", x, scale, shift, name=name, axis=-1, epsilon=epsilon)


def _split_heads(b: Builder, x: Value, heads: int, *order: int) -> Value:
    size = x.shape[-1] // heads
    return b.transpose(b.reshape(x, 1, x.shape[1], heads, size), *order)


def _attention(b: Builder, x: Value, heads: int, name: str, mask: Value | None = None) -> Value:
    """Multi-head self-attention with projections."""
    dim, length = x.shape[-1], x.shape[1]
    query, key, value = (b.linear(x, dim, name=f"{name}_{part}") for part in ("query", "key", "value"))
    scores = b.matmul(_split_heads(b, query, heads, 0, 2, 1, 3), _split_heads(b, key, heads, 0, 2, 3, 1), f"{name}_scores")
    factor = b.constant(f"scale_{dim // heads}", np.float32(1 / math.sqrt(dim // heads)))
    scores = b.op("Mul", scores, factor, name=f"{name}_scaled")
    if mask is not None:
        scores = b.add(scores, mask, f"{name}_masked")
    mixed = b.matmul(b.softmax(scores, name=f"{name}_softmax"), _split_heads(b, value, heads, 0, 2, 1, 3), f"{name}_mix")
    joined = b.reshape(b.transpose(mixed, 0, 2, 1, 3), 1, length, dim)
    return b.linear(joined, dim, name=f"{name}_out", gain=0.5)


def vision_transformer(
    b: Builder, resolution: int = 224, patch: int = 16, dim: int = 192, layers: int = 12, heads: int = 3, classes: int = 1000
) -> dict[str, Value]:
    """Patches and a class token through encoder layers that normalise first."""
    image = b.input("image", 1, 3, resolution, resolution)
    side = resolution // patch
    x = b.conv(image, dim, patch, patch, pad=0, norm=False, activation=None, name="patches")
    x = b.transpose(b.reshape(x, 1, dim, side * side), 0, 2, 1)
    x = b.concat([_class_token(b, image, dim), x], axis=1, name="tokens")
    x = b.add(x, b.weight("positions", (1, side * side + 1, dim), 0.5), "positioned")
    for layer in range(layers):
        name = f"layer_{layer}"
        x = b.add(x, _attention(b, _layer_norm(b, x, f"{name}_norm1"), heads, name), f"{name}_add1")
        y = b.linear(_layer_norm(b, x, f"{name}_norm2"), 4 * dim, activation="gelu", name=f"{name}_up")
        x = b.add(x, b.linear(y, dim, name=f"{name}_down", gain=0.5), f"{name}_add2")
    first = b.reshape(b.part(_layer_norm(b, x, "norm"), 1, 0, 1, "first_token"), 1, dim)
    return {"probabilities": b.softmax(b.linear(first, classes, name="classifier"))}


def _class_token(b: Builder, image: Value, dim: int) -> Value:
    """A learned token for every image of the batch."""
    token = b.weight("class_token", (1, 1, dim), 0.5)
    batch = b.op("Shape", image, shape=(1,), name="batch_size", start=0, end=1)
    rest = b.constant("token_shape", np.array([1, dim], np.int64))
    target = b.op("Concat", batch, rest, shape=(3,), name="tokens_shape", axis=0)
    return b.op("Expand", token, target, name="class_tokens")


def bert(
    b: Builder, dim: int = 128, layers: int = 2, heads: int = 2, length: int = 128, vocabulary: int = 30522
) -> dict[str, Value]:
    """Embeddings of words, positions and segments, encoder layers that normalise last, and a pooled first token."""
    words, mask, segments = (
        b.input(name, 1, length, kind="INT64") for name in ("input_ids", "attention_mask", "token_type_ids")
    )
    x = b.op("Gather", b.weight("words", (vocabulary, dim), 0.7), words, shape=(1, length, dim), name="word_embedding")
    y = b.op("Gather", b.weight("segments", (2, dim), 0.5), segments, shape=(1, length, dim), name="segment_embedding")
    x = b.add(b.add(x, y), b.weight("positions", (1, length, dim), 0.5), "embedding")
    x = _layer_norm(b, x, "embedding_norm", 1e-12)
    kept = b.reshape(b.op("Cast", mask, name="mask", to=1), 1, 1, 1, length)
    dropped = b.op("Sub", b.constant("one", np.float32(1.0)), kept, shape=kept.shape, name="dropped")
    bias = b.op("Mul", dropped, b.constant("very_low", np.float32(-10000.0)), name="mask_bias")
    for layer in range(layers):
        name = f"layer_{layer}"
        x = _layer_norm(b, b.add(x, _attention(b, x, heads, name, bias), f"{name}_add1"), f"{name}_norm1", 1e-12)
        y = b.linear(x, 4 * dim, activation="gelu", name=f"{name}_up")
        x = _layer_norm(b, b.add(x, b.linear(y, dim, name=f"{name}_down"), f"{name}_add2"), f"{name}_norm2", 1e-12)
    first = b.reshape(b.part(x, 1, 0, 1, "first_token"), 1, dim)
    return {"hidden": x, "pooled": b.linear(first, dim, activation="tanh", name="pooler")}


@dataclass(frozen=True)
class Decoder:
    """Sizes of a LLaMA-style decoder; `past` tokens are in the caches before the step."""

    dim: int = 288
    layers: int = 6
    heads: int = 6
    kv_heads: int = 2
    hidden: int = 768
    vocabulary: int = 32000
    past: int = 63
    most_positions: int = 256


def decoder_step(b: Builder, sizes: Decoder = Decoder()) -> dict[str, Value]:
    """One token through all layers: rotary embedding, grouped-query attention over the caches, gated feed-forward."""
    token = b.input("token", 1, 1, kind="INT64", open_batch=False)
    position = b.input("position", 1, 1, kind="INT64", open_batch=False)
    size = sizes.dim // sizes.heads
    angles = np.outer(np.arange(sizes.most_positions), 10000.0 ** (-np.arange(0, size, 2) / size))
    cosine, sine = (
        b.op(
            "Gather", b.constant(name, f(angles).astype(np.float32)), position, shape=(1, 1, size // 2), name=f"{name}_here"
        )
        for name, f in (("cosine", np.cos), ("sine", np.sin))
    )
    x = b.op(
        "Gather", b.weight("words", (sizes.vocabulary, sizes.dim), 1.0), token, shape=(1, 1, sizes.dim), name="embedding"
    )
    outputs: dict[str, Value] = {}
    for layer in range(sizes.layers):
        name = f"layer_{layer}"
        y, key, value = _cached_attention(b, _rms_norm(b, x, f"{name}_norm1"), sizes, (cosine, sine), name)
        outputs |= {f"present_key_{layer}": key, f"present_value_{layer}": value}
        x = b.add(x, y, f"{name}_add1")
        y = _rms_norm(b, x, f"{name}_norm2")
        gate = b.linear(y, sizes.hidden, bias=False, activation="swish", name=f"{name}_gate")
        up = b.linear(y, sizes.hidden, bias=False, name=f"{name}_up")
        down = b.linear(b.op("Mul", gate, up, name=f"{name}_gated"), sizes.dim, bias=False, name=f"{name}_down", gain=0.5)
        x = b.add(x, down, f"{name}_add2")
    return {"logits": b.linear(_rms_norm(b, x, "norm"), sizes.vocabulary, bias=False, name="logits"), **outputs}


def _rms_norm(b: Builder, x: Value, name: str) -> Value:
    """Root mean square normalization, in the operators of torch's exporter."""
    square = b.op("Pow", x, b.constant("two", np.float32(2.0)), name=f"{name}_square")
    axes = b.constant("last_axis", np.array([-1], np.int64))
    mean = b.op("ReduceMean", square, axes, shape=(*x.shape[:-1], 1), name=f"{name}_mean", keepdims=1)
    root = b.op(
        "Sqrt", b.op("Add", mean, b.constant("epsilon", np.float32(1e-5)), name=f"{name}_shifted"), name=f"{name}_root"
    )
    return b.op(
        "Mul", b.op("Div", x, root, name=f"{name}_div"), b.weight(f"{name}.scale", x.shape[-1:], 0.05, 1.0), name=name
    )


def _rotated(b: Builder, x: Value, turn: tuple[Value, Value], name: str) -> Value:
    """Pairs of elements turned by the angle of the position."""
    half = x.shape[-1] // 2
    low, high = b.part(x, 3, 0, half, f"{name}_low"), b.part(x, 3, half, 2 * half, f"{name}_high")
    cosine, sine = turn
    parts = [
        b.op(operator, b.op("Mul", one, cosine), b.op("Mul", other, sine))
        for operator, one, other in (("Sub", low, high), ("Add", high, low))
    ]
    return b.concat(parts, axis=3, name=name)


def _cached_attention(
    b: Builder, x: Value, sizes: Decoder, turn: tuple[Value, Value], name: str
) -> tuple[Value, Value, Value]:
    """Attention of one token over the caches and itself; the grown caches."""
    size, groups = sizes.dim // sizes.heads, sizes.heads // sizes.kv_heads
    query = _split_heads(b, b.linear(x, sizes.dim, bias=False, name=f"{name}_query"), sizes.heads, 0, 2, 1, 3)
    caches = []
    for part in ("key", "value"):
        new = b.linear(x, sizes.kv_heads * size, bias=False, name=f"{name}_{part}")
        new = _split_heads(b, new, sizes.kv_heads, 0, 2, 1, 3)
        new = _rotated(b, new, turn, f"{name}_key_turned") if part == "key" else new
        past = b.input(f"past_{part}_{name[6:]}", 1, sizes.kv_heads, sizes.past, size, open_batch=False)
        caches.append(b.concat([past, new], axis=2, name=f"{name}_{part}_cache"))
    length = sizes.past + 1
    key, value = (
        _repeated(b, cache, groups, f"{name}_{part}") for cache, part in zip(caches, ("key", "value"), strict=True)
    )
    scores = b.matmul(_rotated(b, query, turn, f"{name}_turned"), b.transpose(key, 0, 1, 3, 2), f"{name}_scores")
    factor = b.constant("score_scale", np.float32(1 / math.sqrt(size)))
    weights = b.softmax(b.op("Mul", scores, factor, name=f"{name}_scaled"), name=f"{name}_softmax")
    mixed = b.transpose(b.matmul(weights, value, f"{name}_mix"), 0, 2, 1, 3)
    out = b.linear(b.reshape(mixed, 1, 1, sizes.dim), sizes.dim, bias=False, name=f"{name}_out", gain=0.5)
    assert key.shape[2] == length
    return out, caches[0], caches[1]


def _repeated(b: Builder, x: Value, groups: int, name: str) -> Value:
    """Every head of the cache for a group of query heads."""
    _, heads, length, size = x.shape
    split = b.reshape(x, 1, heads, 1, length, size)
    target = b.constant(f"groups_{groups}_{length}", np.array([1, heads, groups, length, size], np.int64))
    wide = b.op("Expand", split, target, shape=(1, heads, groups, length, size), name=f"{name}_expand")
    return b.reshape(wide, 1, heads * groups, length, size, name=f"{name}_repeated")
