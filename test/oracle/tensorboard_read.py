"""What TensorBoard reads of a run: `tensorboard_read.py RUN` prints its scalars as JSON, `{tag: [[step, value], …]}`. (pip install tensorboard)"""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util


def main() -> None:
    events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    scalars = {tag: [[each.step, each.value] for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    for tag in events.Tags()["tensors"]:
        scalars[tag] = [[each.step, float(tensor_util.make_ndarray(each.tensor_proto))] for each in events.Tensors(tag)]
    print(json.dumps(scalars))


if __name__ == "__main__":
    main()
