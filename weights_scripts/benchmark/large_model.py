"""Does the 1.3B configuration of Wan 2.1 load and make a step within its own weight's memory?

Writes a WanPipeline folder with random weights in the 1.3B shapes (a few layers of text encoder, the miniature's tokenizer
and codec), runs one tiny step of dit-gen on it and compares the process's peak memory with the bytes of the weights used.

    python weights_scripts/benchmark/large_model.py --folder /tmp/wan-1.3b-random --dtype bf16
"""
import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile

import torch
from diffusers import WanTransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
TRANSFORMER = dict(num_layers=30, num_attention_heads=12, attention_head_dim=128, ffn_dim=8960, text_dim=4096)


def random_weights(module, dtype):
    """Materialises a module made on the meta device with small random values."""
    module = module.to(dtype).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.02, generator=generator)
    return module


def write_folder(folder, dtype):
    """The 1.3B transformer in shards, beside a small text encoder of the width it expects."""
    miniature = os.path.join(REPOSITORY, "models", "wan-mini")
    os.makedirs(folder)
    for part in ("scheduler", "tokenizer", "vae"):
        shutil.copytree(os.path.join(miniature, part), os.path.join(folder, part))
    shutil.copy(os.path.join(miniature, "model_index.json"), folder)
    with torch.device("meta"):
        transformer = WanTransformer3DModel(**TRANSFORMER)
    random_weights(transformer, dtype).save_pretrained(os.path.join(folder, "transformer"), max_shard_size="1GB")
    del transformer
    config = UMT5Config(d_model=4096, d_kv=64, num_heads=2, d_ff=128, num_layers=1, vocab_size=131)
    with torch.device("meta"):
        encoder = UMT5EncoderModel(config)
    random_weights(encoder, dtype).save_pretrained(os.path.join(folder, "text_encoder"))


def weight_bytes(folder):
    """Bytes of the tensors a run uses: everything but the encoder half of the codec."""
    used = 0
    for directory, _, files in os.walk(folder):
        for name in files:
            if not name.endswith(".safetensors"):
                continue
            with open(os.path.join(directory, name), "rb") as file:
                header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            for tensor, entry in header.items():
                if tensor != "__metadata__" and not tensor.startswith(("encoder.conv", "encoder.down", "encoder.mid", "quant_conv")):
                    begin, end = entry["data_offsets"]
                    used += end - begin
    return used


def peak_memory(command):
    """Runs a command and returns the largest resident size of that process alone, in bytes."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]}: exit code {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, help="where to write the random model (2.9 GB in bf16, 5.7 GB in fp32)")
    parser.add_argument("--dtype", choices=DTYPES, default="bf16")
    parser.add_argument("--limit", type=float, default=1.1, help="largest accepted peak memory over weight bytes")
    parser.add_argument("--dit-gen", default=os.path.join(REPOSITORY, "build", "release", "bin", "dit-gen"))
    parser.add_argument("--keep", action="store_true", help="keep the folder, and use it when it is there")
    args = parser.parse_args()
    if os.path.exists(args.folder) and not args.keep:
        sys.exit(f"--folder: {args.folder} exists; accepted: a new folder, or --keep to use one that this script wrote")
    if not os.path.exists(args.folder):
        # In a process of its own: Linux charges a new program with the peak of the process that started it.
        writer = multiprocessing.get_context("spawn").Process(target=write_folder, args=(args.folder, DTYPES[args.dtype]))
        writer.start()
        writer.join()
        if writer.exitcode != 0:
            sys.exit(f"{args.folder}: could not be written")
    with tempfile.TemporaryDirectory() as outputs:
        peak = peak_memory([args.dit_gen, "-m", args.folder, "-p", "a red circle", "--size", "64x64", "--frames", "5", "--steps", "1",
                            "--dtype", args.dtype, "--threads", "2", "-o", os.path.join(outputs, "clip.mp4")])
    used = weight_bytes(args.folder)
    print(f"peak memory {peak / 2**30:.2f} GiB, weights used {used / 2**30:.2f} GiB, ratio {peak / used:.3f} (limit {args.limit})")
    if not args.keep:
        shutil.rmtree(args.folder)
    sys.exit(peak > args.limit * used)


if __name__ == "__main__":
    main()
