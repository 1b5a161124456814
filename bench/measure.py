"""What the benchmark scripts share: running a command with its user time and memory, and alternating between contestants."""
import os
import statistics
import subprocess
import sys


class Run:
    """One finished run: user and user + system time in seconds, standard output."""

    def __init__(self, command, **keywords):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, **keywords)
        self.output = process.stdout.read()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)      # subprocess need not wait again
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit status {process.returncode}")
        self.user = usage.ru_utime
        self.cpu = usage.ru_utime + usage.ru_stime


def peak_megabytes(command):
    """Peak memory of a program that prints something and then waits in input().  Not wait4's figure: that includes what
    this process held when it forked."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.readline()
    with open(f"/proc/{process.pid}/status") as status:
        peak = [line.split()[1] for line in status if line.startswith("VmHWM:")]
    process.communicate(b"\n")
    return int(peak[0]) / 1024 if peak else float("nan")


def alternate(commands, reps, **keywords):
    """Runs of each command, in turns, so that a change of the machine's speed meets all of them; list of lists."""
    runs = [[] for _ in commands]
    for _ in range(reps):
        for k, command in enumerate(commands):
            runs[k].append(Run(command, **keywords))
    return runs


def median(runs, what="user"):
    return statistics.median(getattr(run, what) for run in runs)


def arguments(parser):
    """The options that every script has."""
    parser.add_argument("--alpy", default=os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "alpy"),
                        help="the program to measure (default: build/alpy)")
    parser.add_argument("--python", default=sys.executable, help="CPython with NumPy to compare with (default: this one)")
    return parser.parse_args()
