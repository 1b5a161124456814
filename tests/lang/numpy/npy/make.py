"""Writes the .npy files of load_foreign.alp: memory orders, byte orders and format versions that np.save of alpy itself never writes."""
import numpy as np

a = np.arange(6).reshape(2, 3)
np.save("fortran.npy", np.asfortranarray(a * 1.5))
for code in (">i2", ">u4", ">i8", ">f4", ">f8", ">c16"):
    np.save(f"big_{code[1:]}.npy", (a - 2).astype(code) if code != ">u4" else a.astype(code))
np.save("big_fortran.npy", np.asfortranarray(a).astype(">f8", order="F"))
for version in ((1, 0), (2, 0), (3, 0)):
    with open(f"version{version[0]}.npy", "wb") as f:
        np.lib.format.write_array(f, a, version=version)
