"""Go back to the state before the cool-down, for a longer training; the state so far is kept as transformer_before.pt.

    python continue_from.py --hours 6

A training to the same number of hours that has begun already is left as it is; without a state before the cool-down
nothing is done but to note the hours.
"""
import argparse
import os
import shutil
import sys

import torch

import beds


def copy(source, target):
    shutil.copyfile(source, target + ".part")
    os.replace(target + ".part", target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    beds.add_state_option(parser)
    parser.add_argument("--hours", type=float, required=True, help="budget of the longer training, in processor hours")
    args = beds.parse_state(parser)
    last, stable, before, noted = (os.path.join(args.state, name) for name in
                                   ("transformer.pt", "transformer_stable.pt", "transformer_before.pt", "continued_to"))
    if os.path.exists(noted):
        with open(noted) as file:
            if float(file.read()) == args.hours:
                return
    if os.path.exists(stable):
        used = torch.load(stable, mmap=True)["seconds"] / 3600
        if args.hours <= used:
            sys.exit(f"{stable}: has been trained for {used:.2f} hours; accepted: more hours than that")
        copy(last, before)
        copy(stable, last)
    with open(noted, "w") as file:
        file.write(f"{args.hours}\n")


if __name__ == "__main__":
    main()
