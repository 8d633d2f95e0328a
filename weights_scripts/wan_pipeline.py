"""WanPipeline as Ditto runs the same folder, with a clock around its denoising loop."""
import json
import time

import torch
from diffusers import AutoencoderKLWan, WanPipeline

TEXT_LENGTH = 512  # of WanPipeline, where the tokenizer names no smaller one


def published_guidance(folder):
    """The guidance that the folder's ditto.json names; WanPipeline's own default where it has none."""
    path = folder / "ditto.json"
    return json.loads(path.read_text())["defaults"].get("guidance", 5.0) if path.exists() else 5.0


class TimedPipeline:
    """The codec in fp32, the rest in one dtype, prompts of the tokenizer's length; the first network call starts the clock."""

    def __init__(self, folder, dtype):
        vae = AutoencoderKLWan.from_pretrained(folder / "vae", dtype=torch.float32)
        self.pipe = WanPipeline.from_pretrained(folder, vae=vae, dtype={"fp32": torch.float32, "bf16": torch.bfloat16}[dtype])
        self.pipe.set_progress_bar_config(disable=True)
        config = json.loads((folder / "tokenizer" / "tokenizer_config.json").read_text())
        self.text_length = min(config.get("model_max_length", TEXT_LENGTH), TEXT_LENGTH)
        self.started = None
        self.pipe.transformer.register_forward_pre_hook(self._start)

    def _start(self, *_):
        if self.started is None:
            self.started = time.perf_counter()

    def run(self, seed, step_ended=lambda index, values: None, **arguments):
        """What the pipeline makes, and the seconds from the first network call to the end of the last solver step.

        `step_ended(index, values)` is called after every step, outside the clock of the last.
        """
        self.started, ends = None, []

        def ended(_, index, timestep, values):
            ends[:] = [time.perf_counter()]
            step_ended(index, values)
            return values

        frames = self.pipe(generator=torch.Generator().manual_seed(seed), callback_on_step_end=ended, **arguments).frames
        return frames, ends[0] - self.started
