"""Runs training scripts one after the other, since importing PyTorch takes longer than they do. It reads lines of JSON,
{"script": path, "arguments": [...]}, and answers each with {"printed": text, "error": text or null}."""
import contextlib
import io
import json
import runpy
import sys
import traceback

for line in sys.stdin:
    order = json.loads(line)
    sys.argv = [order["script"], *order["arguments"]]
    printed, error = io.StringIO(), None
    try:
        with contextlib.redirect_stdout(printed):
            runpy.run_path(order["script"], run_name="__main__")
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps({"printed": printed.getvalue(), "error": error}), flush=True)
