"""Measures one method after another, each beside full compute, and keeps what `dit-eval run --clips` reads."""
import contextlib
import hashlib
import io
import json
import statistics
import sys

from diffusers import MagCacheConfig
from safetensors.torch import save_file

from pipeline import Pipeline, UnitCounter, discard

FULL = "full compute, diffusers"


def quietly(action, *positional, **named):
    """What an action returns and what it printed."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        result = action(*positional, **named)
    return result, text.getvalue()


def calibrate(options, prompt, seed):
    """MagCache's ratios, as its own calibration prints them: the list of the branch that ends first, which is the conditional one."""
    pipeline = Pipeline(options)
    pipeline.pipe.transformer.enable_cache(MagCacheConfig(calibrate=True, num_inference_steps=options.settings["steps"]))
    _, text = quietly(pipeline.generate, prompt, seed)
    lists = [json.loads(line) for line in text.splitlines() if line.startswith("[") and line.endswith("]")]
    return lists[0]


class Session:
    """Everything one scenario needs: full compute kept beside whatever is measured."""

    def __init__(self, options):
        self.options = options
        self.full = Pipeline(options)
        self.references, self.first, self.notes = {}, {}, []
        (options.out / "frames").mkdir(parents=True, exist_ok=True)
        self.list = options.out / "clips.jsonl"
        self.list.write_text("")

    def keep(self, name, frames):
        path = f"frames/{hashlib.sha256(name.encode()).hexdigest()[:16]}.safetensors"
        save_file({"frames": frames.contiguous()}, self.options.out / path, metadata={"clip": name})
        return path

    def note(self, text):
        self.notes.append(text)
        print(text, file=sys.stderr, flush=True)

    def reference(self, prompt, seed):
        """Latents and frames of full compute; the first call of a prompt makes them."""
        if (prompt, seed) not in self.references:
            counter = UnitCounter(self.full.pipe.transformer)
            latents, _, frames = self.full.generate(prompt, seed, decode=True)
            self.references[prompt, seed] = latents, self.keep(f"full\n{prompt}\n{seed}", frames), counter.stop()
        return self.references[prompt, seed]

    def record(self, row, setting, prompt, seed, seconds, full_seconds, counts, frames, reference):
        line = {"row": row, "cache": setting, "prompt": prompt, "seed": seed, "seconds": statistics.median(seconds),
                "full_seconds": statistics.median(full_seconds), **counts, "cache_bytes": -1, "frames": frames, "reference": reference}
        with self.list.open("a") as file:
            file.write(json.dumps(line) + "\n")
        share = counts["units_computed"] / counts["units_total"]
        print(f"{row}: {setting}: {line['full_seconds'] / line['seconds']:.2f}x at {share:.0%} of the units", file=sys.stderr, flush=True)

    def time_full(self, prompt, seed):
        latents, seconds, _ = self.full.generate(prompt, seed)
        if not latents.equal(self.references[prompt, seed][0]):
            self.note(f"full compute of '{prompt}' changed while another pipeline had a cache")
        return seconds

    def measure_full(self, prompt, seed):
        _, frames, counts = self.reference(prompt, seed)
        pairs = [(self.time_full(prompt, seed), self.time_full(prompt, seed)) for _ in range(self.options.repetitions)]
        self.record(FULL, "none", prompt, seed, [b for _, b in pairs], [a for a, _ in pairs], counts, frames, frames)

    def measure(self, row, setting, enable, prompt, seed):
        _, reference, _ = self.reference(prompt, seed)
        cached = Pipeline(self.options)
        enable(cached.pipe)
        counter = UnitCounter(cached.pipe.transformer)
        first, _, frames = cached.generate(prompt, seed, decode=True)
        counts = counter.stop()
        self.first[row, setting, prompt, seed] = first
        path = self.keep(f"{row}\n{setting}\n{prompt}\n{seed}", frames)
        seconds, full_seconds = [], []

        def time_cached():
            latents, elapsed, _ = cached.generate(prompt, seed)
            seconds.append(elapsed)
            if not latents.equal(first):
                self.note(f"{row}: {setting}: a second request on the same pipeline gives other latents than the first ('{prompt}')")

        def time_full():
            full_seconds.append(self.time_full(prompt, seed))

        for repetition in range(self.options.repetitions):
            for part in ((time_full, time_cached), (time_cached, time_full))[repetition % 2]:
                part()
        self.record(row, setting, prompt, seed, seconds, full_seconds, counts, path, reference)
        discard(cached)
