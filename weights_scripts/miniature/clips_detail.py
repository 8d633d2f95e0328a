"""Procedural captioned clips of the harder bed: two textured objects on textured ground under a panning camera.

The caption names each object's colour, shape and motion relative to the ground, and the ground's brightness.  It leaves
open where the objects are and how large, every texture (several octaves of random plane waves), and where the camera
pans.  The pan is slow against the objects, so their motion across the frame tells their motion over the ground.
Lengths are pixels at 128 and scale with the frame.
"""
import math

import torch

import clips
from clips import DOWN, LEFT, MOTIONS, RIGHT, STILL, UP

# Colours leave room for the texture's light and dark; grounds are neutral, so that hue tells an object from them.
COLOURS = {
    "red": (0.7, -0.7, -0.7), "green": (-0.7, 0.5, -0.7), "blue": (-0.65, -0.6, 0.75),
    "yellow": (0.7, 0.6, -0.7), "purple": (0.3, -0.7, 0.6), "cyan": (-0.7, 0.55, 0.6),
}
BACKGROUNDS = {"dark": -0.6, "gray": 0.0, "pale": 0.6}
SHAPES = clips.SHAPES[:3]
CARDINALITY = (len(COLOURS), len(SHAPES), len(MOTIONS)) * 2 + (len(BACKGROUNDS),)
# An attribute row holds colour, shape and motion of both objects, the lower colour first, and the background.
OBJECTS = (0, 1, 2), (3, 4, 5)  # columns of an object, its colour first
GROUPS = {"colour": (0, 3), "shape": (1, 4), "motion": (2, 5), "background": (6,)}

# (colour, shape) pairs that the transformer is never trained on: blue triangle, yellow circle.
HELD_OUT = {(2, clips.TRIANGLE), (3, clips.CIRCLE)}

FRAMES = 9
FPS = 8
SPEED = 3.0  # pixels per frame over the ground
PAN = (0.2, 0.8)
RADIUS = (14.0, 19.0)
REACH = 1.05  # half of the widest shape's extent, in radii
GROUND_WAVES, OBJECT_WAVES = (40.0, 20.0, 10.0, 6.0), (32.0, 16.0, 8.0)  # wavelengths, one per octave
WAVES_PER_OCTAVE = 6
GROUND_CONTRAST, OBJECT_CONTRAST = 0.28, 0.25

_TEMPLATES = (
    "{one} and {two} on a {background} ground",
    "{two} and {one} on a {background} ground",
    "on a {background} ground, {one} and {two}",
    "on a {background} ground, {two} and {one}",
    "{one}, {two}, {background} ground",
    "{two}, {one}, {background} ground",
)
NUM_TEMPLATES, NUM_VERBS = len(_TEMPLATES), clips.NUM_VERBS


def caption(attributes, template=0, verb=0):
    """Caption of one attribute row."""
    row = [int(a) for a in attributes]
    one, two = (f"a {list(COLOURS)[c]} {SHAPES[s]} {clips.motion_phrase(m, verb)}" for c, s, m in (row[:3], row[3:6]))
    return _TEMPLATES[template].format(one=one, two=two, background=list(BACKGROUNDS)[row[6]])


def corpus():
    """Captions with every word in every place, for the tokenizer."""
    rows = sample_attributes(4096, torch.Generator().manual_seed(0), exclude_held_out=False)
    return [caption(row, i % NUM_TEMPLATES, i // NUM_TEMPLATES % NUM_VERBS) for i, row in enumerate(rows)]


def is_held_out(attributes):
    """Boolean per attribute row [B, 7]: is a (colour, shape) pair of it kept out of training?"""
    held = torch.zeros(CARDINALITY[:2], dtype=torch.bool)
    for colour, shape in HELD_OUT:
        held[colour, shape] = True
    return held[attributes[:, 0], attributes[:, 1]] | held[attributes[:, 3], attributes[:, 4]]


def sample_attributes(count, generator, exclude_held_out=True):
    """Uniform attribute rows [count, 7] with two different colours; held-out pairs are redrawn unless they are wanted."""

    def draw(rows):
        return torch.stack([torch.randint(n, (rows,), generator=generator) for n in CARDINALITY], 1)

    rows = draw(count)
    while bool((bad := (rows[:, 0] >= rows[:, 3]) | (is_held_out(rows) & exclude_held_out)).any()):
        rows[bad] = draw(int(bad.sum()))
    return rows


def _texture(wavelengths, origin, size, generator):
    """Sum of random plane waves [B, T, size, size] of unit variance, moving with `origin` [B, T, 2] (x, y).

    A wave is cos(a + b) with a of rows and b of columns, so that all waves together are one matrix product."""
    count, unit = len(origin), size / 128
    octaves = torch.tensor(wavelengths).repeat_interleave(WAVES_PER_OCTAVE)
    waves = (count, len(octaves))
    number = 2 * math.pi / (unit * octaves * (0.8 + 0.4 * torch.rand(waves, generator=generator)))
    direction, phase = (2 * math.pi * torch.rand(waves, generator=generator) for _ in range(2))
    across, down = number * direction.cos(), number * direction.sin()
    weight = (octaves / octaves.max()).sqrt()
    weight = weight * (2 / weight.square().sum()).sqrt()
    axis = torch.arange(size) + 0.5
    drift = phase[:, None] - origin[..., :1] * across[:, None] - origin[..., 1:] * down[:, None]  # [B, T, K]
    rows = drift[:, :, None] + (axis[:, None] * down[:, None])[:, None]  # [B, T, H, K]
    columns = across[:, :, None] * axis  # [B, K, W]
    rows = torch.cat([rows.cos() * weight, -rows.sin() * weight], -1).flatten(1, 2)
    return (rows @ torch.cat([columns.cos(), columns.sin()], 1)).unflatten(1, (-1, size))


def _starts(radius, travel, size, generator):
    """Start centres [B, 2, 2] (object; x, y): inside the frame all along `travel` [B, 2, 2], boxes never touching."""
    unit, steps = size / 128, torch.linspace(0, 1, FRAMES)[:, None]
    margin = (REACH * radius + 3 * unit)[..., None]
    low, room = margin + (-travel).clamp_min(0), size - 2 * margin - travel.abs()
    start = low + room * torch.rand(travel.shape, generator=generator)
    apart = (REACH * radius.sum(1) + 2 * unit)[:, None]
    relative = (travel[:, 1] - travel[:, 0])[:, None] * steps
    while bool((bad := (((start[:, 1] - start[:, 0])[:, None] + relative).abs().amax(-1) < apart).any(1)).any()):
        start[bad] = low[bad] + room[bad] * torch.rand((int(bad.sum()), 2, 2), generator=generator)
    return start


def render(attributes, generator, size=128, frames=FRAMES):
    """Clips [B, 3, frames, size, size] in [-1, 1]."""
    count, unit = len(attributes), size / 128

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand((count, *shape), generator=generator)

    motion = attributes[:, [2, 5]]
    velocity = SPEED * torch.stack([(motion == RIGHT).float() - (motion == LEFT).float(),
                                    (motion == DOWN).float() - (motion == UP).float()], -1)
    heading, pan = uniform(0, 2 * math.pi), uniform(*PAN)
    camera = torch.stack([heading.cos(), heading.sin()], -1) * pan[:, None]
    radius, velocity, camera = unit * uniform(*RADIUS, 2), unit * (velocity - camera[:, None]), unit * camera
    start = _starts(radius, velocity * (FRAMES - 1), size, generator)

    time = torch.arange(frames, dtype=torch.float32)[:, None]
    centres = start[:, :, None] + velocity[:, :, None] * time  # [B, object, T, 2]
    ground = GROUND_CONTRAST * _texture(GROUND_WAVES, -camera[:, None] * time, size, generator)
    ground += torch.tensor(list(BACKGROUNDS.values()))[attributes[:, 6], None, None, None]
    out = ground.clamp_(-1, 1)[:, None].repeat(1, 3, 1, 1, 1)
    axis = torch.arange(size, dtype=torch.float32) + 0.5
    palette = torch.tensor(list(COLOURS.values()))
    for which in range(2):
        colour, shape = attributes[:, 3 * which], attributes[:, 3 * which + 1]
        centre = centres[:, which]
        x, y = axis - centre[..., 0, None, None], axis[:, None] - centre[..., 1, None, None]
        alpha = clips.coverage(shape, x, y, radius[:, which])
        texture = OBJECT_CONTRAST * _texture(OBJECT_WAVES, centre, size, generator)
        for channel in range(3):
            paint = (palette[colour, channel, None, None, None] + texture).clamp_(-1, 1)
            out[:, channel].lerp_(paint, alpha)
    return out


def _read_object(mask, unit):
    """(shape, motion) of one object from its mask [T, H, W], or None where it is not seen."""
    middle = mask[len(mask) // 2]
    if min(int(mask[0].sum()), int(mask[-1].sum()), int(middle.sum())) < 60 * unit**2:
        return None
    ys, xs = (middle.sum(1) >= 3).nonzero()[:, 0], (middle.sum(0) >= 3).nonzero()[:, 0]
    if not len(ys) or not len(xs):
        return None
    fill = float(middle[int(ys[0]):int(ys[-1]) + 1, int(xs[0]):int(xs[-1]) + 1].float().mean())
    shape = clips.SQUARE if fill > 0.90 else clips.TRIANGLE if fill < 0.66 else clips.CIRCLE
    return shape, clips.read_motion(mask, unit, SPEED * (FRAMES - 1) / 2)


def classify(video):
    """Attribute rows [B, 7] read back from clips [B, 3, T, H, W] by fixed rules; -1 where an object is not found."""
    unit = video.shape[3] / 128
    video = video.float()
    level = video.mean(1)
    chroma = video - level[:, None]
    directions = torch.tensor(list(COLOURS.values()))
    directions = torch.nn.functional.normalize(directions - directions.mean(1, keepdim=True), dim=1)
    along, hue = torch.einsum("kc,bcthw->bkthw", directions, chroma).max(1)
    hue[along < 0.5] = -1
    grounds = torch.tensor(list(BACKGROUNDS.values()))
    rows = []
    for clip, brightness in zip(hue, level):
        background = (brightness[clip < 0].median() - grounds).abs().argmin() if (clip < 0).any() else -1
        areas = torch.stack([(clip == colour).sum() for colour in range(len(COLOURS))])
        row = []
        for colour in sorted(areas.topk(2)[1].tolist()):
            found = _read_object(clip == colour, unit)
            row += [-1, -1, -1] if found is None else [colour, *found]
        rows.append([*row, int(background)])
    return torch.tensor(rows)
