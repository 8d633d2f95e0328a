"""Makes the peers' clips of a scenario: frames, denoise seconds and computed units, for `dit-eval run --clips`.

    python weights_scripts/peers/clips.py eval/scenarios/peers-64.json OUT

Prompts, seeds, size, steps, guidance, dtype and threads are the scenario's; the initial noise is torch.randn with a CPU generator, as Ditto draws it.
For every method and prompt a fresh pipeline makes the clip once with its computed units counted (frames are of this run), then `--repetitions` times
against the clock, each beside a full computation in turning order. A timed run that does not repeat the first one's latents bit for bit is reported.
"""
import argparse
import json
import os
import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path, default=REPOSITORY / "models" / "wan-mini")
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--calibration-prompt", default="a small cyan circle moving left on a black background", help="for MagCache's ratios")
    parser.add_argument("--calibration-seed", type=int, default=2001)
    parser.add_argument("--only", help="rows that hold this text")
    options = parser.parse_args()
    options.settings = json.loads(options.scenario.read_text())
    if len(options.settings["prompts"]) < 2:
        parser.error(f"{options.scenario}: prompts: one; accepted: two or more, the second is asked for after a cancelled request")
    options.size = [int(edge) for edge in options.settings["size"].split("x")]
    return options


def about():
    """Versions, one line, for whoever reads the results."""
    import importlib.metadata as metadata

    return ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "diffusers", "cache-dit", "transformers"))


def main():
    options = arguments()
    threads = options.settings.get("threads", 1)
    os.environ |= {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive", "CACHE_DIT_LOG_LEVEL": "warning"}  # read once, when torch is loaded
    import torch
    from diffusers.utils import logging
    from transformers.utils import logging as text_logging

    torch.set_num_threads(threads)
    for library in (logging, text_logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
    import methods
    import observations
    from session import Session, calibrate

    settings = options.settings
    steps, seeds = settings["steps"], settings.get("seeds", [42])
    options.out.mkdir(parents=True, exist_ok=True)
    session = Session(options)
    ratios = calibrate(options, options.calibration_prompt, options.calibration_seed)
    (options.out / "magnitude_ratios.json").write_text(json.dumps(ratios) + "\n")
    chosen = [method for method in methods.methods(steps, ratios) if not options.only or options.only in method[0]]
    for prompt in settings["prompts"]:
        for seed in seeds:
            session.reference(prompt, seed)
            session.measure_full(prompt, seed)
            for row, setting, enable in chosen:
                session.measure(row, setting, enable, prompt, seed)
    observations.observe(session, chosen)
    (options.out / "about.txt").write_text(about() + "\n")
    (options.out / "observations.txt").write_text("".join(f"{note}\n" for note in session.notes))


if __name__ == "__main__":
    main()
