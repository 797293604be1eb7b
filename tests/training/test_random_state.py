import json
import random

import numpy as np
import torch

from minillama.training.random_state import load_random_state, save_random_state


def draws():
    return random.random(), random.gauss(), np.random.normal(), np.random.rand(), torch.rand(3).tolist()


def test_all_generators_go_on_as_if_never_stopped():
    random.gauss()  # leaves a second number waiting, which is part of the state
    np.random.normal()
    tensors, rest = save_random_state()
    wanted = draws()
    draws()
    load_random_state(tensors, json.loads(json.dumps(rest)))
    assert draws() == wanted
