"""Procedural captioned clips: attributes, captions, renderer and attribute classifier.

A clip shows one anti-aliased object on a plain background.  Five attributes are named in the caption (colour, shape,
size, motion, background); the position, a stripe texture on the object and a weak brightness gradient of the
background are not.  All lengths scale with the frame, so a clip looks the same at 64 and at 128 pixels.
"""
import math

import torch

COLOURS = {
    "red": (0.9, -0.9, -0.9), "green": (-0.9, 0.5, -0.9), "blue": (-0.9, -0.6, 0.9),
    "yellow": (0.9, 0.8, -0.9), "purple": (0.3, -0.9, 0.6), "cyan": (-0.9, 0.7, 0.8),
}
BACKGROUNDS = {"black": (-0.85,) * 3, "gray": (-0.1,) * 3, "white": (0.85,) * 3}
SHAPES = ("circle", "square", "triangle", "ring")
SIZES = ("small", "large")
MOTIONS = ("left", "right", "up", "down", "still")
OBJECTS = ((0, 1, 2, 3),)  # columns of an object, its colour first
# The columns of an attribute row that a score counts.
GROUPS = {"colour": (0,), "shape": (1,), "size": (2,), "motion": (3,), "background": (4,)}
CARDINALITY = (len(COLOURS), len(SHAPES), len(SIZES), len(MOTIONS), len(BACKGROUNDS))
LEFT, RIGHT, UP, DOWN, STILL = range(len(MOTIONS))
CIRCLE, SQUARE, TRIANGLE, RING = range(len(SHAPES))

# (colour, shape) pairs that the transformer is never trained on, 2 of 24: blue triangle, yellow ring.
HELD_OUT = {(2, TRIANGLE), (3, RING)}

FRAMES = 17
FPS = 16
SPEED = 1.3  # pixels per frame at 64 pixels

_MOVING = ("moving {motion}", "that moves {motion}", "going {motion}", "sliding {motion}")
_STILL = ("standing still", "that stays still", "not moving", "at rest")
_TEMPLATES = (
    "a {size} {colour} {shape} {motion} on a {background} background",
    "a {size} {colour} {shape} on a {background} background, {motion}",
    "{size} {colour} {shape} {motion}, {background} background",
    "on a {background} background, a {size} {colour} {shape} {motion}",
    "a video of a {size} {colour} {shape} {motion} on a {background} background",
    "the {shape} is {size} and {colour}, {motion} on {background}",
)
NUM_TEMPLATES, NUM_VERBS = len(_TEMPLATES), len(_MOVING)


def motion_phrase(motion, verb):
    return _STILL[verb] if motion == STILL else _MOVING[verb].format(motion=MOTIONS[motion])


def caption(attributes, template=0, verb=0):
    """Caption of one attribute row (colour, shape, size, motion, background)."""
    colour, shape, size, motion, background = (int(a) for a in attributes)
    return _TEMPLATES[template].format(colour=list(COLOURS)[colour], shape=SHAPES[shape], size=SIZES[size],
                                       motion=motion_phrase(motion, verb), background=list(BACKGROUNDS)[background])


def corpus():
    """Every caption of every template, for the tokenizer."""
    rows = torch.cartesian_prod(*(torch.arange(n) for n in CARDINALITY))
    return [caption(row, template, verb) for row in rows for template in range(NUM_TEMPLATES) for verb in range(NUM_VERBS)]


def is_held_out(attributes):
    """Boolean per attribute row [B, 5]: is its (colour, shape) pair kept out of training?"""
    held = torch.zeros(CARDINALITY[0], CARDINALITY[1], dtype=torch.bool)
    for colour, shape in HELD_OUT:
        held[colour, shape] = True
    return held[attributes[:, 0], attributes[:, 1]]


def sample_attributes(count, generator, exclude_held_out=True):
    """Uniform attribute rows [count, 5]; held-out pairs are redrawn unless they are wanted."""

    def draw(rows):
        return torch.stack([torch.randint(n, (rows,), generator=generator) for n in CARDINALITY], 1)

    rows = draw(count)
    while exclude_held_out and bool((bad := is_held_out(rows)).any()):
        rows[bad] = draw(int(bad.sum()))
    return rows


def _coverage(shape, x, y, radius):
    """Anti-aliased coverage in [0, 1] from the signed distance to the outline; x and y relative to the centre."""
    if shape == CIRCLE:
        distance = (x * x + y * y).sqrt() - radius
    elif shape == SQUARE:
        distance = torch.maximum(x.abs(), y.abs()) - 0.9 * radius
    elif shape == TRIANGLE:
        distance = torch.maximum(y - 0.8 * radius, 0.866 * x.abs() - 0.5 * y - 0.5 * radius)
    else:
        distance = ((x * x + y * y).sqrt() - 0.75 * radius).abs() - 0.25 * radius
    return (0.5 - distance).clamp_(0, 1)


def coverage(shapes, x, y, radius):
    """Coverage [B, T, H, W] of shapes [B] with radius [B]; x [B, T, 1, W] and y [B, T, H, 1] relative to the centres."""
    alpha = torch.empty(*x.shape[:2], y.shape[2], x.shape[3])
    for kind in range(len(SHAPES)):
        rows = (shapes == kind).nonzero()[:, 0]
        if len(rows):
            alpha[rows] = _coverage(kind, x[rows], y[rows], radius[rows][:, None, None, None])
    return alpha


def render(attributes, generator, size=64, frames=FRAMES):
    """Clips [B, 3, frames, size, size] in [-1, 1]."""
    colour, shape, magnitude, motion, background = attributes.unbind(1)
    count, unit = len(colour), size / 64

    def uniform(low, high):
        return low + (high - low) * torch.rand(count, generator=generator)

    radius = unit * torch.where(magnitude == 0, uniform(8.0, 9.5), uniform(13.0, 15.0))
    speed = unit * SPEED * (motion != STILL)
    direction_x = (motion == RIGHT).float() - (motion == LEFT).float()
    direction_y = (motion == DOWN).float() - (motion == UP).float()
    margin, travel = radius + 2 * unit, speed * (FRAMES - 1)

    def start(direction):
        room = size - 2 * margin - travel * direction.abs()
        return margin + torch.rand(count, generator=generator) * room + travel * (direction < 0)

    start_x, start_y = start(direction_x), start(direction_y)
    phase, contrast = uniform(0, 2 * math.pi), uniform(0.15, 0.35)
    tilt, slope = uniform(0, 2 * math.pi), uniform(0.0, 0.15)

    time = torch.arange(frames, dtype=torch.float32)
    centre_x = (start_x[:, None] + (direction_x * speed)[:, None] * time)[:, :, None, None]
    centre_y = (start_y[:, None] + (direction_y * speed)[:, None] * time)[:, :, None, None]
    axis = torch.arange(size, dtype=torch.float32) + 0.5
    x, y = axis[None, None, None, :] - centre_x, axis[None, None, :, None] - centre_y  # [B, T, 1, W], [B, T, H, 1]

    alpha = coverage(shape, x, y, radius)

    # Diagonal stripes fixed to the object, period 9 pixels at 64, random phase and contrast.
    wave = 2 * math.pi / (9 * unit) * 0.70710678
    stripes = contrast[:, None, None, None] * torch.sin(wave * x + wave * y + phase[:, None, None, None])
    ramp = axis / size - 0.5
    gradient = slope[:, None, None] * 2 * (tilt.cos()[:, None, None] * ramp[None, None, :] + tilt.sin()[:, None, None] * ramp[None, :, None])

    palette = torch.tensor(list(COLOURS.values()))[colour]
    grounds = torch.tensor(list(BACKGROUNDS.values()))[background]
    out = torch.empty(count, 3, frames, size, size)
    for channel in range(3):
        ground = (grounds[:, channel, None, None] + gradient).clamp_(-1, 1)[:, None]
        paint = (palette[:, channel, None, None, None] + stripes).clamp_(-1, 1)
        torch.lerp(ground.expand_as(alpha), paint, alpha, out=out[:, channel])
    return out


def _read_shape(middle, unit):
    """(shape, size) from the object's mask in the middle frame, or None without a bounding box."""
    # Bounding box from profiles with at least two pixels, so that single stray pixels do not count.
    ys, xs = (middle.sum(1) >= 2).nonzero()[:, 0], (middle.sum(0) >= 2).nonzero()[:, 0]
    if not len(ys) or not len(xs):
        return None
    top, bottom, left, right = int(ys[0]), int(ys[-1]), int(xs[0]), int(xs[-1])
    fill = float(middle[top:bottom + 1, left:right + 1].float().mean())
    y, x, reach = (top + bottom) // 2, (left + right) // 2, max(1, round(unit))
    hollow = middle[y - reach:y + reach + 1, x - reach:x + reach + 1].float().mean() < 0.5
    shape = RING if hollow else SQUARE if fill > 0.90 else TRIANGLE if fill < 0.66 else CIRCLE
    return shape, int((bottom - top + right - left + 2) / 2 > 22 * unit)


def read_motion(mask, unit, threshold=6):
    """Motion from the object's centres in the first and the last frame; `threshold` units tell it from rest."""
    down, right = (mask[-1].nonzero().float().mean(0) - mask[0].nonzero().float().mean(0)).tolist()
    if max(abs(right), abs(down)) < threshold * unit:
        return STILL
    if abs(right) > abs(down):
        return RIGHT if right > 0 else LEFT
    return DOWN if down > 0 else UP


def classify(video):
    """Attribute rows [B, 5] read back from clips [B, 3, T, H, W] by fixed rules; -1 where no object is found."""
    count, _, frames, height, _ = video.shape
    unit = height / 64
    video = video.float()
    palette, grounds = torch.tensor(list(COLOURS.values())), torch.tensor(list(BACKGROUNDS.values()))
    edge = max(1, round(2 * unit))
    border = torch.cat([video[:, :, :, :edge].flatten(2), video[:, :, :, -edge:].flatten(2),
                        video[..., :edge].flatten(2), video[..., -edge:].flatten(2)], -1)
    ground = border.median(-1)[0]
    background = (ground[:, None] - grounds[None]).abs().sum(-1).argmin(1)
    distance = (video - ground[:, :, None, None, None]).norm(dim=1)
    mask = distance > 0.6
    rows = []
    for i in range(count):
        seen, middle = mask[i], mask[i, frames // 2]
        visible = seen.sum() >= 12 * frames * unit**2 and middle.sum() >= 20 * unit**2 and seen[0].any() and seen[-1].any()
        found = _read_shape(middle, unit) if visible else None
        if found is None:
            rows.append([-1, -1, -1, -1, int(background[i])])
            continue
        pixels, far = video[i].permute(1, 2, 3, 0)[seen], distance[i][seen]
        colour = (pixels[far >= far.median()].median(0)[0] - palette).abs().sum(-1).argmin()
        rows.append([int(colour), *found, read_motion(seen, unit), int(background[i])])
    return torch.tensor(rows)
