"""One minute of everything: train each part a little, check that the losses fall, export, sample with WanPipeline.

    python smoke.py
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import torch
from diffusers import WanPipeline

import text

HERE = os.path.dirname(os.path.abspath(__file__))


def run(script, *arguments):
    """Output of one script of this folder; a failure ends the test."""
    command = [sys.executable, os.path.join(HERE, script), *arguments]
    print("+", " ".join(command[1:]), flush=True)
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE)
    print(done.stdout, flush=True)
    assert done.returncode == 0, script
    return done.stdout


def check_codec(state):
    output = run("train_vae.py", "--state", state, "--steps", "80", "--report", "20", "--crops", "4", "--validation-clips", "8", "--eager")
    quality = [float(value) for value in re.findall(r"psnr ([\d.]+)", output)]
    assert quality[-1] > quality[0], quality


def check_transformer(state):
    output = run("train_transformer.py", "--state", state, "--hours", "0.003", "--layers", "2", "--batch", "16", "--large", "0.25",
                 "--report", "4", "--eager")
    losses = [json.loads(line)["loss"] for line in output.splitlines() if line.startswith("{")]
    losses = [loss["64"] for loss in losses if "64" in loss]
    assert len(losses) > 2 and losses[-1] < losses[0], losses


@torch.no_grad()
def check_sampling(folder):
    pipe = WanPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    frames = pipe("a large red ring moving left on a white background", height=64, width=64, num_frames=17, num_inference_steps=4,
                  guidance_scale=3.0, max_sequence_length=text.LENGTH, generator=torch.Generator().manual_seed(0),
                  output_type="pt").frames
    assert frames.shape == (1, 17, 3, 64, 64) and bool(frames.isfinite().all())


def main():
    with tempfile.TemporaryDirectory() as work:
        state, exported = os.path.join(work, "state"), os.path.join(work, "wan-mini")
        check_codec(state)
        run("encode_latents.py", "--state", state, "--size", "64", "--shards", "1", "--clips", "64", "--eager")
        run("encode_latents.py", "--state", state, "--size", "128", "--shards", "1", "--clips", "16", "--eager")
        check_transformer(state)
        run("export.py", "--state", state, "--to", exported)
        check_sampling(exported)
        with open(os.path.join(exported, "manifest.json")) as file:
            assert "transformer/diffusion_pytorch_model.safetensors" in json.load(file)["files"]
    print("smoke test passed")


if __name__ == "__main__":
    main()
