#!/bin/sh
# Measures training on this machine's GPU: nothing is installed or fetched, and it ends within eight minutes. README.md says what the numbers mean.
# What is given goes on to `objective-lab bench-gpu`, such as --device cpu; PYTHON names a Python that has PyTorch.
set -eu
case ${PATH:-} in '') PATH=/usr/local/bin:/usr/bin:/bin ;; esac
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
here=$(CDPATH= cd -- "$here" && pwd -P)
python=${PYTHON:-python3}

# CUDA's libraries may be nowhere but where PyTorch or the toolkit keeps them for itself.
libraries=$("$python" -c 'import glob, os, nvidia
print(":".join(sorted({os.path.dirname(file) for path in nvidia.__path__ for file in glob.glob(path + "/*/lib/*.so.*")})))' 2> /dev/null) || libraries=
LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}:$libraries:/usr/local/cuda/lib64
export LD_LIBRARY_PATH

exec "$here/objective-lab" bench-gpu --twin "$here/pytorch/contender.py" --python "$python" "$@"
