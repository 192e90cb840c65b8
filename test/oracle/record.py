"""Records the values that the tests compare against. `python record.py` writes all files, `python record.py adamw` one."""

import argparse

from recorder import adamw, bert_mlm, bert_objectives, contrastive, encoder_export, families, operators, rtd, seq2seq
from recorder.tensors import use_deterministic_torch

RECORDERS = {
    "operators": operators.record,
    "bert-mlm": bert_mlm.record,
    "bert-objectives": bert_objectives.record,
    "seq2seq": seq2seq.record,
    "rtd": rtd.record,
    "contrastive": contrastive.record,
    "adamw": adamw.record,
    "families": families.record,
    "encoders": encoder_export.record,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(RECORDERS)}; all when none is given")
    names = parser.parse_args().names or list(RECORDERS)
    unknown = [name for name in names if name not in RECORDERS]
    if unknown:
        parser.error(f"nothing is called {', '.join(unknown)}; there are {', '.join(RECORDERS)}")
    use_deterministic_torch()
    for name in names:
        print(RECORDERS[name]())


if __name__ == "__main__":
    main()
