"""Data parallelism over single-thread processes: start a script with torchrun, or plainly for one process."""
import datetime
import os
import signal

import torch
import torch.distributed as dist


def start():
    """(rank, world size); one thread per process when there are several."""
    world = int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        torch.set_num_threads(1)
        # Training may be stopped for hours (SIGSTOP) and continued; waiting processes must not give up meanwhile.
        dist.init_process_group("gloo", timeout=datetime.timedelta(days=7))
    return int(os.environ.get("RANK", 0)), world


def wait_for_all(world):
    """Return when every process is here."""
    if world > 1:
        dist.barrier()


def average_gradients(parameters, world):
    """Replace every gradient by its mean over the processes."""
    if world == 1:
        return
    flat = torch.cat([p.grad.reshape(-1) for p in parameters])
    dist.all_reduce(flat)
    flat /= world
    for parameter, piece in zip(parameters, flat.split([p.numel() for p in parameters])):
        parameter.grad = piece.view(parameter.shape)


class StopRequest:
    """SIGTERM asks for a stop; the processes agree on it as `flag` travels with the gradients."""

    EXIT_CODE = 143  # as the signal's own

    def __init__(self):
        self.asked = False
        self.flag = torch.nn.Parameter(torch.zeros(1))
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_):
        self.asked = True

    def before_averaging(self):
        self.flag.grad = torch.tensor([float(self.asked)])

    def agreed(self):
        return self.flag.grad.item() > 0
