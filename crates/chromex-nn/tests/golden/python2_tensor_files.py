"""Writes what `torch.save` wrote under Python 2, with stand-ins of PyTorch's classes, which no Python 2 has any more.

python2 python2_tensor_files.py FOLDER; then python3 python2_tensor_files.py FOLDER, which asks PyTorch what the files hold.
"""

from __future__ import print_function

import collections
import json
import os
import struct
import sys
import types

folder = sys.argv[1]
FILES = ["python2_1.pt", "python2_2.pt", "python2_c1.pt", "python2_c2.pt", "python2_nested.pt", "python2_views.pt"]

if sys.version_info[0] == 3:
    import torch

    held = {"torch": torch.__version__}
    for name in FILES:
        found = torch.load(os.path.join(folder, name), map_location="cpu", weights_only=False, encoding="latin1")
        found = found.get("state_dict", found)
        held[name] = {
            key: {"shape": list(value.shape), "numbers": value.double().flatten().tolist()} for key, value in found.items()
        }
    with open(os.path.join(folder, "python2.json"), "w") as file:
        json.dump(held, file)
        file.write("\n")
    sys.exit()

import cPickle
import pickle

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": utils})
SIZES = {"FloatStorage": "f", "DoubleStorage": "d", "LongStorage": "q", "HalfStorage": "H", "BFloat16Storage": "H"}


def stand_in(module, name, what):
    what.__module__ = module.__name__
    setattr(module, name, what)
    return what


for name in SIZES:
    stand_in(torch, name, type(name, (object,), {}))


def _rebuild_tensor_v2(*arguments):
    pass


def _rebuild_tensor(*arguments):
    pass


def _rebuild_parameter(*arguments):
    pass


for function in (_rebuild_tensor_v2, _rebuild_tensor, _rebuild_parameter):
    stand_in(utils, function.__name__, function)


class Storage(object):
    def __init__(self, kind, numbers, view=None, root=None):
        self.kind, self.numbers, self.view, self.root = kind, numbers, view, root


class Tensor(object):
    def __init__(self, storage, size, stride, offset=0, old=False, wide=False):
        self.storage, self.size, self.stride, self.offset, self.old, self.wide = storage, size, stride, offset, old, wide

    def __reduce__(self):
        number = long if self.wide else int
        size, stride = tuple(map(number, self.size)), tuple(map(number, self.stride))
        if self.old:
            return utils._rebuild_tensor, (self.storage, number(self.offset), size, stride)
        hooks = collections.OrderedDict()
        return utils._rebuild_tensor_v2, (self.storage, number(self.offset), size, stride, False, hooks)


class Parameter(object):
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return utils._rebuild_parameter, (self.tensor, True, collections.OrderedDict())


def save(name, value, protocol, module):
    storages = collections.OrderedDict()

    def persistent_id(thing):
        if not isinstance(thing, Storage):
            return None
        root = thing.root or thing
        key = str(id(root))
        storages[key] = root
        view = None
        if thing.view is not None:
            view = (str(id(thing)), thing.view[0], thing.view[1])
        return ("storage", getattr(torch, root.kind), key, "cpu", len(root.numbers), view)

    def dump(what, file):
        pickler = module.Pickler(file, protocol)
        pickler.persistent_id = persistent_id
        pickler.dump(what)

    with open(os.path.join(folder, name), "wb") as file:
        dump(0x1950A86A20F9469CFC6C, file)
        dump(1001, file)
        dump({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}}, file)
        dump(value, file)
        dump(list(storages), file)
        for root in storages.values():
            file.write(struct.pack("<q", len(root.numbers)))
            file.write(struct.pack("<%d%s" % (len(root.numbers), SIZES[root.kind]), *root.numbers))


def state():
    table = Storage("FloatStorage", [0.5 * place for place in range(12)])
    state = collections.OrderedDict()
    state["a.weight"] = Tensor(table, (3, 4), (4, 1))
    state["a.turned"] = Tensor(table, (4, 3), (1, 4))
    state[u"a.named by unicode \u03b1"] = Tensor(table, (2,), (1,), 3)
    state["module.half"] = Tensor(Storage("HalfStorage", [0x3C00, 0xC000, 0x3800]), (3,), (1,), wide=True)
    state["module.brain"] = Tensor(Storage("BFloat16Storage", [0x3F80, 0xC000]), (2,), (1,))
    state["old"] = Tensor(Storage("DoubleStorage", [1.25, -2.5]), (2,), (1,), old=True)
    state["parameter"] = Parameter(Tensor(Storage("FloatStorage", [7.0, 8.0]), (2, 1), (1, 1)))
    state["scalar"] = Tensor(Storage("FloatStorage", [-3.0]), (), ())
    return state


save("python2_1.pt", state(), 1, pickle)
save("python2_2.pt", state(), 2, pickle)
save("python2_c1.pt", state(), 1, cPickle)
save("python2_c2.pt", state(), 2, cPickle)
nested = {
    "epoch": long(12),
    "arch": "resnet",
    "raw": "\xff\xfe\x80",
    "best": 0.5,
    "done": False,
    "seen": set([1, 2]),
    "class": dict,
    "large": 1 << 70,
    "state_dict": state(),
}
save("python2_nested.pt", nested, 2, cPickle)
root = Storage("FloatStorage", [float(place) for place in range(10)])
views = collections.OrderedDict()
views["first"] = Tensor(Storage("FloatStorage", [0.0] * 4, (2, 4), root), (4,), (1,))
views["second"] = Tensor(Storage("FloatStorage", [0.0] * 3, (7, 3), root), (2,), (1,), 1)
save("python2_views.pt", views, 2, pickle)
