"""The programs that compare_diffusers.py times on the same clips: diffusers, eager or compiled, and dit-gen."""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from wan_pipeline import TimedPipeline  # noqa: E402


class Diffusers(TimedPipeline):
    """WanPipeline with its prompt already encoded."""

    def __init__(self, options, dtype):
        super().__init__(options.model, dtype)
        self.options = options
        with torch.no_grad():
            self.embeddings = self.pipe.encode_prompt(options.prompt, "", max_sequence_length=self.text_length)
        self.eager = self.pipe.transformer.forward
        # The whole transformer in one graph for the sizes at hand: compiled by the first call.
        self.compiled = torch.compile(self.eager, fullgraph=True, dynamic=False)

    def denoise(self, size, seed, compiled=False, steps=None):
        """Seconds from the first network call to the end of the last solver step, and the final latents."""
        self.pipe.transformer.forward = self.compiled if compiled else self.eager
        positive, negative = self.embeddings
        latents, seconds = self.run(seed, prompt_embeds=positive, negative_prompt_embeds=negative, height=size, width=size,
                                    num_frames=self.options.frames, num_inference_steps=steps or self.options.steps,
                                    guidance_scale=self.options.guidance, output_type="latent")
        return seconds, latents.float()

    def decode(self, latents):
        """Seconds from latents to pixels."""
        with torch.no_grad():
            begin = time.perf_counter()
            self.pipe.vae.decode(latents, return_dict=False)
            return time.perf_counter() - begin


class DitGen:
    """dit-gen through its contract: `--json`, one `done` line a job."""

    def __init__(self, options, dtype, threads):
        self.options, self.dtype, self.threads = options, dtype, threads

    def seconds(self, size, seeds, *extra):
        """The seconds of every phase, one entry a job."""
        o = self.options
        command = [o.program.resolve(), "-m", o.model.resolve(), "-p", o.prompt, "-s", ",".join(map(str, seeds)), "--size", f"{size}x{size}",
                   "--frames", o.frames, "--steps", o.steps, "--guidance", o.guidance, "--solver", "unipc", "--device", "cpu",
                   "--dtype", self.dtype, "--threads", self.threads, "--json", *extra]
        with tempfile.TemporaryDirectory() as folder:  # outputs take their default names there
            result = subprocess.run(list(map(str, command)), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if result.returncode != 0:
            raise SystemExit(f"{o.program}: exit code {result.returncode}\n{result.stderr}")
        events = [json.loads(line) for line in result.stdout.splitlines()]
        jobs = [event["seconds"] for event in events if event["event"] == "done"]
        assert len(jobs) == len(seeds), f"{len(jobs)} jobs reported, {len(seeds)} asked for"
        return jobs

    def latents(self, size, seed):
        """Final latents of one job."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "latents.safetensors"
            self.seconds(size, [seed], "--save-latents", path)
            return load_file(path)["latents"]
