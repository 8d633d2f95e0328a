"""Encode shards of procedural clips to normalised latent tokens, the training set of the transformer.

    python encode_latents.py --size 64 --shards 32
    python encode_latents.py --size 128 --shards 20 --clips 512

Existing shards are kept, so the set can be extended while the transformer trains.  Every shard is a function of its
index; several processes share the work with --first and --stride.
"""
import argparse
import os
import sys

import torch
from diffusers import AutoencoderKLWan

import beds
import codec
import model

SEED = 21
BATCHES_PER_SHARD = 4096  # index range of the clip stream that belongs to one shard


def statistics(vae):
    """Mean and standard deviation of the latent channels, [1, z, 1, 1, 1]."""
    mean = torch.tensor(vae.config.latents_mean).view(1, -1, 1, 1, 1)
    return mean, torch.tensor(vae.config.latents_std).view(1, -1, 1, 1, 1)


@torch.no_grad()
def encode_clips(vae, video, bf16=True):
    """Normalised latents of the posterior mode."""
    mean, std = statistics(vae)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        mode, _ = codec.encode(vae, video.contiguous(memory_format=torch.channels_last_3d))
    return (mode.float() - mean) / std


@torch.no_grad()
def decode_latents(vae, latents, bf16=True):
    """Clips in [-1, 1] of normalised latents."""
    mean, std = statistics(vae)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        video = codec.decode(vae, (latents * std + mean).contiguous(memory_format=torch.channels_last_3d))
    return video.float().clamp(-1, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beds.add_state_option(parser)
    parser.add_argument("--size", type=int, default=None, help="default: the bed's first")
    parser.add_argument("--shards", type=int, default=32)
    parser.add_argument("--clips", type=int, default=2048, help="clips per shard")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--eager", action="store_true", help="do not compile; for short runs")
    args = beds.parse_state(parser)
    bed = args.bed
    size = args.size or bed.sizes[0]
    folder = os.path.join(args.state, "latents")
    os.makedirs(folder, exist_ok=True)
    vae = codec.channels_last(AutoencoderKLWan.from_pretrained(os.path.join(args.state, "vae")))
    if not args.eager:
        codec.enable_compile()
    batch, encoder = bed.fewer(bed.sampled, size), codec.encoder_hash(vae)
    for shard in range(args.first, args.shards, args.stride):
        path = os.path.join(folder, f"{size}_{shard:04d}.pt")
        if os.path.exists(path):
            if torch.load(path, mmap=True).get("encoder") != encoder:
                sys.exit(f"{path}: made by another encoder than that of {args.state}/vae; accepted: its own, or none")
            continue
        tokens, rows = [], []
        for i in range(args.clips // batch):
            video, attributes = bed.clip_batch(SEED + size, shard * BATCHES_PER_SHARD + i, batch, size)
            tokens.append(model.to_tokens(encode_clips(vae, video)).half())
            rows.append(attributes.to(torch.uint8))
        torch.save({"tokens": torch.cat(tokens), "attributes": torch.cat(rows), "encoder": encoder}, path + ".part")
        os.replace(path + ".part", path)
        print(path, flush=True)


if __name__ == "__main__":
    main()
