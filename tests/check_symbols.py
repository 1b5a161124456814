"""A library (shared or static) exports the calls of alpy.h and nothing else.  Usage: check_symbols.py LIBRARY HEADER"""
import re
import subprocess
import sys

library, header = sys.argv[1:3]
output = subprocess.run(["nm", "-g" if library.endswith(".a") else "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
exported = {line.split()[-1].split("@")[0] for line in output.splitlines() if len(line.split()) == 3}
with open(header, encoding="utf-8") as text:
    code = re.sub(r"/\*.*?\*/", "", text.read(), flags=re.DOTALL)
declared = set(re.findall(r"\bALPY_API\b[^;]*?\b(alpy_\w+)\s*\(", code))
for name in sorted(exported - declared):
    print(f"exported, but not declared in the header: {name}")
for name in sorted(declared - exported):
    print(f"declared in the header, but not exported: {name}")
print(f"{len(exported)} symbols exported, {len(declared)} declared")
sys.exit(0 if declared and exported == declared else 1)
