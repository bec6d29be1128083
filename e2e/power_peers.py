"""Power flows beside pandapower and PyPSA: python e2e/power_peers.py path/to/buttress path/to/matpower/ [case14 case30 ...]

Needs pandapower and pypsa from PyPI; skips with a message what is missing. Both peers and `buttress power flow
--json` read the same MATPOWER files. Compared are voltages of the alternating-current flow, to 1e-6 p.u. and, against the reference
bus, 1e-4 degrees, and flows of the direct-current flow at the from end, to 1e-4 MW. The peers start from the voltages of the file:
from the angles of the direct-current flow plain Newton steps lead to another solution of case13659pegase. Prints the largest difference of each and ends
with 1 when one is larger, or when a program finds no answer where another does."""
import json
import logging
import math
import re
import subprocess
import sys
import warnings
from pathlib import Path

CASES = ["case14", "case30", "case57", "case118", "case300", "case1354pegase", "case2869pegase", "case9241pegase", "case13659pegase"]
LIMITS = {"|V|, p.u.": 1e-6, "angle, deg": 1e-4, "dc flow, MW": 1e-4}
WIDTHS = (16, 18, 10, 10, 11)


def buttress(binary, file):
    """Voltages and angles by bus number, and flows by branch row; None where there is no answer."""
    ac, dc = (json.loads(subprocess.run([binary, "power", "flow", *flag, "--json", file], stdout=subprocess.PIPE, check=False).stdout)
              for flag in ([], ["--dc"]))
    buses = {str(b["bus"]): (b["vm_pu"], b["va_deg"]) for b in ac["buses"] if b["vm_pu"] is not None}
    flows = {b["row"]: b["p_from_mw"] for b in dc["branches"]}
    return (buses if ac["ending"] == "solved" else None), (flows if dc["ending"] == "solved" else None)


def by_pandapower(file):
    """The same by pandapower."""
    import pandapower as pp
    from pandapower.converter.pypower.from_ppc import from_ppc
    case, rows = matrices(file)
    for_pandapower(case)
    starts = case["branch"][:, 0].astype(int)
    net = from_ppc(case, f_hz=50)
    try:
        pp.runpp(net, init_vm_pu=case["bus"][:, 7], init_va_degree=case["bus"][:, 8], calculate_voltage_angles=True, tolerance_mva=1e-7, max_iteration=30)
        buses = {str(bus): (v.vm_pu, v.va_degree) for bus, v in net.res_bus.iterrows()}
    except pp.LoadflowNotConverged:
        buses = None
    pp.rundcpp(net)
    ends = {"line": ("from_bus", "p_from_mw", "p_to_mw"), "trafo": ("hv_bus", "p_hv_mw", "p_lv_mw"), "impedance": ("from_bus", "p_from_mw", "p_to_mw")}
    flows = {}
    lookup = net._from_ppc_lookups["branch"]
    for k, (element, kind) in enumerate(zip(lookup.element, lookup.element_type)):
        bus, first, second = ends[kind]
        is_as_read = net[kind].at[element, bus] == starts[k]
        flow = float(net["res_" + kind].at[element, first if is_as_read else second])
        flows[rows[k]] = -flow if rows[k] in case["turned"] else flow
    return buses, flows


def for_pandapower(case):
    """Rewrites a case, without changing what it says, so that the converter loses nothing: a base voltage for every bus, transformers
    with the higher voltage and the tap at their from end, and their charging as shunts, since the converter keeps only its size."""
    import numpy as np
    bus, branch = case["bus"], case["branch"]
    row = {int(b): i for i, b in enumerate(bus[:, 0])}
    bus[bus[:, 9] == 0, 9] = 1.0
    case["turned"] = set()
    for k, (b, of) in enumerate(zip(branch, case["rows"])):
        f, t = row[int(b[0])], row[int(b[1])]
        tap = b[8] or 1.0
        if tap == 1.0 and b[9] == 0.0 and bus[f, 9] == bus[t, 9]:
            continue
        bus[f, 5] += case["baseMVA"] * b[4] / 2 / tap**2
        bus[t, 5] += case["baseMVA"] * b[4] / 2
        b[4] = 0.0
        b[8] = tap
        if bus[f, 9] < bus[t, 9]:
            b[[0, 1]] = b[[1, 0]]
            b[2:4] *= tap**2
            b[8], b[9] = 1 / tap, -b[9]
            case["turned"].add(of)
    case["branch"] = np.ascontiguousarray(branch)


def by_pypsa(file):
    """The same by PyPSA."""
    import pandas as pd
    import pypsa
    case, rows = matrices(file)
    n = pypsa.Network()
    n.import_from_pypower_ppc(case, overwrite_zero_s_nom=1e4)
    n.set_snapshots([pd.Timestamp("2030-01-01")])
    n.transformers["model"] = "pi"
    n.lpf()
    now = n.snapshots[0]
    flows = {}
    for branches, power in ((n.lines, n.lines_t.p0), (n.transformers, n.transformers_t.p0)):
        flows.update({rows[int(k)]: float(power.at[now, name]) for name, k in branches["original_index"].items()})
    for what, column in ((n.buses_t.v_mag_pu, case["bus"][:, 7]), (n.buses_t.v_ang, case["bus"][:, 8] * (math.pi / 180))):
        for bus, x in zip(n.buses.index, column):
            what.at[now, bus] = x
    solved = bool(n.pf(x_tol=1e-9, use_seed=True)["converged"].values.all())
    volt, angle = n.buses_t.v_mag_pu.loc[now], n.buses_t.v_ang.loc[now]
    return ({b: (volt[b], math.degrees(angle[b])) for b in n.buses.index} if solved else None), flows


def table(text, name):
    """Rows of a matrix of a MATPOWER file, as text."""
    body = re.search(r"mpc\." + name + r"\s*=\s*\[(.*?)\];", text, re.S).group(1)
    rows = [line.split("%")[0].replace(",", " ").strip().rstrip(";").split() for line in body.split("\n")]
    return [row for row in rows if row]


def matrices(file):
    """What is in service, as PYPOWER holds it, and the rows of the branches in the file, counted from 1."""
    import numpy as np
    text = Path(file).read_text(encoding="utf-8")
    bus, gen, branch = (np.array([[float(x) for x in row[:width]] for row in table(text, name)]) for name, width in (("bus", 13), ("gen", 21), ("branch", 13)))
    rows = [k + 1 for k in range(len(branch)) if branch[k, 10] > 0]
    base = float(re.search(r"mpc\.baseMVA\s*=\s*([\d.eE+]+)", text).group(1))
    return {"version": "2", "baseMVA": base, "bus": bus, "gen": gen[gen[:, 7] > 0], "branch": branch[branch[:, 10] > 0], "rows": rows}, rows


def reference(file):
    """Number of the reference bus."""
    return next(row[0] for row in table(Path(file).read_text(encoding="utf-8"), "bus") if row[1] == "3")


def differences(ours, theirs, ref):
    """Largest difference of each kind; None where neither has an answer, infinite where one has none."""
    (buses, flows), (peer_buses, peer_flows) = ours, theirs
    if buses is None or peer_buses is None:
        volt = angle = None if buses is peer_buses else float("inf")
    else:
        both = [(buses[b], peer_buses[b]) for b in buses]
        turn = buses[ref][1] - peer_buses[ref][1]
        volt = max(abs(x[0] - y[0]) for x, y in both)
        angle = max(abs((x[1] - y[1] - turn + 180) % 360 - 180) for x, y in both)
    flow = None if flows is None else max(abs(flows[row] - p) for row, p in peer_flows.items())
    return dict(zip(LIMITS, (volt, angle, flow)))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    binary, folder, cases = sys.argv[1], Path(sys.argv[2]), sys.argv[3:] or CASES
    peers = []
    for module, peer in (("pandapower", by_pandapower), ("pypsa", by_pypsa)):
        try:
            version = __import__(module).__version__
            peers.append((f"{module} {version}", peer))
        except ImportError as why:
            print(f"skipped {module}: {why}")
    n_compared = n_wrong = 0
    print("".join(x.ljust(w + 2) for x, w in zip(("case", "peer", *LIMITS), WIDTHS)))
    for case in cases if peers else []:
        file = folder / (case + ".m")
        if not file.exists():
            print(f"skipped {case}: there is no {file.name} in the folder")
            continue
        ours, ref = buttress(binary, str(file)), reference(file)
        for name, peer in peers:
            try:
                found = differences(ours, peer(str(file)), ref)
            except Exception as why:  # the peer's own trouble, whatever it is
                print(f"{case:18}{name:20}no answer: {type(why).__name__}: {str(why)[:80]}")
                continue
            wrong = [k for k, d in found.items() if d is not None and not d <= LIMITS[k]]
            n_compared, n_wrong = n_compared + 1, n_wrong + bool(wrong)
            cells = ["none" if d is None else f"{d:.1e}" for d in found.values()]
            print("".join(x.ljust(w + 2) for x, w in zip((case, name, *cells), WIDTHS)) + ("DIFFERS" if wrong else "ok"), flush=True)
    print(f"{n_compared} comparisons, {n_wrong} with a difference")
    sys.exit(1 if n_wrong else 0)


main()
