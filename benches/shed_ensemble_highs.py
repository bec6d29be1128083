"""Least load shed in many scenarios, each a cold HiGHS: what `shed-ensemble-2` and `shed-ensemble-5-percent` of the bench are held against.

  python shed_ensemble_highs.py --case pglib_opf_case1354_pegase --k 2 [--samples 20]     (--k 0: 5 % of the branch rows)

Needs numpy, scipy, highspy, and the folder of `common.py` in PEER_BENCH (which finds the case under PEER_DATA). Scenario s is without
the branch rows 7919 (s k + i) mod m, i from 0 to k - 1, of m rows. The program is that of the peers' `dc_opf.py --mode shed`.
check = [MW shed summed over the scenarios]; building the program is not timed, passing it to HiGHS and solving it is."""
import argparse
import os
import sys

sys.path.insert(0, os.environ["PEER_BENCH"])
import common as c  # noqa: E402  (sets the number of threads before numpy is loaded)
import highspy  # noqa: E402
import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402

ap = argparse.ArgumentParser()
ap.add_argument("--case", required=True)
ap.add_argument("--k", type=int, default=2)
ap.add_argument("--samples", type=int, default=20)
ap.add_argument("--reps", type=int, default=1)
ap.add_argument("--solver", default="simplex")
a = ap.parse_args()

m = c.read_m(a.case)
S, bus, gen, branch = m["baseMVA"], m["bus"], m["gen"], m["branch"]
gen = gen[gen[:, 7] > 0]
index = {int(b): i for i, b in enumerate(bus[:, 0])}
load = (bus[:, 2] + bus[:, 4]) / S
shed = np.flatnonzero(bus[:, 2] > 0)
nb, ng, nd = len(bus), len(gen), len(shed)
inject = sp.csr_matrix((np.ones(ng + nd), (np.r_[[index[int(g)] for g in gen[:, 0]], shed], np.arange(ng + nd))), (nb, ng + nd))


def program(out):
    on = branch[:, 10] > 0
    on[out] = False
    br = branch[on]
    nl = len(br)
    ends = np.r_[[index[int(x)] for x in br[:, 0]], [index[int(x)] for x in br[:, 1]]]
    incidence = sp.csr_matrix((np.r_[np.ones(nl), -np.ones(nl)], (np.r_[np.arange(nl), np.arange(nl)], ends)), (nl, nb))
    flow = sp.diags(1 / (br[:, 3] * np.where(br[:, 8] == 0, 1, br[:, 8]))) @ incidence
    A = sp.vstack([sp.hstack([-(incidence.T @ flow), inject]), sp.hstack([flow, sp.csr_matrix((nl, ng + nd))])]).tocsc()
    rate = np.where(br[:, 5] > 0, br[:, 5] / S, highspy.kHighsInf)
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = A.shape
    lp.col_cost_ = np.r_[np.zeros(nb + ng), np.ones(nd)]
    lp.col_lower_ = np.r_[np.full(nb, -1e4), np.minimum(0, gen[:, 9]) / S, np.zeros(nd)]
    lp.col_upper_ = np.r_[np.full(nb, 1e4), np.maximum(0, gen[:, 8]) / S, bus[shed, 2] / S]
    lp.row_lower_ = np.r_[load, -rate]
    lp.row_upper_ = np.r_[np.where(load < 0, 0.0, load), rate]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = A.indptr, A.indices, A.data
    return lp


def solve(lp):
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    h.setOptionValue("threads", int(c.THREADS))
    h.setOptionValue("solver", a.solver)
    h.passModel(lp)
    h.run()
    assert h.getModelStatus() == highspy.HighsModelStatus.kOptimal, h.getModelStatus()
    return h.getInfo().objective_function_value


k, n = a.k or len(branch) // 20, len(branch)
programs = [program([7919 * (s * k + i) % n for i in range(k)]) for s in range(a.samples)]
t, total = c.measure(lambda: sum(map(solve, programs)), a.reps, warm=0)
c.emit("shed_ensemble/highs-" + a.solver, a.case, a.samples, t, [total * S], k=k)
