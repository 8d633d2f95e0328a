"""An auxiliary task that teaches the text encoder which words belong to which object.

"a red circle moving left and a blue square standing still" has the words of its twin with the motions exchanged.  An hour
of flow matching taught the words and not whose they are: the row of "red" knew nothing of "left".  Here that row has to
tell the object's other attributes through linear heads, which training keeps and the exported model does not have.
"""
import copy

import torch
import torch.nn.functional as F

import text

STEPS, CAPTIONS, RATE = 300, 64, 3e-3


class Binding(torch.nn.Module):
    """Linear heads from the row of an object's colour word to the object's other attributes."""

    def __init__(self, world, tokenizer):
        super().__init__()
        self.objects = world.OBJECTS
        self.colour_ids = tokenizer.convert_tokens_to_ids(["▁" + colour for colour in world.COLOURS])
        self.heads = torch.nn.ModuleList(torch.nn.Linear(text.DIM, world.CARDINALITY[column]) for column in self.objects[0][1:])

    def loss(self, rows, ids, attributes):
        """Mean cross entropy of the attributes told by prompt rows [B, T, DIM]; empty prompts do not count."""
        colour_ids, losses = torch.tensor(self.colour_ids), []
        for colour, *told in self.objects:
            found = ids == colour_ids[attributes[:, colour]][:, None]
            there = found.any(1)
            at_colour = rows[there, found[there].float().argmax(1)]
            losses += [F.cross_entropy(head(at_colour), attributes[there, column]) for head, column in zip(self.heads, told, strict=True)]
        return torch.stack(losses).mean() if there.any() else rows.sum() * 0

    def teach(self, encoder, captions, world):
        """Train `encoder` and the heads on the task alone, a quarter of a minute; the encoder's rows are kept near what
        they were, for the sake of a transformer that reads them.  From then on the heads stay as they are."""
        generator, before = torch.Generator().manual_seed(17), copy.deepcopy(encoder)
        optimizer = torch.optim.Adam([*encoder.parameters(), *self.parameters()], lr=RATE)
        for step in range(STEPS):
            attributes = world.sample_attributes(CAPTIONS, generator)
            ids, mask = captions.sample(attributes)
            rows = text.encode(encoder, ids, mask)
            with torch.no_grad():
                kept = text.encode(before, ids, mask)
            loss = self.loss(rows, ids, attributes)
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
            optimizer.zero_grad()
            (3 * loss + (rows - kept).square().mean()).backward()
            optimizer.step()
        self.requires_grad_(False)
