"""Whole-clip evaluation of diffusers' AutoencoderKLWan.

diffusers encodes and decodes chunk by chunk with a feature cache.  The functions here run every layer once on all
frames, which is the same function and several times faster for short clips, and lets gradients through.
"""
import hashlib

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan

VAE_CONFIG = dict(z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=1, temperal_downsample=[False, True, True])


def build_vae(base_dim):
    """A miniature codec with diffusers' initial weights."""
    return AutoencoderKLWan(base_dim=base_dim, **VAE_CONFIG)


def initialise(vae):
    """Unit-gain kernels and residual branches that start at zero."""
    for name, module in vae.named_modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Conv3d)):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            torch.nn.init.zeros_(module.bias)
            if name.endswith("conv2"):
                torch.nn.init.zeros_(module.weight)
    return vae


def channels_last(module):
    """Store convolution weights channels-last, the fast layout on a CPU."""
    for parameter in module.parameters():
        if parameter.dim() in (4, 5) and parameter.shape[2:].numel() > 1:
            layout = torch.channels_last if parameter.dim() == 4 else torch.channels_last_3d
            parameter.data = parameter.data.contiguous(memory_format=layout)
    return module


def _norm(norm, x):
    """diffusers' WanRMS_norm over channels, in fp32."""
    scale = torch.rsqrt(x.float().square().mean(1, keepdim=True) + 1e-12)
    return (x.float() * scale * norm.gamma.float()).to(x.dtype)


def _rows_norm_silu(rows, gamma):
    """RMS norm and SiLU of pixel rows [N, C]."""
    scale = torch.rsqrt(rows.float().square().mean(1, keepdim=True) + 1e-12)
    return F.silu(rows.float() * scale * gamma).to(rows.dtype)


def enable_compile():
    """Fuse norm and activation; worth about a third of the time on a CPU."""
    global _rows_norm_silu
    torch._dynamo.config.automatic_dynamic_shapes = False
    torch._dynamo.config.recompile_limit = 64
    _rows_norm_silu = torch.compile(_rows_norm_silu)


def _norm_silu(norm, x):
    rows = x.permute(0, 2, 3, 4, 1)  # a view for channels-last clips
    shape = rows.shape
    rows = rows.reshape(-1, shape[-1])
    torch._dynamo.mark_dynamic(rows, 0)
    return _rows_norm_silu(rows, norm.gamma.flatten()).reshape(shape).permute(0, 4, 1, 2, 3)


def _conv(conv, x):
    """WanCausalConv3d on a whole clip: zero frames in front instead of a cache."""
    left, right, top, bottom, front, _ = conv._padding
    if front:
        x = F.pad(x, (0, 0, 0, 0, front, 0))
    return F.conv3d(x, conv.weight, conv.bias, conv.stride, (0, top, left))


def _resnet(block, x):
    shortcut = x if isinstance(block.conv_shortcut, torch.nn.Identity) else _conv(block.conv_shortcut, x)
    x = _conv(block.conv1, _norm_silu(block.norm1, x))
    x = _conv(block.conv2, _norm_silu(block.norm2, x))
    return x + shortcut


def _frames(x):
    """[B, C, T, H, W] -> [B T, C, H, W]."""
    return x.transpose(1, 2).flatten(0, 1)


def _unframes(x, batch):
    """[B T, C, H, W] -> [B, C, T, H, W]."""
    return x.unflatten(0, (batch, -1)).transpose(1, 2)


def _attention(block, x):
    """Single-head attention within each frame."""
    batch, channels, _, height, width = x.shape
    y = _norm(block.norm, _frames(x))
    q, k, v = F.conv2d(y, block.to_qkv.weight, block.to_qkv.bias).flatten(2).transpose(1, 2).chunk(3, -1)
    y = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
    y = y.transpose(1, 2).unflatten(2, (height, width))
    return x + _unframes(F.conv2d(y, block.proj.weight, block.proj.bias), batch)


def _mid(block, x):
    return _resnet(block.resnets[1], _attention(block.attentions[0], _resnet(block.resnets[0], x)))


def _resample(layer, x):
    """WanResample: spatial factor 2, and temporal factor 2 in the 3d modes; the first frame stays alone."""
    batch = x.shape[0]
    if layer.mode == "upsample3d" and x.shape[2] > 1:
        later = _conv(layer.time_conv, x[:, :, 1:])
        later = torch.stack(later.chunk(2, 1), 3).flatten(2, 3)
        x = torch.cat([x[:, :, :1], later], 2)
    conv = layer.resample[1]
    y = _frames(x)
    if layer.mode.startswith("up"):
        y = F.interpolate(y, scale_factor=2.0, mode="nearest-exact")
        y = F.conv2d(y, conv.weight, conv.bias, padding=1)
    else:
        y = F.conv2d(F.pad(y, (0, 1, 0, 1)), conv.weight, conv.bias, stride=2)
    y = _unframes(y, batch)
    if layer.mode == "downsample3d" and y.shape[2] > 1:
        y = torch.cat([y[:, :, :1], _conv(layer.time_conv, y)], 2)
    return y


def _head(part, x):
    return _conv(part.conv_out, _norm_silu(part.norm_out, x))


def encode(vae, video):
    """Posterior mean and log-variance of clips [B, 3, 4k+1, H, W]."""
    x = _conv(vae.encoder.conv_in, video)
    for layer in vae.encoder.down_blocks:
        x = _resample(layer, x) if hasattr(layer, "resample") else _resnet(layer, x)
    mean, logvar = _conv(vae.quant_conv, _head(vae.encoder, _mid(vae.encoder.mid_block, x))).chunk(2, 1)
    return mean, logvar.clamp(-30, 20)


def decode(vae, latents):
    """Clips (not clamped) of unnormalised latents [B, z, k+1, h, w]."""
    x = _conv(vae.decoder.conv_in, _conv(vae.post_quant_conv, latents))
    x = _mid(vae.decoder.mid_block, x)
    for block in vae.decoder.up_blocks:
        for resnet in block.resnets:
            x = _resnet(resnet, x)
        if block.upsamplers is not None:
            x = _resample(block.upsamplers[0], x)
    return _head(vae.decoder, x)


def encoder_hash(vae):
    """SHA-256 of the latents' statistics and the encoder's weights in the order of their names: latents belong to both."""
    digest = hashlib.sha256(str([vae.config.latents_mean, vae.config.latents_std]).encode())
    for name, value in sorted(vae.state_dict().items()):
        if name.startswith(("encoder.", "quant_conv.")):
            digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()
