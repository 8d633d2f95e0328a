"""Fast training forward of diffusers' WanTransformer3DModel.

The parameters live in the diffusers modules, so exporting is save_pretrained.  The forward here is the same function
on token matrices: fused q/k/v products, one compiled function for all blocks, bf16 products around an fp32 residual.
"""
import torch
import torch.nn.functional as F
from diffusers import WanTransformer3DModel

import text


def build_transformer(layers, heads, head_dim=32):
    """A Wan 2.1 text-to-video transformer of width heads * head_dim."""
    return WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=heads, attention_head_dim=head_dim, in_channels=16, out_channels=16,
        text_dim=text.DIM, freq_dim=256, ffn_dim=4 * heads * head_dim, num_layers=layers, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=1024,
    )


def to_tokens(latents):
    """[B, C, F, H, W] -> [B, N, 4C], patch elements ordered (row, column, channel) as in proj_out."""
    batch, channels, frames, height, width = latents.shape
    patches = latents.reshape(batch, channels, frames, height // 2, 2, width // 2, 2).permute(0, 2, 3, 5, 4, 6, 1)
    return patches.reshape(batch, frames * height * width // 4, 4 * channels)


def from_tokens(tokens, frames, height, width):
    """The inverse of to_tokens."""
    batch, _, elements = tokens.shape
    grid = tokens.reshape(batch, frames, height // 2, width // 2, 2, 2, elements // 4)
    return grid.permute(0, 6, 1, 2, 4, 3, 5).reshape(batch, elements // 4, frames, height, width)


def rope_table(head_dim, frames, height, width):
    """cos and sin [N, head_dim / 2] of the token grid (frames, height / 2, width / 2)."""
    axis = 2 * (head_dim // 6)
    parts = []
    for size, dim, view in ((frames, head_dim - 2 * axis, (-1, 1, 1)), (height // 2, axis, (1, -1, 1)), (width // 2, axis, (1, 1, -1))):
        omega = 10000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
        angle = torch.outer(torch.arange(size, dtype=torch.float64), omega)
        parts.append(angle.view(*view, dim // 2).expand(frames, height // 2, width // 2, -1))
    angle = torch.cat(parts, -1).flatten(0, 2)
    return angle.cos().float(), angle.sin().float()


def _rms(x, weight):
    x = x.float()
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight


def _gelu(x):
    """gelu_tanh, written with one exponential."""
    x = x.float()
    return x * torch.sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x))


def _attention(q, k, v):
    """Explicit products: for a few hundred tokens far faster to train than the fused CPU kernel."""
    score = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
    return (torch.softmax(score, -1).to(v.dtype) @ v).transpose(1, 2).flatten(2)


def _block(hidden, modulation, context, cos, sin, heads, dtype, p):
    """One transformer block on hidden [B, N, width] with the parameters `p`; q and k rows come with the even and the
    odd elements of a head split apart, so that the rotation acts on halves."""
    batch, tokens, width = hidden.shape
    shift1, scale1, gate1, shift2, scale2, gate2 = (p["table"] + modulation).chunk(6, 1)

    normed = (F.layer_norm(hidden, (width,), eps=1e-6) * (1 + scale1) + shift1).to(dtype)
    q, k, v = F.linear(normed, p["qkv"].to(dtype), p["qkv_bias"].to(dtype)).chunk(3, -1)

    def rotate(x):
        even, odd = x.view(batch, tokens, heads, 2, -1).unbind(3)
        c, s = cos[None, :, None], sin[None, :, None]
        return torch.cat([even * c - odd * s, even * s + odd * c], -1).to(dtype).transpose(1, 2)

    q, k = rotate(_rms(q, p["norm_q"])), rotate(_rms(k, p["norm_k"]))
    v = v.view(batch, tokens, heads, -1).transpose(1, 2)
    attended = _attention(q, k, v)
    hidden = hidden + F.linear(attended, p["out"].to(dtype), p["out_bias"].to(dtype)) * gate1

    normed = F.layer_norm(hidden, (width,), p["norm2"], p["norm2_bias"], 1e-6).to(dtype)
    q = _rms(F.linear(normed, p["q2"].to(dtype), p["q2_bias"].to(dtype)), p["norm_q2"]).to(dtype)
    k, v = F.linear(context, p["kv2"].to(dtype), p["kv2_bias"].to(dtype)).chunk(2, -1)
    k = _rms(k, p["norm_k2"]).to(dtype)
    q, k, v = (x.view(batch, -1, heads, width // heads).transpose(1, 2) for x in (q, k, v))
    attended = _attention(q, k, v)
    hidden = hidden + F.linear(attended, p["out2"].to(dtype), p["out2_bias"].to(dtype))

    normed = (F.layer_norm(hidden, (width,), eps=1e-6) * (1 + scale2) + shift2).to(dtype)
    inner = _gelu(F.linear(normed, p["up"].to(dtype), p["up_bias"].to(dtype))).to(dtype)
    return hidden + F.linear(inner, p["down"].to(dtype), p["down_bias"].to(dtype)) * gate2


def enable_compile():
    """Compile the block function; every block and both sizes share it."""
    global _block
    torch._dynamo.config.automatic_dynamic_shapes = False
    torch._dynamo.config.recompile_limit = 64
    _block = torch.compile(_block)


def _parameters(block, split):
    """A diffusers block's parameters under short names, q/k/v joined; `split` orders the rows of q and k."""
    own, cross = block.attn1, block.attn2
    q, k = own.to_q, own.to_k
    return {
        "table": block.scale_shift_table,
        "qkv": torch.cat([q.weight[split], k.weight[split], own.to_v.weight]),
        "qkv_bias": torch.cat([q.bias[split], k.bias[split], own.to_v.bias]),
        "norm_q": own.norm_q.weight[split], "norm_k": own.norm_k.weight[split],
        "out": own.to_out[0].weight, "out_bias": own.to_out[0].bias,
        "norm2": block.norm2.weight, "norm2_bias": block.norm2.bias,
        "q2": cross.to_q.weight, "q2_bias": cross.to_q.bias,
        "kv2": torch.cat([cross.to_k.weight, cross.to_v.weight]), "kv2_bias": torch.cat([cross.to_k.bias, cross.to_v.bias]),
        "norm_q2": cross.norm_q.weight, "norm_k2": cross.norm_k.weight,
        "out2": cross.to_out[0].weight, "out2_bias": cross.to_out[0].bias,
        "up": block.ffn.net[0].proj.weight, "up_bias": block.ffn.net[0].proj.bias,
        "down": block.ffn.net[2].weight, "down_bias": block.ffn.net[2].bias,
    }


def forward(model, tokens, timestep, context, rope, dtype=torch.bfloat16, observe=None):
    """Prediction [B, N, 4C] for noisy tokens [B, N, 4C], timesteps [B] and prompt rows [B, T, text_dim].

    `observe(before, after)`, where given, sees the hidden state around every block.
    """
    config, embed = model.config, model.condition_embedder
    heads, width = config.num_attention_heads, config.num_attention_heads * config.attention_head_dim
    halves = torch.arange(config.attention_head_dim).view(-1, 2).t().flatten()  # even elements, then odd ones
    split = (torch.arange(heads)[:, None] * config.attention_head_dim + halves).flatten()

    def linear(layer, x):
        return F.linear(x, layer.weight.to(dtype), layer.bias.to(dtype))

    time = embed.time_embedder(embed.timesteps_proj(timestep))
    modulation = embed.time_proj(F.silu(time)).unflatten(1, (6, -1))
    projection = embed.text_embedder
    context = linear(projection.linear_2, F.gelu(linear(projection.linear_1, context.to(dtype)), approximate="tanh"))
    patch = model.patch_embedding
    weight = patch.weight.permute(0, 2, 3, 4, 1).flatten(1)
    hidden = F.linear(tokens.to(dtype), weight.to(dtype), patch.bias.to(dtype)).float()
    for block in model.blocks:
        before, hidden = hidden, _block(hidden, modulation, context, *rope, heads, dtype, _parameters(block, split))
        if observe is not None:
            observe(before, hidden)
    shift, scale = (model.scale_shift_table + time[:, None]).chunk(2, 1)
    normed = F.layer_norm(hidden, (width,), eps=1e-6) * (1 + scale) + shift
    return linear(model.proj_out, normed.to(dtype)).float()
