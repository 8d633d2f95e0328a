"""Measure dit-gen against diffusers' eager pipeline: the same folder, prompt, seeds, steps and threads.

    python weights_scripts/benchmark/compare_diffusers.py --threads 1
    python weights_scripts/benchmark/compare_diffusers.py --sizes 64 --dtypes bf16 --repetitions 9 --require 1.5

Only the denoising loop is timed. Each repetition runs diffusers and dit-gen one after the other, in turning order, on the same seeds and drops the
first clip of each, so that both are warm and both see the same load of the machine. The table gives medians over all timed clips, their range, the
ratio of the medians, and the largest difference of the final latents relative to their largest value (both sides must do the same work).
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TEXT_LENGTH_DEFAULT = 512


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=REPOSITORY / "models" / "wan-mini", help="a diffusers folder")
    parser.add_argument("--program", type=pathlib.Path, default=REPOSITORY / "build" / "release" / "bin" / "dit-gen")
    parser.add_argument("--prompt", default="a large red ring moving left on a white background")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128], help="edge of the square frame in pixels")
    parser.add_argument("--frames", type=int, default=17)
    parser.add_argument("--dtypes", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="clips of one repetition; the first is a warm-up")
    parser.add_argument("--diffusers-only", action="store_true", help="time diffusers alone")
    parser.add_argument("--require", type=float, metavar="RATIO", help="exit with 1 if any ratio is below this")
    options = parser.parse_args()
    if len(options.seeds) < 2:
        parser.error("--seeds: at least two are needed, the first is a warm-up")
    if not options.diffusers_only and not options.program.is_file():
        parser.error(f"--program: {options.program} does not exist; build it, or give --diffusers-only")
    return options


class Diffusers:
    """WanPipeline in eager mode, prompt already encoded."""

    def __init__(self, options, dtype):
        import torch
        from diffusers import AutoencoderKLWan, WanPipeline

        self.options, self.torch = options, torch
        vae = AutoencoderKLWan.from_pretrained(options.model / "vae", torch_dtype=torch.float32)
        precision = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
        self.pipe = WanPipeline.from_pretrained(options.model, vae=vae, torch_dtype=precision)
        self.pipe.set_progress_bar_config(disable=True)
        config = json.loads((options.model / "tokenizer" / "tokenizer_config.json").read_text())
        length = min(config.get("model_max_length", TEXT_LENGTH_DEFAULT), TEXT_LENGTH_DEFAULT)
        with torch.no_grad():
            self.embeddings = self.pipe.encode_prompt(options.prompt, "", max_sequence_length=length)
        self.started = None
        self.pipe.transformer.register_forward_pre_hook(self._start)

    def _start(self, *_):
        if self.started is None:
            self.started = time.perf_counter()

    def run(self, size, seed):
        """Seconds from the first network call to the end of the last solver step, and the final latents."""
        torch, seconds = self.torch, []
        self.started = None

        def step_ended(_, index, timestep, values):
            seconds[:] = [time.perf_counter() - self.started]
            return values

        positive, negative = self.embeddings
        latents = self.pipe(prompt_embeds=positive, negative_prompt_embeds=negative, height=size, width=size, num_frames=self.options.frames,
                            num_inference_steps=self.options.steps, guidance_scale=self.options.guidance, output_type="latent",
                            generator=torch.Generator().manual_seed(seed), callback_on_step_end=step_ended).frames
        return seconds[0], latents.float()


class DitGen:
    """One process of dit-gen per repetition, called through its contract: `--json`, one `done` line a job."""

    def __init__(self, options, dtype):
        self.options, self.dtype = options, dtype

    def _call(self, size, seeds, *extra):
        o = self.options
        command = [o.program.resolve(), "-m", o.model.resolve(), "-p", o.prompt, "-s", ",".join(map(str, seeds)), "--size", f"{size}x{size}",
                   "--frames", o.frames, "--steps", o.steps, "--guidance", o.guidance, "--solver", "unipc", "--device", "cpu",
                   "--dtype", self.dtype, "--threads", o.threads, "--json", *extra]
        with tempfile.TemporaryDirectory() as folder:  # outputs take their default names there
            result = subprocess.run(list(map(str, command)), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if result.returncode != 0:
            raise SystemExit(f"{o.program}: exit code {result.returncode}\n{result.stderr}")
        events = [json.loads(line) for line in result.stdout.splitlines()]
        return [event["seconds"]["denoise"] for event in events if event["event"] == "done"]

    def run(self, size, seeds):
        """Denoise seconds of every job."""
        seconds = self._call(size, seeds)
        assert len(seconds) == len(seeds), f"{len(seconds)} jobs reported, {len(seeds)} asked for"
        return seconds

    def latents(self, size, seed):
        """Final latents of one job."""
        from safetensors.torch import load_file

        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "latents.safetensors"
            self._call(size, [seed], "--save-latents", path)
            return load_file(path)["latents"]


def measure(options, size, dtype):
    """All timed seconds of both sides and the difference of the latents (None where dit-gen is not run)."""
    peer, ours = Diffusers(options, dtype), None if options.diffusers_only else DitGen(options, dtype)
    _, reference = peer.run(size, options.seeds[0])
    difference = None
    if ours:
        latents = ours.latents(size, options.seeds[0])
        difference = float((latents - reference).abs().max() / reference.abs().max())
    seconds = {"diffusers": [], "dit-gen": []}

    def time_diffusers():
        seconds["diffusers"] += [peer.run(size, seed)[0] for seed in options.seeds][1:]

    def time_ours():
        if ours:
            seconds["dit-gen"] += ours.run(size, options.seeds)[1:]

    for repetition in range(options.repetitions):
        for part in ((time_diffusers, time_ours), (time_ours, time_diffusers))[repetition % 2]:
            part()
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
             f"threads: {options.threads}, OMP_WAIT_POLICY {os.environ['OMP_WAIT_POLICY']}",
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


def main():
    options = arguments()
    os.environ |= {"OMP_NUM_THREADS": str(options.threads), "OMP_WAIT_POLICY": "passive"}  # read once, when torch is loaded
    import torch
    from diffusers.utils import logging
    from transformers.utils import logging as text_logging

    torch.set_num_threads(options.threads)
    for library in (logging, text_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
    print("\n".join(circumstances(options)) + "\n", flush=True)
    print("| size | dtype | diffusers, s | dit-gen, s | ratio | latents differ by |\n|---|---|---|---|---|---|", flush=True)
    ratios = []
    for size in options.sizes:
        for dtype in options.dtypes:
            seconds, difference = measure(options, size, dtype)
            ratio = None
            if seconds["dit-gen"]:
                ratio = statistics.median(seconds["diffusers"]) / statistics.median(seconds["dit-gen"])
                ratios.append(ratio)
            print(f"| {size}x{size} | {dtype} | {cell(seconds['diffusers'])} | {cell(seconds['dit-gen'])} | "
                  f"{'-' if ratio is None else f'{ratio:.2f}'} | {'-' if difference is None else f'{difference:.1e}'} |", flush=True)
    return int(options.require is not None and (not ratios or min(ratios) < options.require))


if __name__ == "__main__":
    sys.exit(main())
