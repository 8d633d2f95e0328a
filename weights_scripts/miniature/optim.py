"""Muon for weight matrices and convolution kernels, AdamW for everything else, as one pair with one schedule."""
import torch


def orthogonalise(matrices, steps=5):
    """Newton-Schulz iteration (Jordan et al., Muon) on a stack of matrices [S, m, n], on the shorter side."""
    transposed = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if transposed else matrices
    x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).bfloat16()
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * (gram @ gram)) @ x
    return (x.mT if transposed else x).float()


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, then the nearest (semi-)orthogonal matrix as the update."""

    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(list(params), dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            stacks = {}  # matrices of one shape are orthogonalised together
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                buffer = state["momentum"].mul_(group["momentum"]).add_(parameter.grad)
                update = parameter.grad.add(buffer, alpha=group["momentum"]).flatten(1)
                stacks.setdefault(tuple(update.shape), []).append((parameter, update))
            for (rows, columns), entries in stacks.items():
                directions = orthogonalise(torch.stack([update for _, update in entries]))
                rate = group["lr"] * max(1.0, rows / columns) ** 0.5
                for (parameter, _), direction in zip(entries, directions):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction.view(parameter.shape), alpha=-rate)


class Pair:
    """Muon for `matrices` and AdamW for `others`, with one schedule and one state dict."""

    def __init__(self, matrices, others, muon_lr, adam_lr, weight_decay=0.01):
        self.muon = Muon(matrices, lr=muon_lr, weight_decay=weight_decay)
        decayed = [p for p in others if p.dim() == 2]
        plain = [p for p in others if p.dim() != 2]
        self.adam = torch.optim.AdamW([{"params": decayed}, {"params": plain, "weight_decay": 0.0}], lr=adam_lr,
                                      betas=(0.9, 0.99), weight_decay=weight_decay)
        self.settings = [{name: group[name] for name in ("lr", "weight_decay")} for group in self.groups()]

    def groups(self):
        """Of both optimizers, as they are now: loading a state replaces them."""
        return [*self.muon.param_groups, *self.adam.param_groups]

    def parameters(self):
        return [p for group in self.groups() for p in group["params"]]

    def step(self, rate):
        """One update at `rate` times the full learning rates, whatever a loaded state was made with."""
        for group, settings in zip(self.groups(), self.settings, strict=True):
            group.update(settings, lr=settings["lr"] * rate)
        self.muon.step()
        self.adam.step()

    def zero_grad(self):
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self):
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state):
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
