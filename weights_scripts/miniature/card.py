"""Write the measured figures into the model card, between its `<!-- figures -->` marks.

    python card.py --bed mini

A bed whose model has no card yet gets its figures on standard output.
"""
import argparse
import json
import os

import beds

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
COLUMNS = ("colour", "background", "motion", "size", "shape")
TOGETHER = ("all", "all_seen", "all_held_out")
NUMBERS = {4: "four", 5: "five"}


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def score(value):
    return "" if value is None else f"{value:.2f}"


def accuracy_table(metrics, groups):
    """One row per measured size and guidance, each followed by what the codec preserves of true clips."""
    columns, rows = [c for c in COLUMNS if c in groups], []
    for key, entry in sorted(metrics.items(), key=lambda item: (item[1].get("resolution", 0), -item[1].get("guidance", 0))):
        if not key.startswith("accuracy"):
            continue
        name = f"{entry['resolution']} pixels, guidance {entry['guidance']:g}, {entry['count']} prompts, {entry['steps']} steps"
        rows.append([name, *(score(entry["generated"][c]) for c in (*columns, *TOGETHER))])
        codec = f"codec limit at {entry['resolution']} pixels ({entry['codec_psnr']:.1f} dB)"
        row = [codec, *(score(entry["codec_limit"][c]) for c in (*columns, *TOGETHER))]
        if not rows[:-1] or all(r[0] != codec for r in rows):
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beds.add_option(parser)
    parser.add_argument("--metrics", default=None, help="default: the bed's")
    parser.add_argument("--card", default=None, help="default: README.md of the bed's model")
    args = parser.parse_args()
    path = args.card or os.path.join("../../models", args.bed.model, "README.md")
    with open(args.metrics or args.bed.metrics) as file:
        text = figures(args.bed, json.load(file))
    if not os.path.exists(path):
        print(text)
        return
    with open(path) as file:
        card = file.read()
    before, rest = card.split(BEGIN)
    after = rest.split(END)[1]
    with open(path, "w") as file:
        file.write(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    main()
