"""Train the miniature AutoencoderKLWan on procedural clips; writes a resumable checkpoint and the diffusers folder.

    torchrun --nproc_per_node 2 train_vae.py --steps 9000
    torchrun --nproc_per_node 2 train_vae.py --bed detail --steps 2600 --crops 6 --begin-with ../../models/wan-mini
    torchrun --nproc_per_node 2 train_vae.py --decoder-only --steps 1500 --muon-lr 0.006 --adam-lr 4e-4 --cooldown 1
"""
import argparse
import json
import os
import sys
import time

import torch
from diffusers import AutoencoderKLWan

import beds
import codec
import optim
import parallel

SEED, VALIDATION_SEED = 11, 900
DECODER_NOISE = 0.06


def training_clips(bed, index, crops, frames, whole):
    """Crops of half the first size around what stands out (cheap, little empty background), or crops of the whole first
    size for a quarter as many.  Every fourth batch comes from clips of the last size, so that all scales are seen."""
    base, size = bed.sizes[0], bed.sizes[-1] if index % 4 == 3 else bed.sizes[0]
    crop = base if whole else base // 2
    count = max(1, crops // 4 if whole and size == base else crops // 16 if whole else crops // 2)
    video, _ = bed.clip_batch(SEED, index, count, size, frames, exclude_held_out=False)
    if crop == size:
        return video
    generator = torch.Generator().manual_seed(index)
    middle = video[:, :, frames // 2]
    salient = (middle - middle.flatten(2).median(-1)[0][..., None, None]).abs().sum(1) > 0.6
    out = []
    for clip, points in zip(video, salient):
        points = points.nonzero()
        for _ in range(4 if whole else 2):
            jitter = torch.randint(-crop // 3, crop // 3 + 1, (2,), generator=generator) - crop // 2
            point = points[int(torch.randint(len(points), (1,), generator=generator))]
            y, x = (point + jitter).clamp(0, size - crop).tolist()
            out.append(clip[:, :, y:y + crop, x:x + crop])
    return torch.stack(out)


def psnr(a, b):
    """Per clip, in decibels, values in [-1, 1]."""
    return 10 * torch.log10(4 / (a - b).square().flatten(1).mean(1).clamp_min(1e-10))


@torch.no_grad()
def encode_bf16(vae, video):
    """Posterior mean and log-variance, products in bf16."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return codec.encode(vae, video.contiguous(memory_format=torch.channels_last_3d))


@torch.no_grad()
def evaluate(vae, bed, count, size):
    """PSNR and attribute accuracy of fixed clips encoded and decoded."""
    video, truth = bed.clip_batch(VALIDATION_SEED, 0, count, size, exclude_held_out=False)
    output = []
    for part in video.split(8):
        mean, _ = encode_bf16(vae, part)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output.append(codec.decode(vae, mean).float().clamp(-1, 1))
    output = torch.cat(output)
    return {"psnr": round(float(psnr(output, video).mean()), 2), **bed.accuracy(bed.world.classify(output), truth)}


def latent_statistics(vae, bed, batches, count=16):
    """Per-channel mean and standard deviation of posterior samples, so that unused channels stay small."""
    sums = torch.zeros(2, vae.config.z_dim, dtype=torch.float64)
    total = 0
    for index in range(batches):
        video, _ = bed.clip_batch(VALIDATION_SEED + 1, index, count, bed.sizes[0])
        mean, variance = (t.double().transpose(0, 1).flatten(1) for t in encode_bf16(vae, video))
        variance = variance.exp()
        sums += torch.stack([mean.sum(1), (mean.square() + variance).sum(1)])
        total += mean.shape[1]
    average = sums[0] / total
    return average.tolist(), (sums[1] / total - average.square()).sqrt().tolist()


def codec_loss(vae, video, kl_weight, extra_variance):
    """(loss, reconstruction, KL divergence); `extra_variance` is added to the posterior's."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mean, logvar = codec.encode(vae, video)
        mean, logvar = mean.float(), logvar.float()
        sampled = mean + torch.randn_like(mean) * (logvar.exp() + extra_variance).sqrt()
        output = codec.decode(vae, sampled).float()
    error = output - video
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
    loss = error.abs().mean() + 0.1 * edges + error.square().mean() + kl_weight * divergence
    return loss, output.detach(), divergence.item()


def train(vae, optimizer, args, step, path, extra_variance, rank, world):
    """Run up to args.steps; rank 0 saves every 1000 steps, at the end and on SIGTERM (exit code 143)."""
    bed, parameters = args.bed, optimizer.parameters()
    short = (bed.frames + 1) // 2
    torch.manual_seed(1000 * rank + step)
    started, average, stop = time.time(), None, parallel.StopRequest()
    while step < args.steps:
        rate = min(1.0, (step + 1) / 100) * min(1.0, (1 - step / args.steps) / args.cooldown)
        index = step * world + rank
        whole = index // 2 % 8 == 7
        # Never short and whole: the convolutions' backward pass overruns its memory there on processors with AMX.
        video = training_clips(bed, index, args.crops, short if step % 3 == 2 and not whole else bed.frames, whole)
        video = video.contiguous(memory_format=torch.channels_last_3d)
        loss, output, divergence = codec_loss(vae, video, args.kl, extra_variance)
        optimizer.zero_grad()
        loss.backward()
        stop.before_averaging()
        parallel.average_gradients([*parameters, stop.flag], world)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step(rate)
        step += 1
        quality = float(psnr(output, video).mean())
        average = quality if average is None else 0.98 * average + 0.02 * quality
        if rank == 0 and step % args.report == 0:
            print(f"step {step} seconds {time.time() - started:.0f} psnr {average:.2f} loss {loss.item():.4f} kl {divergence:.2f}", flush=True)
        if rank == 0 and (step % 1000 == 0 or step == args.steps or stop.agreed()):
            torch.save({"model": vae.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, path + ".part")
            os.replace(path + ".part", path)
        if stop.agreed() and step < args.steps:
            parallel.wait_for_all(world)  # for the state to be saved: a launcher kills the others soon after the first has gone
            sys.exit(stop.EXIT_CODE)
        if rank == 0 and (step % 1000 == 0 or step == args.steps):
            print("validation", json.dumps(evaluate(vae, bed, min(32, args.validation_clips), bed.sizes[0])), flush=True)


def export(vae, args, config):
    """Write the diffusers folder and its scores.  After decoder-only training the statistics stay the encoder's."""
    if args.decoder_only:
        mean, std = config["latents_mean"], config["latents_std"]
    else:
        mean, std = latent_statistics(vae, args.bed, args.validation_clips // 2)
    vae.register_to_config(latents_mean=[round(v, 4) for v in mean], latents_std=[round(v, 4) for v in std])
    for parameter in vae.parameters():
        parameter.data = parameter.data.contiguous()
    vae.save_pretrained(os.path.join(args.state, "vae"))
    scores = {str(size): evaluate(vae, args.bed, args.bed.fewer(args.validation_clips, size), size) for size in args.bed.sizes}
    with open(os.path.join(args.state, "vae_metrics.json"), "w") as file:
        json.dump(scores, file, indent=1)
    print("final", json.dumps(scores))


def read_codec(folder):
    """Weights of the codec in a state or model folder."""
    return AutoencoderKLWan.from_pretrained(os.path.join(folder, "vae"), dtype=torch.float32).state_dict()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beds.add_state_option(parser)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--crops", type=int, default=12, help="crops of half the bed's first size per process and step")
    parser.add_argument("--cooldown", type=float, default=0.6, help="last part of the training, learning rate to zero")
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=1e-3)
    parser.add_argument("--kl", type=float, default=None, help="weight of the KL divergence (default: the bed's)")
    parser.add_argument("--begin-with", default=None, help="model folder whose codec a training from nothing begins with")
    parser.add_argument("--decoder-only", action="store_true", help="improve the decoder; latents stay valid")
    parser.add_argument("--noise", type=float, default=None, help=f"with --decoder-only: latent noise, in units of latents_std (default: {DECODER_NOISE})")
    parser.add_argument("--validation-clips", type=int, default=128, help="clips of the final scores at the bed's first size")
    parser.add_argument("--report", type=int, default=100, help="steps between two lines of output")
    parser.add_argument("--eager", action="store_true", help="do not compile; for short runs")
    args = beds.parse_state(parser)
    if args.decoder_only:
        for option in ("begin_with", "kl"):
            if getattr(args, option) is not None:
                parser.error(f"--{option.replace('_', '-')}: has no effect with --decoder-only; accepted: one of the two")
    elif args.noise is not None:
        parser.error("--noise: has no effect without --decoder-only; accepted: both")
    args.noise = DECODER_NOISE if args.noise is None else args.noise
    if args.kl is None:
        args.kl = args.bed.kl
    rank, world = parallel.start()
    os.makedirs(args.state, exist_ok=True)
    torch.manual_seed(0)
    vae = codec.initialise(codec.build_vae(args.bed.base_dim))
    if args.begin_with:
        vae.load_state_dict(read_codec(args.begin_with))
    vae = codec.channels_last(vae)
    if not args.eager:
        codec.enable_compile()
    config, extra_variance = None, 0.0
    if args.decoder_only:
        vae.load_state_dict(read_codec(args.state))
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
        with open(os.path.join(args.state, "vae", "config.json")) as file:
            config = json.load(file)
        extra_variance = (args.noise * torch.tensor(config["latents_std"])).square().view(1, -1, 1, 1, 1)
    trained = [p for p in vae.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.dim() >= 4 and min(p.shape[:2]) >= 8]
    chosen = {id(p) for p in matrices}
    optimizer = optim.Pair(matrices, [p for p in trained if id(p) not in chosen], args.muon_lr, args.adam_lr, 0.0)
    path = os.path.join(args.state, "vae_decoder.pt" if args.decoder_only else "vae.pt")
    step = 0
    if os.path.exists(path):
        state, encoder = torch.load(path), codec.encoder_hash(vae)
        vae.load_state_dict(state["model"])
        if args.decoder_only and codec.encoder_hash(vae) != encoder:
            sys.exit(f"{path}: has another encoder than vae/; accepted: none, to tune the decoder anew")
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    train(vae, optimizer, args, step, path, extra_variance, rank, world)
    if rank == 0:
        export(vae, args, config)


if __name__ == "__main__":
    main()
