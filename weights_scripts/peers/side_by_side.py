"""One table and one plot of the peers and Ditto from a folder of `dit-eval run --clips`.

    python weights_scripts/peers/side_by_side.py RESULTS [--program build/release/bin/dit-eval]

Writes RESULTS/peers.md and RESULTS/peers.svg. Every figure is what `dit-eval report --json` says; here they are only laid out: rows are named
"<method>, <package>", and the settings of a method stand in the same order on both sides.
"""
import argparse
import html
import json
import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
OURS = "Ditto"
METRICS = (("psnr", "PSNR, dB", "{:.1f}"), ("ssim", "SSIM", "{:.4f}"), ("lpips-alex", "LPIPS", "{:.4f}"))
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 470, 60, 20, 30, 50
COLOURS = ("#1b6ca8", "#c8553d", "#3f8f4f", "#8a5aa3", "#b8860b", "#4b4b4b")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, default=REPOSITORY / "build" / "release" / "bin" / "dit-eval")
    return parser.parse_args()


def pairs(settings):
    """(method, theirs, package, ours) for every setting; either side may be missing."""
    methods = {}
    for setting in settings:
        method, _, package = setting["row"].rpartition(", ")
        methods.setdefault(method, {}).setdefault(package, []).append(setting)
    for method, packages in methods.items():
        ours = packages.pop(OURS, [])
        for package, theirs in packages.items():
            for k in range(max(len(theirs), len(ours))):
                yield method, theirs[k] if k < len(theirs) else None, package, ours[k] if k < len(ours) else None


def score(setting, metric, layout):
    return layout.format(setting["scores"][metric]["mean"]) if setting and metric in setting["scores"] else ""


def table(rows):
    """A line for each setting: computed units, measured speed-up and scores, theirs / Ditto's."""
    shown = [metric for metric in METRICS if any(side and metric[0] in side["scores"] for row in rows for side in (row[1], row[3]))]
    head = ["method", "their setting", "Ditto's", "units", "speed-up"] + [name for _, name, _ in shown]
    lines = [head, ["---"] * len(head)]

    def both(theirs, ours, text):
        return f"{text(theirs) if theirs else '-'} / {text(ours) if ours else '-'}"

    for method, theirs, package, ours in rows:
        cells = [f"{method} ({package})"] + [f"`{side['cache']}`" if side else "" for side in (theirs, ours)]
        cells += [both(theirs, ours, lambda side: f"{side['computed']:.0%}"), both(theirs, ours, lambda side: f"{side['speedup']:.2f}x")]
        cells += [both(theirs, ours, lambda side, m=metric, f=layout: score(side, m, f)) for metric, _, layout in shown]
        lines.append(cells)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def ticks(low, high, step):
    first = -(-low // step) * step
    return [first + k * step for k in range(int((high - first) / step) + 1)]


def plot(rows):
    """PSNR over measured speed-up: theirs hollow, Ditto's filled, a line from one to the other."""
    rows = [row for row in rows if row[1] and row[3] and row[0] != "full compute"]
    if not rows:
        sys.exit("no row has both sides: nothing to plot")
    points = [(side["speedup"], side["scores"]["psnr"]["mean"]) for row in rows for side in (row[1], row[3])]
    left, right = 1.0, max(x for x, _ in points) + 0.2
    low, high = min(y for _, y in points) - 2, max(y for _, y in points) + 2

    def place(side):
        x = LEFT + (side["speedup"] - left) / (right - left) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (side["scores"]["psnr"]["mean"] - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return x, y

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             f'<text x="{LEFT}" y="18">PSNR to its own full compute over measured speed-up: hollow the peer, filled Ditto</text>']
    for value in ticks(left, right, 0.5):
        x = LEFT + (value - left) / (right - left) * (WIDTH - LEFT - RIGHT)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>'
                     f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{value:g}x</text>')
    for value in ticks(low, high, 5):
        y = HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e4e4e4"/>'
                     f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g} dB</text>')
    methods = list(dict.fromkeys(row[0] for row in rows))
    for method, theirs, _, ours in rows:
        colour = COLOURS[methods.index(method) % len(COLOURS)]
        (x1, y1), (x2, y2) = place(theirs), place(ours)
        parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-opacity="0.5"/>'
                     f'<circle cx="{x1:.1f}" cy="{y1:.1f}" r="5" fill="white" stroke="{colour}" stroke-width="2"/>'
                     f'<circle cx="{x2:.1f}" cy="{y2:.1f}" r="5" fill="{colour}"/>')
    for k, method in enumerate(methods):
        y = TOP + 14 + 18 * k
        parts.append(f'<circle cx="{WIDTH - RIGHT - 140}" cy="{y - 4}" r="5" fill="{COLOURS[k % len(COLOURS)]}"/>'
                     f'<text x="{WIDTH - RIGHT - 128}" y="{y}">{html.escape(method)}</text>')
    return "\n".join(parts + ["</svg>", ""])


def main():
    options = arguments()
    command = [options.program.resolve(), "report", options.results, "--json"]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    rows = list(pairs([json.loads(line) for line in lines]))
    text = table(rows)
    (options.results / "peers.md").write_text(text)
    (options.results / "peers.svg").write_text(plot(rows))
    print(text, end="")


if __name__ == "__main__":
    main()
