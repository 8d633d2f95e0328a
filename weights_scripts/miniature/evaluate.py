"""Sample fixed prompts with the averaged weights and classify the clips; appends one line to curve.jsonl.

    python evaluate.py --count 64 --steps 25
"""
import argparse
import json
import os
import sys
import time

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler

import beds
import codec
import encode_latents
import model
import text

PROMPT_SEED, MOST_PROMPTS = 123, 1024
SCHEDULER = dict(num_train_timesteps=1000, solver_order=2, solver_type="bh2", prediction_type="flow_prediction",
                 use_flow_sigmas=True, flow_shift=3.0, predict_x0=True, lower_order_final=True, final_sigmas_type="zero")


def load_state(path, average=True):
    """(transformer, text encoder, state), with the averaged weights unless the current ones are wanted."""
    state = torch.load(path, map_location="cpu")
    transformer = model.build_transformer(state["layers"], state["heads"])
    encoder = text.build_text_encoder(state["text_encoder"]["shared.weight"].shape[0])
    transformer.load_state_dict(state["transformer"])
    encoder.load_state_dict(state["text_encoder"])
    if average:
        with torch.no_grad():
            for parameter, value in zip([*transformer.parameters(), *encoder.parameters()], state["ema"], strict=True):
                parameter.copy_(value)
    return transformer.eval(), encoder.eval(), state


def prompts(world, count):
    """The first `count` of fixed prompts over all attributes, held-out pairs included, with their attribute rows."""
    if count > MOST_PROMPTS:
        sys.exit(f"--count: {count}; accepted: up to {MOST_PROMPTS}")
    generator = torch.Generator().manual_seed(PROMPT_SEED)
    rows = world.sample_attributes(MOST_PROMPTS, generator, exclude_held_out=False)[:count]
    return [world.caption(row, i % world.NUM_TEMPLATES, i // world.NUM_TEMPLATES % world.NUM_VERBS) for i, row in enumerate(rows)], rows


@torch.no_grad()
def contexts(encoder, tokenizer, captions):
    return text.encode(encoder, *text.tokenize(tokenizer, captions))


def noise(count, frames, size, seed=7):
    """Latent noise of `frames` latent frames; clip i is the same whatever the batch."""
    shape = (16, frames, size // 8, size // 8)
    return torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed * 100_003 + i)) for i in range(count)])


@torch.no_grad()
def sample(transformer, context, empty, latents, steps, guidance, reuse=None, dtype=torch.bfloat16, observe=None):
    """(latents, predictions computed) of guided UniPC sampling.  Where `reuse(i)` is true, step i repeats the last
    guided prediction; `observe(i)`, where given, returns the block observer of step i's conditional branch."""
    scheduler = UniPCMultistepScheduler(**SCHEDULER)
    scheduler.set_timesteps(steps)
    _, _, frames, height, width = latents.shape
    rope = model.rope_table(transformer.config.attention_head_dim, frames, height, width)
    prediction, computed = None, 0
    for i, timestep in enumerate(scheduler.timesteps):
        if prediction is None or reuse is None or not reuse(i):
            tokens, times = model.to_tokens(latents), timestep.float().expand(len(latents))
            prompted = model.forward(transformer, tokens, times, context, rope, dtype, observe and observe(i))
            free = model.forward(transformer, tokens, times, empty.expand(len(latents), -1, -1), rope, dtype)
            prediction = model.from_tokens(free + guidance * (prompted - free), frames, height, width)
            computed += 1
        latents = scheduler.step(prediction, timestep, latents, return_dict=False)[0]
    return latents, computed


def scores(bed, video, rows):
    """Accuracy over all prompts, and that of all attributes together for seen and held-out (colour, shape) pairs."""
    found, held = bed.world.classify(video), bed.world.is_held_out(rows)
    out = bed.accuracy(found, rows)
    out["all_seen"] = bed.accuracy(found[~held], rows[~held])["all"]
    out["all_held_out"] = bed.accuracy(found[held], rows[held])["all"] if held.any() else None
    out["held_out"] = int(held.sum())
    return out


def sheet(video, path, columns=2, rows=6):
    """Contact sheet of the first columns * rows clips, each clip a row of five frames."""
    from PIL import Image

    frames = range(0, video.shape[2], (video.shape[2] - 1) // 4)
    strips = [torch.cat([clip[:, t] for t in frames], -1) for clip in video[: columns * rows]]
    strips = [torch.nn.functional.pad(strip, (0, 6, 0, 2), value=1.0) for strip in strips]
    strips += [torch.ones_like(strips[0])] * (-len(strips) % rows)
    grid = torch.cat([torch.cat(strips[i:i + rows], -2) for i in range(0, len(strips), rows)], -1)
    image = Image.fromarray(((grid.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy())
    # A palette chosen by median cut alone paints highlights of one object in the colour of another.
    image.quantize(256, kmeans=3, dither=Image.Dither.NONE).save(path, optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="transformer.pt", help="file in the folder")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--steps", type=int, default=25)
    beds.add_state_option(parser)
    parser.add_argument("--size", type=int, default=None, help="default: the bed's first")
    parser.add_argument("--guidance", type=float, default=None, help="default: the bed's")
    parser.add_argument("--sheet", default=None, help="PNG with the first clips")
    parser.add_argument("--raw", action="store_true", help="the current weights instead of their average")
    args = beds.parse_state(parser)
    bed = args.bed
    size, guidance = args.size or bed.sizes[0], bed.guidance if args.guidance is None else args.guidance
    batch = bed.fewer(bed.sampled, size)
    started = time.time()
    transformer, encoder, state = load_state(os.path.join(args.state, args.checkpoint), not args.raw)
    tokenizer = text.load_tokenizer(os.path.join(args.state, "tokenizer"))
    vae = codec.channels_last(AutoencoderKLWan.from_pretrained(os.path.join(args.state, "vae")))
    captions, rows = prompts(bed.world, args.count)
    context, empty = contexts(encoder, tokenizer, captions), contexts(encoder, tokenizer, [""])
    video = []
    for part, start in zip(context.split(batch), noise(args.count, bed.latent_frames, size).split(batch)):
        latents, _ = sample(transformer, part, empty, start, args.steps, guidance)
        video.append(encode_latents.decode_latents(vae, latents))
    video = torch.cat(video)
    line = {"checkpoint": args.checkpoint, "step": state["step"], "clips": state["clips"], "train_seconds": round(state["seconds"]),
            "resolution": size, "guidance": guidance, "sampler_steps": args.steps, "count": args.count, **scores(bed, video, rows)}
    print(json.dumps(line), "seconds", round(time.time() - started, 1), flush=True)
    with open(os.path.join(args.state, "curve.jsonl"), "a") as file:
        file.write(json.dumps(line) + "\n")
    if args.sheet:
        sheet(video, args.sheet)


if __name__ == "__main__":
    main()
