"""Write what the model's parts are and the measured figures into the model card, between its `<!-- parts -->` and
`<!-- figures -->` marks and those of their ends; check that the card names the published guidance.

    python card.py --bed mini

A bed whose model has no card yet gets both on standard output.
"""
import argparse
import glob
import json
import math
import os
import sys

from safetensors import safe_open

import beds

COLUMNS = ("colour", "background", "motion", "size", "shape")
TOGETHER = ("all", "all_seen")
NUMBERS = {4: "four", 5: "five"}


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def score(value):
    return "" if value is None else f"{value:.2f}"


def held_out(values):
    """With the number of prompts: they are few."""
    return "" if values["all_held_out"] is None else f"{values['all_held_out']:.2f} of {values['held_out']}"


def accuracy_table(metrics, groups):
    """One row per measured size and guidance, each size followed once by what the codec preserves of true clips."""
    columns, rows = [c for c in COLUMNS if c in groups], []
    for key, entry in sorted(metrics.items(), key=lambda item: (item[1].get("resolution", 0), -item[1].get("guidance", 0))):
        if not key.startswith("accuracy"):
            continue
        name = f"{entry['resolution']} pixels, guidance {entry['guidance']:g}, {entry['count']} prompts, {entry['steps']} steps"
        rows.append([name, *(score(entry["generated"][c]) for c in (*columns, *TOGETHER)), held_out(entry["generated"])])
        codec = f"codec limit at {entry['resolution']} pixels ({entry['codec_psnr']:.1f} dB)"
        row = [codec, *(score(entry["codec_limit"][c]) for c in (*columns, *TOGETHER)), held_out(entry["codec_limit"])]
        if all(r[0] != codec for r in rows):
            rows.append(row)
    return table(["", *columns, f"all {NUMBERS[len(groups)]}", "seen pairs", "held-out pairs"], rows)


def change_table(entry, kind, name):
    rows = [[f"block {block} {name}", *(f"{v:.3f}" for v in values)] for block, values in entry[kind].items()]
    return table(["step", *entry["steps_shown"]], rows)


def speed_table(entries, groups):
    header, rows = ["", "predictions"], [[name, run["predictions"]] for name, run in next(iter(entries.values()))["runs"].items()]
    for size, entry in entries.items():
        header += [f"{size} pixels, dB ({entry['count']} prompts)", f"all {NUMBERS[len(groups)]}"]
        for row in rows:
            run = entry["runs"].get(row[0])
            row += [f"{run['psnr']:.1f}", score(run["all"])] if run else ["", ""]
    return table(header, rows)


def figures(bed, metrics):
    groups = bed.world.GROUPS
    parts = ["### Accuracy", accuracy_table(metrics, groups)]
    caching = {size: metrics[f"caching_{size}_guidance_{bed.guidance:g}"] for size in bed.sizes}
    for size, entry in caching.items():
        parts += [f"### Relative L1 change per block from the previous step, {size} pixels ({entry['count']} prompts, conditional branch)",
                  change_table(entry, "delta_change", "delta (out - in)"), change_table(entry, "output_change", "output")]
    parts += ["### Fewer steps and plain reuse, PSNR to the model's own 50-step clip", speed_table(caching, groups)]
    return "\n\n".join(parts)


def config(folder, part):
    with open(os.path.join(folder, part, "config.json")) as file:
        return json.load(file)


def parameters(folder, part):
    (path,) = glob.glob(os.path.join(folder, part, "*.safetensors"))
    with safe_open(path, "pt") as file:
        return f"{sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys()):,}"


def parts(folder):
    """One row per part of the pipeline, and the size of the weights."""
    model, encoder, codec = (config(folder, part) for part in ("transformer", "text_encoder", "vae"))
    with open(os.path.join(folder, "tokenizer", "tokenizer.json")) as file:
        pieces = len(json.load(file)["model"]["vocab"])
    with open(os.path.join(folder, "scheduler", "scheduler_config.json")) as file:
        shift = json.load(file)["flow_shift"]
    heads, width = model["num_attention_heads"], model["attention_head_dim"]
    rows = [
        ["transformer", "`WanTransformer3DModel`", f"{model['num_layers']} blocks, {heads} heads x {width} (width {heads * width}), "
         f"feed-forward {model['ffn_dim']}, patch {model['patch_size']}", parameters(folder, "transformer")],
        ["text encoder", "`UMT5EncoderModel`", f"{encoder['num_layers']} layers, width {encoder['d_model']}, {encoder['num_heads']} heads x "
         f"{encoder['d_kv']}, feed-forward {encoder['d_ff']}", parameters(folder, "text_encoder")],
        ["tokenizer", "`T5TokenizerFast`", f"SentencePiece unigram, {pieces} pieces", ""],
        ["codec", "`AutoencoderKLWan`", f"base width {codec['base_dim']}, multipliers {codec['dim_mult']}, {codec['num_res_blocks']} residual "
         f"block, {codec['z_dim']} channels, 8 x 8 x 4 compression", parameters(folder, "vae")],
        ["scheduler", "`UniPCMultistepScheduler`", f"flow sigmas, shift {shift:g}", ""],
    ]
    weights = sum(os.path.getsize(path) for path in glob.glob(os.path.join(folder, "*", "*.safetensors")))
    return (f"{table(['part', 'class', 'configuration', 'parameters'], rows)}\n\n"
            f"Weights are bf16 safetensors, {weights / 1e6:.1f} MB in all; `manifest.json` holds the sha256 and the size of every file.")


def replaced(card, name, content):
    """The card with `content` between the marks of `name`."""
    before, rest = card.split(f"<!-- {name} -->")
    after = rest.split(f"<!-- end of {name} -->")[1]
    return f"{before}<!-- {name} -->\n\n{content}\n\n<!-- end of {name} -->{after}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beds.add_option(parser)
    parser.add_argument("--metrics", default=None, help="default: the bed's")
    parser.add_argument("--model", default=None, help="default: the bed's folder under models/")
    args = parser.parse_args()
    folder = args.model or os.path.join("../../models", args.bed.model)
    with open(args.metrics or args.bed.metrics) as file:
        sections = {"parts": parts(folder), "figures": figures(args.bed, json.load(file))}
    path = os.path.join(folder, "README.md")
    if not os.path.exists(path):
        print("\n\n".join(sections.values()))
        return
    with open(path) as file:
        card = file.read()
    for name, content in sections.items():
        card = replaced(card, name, content)
    with open(path + ".part", "w") as file:
        file.write(card)
    os.replace(path + ".part", path)
    for said in (f"guidance {args.bed.guidance:g}, 50 steps", f"guidance_scale={args.bed.guidance}"):
        if said not in card:
            sys.exit(f"{path}: does not say `{said}`; accepted: a card that names the published guidance")


if __name__ == "__main__":
    main()
