"""The peers' caches with the settings that are compared: what switches each on, and what to call it.

Rows are "<method>, <package>"; Ditto's rows of the scenario are "<method>, Ditto", with their settings in the same order.
"""
import cache_dit
import torch
from diffusers import FirstBlockCacheConfig, MagCacheConfig, TaylorSeerCacheConfig
from diffusers.hooks import SeaCacheConfig

UNITS = [r"blocks\.\d+\.attn1", r"blocks\.\d+\.attn2", r"blocks\.\d+\.ffn"]


def hooked(config):
    """One of diffusers' hooks."""
    def enable(pipe):
        pipe.transformer.enable_cache(config)
    return enable


def dual_block(steps, order=None, separate=True, **settings):
    """cache-dit's DBCache, with a Taylor forecast of that order."""
    def enable(pipe):
        forecast = None if order is None else cache_dit.TaylorSeerCalibratorConfig(taylorseer_order=order)
        config = cache_dit.DBCacheConfig(num_inference_steps=steps, enable_separate_cfg=separate, **settings)
        cache_dit.enable_cache(pipe, cache_config=config, calibrator_config=forecast)
    return enable


def taylor(named=True, **settings):
    """diffusers' TaylorSeer; without the names of Wan's modules it finds none."""
    return hooked(TaylorSeerCacheConfig(taylor_factors_dtype=torch.float32, cache_identifiers=UNITS if named else None, **settings))


def magnitude(ratios, steps, threshold):
    """diffusers' MagCache with measured ratios."""
    return hooked(MagCacheConfig(threshold=threshold, max_skip_steps=3, retention_ratio=0.2, num_inference_steps=steps, mag_ratios=torch.tensor(ratios)))


def methods(steps, ratios):
    """Row, setting and switch of everything that is compared."""
    one = dict(Fn_compute_blocks=1, Bn_compute_blocks=0, max_warmup_steps=4)
    return [
        ("FirstBlockCache, diffusers", "threshold=0.05", hooked(FirstBlockCacheConfig(threshold=0.05))),
        ("FirstBlockCache, diffusers", "threshold=0.1", hooked(FirstBlockCacheConfig(threshold=0.1))),
        ("TaylorSeer, diffusers", "interval=2 order=1 first=3", taylor(cache_interval=2, disable_cache_before_step=3, max_order=1)),
        ("TaylorSeer, diffusers", "interval=5 order=1 first=3", taylor(cache_interval=5, disable_cache_before_step=3, max_order=1)),
        ("MagCache, diffusers", "threshold=0.03", magnitude(ratios, steps, 0.03)),
        ("MagCache, diffusers", "threshold=0.06", magnitude(ratios, steps, 0.06)),
        ("SeaCache, diffusers", "defaults (0.25, order 1)", hooked(SeaCacheConfig())),
        ("SeaCache, diffusers", "threshold=0.4 order=0 first=5", hooked(SeaCacheConfig(threshold=0.4, residual_order=0, retention_steps=5,
                                                                                      max_consecutive_cached=0))),
        ("DBCache, cache-dit", "F1B0 W4 0.08", dual_block(steps, residual_diff_threshold=0.08, **one)),
        ("DBCache, cache-dit", "defaults (F8B0 W8 0.08)", dual_block(steps)),
        ("DBCache + Taylor, cache-dit", "F1B0 W4 0.08 order 1", dual_block(steps, order=1, residual_diff_threshold=0.08, **one)),
    ]
