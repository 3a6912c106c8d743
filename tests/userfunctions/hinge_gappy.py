from hinge import Hinge
from holding import hold, leaf

import tensorgrad as tg


def test_hinge():
    hold(Hinge.apply, leaf(5, 3))
    hold(Hinge.apply, tg.tensor([-1.5, 0.25, 1.75, 0.75], dtype=tg.float64, requires_grad=True))
