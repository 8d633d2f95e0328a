"""What goes wrong without a word: each observation is a run that could have gone right, said in one line with its figure."""
import contextlib

import methods
from pipeline import Pipeline, UnitCounter, discard

CANCELLED_AFTER = 10


def computed_share(session, enable, **request):
    """Share of the units computed in one clip of the first prompt, on a fresh pipeline."""
    pipeline = Pipeline(session.options)
    enable(pipeline.pipe)
    counter = UnitCounter(pipeline.pipe.transformer)
    pipeline.generate(session.options.settings["prompts"][0], session.options.settings.get("seeds", [42])[0], **request)
    counts = counter.stop()
    discard(pipeline)
    return counts["units_computed"] / counts["units_total"]


def after_a_cancelled_request(session, row, setting, enable):
    """Does a request after one that a step callback ended start afresh? Compared with the same request on a fresh pipeline."""
    first, second = session.options.settings["prompts"][:2]
    seed = session.options.settings.get("seeds", [42])[0]
    pipeline = Pipeline(session.options)
    enable(pipeline.pipe)
    with contextlib.suppress(InterruptedError):
        pipeline.generate(first, seed, stop_after=CANCELLED_AFTER)
    try:
        latents, _, _ = pipeline.generate(second, seed)
    except Exception as error:  # whatever the peer raises is the observation
        session.note(f"{row}: {setting}: the request after one that was cancelled raises {type(error).__name__}: {error}")
        return
    finally:
        discard(pipeline)
    expected = session.first[row, setting, second, seed]
    difference = ((latents - expected).abs().mean() / expected.abs().mean()).item()
    verdict = "equals" if latents.equal(expected) else f"differs by {difference:.2%} (mean absolute, relative) from"
    session.note(f"{row}: {setting}: the request after one cancelled at step {CANCELLED_AFTER} {verdict} the same request on a fresh pipeline")


def observe(session, chosen):
    """All of them, as notes of the session."""
    steps = session.options.settings["steps"]
    share = computed_share(session, methods.taylor(named=False, cache_interval=5, disable_cache_before_step=3))
    session.note(f"TaylorSeer, diffusers: without the names of Wan's modules {share:.0%} of the units are computed at interval 5")
    one = dict(Fn_compute_blocks=1, Bn_compute_blocks=0, max_warmup_steps=4, residual_diff_threshold=0.08)
    for separate in (True, False):
        share = computed_share(session, methods.dual_block(steps, separate=separate, **one))
        session.note(f"DBCache, cache-dit: enable_separate_cfg={separate} computes {share:.0%} of the units (F1B0 W4 0.08)")
    for row, setting, enable in chosen:
        after_a_cancelled_request(session, row, setting, enable)
