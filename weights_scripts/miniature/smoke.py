"""A minute of everything: the attribute reader on true clips; then train each part a little, check that the losses fall,
export, sample the export with WanPipeline and with dit-gen, which must give the same latents, and measure it for a card.

    python smoke.py --bed mini
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import torch
from diffusers import WanPipeline
from safetensors.torch import load_file

import beds
import optim
import text
import train_transformer

HERE = os.path.dirname(os.path.abspath(__file__))
SEED, STEPS, LAYERS = 0, 4, 2


def run(*command, expected=0):
    """Output of a program; another exit code than the expected one ends the test."""
    print("+", " ".join(command), flush=True)
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE)
    print(done.stdout, flush=True)
    assert done.returncode == expected, command
    return done.stdout


def check_reader(bed):
    video, rows = bed.clip_batch(SEED, 0, 256, bed.sizes[0], exclude_held_out=False)
    scores = bed.accuracy(bed.world.classify(video), rows)
    print("attributes read from true clips", scores, flush=True)
    assert min(scores.values()) >= 0.97


def check_resuming():
    """A resumed optimizer obeys the schedule: at rate 0 nothing moves."""
    weight, bias = torch.nn.Parameter(torch.ones(8, 8)), torch.nn.Parameter(torch.ones(8))

    def step(pair, rate):
        weight.grad, bias.grad = torch.rand(8, 8), torch.rand(8)
        pair.step(rate)

    first, second = (optim.Pair([weight], [bias], muon_lr=0.02, adam_lr=1e-3) for _ in range(2))
    step(first, 1)
    second.load_state_dict(first.state_dict())
    before = [weight.detach().clone(), bias.detach().clone()]
    step(second, 0)
    assert torch.equal(before[0], weight) and torch.equal(before[1], bias)
    step(second, 1)
    assert not torch.equal(before[0], weight) and not torch.equal(before[1], bias)


def check_codec(script, crops):
    output = script("train_vae.py", "--steps", "60", "--report", "15", "--crops", str(crops), "--validation-clips", "2", "--eager")
    quality = [float(value) for value in re.findall(r"psnr ([\d.]+)", output)]
    assert quality[-1] > quality[0], quality


def check_transformer(script, bed):
    second_size, size = ("--large", "0.25") if len(bed.sizes) > 1 else (), str(bed.sizes[0])
    settings = ("--layers", str(LAYERS), "--batch", "16", *second_size, "--report", "2", "--eager")
    output = script("train_transformer.py", "--hours", "0.002", *settings)
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    losses = [line["loss"][size] for line in lines if size in line["loss"]]
    assert len(losses) > 2 and losses[-1] < losses[0], losses
    assert not bed.binding or lines[-1]["binding"] < 0.1, lines[-1]
    script("train_transformer.py", "--hours", "0.004", *settings, expected=1)  # the learning rate has gone down


@torch.no_grad()
def check_beginning(bed, folder, state):
    """A training that begins with the exported folder has its weights; with another tokenizer those of common pieces."""
    exported = WanPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    other = os.path.join(state, "other_tokenizer")
    text.train_tokenizer(other, ["a red pair of circles"])
    for tokenizer in (exported.tokenizer, text.load_tokenizer(other)):
        trainer = train_transformer.Trainer(argparse.Namespace(layers=LAYERS, heads=bed.heads, muon_lr=0, adam_lr=0, weight_decay=0, binding=0), tokenizer)
        fresh = trainer.encoder.shared.weight.clone()
        trainer.begin_with(folder, tokenizer)
        for name, value in exported.transformer.state_dict().items():
            assert torch.equal(trainer.transformer.state_dict()[name], value), name
        known, rows = exported.tokenizer.get_vocab(), trainer.encoder.shared.weight
        for piece, row in tokenizer.get_vocab().items():
            expected = exported.text_encoder.shared.weight[known[piece]] if piece in known else fresh[row]
            assert torch.equal(rows[row], expected), piece
        assert all(torch.equal(a, b) for a, b in zip(trainer.average, trainer.everything, strict=True))
    assert "▁pair" not in known


@torch.no_grad()
def diffusers_latents(bed, folder):
    pipe = WanPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    size = bed.sizes[0]
    latents = pipe(bed.prompt, height=size, width=size, num_frames=bed.frames, num_inference_steps=STEPS, guidance_scale=bed.guidance,
                   max_sequence_length=text.LENGTH, generator=torch.Generator().manual_seed(SEED), output_type="latent").frames
    assert latents.shape == (1, 16, bed.latent_frames, size // 8, size // 8) and bool(latents.isfinite().all())
    return latents


def check_sampling(bed, folder, program, work):
    """dit-gen takes the size, the frames and the guidance from the folder."""
    reference, path = diffusers_latents(bed, folder), os.path.join(work, "latents.safetensors")
    run(program, "-m", folder, "-p", bed.prompt, "-s", str(SEED), "--steps", str(STEPS), "--device", "cpu", "--dtype", "fp32", "--threads", "1",
        "--save-latents", path, "-o", os.path.join(work, "clip.mp4"))
    difference = float((load_file(path)["latents"] - reference).abs().max() / reference.abs().max())
    print("dit-gen against diffusers, largest difference relative to the largest latent:", difference)
    assert difference < 1e-4


def check_card(script, bed, folder, work):
    """Every figure of a model card, of one prompt and few steps."""
    metrics, few = os.path.join(work, "metrics.json"), ("--count", "1", "--steps", str(STEPS))
    script("benchmark.py", "accuracy", "--model", folder, "--metrics", metrics, *few)
    for size in bed.sizes:
        script("benchmark.py", "caching", "--model", folder, "--metrics", metrics, "--size", str(size), *few)
    card = script("card.py", "--model", folder, "--metrics", metrics)
    assert "`WanTransformer3DModel` | 2 blocks" in card and f"{bed.sizes[0]} pixels, guidance {bed.guidance:g}, 1 prompts" in card, card


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beds.add_option(parser)
    parser.add_argument("--program", default=os.path.join(HERE, "../../build/release/bin/dit-gen"))
    args = parser.parse_args()
    bed = args.bed
    with tempfile.TemporaryDirectory() as work:
        state, exported = os.path.join(work, "state"), os.path.join(work, bed.model)

        def script(file, *arguments, **expected):
            return run(sys.executable, os.path.join(HERE, file), "--bed", bed.name, *arguments, **expected)

        def stage(file, *arguments, **expected):
            return script(file, "--state", state, *arguments, **expected)

        check_resuming()
        check_reader(bed)
        check_codec(stage, 4 * 64 // bed.sizes[0])
        for size in bed.sizes:
            stage("encode_latents.py", "--size", str(size), "--shards", "1", "--clips", str(bed.fewer(bed.sampled, size) * 2), "--eager")
        check_transformer(stage, bed)
        stage("export.py", "--to", exported)
        check_beginning(bed, exported, state)
        check_sampling(bed, exported, args.program, work)
        check_card(script, bed, exported, work)
        with open(os.path.join(exported, "manifest.json")) as file:
            assert "transformer/diffusion_pytorch_model.safetensors" in json.load(file)["files"]
    print("smoke test passed:", bed.name)


if __name__ == "__main__":
    main()
