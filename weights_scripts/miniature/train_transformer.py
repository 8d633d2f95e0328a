"""Train the transformer and the text encoder of a miniature by flow matching on encoded clips.

    torchrun --nproc_per_node 2 train_transformer.py --hours 4 --large 0.25
    torchrun --nproc_per_node 2 train_transformer.py --bed detail --hours 2.9 --cooldown 0.5 --begin-with ../../models/wan-mini

Learning rate: warm-up, constant, then linear to zero over the last --cooldown of the budget.  The budget is counted in
processor time per process, so that other work on the machine or a stop (SIGSTOP) does not use it up.  The state is
saved every few minutes and on SIGTERM (exit code 143), and resumed when it exists; `transformer_stable.pt` is the last state before the
cool-down, the one to continue from with a larger --hours.
"""
import argparse
import glob
import json
import os
import shutil
import sys
import time

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from transformers import UMT5EncoderModel

import beds
import binding
import codec
import model
import optim
import parallel
import text

DROPPED_PROMPTS = 0.1
SAVE_EVERY_SECONDS = 240


class Bank:
    """Latent shards of one clip size, made by one encoder; new shards are picked up by refresh()."""

    def __init__(self, folder, size, encoder):
        self.pattern, self.encoder = os.path.join(folder, f"{size}_*.pt"), encoder
        self.names, self.tokens, self.attributes = [], [], []
        self.refresh()

    def refresh(self):
        for name in sorted(glob.glob(self.pattern)):
            if name not in self.names:
                shard = torch.load(name, mmap=True)
                if shard.get("encoder") != self.encoder:
                    raise SystemExit(f"{name}: made by another encoder than that of vae/; accepted: its own")
                self.names.append(name)
                self.tokens.append(shard["tokens"])
                self.attributes.append(shard["attributes"].long())

    def __len__(self):
        return sum(len(tokens) for tokens in self.tokens)

    def sample(self, count):
        """(latent tokens [count, N, C], attribute rows), drawn with replacement."""
        shards = torch.randint(len(self.tokens), (count,)).tolist()
        rows = [int(torch.randint(len(self.tokens[s]), ())) for s in shards]
        tokens = torch.stack([self.tokens[s][r] for s, r in zip(shards, rows)]).float()
        return tokens, torch.stack([self.attributes[s][r] for s, r in zip(shards, rows)])


class Captions:
    """Token ids of random captions of attribute rows."""

    def __init__(self, tokenizer, world):
        self.tokenizer, self.world = tokenizer, world
        self.empty_ids, self.empty_mask = text.tokenize(tokenizer, [""])

    def sample(self, attributes):
        """(ids, mask) of a random caption per attribute row; some prompts are dropped for guidance."""
        world, count = self.world, len(attributes)
        variants = torch.randint(world.NUM_TEMPLATES * world.NUM_VERBS, (count,)).tolist()
        drop = (torch.rand(count) < DROPPED_PROMPTS)[:, None]
        captions = [world.caption(row, *divmod(variant, world.NUM_VERBS)) for row, variant in zip(attributes.tolist(), variants)]
        ids, mask = text.tokenize(self.tokenizer, captions)
        return torch.where(drop, self.empty_ids, ids), torch.where(drop, self.empty_mask, mask)


def initialise(transformer, encoder):
    """Xavier matrices, small embedders and a prediction that starts at zero."""
    for module in transformer.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.xavier_uniform_(module.weight)
            torch.nn.init.zeros_(module.bias)
    patch = transformer.patch_embedding
    torch.nn.init.xavier_uniform_(patch.weight.flatten(1))
    torch.nn.init.zeros_(patch.bias)
    for embedder in (transformer.condition_embedder.time_embedder, transformer.condition_embedder.text_embedder):
        for module in embedder.modules():
            if isinstance(module, torch.nn.Linear):
                torch.nn.init.normal_(module.weight, std=0.02)
    torch.nn.init.zeros_(transformer.proj_out.weight)
    torch.nn.init.normal_(encoder.shared.weight, std=1.0)


def noise_levels(count, size):
    """Noise levels of clips of `size`, stratified over the batch.  Three in ten times are uniform, as the sampler's are:
    its first steps decide how many objects there are and of what shape.  The others are logit-normal.  More tokens tell
    more at the same noise, so the shift grows with the fourth root of their number, from 3 at 64 pixels."""
    quantile = (torch.randperm(count) + torch.rand(count)) / count
    normal = torch.special.ndtri(quantile.clamp(1e-4, 1 - 1e-4)).sigmoid()
    time = torch.where(torch.rand(count) < 0.3, quantile, normal)
    shift = 3 * (size / 64) ** 0.5
    return shift * time / (1 + (shift - 1) * time)


class Trainer:
    """Models, optimizer, averaged weights and counters: everything a checkpoint holds."""

    def __init__(self, args, tokenizer):
        self.args = args
        torch.manual_seed(0)
        self.transformer = model.build_transformer(args.layers, args.heads)
        self.encoder = text.build_text_encoder(len(tokenizer))
        initialise(self.transformer, self.encoder)
        matrices = [p for name, p in self.transformer.named_parameters() if name.startswith("blocks.") and p.dim() == 2]
        chosen = {id(p) for p in matrices}
        self.everything = [*self.transformer.parameters(), *self.encoder.parameters()]
        others = [p for p in self.everything if id(p) not in chosen]
        self.optimizer = optim.Pair(matrices, others, args.muon_lr, args.adam_lr, args.weight_decay)
        self.average = [p.detach().clone() for p in self.everything]
        self.step = self.clips = 0
        self.seconds = 0.0
        self.cooling = None  # (budget, cool-down) once the learning rate has begun to go down
        self.binding = binding.Binding(args.bed.world, tokenizer) if args.binding else None

    def save(self, path):
        heads = self.binding.state_dict() if self.binding else {}
        torch.save({"transformer": self.transformer.state_dict(), "text_encoder": self.encoder.state_dict(),
                    "ema": self.average, "optimizer": self.optimizer.state_dict(), "step": self.step,
                    "clips": self.clips, "seconds": self.seconds, "cooling": self.cooling, "layers": self.args.layers,
                    "heads": self.args.heads, "binding": heads}, path + ".part")
        os.replace(path + ".part", path)

    def checkpoint(self):
        """Save the state; until the cool-down also as the one that a longer training goes on from."""
        last, stable = (os.path.join(self.args.state, name) for name in ("transformer.pt", "transformer_stable.pt"))
        self.save(last)
        if self.cooling is None:
            shutil.copyfile(last, stable + ".part")
            os.replace(stable + ".part", stable)

    def load(self, path):
        state = torch.load(path)
        if (state["layers"], state["heads"]) != (self.args.layers, self.args.heads):
            sys.exit(f"{path}: has {state['layers']} layers and {state['heads']} heads; accepted: --layers and --heads of the same")
        self.transformer.load_state_dict(state["transformer"])
        self.encoder.load_state_dict(state["text_encoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["ema"], state["step"]
        self.clips, self.seconds, self.cooling = state["clips"], state["seconds"], state.get("cooling")
        if self.binding and state.get("binding"):
            self.binding.load_state_dict(state["binding"])
            self.binding.requires_grad_(False)

    def begin_with(self, folder, tokenizer):
        """Take the weights of a model folder of the same shape; of the embeddings those of the pieces that both know."""
        encoder = UMT5EncoderModel.from_pretrained(os.path.join(folder, "text_encoder"), dtype=torch.float32)
        transformer = WanTransformer3DModel.from_pretrained(os.path.join(folder, "transformer"), dtype=torch.float32)
        known = text.load_tokenizer(os.path.join(folder, "tokenizer")).get_vocab()
        weights, embedding = encoder.state_dict(), self.encoder.shared.weight.detach().clone()
        for piece, row in tokenizer.get_vocab().items():
            if piece in known:
                embedding[row] = weights["shared.weight"][known[piece]]
        weights["shared.weight"] = weights["encoder.embed_tokens.weight"] = embedding
        self.encoder.load_state_dict(weights)
        self.transformer.load_state_dict(transformer.state_dict())
        self.average = [p.detach().clone() for p in self.everything]

    def teach_binding(self, captions):
        """Where the text encoder has not been taught yet which words belong together, do so before anything else."""
        if self.binding and any(p.requires_grad for p in self.binding.parameters()):
            self.binding.teach(self.encoder, captions, self.args.bed.world)
            taught = [p.detach().clone() for p in self.encoder.parameters()]
            self.average[-len(taught):] = taught

    def update_average(self):
        keep = min(self.args.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, [p.detach() for p in self.everything], 1 - keep)


def losses(trainer, size, clean, captions, attributes, rope):
    """Squared error of the predicted velocity (noise - clean) at random noise levels; the loss of the text encoder's
    auxiliary task, 0 without one."""
    sigma = noise_levels(len(clean), size)[:, None, None]
    noise = torch.randn_like(clean)
    ids, mask = captions.sample(attributes)
    context = text.encode(trainer.encoder, ids, mask)
    output = model.forward(trainer.transformer, torch.lerp(clean, noise, sigma), 1000 * sigma.flatten(), context, rope)
    bound = trainer.binding.loss(context, ids, attributes) if trainer.binding else torch.zeros(())
    return (output - (noise - clean)).square().mean(), bound


def train(trainer, captions, rank, world):
    """Train until the budget is used or a process is asked to stop."""
    args, optimizer = trainer.args, trainer.optimizer
    bed = args.bed
    latents = os.path.join(args.state, "latents")
    encoder = codec.encoder_hash(AutoencoderKLWan.from_pretrained(os.path.join(args.state, "vae")))
    banks = {size: Bank(latents, size, encoder) for size in bed.sizes}
    if not len(banks[bed.sizes[0]]) or args.large and not len(banks[bed.sizes[-1]]):
        sys.exit(f"{latents}: no clips of a size to train on; accepted: shards of encode_latents.py, or --large 0 without the second size")
    head_dim = trainer.transformer.config.attention_head_dim
    ropes = {size: model.rope_table(head_dim, bed.latent_frames, size // 8, size // 8) for size in banks}
    parameters = optimizer.parameters()
    # Loss and seconds travel with the gradients, averaged over the processes.
    clock, stop = torch.nn.Parameter(torch.zeros(2)), parallel.StopRequest()
    if rank == 0:
        count = lambda module: sum(p.numel() for p in module.parameters())
        print("parameters", count(trainer.transformer), count(trainer.encoder), "clips", {s: len(b) for s, b in banks.items()}, flush=True)
    budget, running, saved = args.hours * 3600, {}, trainer.seconds
    cooling_begins = budget * (1 - args.cooldown)
    plan = args.hours, args.cooldown
    if trainer.cooling not in (None, plan):
        sys.exit("transformer.pt: its learning rate went down for --hours {} --cooldown {}; accepted: these, or a copy of transformer_stable.pt "
                 "to continue from".format(*trainer.cooling))
    processor_time, window = time.process_time(), (time.time(), trainer.clips)
    while trainer.seconds < budget:
        progress = trainer.seconds / budget
        rate = min(1.0, (trainer.step + 1) / 100) * min(1.0, (1 - progress) / max(args.cooldown, 1e-6))
        if trainer.cooling is None and trainer.seconds > cooling_begins:
            if rank == 0:
                trainer.checkpoint()
            trainer.cooling = plan
        same_everywhere = torch.Generator().manual_seed(trainer.step)  # all processes choose the same size
        size = bed.sizes[-1] if float(torch.rand((), generator=same_everywhere)) < args.large else bed.sizes[0]
        if trainer.step % 100 == 0:
            for bank in banks.values():
                bank.refresh()
        torch.manual_seed((trainer.step * world + rank) * 7919 + 17)
        clean, attributes = banks[size].sample(bed.fewer(args.batch, size))
        loss, bound = losses(trainer, size, clean, captions, attributes, ropes[size])
        optimizer.zero_grad()
        (loss + args.binding * bound).backward()
        now = time.process_time()
        clock.grad = torch.tensor([loss.item(), now - processor_time])
        stop.before_averaging()
        processor_time = now
        parallel.average_gradients([*parameters, clock, stop.flag], world)
        mean_loss, seconds = clock.grad.tolist()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step(rate)
        trainer.step += 1
        trainer.clips += world * len(clean)
        trainer.seconds += seconds
        trainer.update_average()
        running[size] = mean_loss if size not in running else 0.98 * running[size] + 0.02 * mean_loss
        if rank == 0 and trainer.step % args.report == 0:
            speed = (trainer.clips - window[1]) / (time.time() - window[0])
            window = (time.time(), trainer.clips)
            print(json.dumps({"step": trainer.step, "clips": trainer.clips, "seconds": round(trainer.seconds),
                              "loss": {k: round(v, 4) for k, v in running.items()},
                              "binding": round(bound.item(), 4), "norm": round(norm.item(), 2), "rate": round(rate, 3),
                              "clips/s": round(speed, 1)}), flush=True)
        if stop.agreed():
            break
        if rank == 0 and trainer.seconds - saved > SAVE_EVERY_SECONDS:
            saved = trainer.seconds
            trainer.checkpoint()
    if rank == 0:
        trainer.checkpoint()
    parallel.wait_for_all(world)  # a launcher kills the others soon after the first has gone
    if trainer.seconds < budget:
        sys.exit(stop.EXIT_CODE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beds.add_state_option(parser)
    parser.add_argument("--hours", type=float, default=4.0, help="budget in processor hours per process, over all runs")
    parser.add_argument("--cooldown", type=float, default=0.25, help="last part of the budget, learning rate to zero")
    parser.add_argument("--batch", type=int, default=None, help="clips per process at the bed's first size; fewer at the second")
    parser.add_argument("--large", type=float, default=0.0, help="fraction of steps at the bed's second size")
    parser.add_argument("--layers", type=int, default=None, help="default: the bed's")
    parser.add_argument("--heads", type=int, default=None, help="default: the bed's")
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--adam-lr", type=float, default=1.5e-3)
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--ema", type=float, default=0.999, help="decay of the averaged weights")
    parser.add_argument("--binding", type=float, default=None, help="weight of the auxiliary task that binds words; default: the bed's")
    parser.add_argument("--begin-with", default=None, help="model folder whose weights a training from nothing begins with")
    parser.add_argument("--report", type=int, default=50, help="steps between two lines of output")
    parser.add_argument("--eager", action="store_true", help="do not compile; for short runs")
    args = beds.parse_state(parser)
    bed = args.bed
    if args.large and len(bed.sizes) == 1:
        parser.error(f"--large: has no effect on {bed.name}, whose clips have one size; accepted: 0")
    args.batch, args.layers, args.heads = args.batch or bed.batch, args.layers or bed.layers, args.heads or bed.heads
    args.binding = bed.binding if args.binding is None else args.binding
    rank, world = parallel.start()
    tokenizer_folder = os.path.join(args.state, "tokenizer")
    if rank == 0 and not os.path.exists(os.path.join(tokenizer_folder, text.WRITTEN_LAST)):
        text.train_tokenizer(tokenizer_folder, bed.world.corpus())
    parallel.wait_for_all(world)
    tokenizer = text.load_tokenizer(tokenizer_folder)
    trainer = Trainer(args, tokenizer)
    path = os.path.join(args.state, "transformer.pt")
    if os.path.exists(path):
        trainer.load(path)
    elif args.begin_with:
        trainer.begin_with(args.begin_with, tokenizer)
    captions = Captions(tokenizer, bed.world)
    trainer.teach_binding(captions)
    if not args.eager:
        model.enable_compile()
    train(trainer, captions, rank, world)


if __name__ == "__main__":
    main()
