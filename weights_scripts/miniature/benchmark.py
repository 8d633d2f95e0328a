"""Measure the exported checkpoint: accuracy through diffusers' WanPipeline, and how features and caching behave.

    python benchmark.py accuracy --size 64 --count 256 --sheet ../../models/wan-mini/contact_64.png
    python benchmark.py caching --size 64 --count 64
    python benchmark.py caching --bed detail --count 16
"""
import argparse
import fcntl
import json
import os

import torch
from diffusers import WanPipeline

import beds
import codec
import encode_latents
import evaluate
import text
import train_vae

STEPS_SHOWN = (1, 3, 5, 8, 12, 16, 20, 25, 30, 35, 40, 44, 46, 48, 49)
REUSE_INTERVALS = (2, 3)


def mean_psnr(a, b):
    return round(float(train_vae.psnr(a, b).mean()), 2)


@torch.no_grad()
def accuracy(args):
    """Attribute accuracy of generated clips, and of true clips after the codec."""
    bed, size = args.bed, args.size
    pipe = WanPipeline.from_pretrained(args.model, torch_dtype=torch.bfloat16)
    pipe.vae.to(torch.float32)
    pipe.set_progress_bar_config(disable=True)
    captions, rows = evaluate.prompts(bed.world, args.count)
    batch, video = bed.fewer(bed.sampled, size), []
    latents = evaluate.noise(args.count, bed.latent_frames, size)
    for i in range(0, args.count, batch):
        out = pipe(prompt=captions[i:i + batch], height=size, width=size, num_frames=bed.frames,
                   num_inference_steps=args.steps, guidance_scale=args.guidance, max_sequence_length=text.LENGTH,
                   latents=latents[i:i + batch], output_type="pt").frames
        video.append(out.float().transpose(1, 2) * 2 - 1)
    video = torch.cat(video)
    truth = bed.world.render(rows, torch.Generator().manual_seed(5), size)
    vae = codec.channels_last(pipe.vae)
    latents = torch.cat([encode_latents.encode_clips(vae, part, bf16=False) for part in truth.split(16)])
    coded = torch.cat([encode_latents.decode_latents(vae, part, bf16=False) for part in latents.split(16)])
    if args.sheet:
        evaluate.sheet(video, args.sheet)
    return {"resolution": size, "steps": args.steps, "guidance": args.guidance, "count": args.count,
            "generated": evaluate.scores(bed, video, rows), "codec_limit": evaluate.scores(bed, coded, rows),
            "codec_psnr": mean_psnr(coded, truth)}


class ChangeMeter:
    """Relative L1 change of every block's output and delta (out - in) from one step to the next."""

    def __init__(self, steps, blocks):
        self.blocks = blocks
        self.change, self.magnitude = torch.zeros(steps, blocks, 2), torch.zeros(steps, blocks, 2)
        self.previous = {}

    def begin_batch(self):
        self.previous = {}

    def at(self, step):
        """Block observer of one step; the blocks come in order."""
        position = iter(range(self.blocks))

        def observe(before, after):
            block = next(position)
            for kind, value in enumerate((after, after - before)):
                old = self.previous.get((block, kind))
                if old is not None:
                    self.change[step, block, kind] += (value - old).abs().sum()
                    self.magnitude[step, block, kind] += old.abs().sum()
                self.previous[block, kind] = value.clone()

        return observe

    def relative(self):
        return self.change / self.magnitude.clamp_min(1e-9)


@torch.no_grad()
def caching(args):
    """Feature change over the steps, and the PSNR of cheaper runs to the full one, all in fp32."""
    bed, size = args.bed, args.size
    pipe = WanPipeline.from_pretrained(args.model, torch_dtype=torch.float32)
    transformer, vae = pipe.transformer.eval(), codec.channels_last(pipe.vae)
    captions, rows = evaluate.prompts(bed.world, args.count)
    context = evaluate.contexts(pipe.text_encoder, pipe.tokenizer, captions)
    empty = evaluate.contexts(pipe.text_encoder, pipe.tokenizer, [""])
    batch = bed.fewer(bed.sampled, size)
    batches = list(zip(context.split(batch), evaluate.noise(args.count, bed.latent_frames, size).split(batch)))
    meter = ChangeMeter(args.steps, transformer.config.num_layers)

    def run(steps, reuse=None, observe=None):
        video, computed = [], 0
        for part, noise in batches:
            meter.begin_batch()
            latents, computed = evaluate.sample(transformer, part, empty, noise, steps, args.guidance, reuse, torch.float32, observe)
            video.append(encode_latents.decode_latents(vae, latents, bf16=False))
        return torch.cat(video), computed

    reference, _ = run(args.steps, observe=meter.at)
    change = meter.relative()
    shown = [step for step in STEPS_SHOWN if step < args.steps]
    layers = transformer.config.num_layers
    blocks = sorted({0, layers // 4, layers // 2, 3 * layers // 4, layers - 1})
    result = {"resolution": size, "steps": args.steps, "guidance": args.guidance, "count": args.count,
              "reference": evaluate.scores(bed, reference, rows), "steps_shown": shown,
              "output_change": {b: [round(float(change[s, b, 0]), 4) for s in shown] for b in blocks},
              "delta_change": {b: [round(float(change[s, b, 1]), 4) for s in shown] for b in blocks}, "runs": {}}
    inside = lambda i: 5 <= i < args.steps - 3
    runs = {f"{steps} steps": (steps, None) for steps in bed.fewer_steps}
    runs |= {f"reuse interval {k}": (args.steps, lambda i, k=k: inside(i) and i % k != 0) for k in REUSE_INTERVALS}
    for name, (steps, reuse) in runs.items():
        video, computed = run(steps, reuse)
        result["runs"][name] = {"predictions": computed, "speedup": round(args.steps / computed, 2),
                                "psnr": mean_psnr(video, reference), "all": evaluate.scores(bed, video, rows)["all"]}
        print(name, result["runs"][name], flush=True)
    return result


def keep(path, name, result):
    """Merge a result into the file of all; several measurements may end at once."""
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    everything = {}
    if os.path.exists(path):
        with open(path) as file:
            everything = json.load(file)
    everything[name] = result
    with open(path + ".part", "w") as file:
        json.dump(dict(sorted(everything.items())), file, indent=1)
        file.write("\n")
    os.replace(path + ".part", path)
    os.close(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("accuracy", "caching"))
    parser.add_argument("--model", default=None, help="default: the bed's folder under models/")
    beds.add_option(parser)
    parser.add_argument("--size", type=int, default=None, help="default: the bed's first")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, default=None, help="default: the bed's")
    parser.add_argument("--sheet", default=None, help="accuracy: PNG with the first twelve clips")
    parser.add_argument("--metrics", default=None, help="the result is merged into this file (default: the bed's)")
    args = parser.parse_args()
    bed = args.bed
    args.model = args.model or os.path.join("../../models", bed.model)
    args.size, args.metrics = args.size or bed.sizes[0], args.metrics or bed.metrics
    args.guidance = bed.guidance if args.guidance is None else args.guidance
    result = {"accuracy": accuracy, "caching": caching}[args.task](args)
    keep(args.metrics, f"{args.task}_{args.size}_guidance_{args.guidance:g}", result)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
