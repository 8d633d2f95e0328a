"""Write the averaged weights as a diffusers WanPipeline folder (bf16 safetensors) with a manifest; check that it reloads.

    python export.py

Pictures and README.md of an existing folder stay; everything else is replaced, all at once.
"""
import argparse
import hashlib
import json
import os
import shutil
import tempfile

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline

import beds
import evaluate
import model
import text

MANIFEST = "manifest.json"


def check_forward(transformer, frames):
    """Largest fp32 difference between the training forward and diffusers' own class, over three latent shapes."""
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for height, width in ((8, 8), (16, 16), (8, 12)):
        latents = torch.randn(2, 16, frames, height, width, generator=generator)
        timestep, context = torch.tensor([731.0, 60.0]), torch.randn(2, text.LENGTH, text.DIM, generator=generator)
        rope = model.rope_table(transformer.config.attention_head_dim, frames, height, width)
        with torch.no_grad():
            reference = transformer(latents, timestep, context, return_dict=False)[0]
            tokens = model.forward(transformer, model.to_tokens(latents), timestep, context, rope, torch.float32)
        worst = max(worst, float((model.from_tokens(tokens, frames, height, width) - reference).abs().max()))
    return worst


def edit_json(path, edit):
    with open(path) as file:
        content = json.load(file)
    edit(content)
    with open(path, "w") as file:
        json.dump(content, file, indent=2)


def write_pipeline(pipe, tokenizer_folder, folder):
    """save_pretrained, with the trained tokenizer's own files and no local paths in the configuration."""
    pipe.save_pretrained(folder, safe_serialization=True)
    for name in ("vae", "transformer"):
        edit_json(os.path.join(folder, name, "config.json"), lambda config: config.pop("_name_or_path", None))
    shutil.rmtree(os.path.join(folder, "tokenizer"))
    shutil.copytree(tokenizer_folder, os.path.join(folder, "tokenizer"))
    # The class name that Wan checkpoints carry.
    edit_json(os.path.join(folder, "model_index.json"), lambda index: index.update(tokenizer=["transformers", "T5TokenizerFast"]))


def write_defaults(bed, folder):
    """ditto.json: what Ditto samples with when it is not told otherwise."""
    defaults = {"width": bed.sizes[0], "height": bed.sizes[0], "frames": bed.frames, "fps": bed.world.FPS, "steps": 50, "guidance": bed.guidance}
    with open(os.path.join(folder, "ditto.json"), "w") as file:
        json.dump({"defaults": defaults}, file, indent=2)
        file.write("\n")


def write_manifest(folder):
    """sha256 and size in bytes of every file but the card, its pictures and the manifest itself."""
    files = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if name == MANIFEST or is_of_the_card(name):
                continue
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            files[os.path.relpath(path, folder)] = {"sha256": digest, "bytes": os.path.getsize(path)}
    with open(os.path.join(folder, MANIFEST), "w") as file:
        json.dump({"files": dict(sorted(files.items()))}, file, indent=2)
        file.write("\n")


def check_reload(pipe, folder):
    """The folder loads with WanPipeline and holds exactly the exported weights."""
    loaded = WanPipeline.from_pretrained(folder, torch_dtype=torch.bfloat16)
    for name in ("transformer", "text_encoder", "vae"):
        written, read = getattr(pipe, name).state_dict(), getattr(loaded, name).state_dict()
        assert all(torch.equal(written[key].float(), read[key].float()) for key in written), name


def is_of_the_card(name):
    return name == "README.md" or name.endswith(".png")


def replace_folder(source, target):
    """Put `source` in the place of `target`, with the old folder's card."""
    old = target + ".old"
    if os.path.exists(old) and not os.path.exists(target):
        os.rename(old, target)  # an earlier export was killed between the two
    if os.path.exists(target):
        for name in filter(is_of_the_card, os.listdir(target)):
            shutil.copy2(os.path.join(target, name), source)
        os.rename(target, old)
    os.rename(source, target)
    shutil.rmtree(old, ignore_errors=True)


def make_readable(folder):
    """The libraries create weights that only their owner can read."""
    for parent, _, names in os.walk(folder):
        os.chmod(parent, 0o755)
        for name in names:
            os.chmod(os.path.join(parent, name), 0o644)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="transformer.pt", help="file in the folder")
    beds.add_state_option(parser)
    parser.add_argument("--to", default=None, help="default: the bed's folder under models/")
    args = beds.parse_state(parser)
    target = args.to or os.path.join("../../models", args.bed.model)
    transformer, encoder, _ = evaluate.load_state(os.path.join(args.state, args.checkpoint))
    difference = check_forward(transformer, args.bed.latent_frames)
    print("training forward against diffusers, fp32, max abs difference:", difference)
    assert difference < 1e-4
    vae = AutoencoderKLWan.from_pretrained(os.path.join(args.state, "vae"))
    tokenizer_folder = os.path.join(args.state, "tokenizer")
    pipe = WanPipeline(tokenizer=text.load_tokenizer(tokenizer_folder), text_encoder=encoder.bfloat16(), vae=vae.bfloat16(),
                       scheduler=UniPCMultistepScheduler(**evaluate.SCHEDULER), transformer=transformer.bfloat16())
    # Beside the target, so that both are of one file system.
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(target))) as work:
        folder = os.path.join(work, "model")
        write_pipeline(pipe, tokenizer_folder, folder)
        check_reload(pipe, folder)
        write_defaults(args.bed, folder)
        write_manifest(folder)
        make_readable(folder)
        replace_folder(folder, os.path.abspath(target))
    size = sum(os.path.getsize(os.path.join(parent, name)) for parent, _, names in os.walk(target) for name in names)
    print("reloaded with WanPipeline.from_pretrained:", target, round(size / 2**20, 1), "MiB")


if __name__ == "__main__":
    main()
