"""The power engine and its peers in turn, on the same work, in one run; prints one row of a table for each task.

  PEER_BENCH=<folder of dc_n1.py, dc_n2.py, ac_pf.py, dc_opf.py, cascade.py, common.py> PEER_DATA=<folder with matpower/ and pglib/> \\
      python benches/power_beside_peers.py [--only TEXT] [--threads T] [--rounds R] [--ours-only] [--jsonl FILE]

PEER_PYTHON names the Python that has the peers (numpy, scipy, highspy, clarabel, lightsim2grid, pandapower, numba from PyPI; this one
when left out), POWER_BENCH a built bench (built with cargo when left out). What is missing is named and skipped. In a round every
program runs once, each with repetitions of its own; figures are medians over the rounds of the median processor time of a run.
`--only` picks the rows whose name begins with the text. With more than one thread wall times are compared, and the peers get them too."""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
P1, P2, P9 = "case1354pegase", "case2869pegase", "case9241pegase"
O1, O2, O8 = "pglib_opf_case1354_pegase", "pglib_opf_case2869_pegase", "pglib_opf_case8387_pegase"


def lp(case, mode, task, reps):
    peers = [("dc_opf.py", ["--peer", p, "--mode", mode, "--reps", str(reps)]) for p in ("highs-simplex", "highs-ipm", "clarabel")]
    return (f"{mode} {case}", task, case, ["--reps", str(reps)], peers, 1)


def ensemble(case, task, k, samples, shared):
    peers = [("shed_ensemble_highs.py", ["--k", str(k), "--samples", str(shared)])]
    return (f"{task} {case}", task, case, ["--reps", "1", "--samples", str(samples)], peers, 1)


# Name, task, case, arguments of ours, peers with their arguments, least rounds.
ROWS = [
    *[(f"n1 {c}", "n1", c, ["--reps", "9"], [("dc_n1.py", ["--peer", "numpy-lodf", "--reps", r])], 1) for c, r in ((P1, "5"), (P2, "3"), (P9, "1"))],
    ("n2 " + P1, "n2", P1, ["--reps", "5"], [("dc_n2.py", [])], 1),
    ("n2 " + P2, "n2", P2, ["--reps", "3"], [("dc_n2.py", [])], 1),
    ("n2 " + P9, "n2", P9, ["--reps", "1"], [("dc_n2.py", ["--first", "2"])], 1),
    *[(f"ac-{w} {c}", f"ac-{w}", c, ["--reps", "15"], [("ac_pf.py", ["--peer", p, "--reps", "15"])], 3)
      for c in (P1, P2, P9) for w, p in (("warm", "lightsim2grid"), ("cold", "lightsim2grid-cold"))],
    ("ac-n1 " + P1, "ac-n1", P1, ["--reps", "5"], [("dc_n1.py", ["--peer", "lightsim2grid-ac", "--reps", "1"])], 1),
    ("ac-n1 " + P9, "ac-n1", P9, ["--reps", "1"], [("dc_n1.py", ["--peer", "lightsim2grid-ac", "--reps", "1", "--limit", "500"])], 1),
    lp(O1, "cost", "opf", 5), lp(O2, "cost", "opf", 5), lp(O8, "cost", "opf", 1),
    lp(O1, "shed", "shed-5-percent-rule", 5), lp(O2, "shed", "shed-5-percent-rule", 3), lp(O8, "shed", "shed-5-percent-rule", 1),
    ensemble(O1, "shed-ensemble-2", 2, 1000, 20), ensemble(O2, "shed-ensemble-2", 2, 500, 20), ensemble(O8, "shed-ensemble-2", 2, 100, 20),
    ensemble(O1, "shed-ensemble-5-percent", 0, 100, 20),
    ("cascade " + P1, "cascade", P1, ["--samples", "200", "--reps", "9"], [("cascade.py", ["--samples", "200"])], 1),
    ("cascade " + P9, "cascade", P9, ["--samples", "40", "--reps", "9"], [("cascade.py", ["--samples", "40"])], 1),
]


def built():
    """Path of the bench."""
    if "POWER_BENCH" in os.environ:
        return os.environ["POWER_BENCH"]
    command = ["cargo", "build", "--release", "--locked", "-p", "buttress", "--bench", "power", "--message-format", "json"]
    out = subprocess.run(command, cwd=HERE.parent, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = [json.loads(line).get("executable") for line in out.splitlines()]
    return [x for x in found if x][-1]


def case_file(case):
    """Path of a case, or nothing."""
    found = [Path(os.environ["PEER_DATA"]) / folder / (case + ".m") for folder in ("matpower", "pglib")]
    return next((str(f) for f in found if f.exists()), None)


def run(command, threads):
    """The last line of JSON a program prints, or the last line of what it complains of."""
    env = dict(os.environ, PEER_THREADS=str(threads))
    p = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    lines = [x for x in p.stdout.splitlines() if x.startswith("{")]
    if p.returncode or not lines:
        return None, (p.stderr.strip().splitlines() or ["no answer"])[-1]
    return json.loads(lines[-1]), ""


def digits(ours, peer):
    """Digits to which the numbers that both programs give agree, the least of them; 15 for equal."""
    least = 15
    for x, y in zip(ours, peer):
        if x is not None and y is not None and x != y:
            d = abs(x - y) / max(abs(x), abs(y))
            least = min(least, max(0, len(str(int(1 / d))) - 1))
    return least


def per_unit(answers, clock, is_many):
    """Median time, ms, of one repetition, or of one of the many solves in it."""
    return statistics.median(r[clock] / (r["n"] if is_many else 1) for r in answers) * 1e3


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--only", default="")
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--rounds", type=int, default=1)
    ap.add_argument("--ours-only", action="store_true")
    ap.add_argument("--jsonl")
    a = ap.parse_args()
    for name in ("PEER_BENCH", "PEER_DATA"):
        if not Path(os.environ.get(name, "/nowhere")).is_dir():
            print(f"skipped: {name} names no folder (see the head of this file)")
            return
    bench, python = built(), os.environ.get("PEER_PYTHON", sys.executable)
    clock = "cpu_seconds" if a.threads == 1 else "seconds"
    print(f"| task and case | ours, ms a unit | peer | peer, ms a unit | peer / ours | digits | check |   ({clock}, {a.threads} thread(s))", flush=True)
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name, task, case, args, peers, least in ROWS:
        if not name.startswith(a.only):
            continue
        file = case_file(case)
        if file is None:
            print(f"skipped {name}: PEER_DATA has no {case}.m", flush=True)
            continue
        # Many like solves are compared one by one: some peers take too long for all of them.
        is_sample = "--first" in str(peers) or "--limit" in str(peers)
        is_many = is_sample or task.startswith(("shed-ensemble", "cascade"))
        ours, theirs = [], [[] for _ in peers]
        for _ in range(max(a.rounds, least)):
            programs = [([bench, file, task, "--threads", str(a.threads), *args], ours)]
            for (script, extra), to in zip([] if a.ours_only else peers, theirs):
                folder = HERE if (HERE / script).exists() else Path(os.environ["PEER_BENCH"])
                programs.append(([python, str(folder / script), "--case", case, *extra], to))
            for command, to in programs:
                answer, trouble = run(command, a.threads)
                if answer is None:
                    print(f"skipped {' '.join(map(str, command[1:]))}: {trouble}", flush=True)
                else:
                    to.append(answer)
                    if a.jsonl:
                        with open(a.jsonl, "a", encoding="utf-8") as f:
                            f.write(json.dumps(answer) + "\n")
        if not ours:
            continue
        mine = per_unit(ours, clock, is_many)
        for other in [t for t in theirs if t] or [[]]:
            if other:
                his = per_unit(other, clock, is_many)
                row = [other[0]["name"], f"{his:.4g}", f"{his / mine:.3g}", "sample" if is_sample else digits(ours[0]["check"], other[0]["check"])]
            else:
                row = ["", "", "", ""]
            checks = f"{ours[0]['check']} / {other[0]['check'] if other else ''}"
            print(f"| {name} | {mine:.4g} | {' | '.join(map(str, row))} | {checks} | {ours[0]['peak_mb']} MB", flush=True)


main()
