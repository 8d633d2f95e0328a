"""Write the measured figures into the model card, between its `<!-- figures -->` marks.

    python card.py --metrics metrics.json --card ../../models/wan-mini/README.md
"""
import argparse
import json

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
COLUMNS = ("colour", "background", "motion", "size", "shape", "all", "all_seen", "all_held_out")


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def score(value):
    return "" if value is None else f"{value:.2f}"


def accuracy_table(metrics):
    """One row per measured size and guidance, each followed by what the codec preserves of true clips."""
    rows = []
    for key, entry in sorted(metrics.items(), key=lambda item: (item[1].get("resolution", 0), -item[1].get("guidance", 0))):
        if not key.startswith("accuracy"):
            continue
        name = f"{entry['resolution']} pixels, guidance {entry['guidance']:g}, {entry['count']} prompts, {entry['steps']} steps"
        rows.append([name, *(score(entry["generated"][c]) for c in COLUMNS)])
        codec = f"codec limit at {entry['resolution']} pixels ({entry['codec_psnr']:.1f} dB)"
        row = [codec, *(score(entry["codec_limit"][c]) for c in COLUMNS)]
        if not rows[:-1] or all(r[0] != codec for r in rows):
            rows.append(row)
    return table(["", "colour", "background", "motion", "size", "shape", "all five", "seen pairs", "held-out pairs"], rows)


def change_table(entry, kind, name):
    rows = [[f"block {block} {name}", *(f"{v:.3f}" for v in values)] for block, values in entry[kind].items()]
    return table(["step", *entry["steps_shown"]], rows)


def speed_table(small, large):
    names = list(small["runs"])
    rows = []
    for name in names:
        a, b = small["runs"][name], large["runs"].get(name)
        rows.append([name, a["predictions"], f"{a['psnr']:.1f}", score(a["all"]), f"{b['psnr']:.1f}" if b else "", score(b["all"]) if b else ""])
    header = ["", "predictions", f"64 pixels, dB ({small['count']} prompts)", "all five", f"128 pixels, dB ({large['count']} prompts)", "all five"]
    return table(header, rows)


def figures(metrics):
    parts = ["### Accuracy", accuracy_table(metrics)]
    caching = {size: metrics[f"caching_{size}_guidance_3"] for size in (64, 128)}
    for size, entry in caching.items():
        parts += [f"### Relative L1 change per block from the previous step, {size} pixels ({entry['count']} prompts, conditional branch)",
                  change_table(entry, "delta_change", "delta (out - in)"), change_table(entry, "output_change", "output")]
    parts += ["### Fewer steps and plain reuse, PSNR to the model's own 50-step clip", speed_table(caching[64], caching[128])]
    return "\n\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metrics", default="metrics.json")
    parser.add_argument("--card", default="../../models/wan-mini/README.md")
    args = parser.parse_args()
    with open(args.metrics) as file:
        metrics = json.load(file)
    with open(args.card) as file:
        card = file.read()
    before, rest = card.split(BEGIN)
    after = rest.split(END)[1]
    with open(args.card, "w") as file:
        file.write(f"{before}{BEGIN}\n\n{figures(metrics)}\n\n{END}{after}")


if __name__ == "__main__":
    main()
