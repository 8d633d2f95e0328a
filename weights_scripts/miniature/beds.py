"""The test beds by name: what a bed's clips show, at which sizes, and how its model and codec are shaped.

A world is a module with `sample_attributes`, `is_held_out`, `caption`, `corpus`, `render` and `classify` of attribute
rows, and the constants CARDINALITY, COLOURS, FRAMES, FPS, GROUPS, NUM_TEMPLATES, NUM_VERBS and OBJECTS.
"""
import argparse
import dataclasses
import types

import torch

import clips
import clips_detail


@dataclasses.dataclass(frozen=True)
class Bed:
    name: str
    world: types.ModuleType
    model: str  # folder under models/
    metrics: str  # file of benchmark.py's figures
    state: str  # default folder of the training state
    prompt: str  # of the smoke test
    sizes: tuple  # the first is the one that training begins with
    layers: int
    heads: int
    batch: int  # clips of the first size per process and step
    sampled: int  # clips of the first size sampled at once
    base_dim: int  # codec width
    kl: float
    guidance: float  # published: what clips are sampled with unless something else is asked for
    binding: float = 0.0  # weight of the text encoder's auxiliary task (binding.py)
    fewer_steps: tuple = (25, 20, 15, 10)

    @property
    def frames(self):
        return self.world.FRAMES

    @property
    def latent_frames(self):
        return (self.frames - 1) // 4 + 1

    def fewer(self, count, size):
        """As many clips of `size` as cost about what `count` clips of the first size do."""
        return max(1, count * self.sizes[0] ** 2 // size**2)

    def clip_batch(self, seed, index, count, size, frames=None, exclude_held_out=True):
        """Batch `index` of the stream `seed`: (clips, attributes).  The same arguments give the same clips."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + index)
        attributes = self.world.sample_attributes(count, generator, exclude_held_out)
        return self.world.render(attributes, generator, size, frames or self.frames), attributes

    def accuracy(self, predicted, truth):
        """Fraction of clips right per group of attributes and for all together."""
        hit = predicted == truth
        scores = {name: hit[:, columns].all(1) for name, columns in self.world.GROUPS.items()}
        scores["all"] = hit.all(1)
        return {name: round(float(right.float().mean()), 4) for name, right in scores.items()}


BEDS = {bed.name: bed for bed in (
    Bed("mini", clips, "wan-mini", "metrics.json", "state", "a large red ring moving left on a white background", (64, 128),
        layers=20, heads=5, batch=48, sampled=32, base_dim=8, kl=2e-5, guidance=1.5),
    Bed("detail", clips_detail, "wan-mini-detail", "metrics-detail.json", "state-detail",
        "a red circle moving left and a blue square standing still on a gray ground", (128,),
        layers=20, heads=5, batch=16, sampled=8, base_dim=8, kl=2e-5, binding=0.1, guidance=6.0, fewer_steps=(25, 20, 16, 15, 10)),
)}


def _named(name):
    if name not in BEDS:
        raise argparse.ArgumentTypeError(f"no bed {name}; accepted: {', '.join(BEDS)}")
    return BEDS[name]


def add_option(parser):
    """The option --bed; its value is the Bed."""
    parser.add_argument("--bed", type=_named, default="mini", help=f"test bed: {', '.join(BEDS)}")


def add_state_option(parser):
    """The options --bed and --state, for parse_state()."""
    add_option(parser)
    parser.add_argument("--state", default=None, help="folder of the training state (default: the bed's)")


def parse_state(parser):
    """The parsed options, with the bed's own folder where --state is not given: latents and weights of another bed fit no model."""
    args = parser.parse_args()
    args.state = args.state or args.bed.state
    return args
