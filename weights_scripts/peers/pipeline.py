"""WanPipeline with a clock and a counter of what it computed."""
import contextlib
import gc
import pathlib
import sys

import cache_dit
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from wan_pipeline import TimedPipeline, published_guidance  # noqa: E402


class Pipeline(TimedPipeline):
    """WanPipeline in eager mode on the requests of a scenario."""

    def __init__(self, options):
        super().__init__(options.model, options.settings.get("dtype", "fp32"))
        self.options = options
        self.guidance = options.settings.get("guidance", published_guidance(options.model))

    def generate(self, prompt, seed, decode=False, stop_after=None):
        """Final latents, seconds from the first network call to the end of the last solver step, and uint8 frames."""
        settings, latents = self.options.settings, []

        def step_ended(index, values):
            latents[:] = [values["latents"].float()]
            if stop_after is not None and index + 1 == stop_after:
                raise InterruptedError

        frames, seconds = self.run(seed, step_ended, prompt=prompt, negative_prompt="", width=self.options.size[0], height=self.options.size[1],
                                   num_frames=settings.get("frames", 17), num_inference_steps=settings["steps"],
                                   guidance_scale=self.guidance, max_sequence_length=self.text_length,
                                   output_type="np" if decode else "latent")
        pixels = (torch.from_numpy(frames[0]) * 255).round().to(torch.uint8) if decode else None
        return latents[0], seconds, pixels


class UnitCounter:
    """Counts the units (attentions, feed-forwards) whose first product ran, whatever a cache says of itself."""

    def __init__(self, transformer):
        self.calls, self.units, self.running = 0, 0, False
        self.branch_steps = 0
        self.handles = [transformer.register_forward_pre_hook(self._call)]
        for block in transformer.blocks:
            for product in (block.attn1.to_q, block.attn2.to_q, block.ffn.net[0].proj):
                self.handles.append(product.register_forward_pre_hook(self._unit))
        self.per_call = 3 * len(transformer.blocks)

    def _call(self, *_):
        self.calls, self.running = self.calls + 1, False

    def _unit(self, *_):
        self.units += 1
        self.branch_steps += not self.running
        self.running = True

    def stop(self):
        for handle in self.handles:
            handle.remove()
        return {"units_computed": self.units, "units_total": self.calls * self.per_call, "branch_steps_computed": self.branch_steps,
                "branch_steps_total": self.calls}


def discard(pipeline):
    """cache-dit keeps its contexts by the identity of the pipeline, so it has to be gone before the next one is made."""
    with contextlib.suppress(Exception):
        cache_dit.disable_cache(pipeline.pipe)
    del pipeline.pipe
    gc.collect()
