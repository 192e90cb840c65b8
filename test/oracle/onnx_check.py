"""Checks an ONNX file with onnx's own checker, shape inference included, and counts its operators.

    python onnx_check.py MODEL.onnx

Operators of other domains (com.microsoft) have no schema here: the checker takes them as they are, and cannot infer shapes
behind them. Prints one JSON object on success; exits with 1 and the checker's reason otherwise.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator

import onnx


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks an ONNX file and counts its operators.")
    parser.add_argument("model", metavar="MODEL.onnx")
    path = parser.parse_args().model
    try:
        # By path, so that models above protobuf's 2 GB are checked too.
        onnx.checker.check_model(path, full_check=True)
        model = onnx.load(path, load_external_data=False)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, OSError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    counts = Counter(f"{node.domain}.{node.op_type}".removeprefix(".") for node in _nodes(model.graph))
    report = {
        "irVersion": model.ir_version,
        "opsets": {opset.domain or "ai.onnx": opset.version for opset in model.opset_import},
        "inputs": len(model.graph.input),
        "outputs": len(model.graph.output),
        "initializers": len(model.graph.initializer),
        "nodes": sum(counts.values()),
        "operators": dict(counts.most_common()),
    }
    print(json.dumps(report, indent=2))
    return 0


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """All nodes, those in the bodies of Scan, Loop and If included."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                yield from _nodes(body)


if __name__ == "__main__":
    sys.exit(main())
