"""The shape of a model: one frozen, validated record, and the shapes that have names."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ModelArgs:
    """Everything that fixes the shape of a Llama 2 model (Touvron et al. 2023, section 2.2 and Table 1).

    Attributes:
        dim: width of the residual stream.
        n_layers: number of transformer blocks.
        n_heads: number of query heads; each is `dim // n_heads` wide.
        n_kv_heads: number of key and value heads, a divisor of `n_heads`; None means as many as query heads.
        vocab_size: number of token ids.
        multiple_of: the width of the feed-forward layer is rounded up to a multiple of this.
        ffn_dim_multiplier: factor on the width of the feed-forward layer before rounding; None means none.
        norm_eps: what RMSNorm adds to the mean square.
        max_seq_len: number of positions, the context length.
        rope_theta: base of the rotary frequencies.

    Raises:
        ValueError: a value cannot be a model's; the message names it and what would be right.
    """

    dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int | None = None
    vocab_size: int = 32000
    multiple_of: int = 256
    ffn_dim_multiplier: float | None = None
    norm_eps: float = 1e-5
    max_seq_len: int = 4096
    rope_theta: float = 10000.0

    def __post_init__(self) -> None:
        if self.n_kv_heads is None:
            object.__setattr__(self, "n_kv_heads", self.n_heads)
        for name in ("dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "multiple_of", "max_seq_len"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} is {value!r}; it has to be a whole number of at least 1")
        for name in ("norm_eps", "rope_theta", "ffn_dim_multiplier"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value!r}; it has to be above 0")
        self._check_heads()

    def _check_heads(self) -> None:
        if self.dim % self.n_heads:
            raise ValueError(f"dim is {self.dim} and n_heads {self.n_heads}; n_heads has to divide dim")
        if self.head_dim % 2:
            raise ValueError(
                f"dim {self.dim} over {self.n_heads} heads gives a head_dim of {self.head_dim}; "
                "rotary embeddings turn pairs of numbers, so it has to be even"
            )
        if self.n_heads % self.kv_heads:
            raise ValueError(
                f"n_kv_heads is {self.n_kv_heads} and n_heads {self.n_heads}; n_kv_heads has to divide n_heads"
            )

    @property
    def kv_heads(self) -> int:
        """`n_kv_heads`, which is never None once the record exists."""
        assert self.n_kv_heads is not None
        return self.n_kv_heads

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.dim // self.n_heads

    @property
    def ffn_hidden_dim(self) -> int:
        """Width of the feed-forward layer: 2/3 of 4 dim, times the multiplier, then rounded *up* (Meta's code)."""
        width = int(2 * (4 * self.dim) / 3)
        if self.ffn_dim_multiplier is not None:
            width = int(self.ffn_dim_multiplier * width)
        return self.multiple_of * ((width + self.multiple_of - 1) // self.multiple_of)

    @property
    def n_parameters(self) -> int:
        """Number of parameters of a `Transformer` of this shape."""
        attention = 2 * self.dim * (self.n_heads + self.kv_heads) * self.head_dim
        feed_forward = 3 * self.dim * self.ffn_hidden_dim
        blocks = self.n_layers * (attention + feed_forward + 2 * self.dim)
        return blocks + 2 * self.vocab_size * self.dim + self.dim

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelArgs":
        """The record from `to_dict`'s output.

        Raises:
            ValueError: a key is no field of a model's shape, or one without a default is missing.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown model settings {unknown}; there are {sorted(known)}")
        if missing := [name for name in ("dim", "n_layers", "n_heads") if name not in values]:
            raise ValueError(f"model settings {missing} are missing")
        return cls(**values)

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "ModelArgs":
        """A shape by name, with single fields changed if wanted: `ModelArgs.preset("valley-m", n_kv_heads=4)`.

        Raises:
            ValueError: there is no preset of that name.
        """
        if name not in PRESETS:
            raise ValueError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
        return cls.from_dict({**PRESETS[name], **changes})


_VALLEY: dict[str, Any] = {"vocab_size": 2048, "multiple_of": 32, "max_seq_len": 1024, "rope_theta": 500.0}

PRESETS: dict[str, dict[str, Any]] = {
    # Table 1 of the paper; widths and layers as in Meta's released checkpoints. The paper gives no shape for
    # 34B, which was never released: this is Code Llama's.
    "llama2-7b": {"dim": 4096, "n_layers": 32, "n_heads": 32},
    "llama2-13b": {"dim": 5120, "n_layers": 40, "n_heads": 40},
    "llama2-34b": {"dim": 8192, "n_layers": 48, "n_heads": 64, "n_kv_heads": 8},
    "llama2-70b": {
        "dim": 8192,
        "n_layers": 80,
        "n_heads": 64,
        "n_kv_heads": 8,
        "ffn_dim_multiplier": 1.3,
        "multiple_of": 4096,
    },
    # Our own, with a theta for their short contexts: at 500 the slowest pair of a head of 32 turns once in 2,100
    # positions, at Llama's 10,000 seven of its 16 pairs would not turn once in the context. The first four, each
    # about three times the one before, are for scaling plots; "m" is what a laptop trains in minutes.
    "valley-xs": {"dim": 32, "n_layers": 2, "n_heads": 2, "n_kv_heads": 1, **_VALLEY},
    "valley-s": {"dim": 72, "n_layers": 3, "n_heads": 4, "n_kv_heads": 2, **_VALLEY},
    "valley-m": {"dim": 128, "n_layers": 4, "n_heads": 4, "n_kv_heads": 2, **_VALLEY},
    "valley-l": {"dim": 224, "n_layers": 5, "n_heads": 7, "n_kv_heads": 1, **_VALLEY},
    "valley-gpu": {
        "dim": 512,
        "n_layers": 8,
        "n_heads": 8,
        "n_kv_heads": 4,
        "vocab_size": 2048,
        "multiple_of": 64,
        "max_seq_len": 2048,
    },
}
