"""Measure dit-gen against diffusers, eager and compiled: the same folder, prompt, seeds, steps and threads.

    python weights_scripts/benchmark/compare_diffusers.py --threads 1 2 --compile
    python weights_scripts/benchmark/compare_diffusers.py --sizes 64 --dtypes bf16 --repetitions 9 --require 1.5

The denoising loop and the decoder are timed, nothing else. Each repetition runs all programs one after the other, in turning order, on the same seeds
and drops the first clip of each, so that all are warm and all see the same load of the machine; compiling is done before. The table gives medians over
all timed clips, their range, how many times as fast as diffusers dit-gen is by the medians, and the largest difference of the final latents from eager
diffusers' relative to their largest value (all must do the same work). The codec is fp32 whatever the dtype of the transformer.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=REPOSITORY / "models" / "wan-mini", help="a diffusers folder")
    parser.add_argument("--program", type=pathlib.Path, default=REPOSITORY / "build" / "release" / "bin" / "dit-gen")
    parser.add_argument("--prompt", default="a large red ring moving left on a white background")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128], help="edge of the square frame in pixels")
    parser.add_argument("--frames", type=int, default=17)
    parser.add_argument("--dtypes", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, help="default: the one that the folder publishes")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="clips of one repetition; the first is a warm-up")
    parser.add_argument("--compile", action="store_true", help="time diffusers with its transformer under torch.compile, too")
    parser.add_argument("--diffusers-only", action="store_true", help="time diffusers alone")
    parser.add_argument("--require", type=float, metavar="RATIO", help="exit with 1 if any ratio is below this")
    options = parser.parse_args()
    if len(options.seeds) < 2:
        parser.error("--seeds: at least two are needed, the first is a warm-up")
    if not options.diffusers_only and not options.program.is_file():
        parser.error(f"--program: {options.program} does not exist; build it, or give --diffusers-only")
    return options


def measure(options, size, dtype, threads):
    """All timed seconds by program and phase, and the largest difference of the latents from diffusers' (None where dit-gen is not run)."""
    from contestants import Diffusers, DitGen

    peer, ours = Diffusers(options, dtype), None if options.diffusers_only else DitGen(options, dtype, threads)
    _, reference = peer.denoise(size, options.seeds[0])
    difference = float((ours.latents(size, options.seeds[0]) - reference).abs().max() / reference.abs().max()) if ours else None
    seconds = {"eager": [], "compiled": [], "dit-gen": [], "decode eager": [], "decode dit-gen": []}

    def time_eager():
        seconds["eager"] += [peer.denoise(size, seed)[0] for seed in options.seeds][1:]
        seconds["decode eager"] += [peer.decode(reference) for _ in options.seeds][1:]

    def time_compiled():
        seconds["compiled"] += [peer.denoise(size, seed, compiled=True)[0] for seed in options.seeds][1:]

    def time_ours():
        jobs = ours.seconds(size, options.seeds)[1:]
        seconds["dit-gen"] += [job["denoise"] for job in jobs]
        seconds["decode dit-gen"] += [job["decode"] for job in jobs]

    parts = [time_eager]
    if options.compile:
        peer.denoise(size, options.seeds[0], compiled=True, steps=2)  # compiles
        parts.append(time_compiled)
    if ours:
        parts.append(time_ours)
    for repetition in range(options.repetitions):
        for turn in range(len(parts)):
            parts[(repetition + turn) % len(parts)]()
    return seconds, difference


def output_of(*command):
    """First line a command prints, or a question mark."""
    try:
        lines = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=REPOSITORY).stdout.splitlines()
    except OSError:
        lines = []
    return lines[0] if lines else "?"


def processor():
    """The CPU's name, model number and the vector extensions that decide the speed."""
    info = {}
    if os.path.exists("/proc/cpuinfo"):
        for line in open("/proc/cpuinfo"):
            key, _, value = line.partition(":")
            info.setdefault(key.strip(), value.strip())
    flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in info.get("flags", "").split()]
    return f"{info.get('model name', platform.processor())}, family {info.get('cpu family', '?')} model {info.get('model', '?')}, {' '.join(flags)}"


def circumstances(options):
    """What the figures depend on, one line each."""
    import diffusers
    import torch

    dirty = " with local changes" if output_of("git", "status", "--porcelain", "--untracked-files=no") != "?" else ""
    lines = [f"CPU: {processor()}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}",
             f"threads: {' '.join(map(str, options.threads))}; OMP_WAIT_POLICY {os.environ['OMP_WAIT_POLICY']}",
             f"torch {torch.__version__}, diffusers {diffusers.__version__}, Python {platform.python_version()}",
             f"commit: {output_of('git', 'rev-parse', '--short=12', 'HEAD')}{dirty}",
             f"model: {options.model.name}, {options.frames} frames, {options.steps} steps, guidance {options.guidance:g}; "
             f"{options.repetitions} repetitions x {len(options.seeds) - 1} timed clips"]
    if not options.diffusers_only:
        lines.insert(3, f"dit-gen: {output_of(options.program.resolve(), '--version')}")
    return lines


def cell(seconds):
    """Median and range."""
    return f"{statistics.median(seconds):.3f} ({min(seconds):.3f}-{max(seconds):.3f})" if seconds else "-"


def row(options, name, eager, compiled, ours, difference=None):
    """Prints one line of the table; returns how many times as fast as diffusers, eager and compiled, dit-gen is (None where one was not run)."""
    ratios = [statistics.median(peer) / statistics.median(ours) if peer and ours else None for peer in (eager, compiled)]
    texts = [cell(eager), cell(compiled), cell(ours), *("-" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
             "-" if difference is None else f"{difference:.1e}"]
    print(f"| {name} | {' | '.join(texts)} |", flush=True)
    return [ratio for ratio in ratios if ratio is not None]


def compare(options, threads):
    """Prints the rows of one number of threads and returns their ratios."""
    import torch

    torch.set_num_threads(threads)
    torch._dynamo.reset()  # compiled code knows the number of threads
    ratios = []
    for size in options.sizes:
        decodes = {"decode eager": [], "decode dit-gen": []}
        for dtype in options.dtypes:
            seconds, difference = measure(options, size, dtype, threads)
            for name, values in decodes.items():
                values += seconds[name]
            ratios += row(options, f"{threads} | {size}x{size} | denoise {dtype}", seconds["eager"], seconds["compiled"], seconds["dit-gen"], difference)
        ratios += row(options, f"{threads} | {size}x{size} | decode fp32", decodes["decode eager"], [], decodes["decode dit-gen"])
    return ratios


def main():
    options = arguments()
    os.environ |= {"OMP_NUM_THREADS": str(max(options.threads)), "OMP_WAIT_POLICY": "passive"}  # read once, when torch is loaded
    from diffusers.utils import logging
    from transformers.utils import logging as text_logging

    sys.path.insert(0, str(REPOSITORY / "weights_scripts"))
    from wan_pipeline import published_guidance

    for library in (logging, text_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
    if options.guidance is None:
        options.guidance = published_guidance(options.model)
    print("\n".join(circumstances(options)) + "\n", flush=True)
    print("| threads | size | phase | eager, s | compiled, s | dit-gen, s | times eager | times compiled | latents differ by |\n"
          "|---|---|---|---|---|---|---|---|---|", flush=True)
    ratios = [ratio for threads in options.threads for ratio in compare(options, threads)]
    return int(options.require is not None and (not ratios or min(ratios) < options.require))


if __name__ == "__main__":
    sys.exit(main())
