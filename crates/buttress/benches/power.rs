//! One task of the power engine on one network, timed, as one line of JSON; the numbers beside other programs come from here.
//!
//! ```text
//! cargo bench -p buttress --bench power -- FILE TASK [--threads T] [--reps R] [--samples N]
//! ```
//!
//! `seconds` is the median wall time of the repetitions and `cpu_seconds` the median processor time of the whole process; reading
//! the file is not timed, everything else that a task needs is, unless its line below says so. `check` is what the same work must
//! give in any program; `null` where this program does not work the number out.
//!
//! - `n1`: every branch out in turn, direct current. check = bridges, overloaded (branch, outage) pairs, sum over the outages that do
//!   not island of the largest |flow| in MW, highest loading.
//! - `n2`: every pair of branches, direct current. check = pairs without a bridge, pairs with one, pairs without a bridge that island,
//!   pairs with an overload, pairs with an overload that neither outage alone nor the base case has.
//! - `ac-warm`, `ac-cold`: Newton's method from the angles of the direct-current model to 1e-8 p.u.; warm keeps order, symbolic
//!   factorisation and room. check = sum of |V| in p.u., losses in MW, steps.
//! - `ac-n1`: every branch out in turn, alternating current. check = bridges, outages without a solution, sum over the solved outages
//!   of the largest |P| at a from end in MW (found by solving each anew, not timed, up to 3,000 buses), highest loading.
//! - `opf`: least cost, b = x/(r² + x²), no taps, no shifts. check = cost.
//! - `shed-5-percent-rule`: least load shed without the branch rows r, from 0, with 7919 r divisible by 20. check = MW shed.
//! - `shed-ensemble-2`, `shed-ensemble-5-percent`: least load shed in N scenarios; scenario s is without the k branch rows
//!   7919 (s k + i) mod m, i from 0 to k − 1, of m rows, k = 2 or 5 % of m. check = MW shed summed over the first 20 scenarios, over
//!   all, scenarios decided without a program.
//! - `cascade`: N overload cascades by the plain rule, α = 1.2; sample s starts from the branches in service number 7919 s mod m and
//!   (104729 s + 13) mod m. Base flows and limits are not timed. check = MW served summed, trips after the starts, rounds.

use std::time::Instant;

use buttress::engine::batch::on_threads;
use buttress::engine::ending::Ending;
use buttress::engine::power::ac::{Analysed, Options, Solution};
use buttress::engine::power::ac_n1::{OutageEnding, ac_outages};
use buttress::engine::power::dc::{Convention, DcModel};
use buttress::engine::power::factors::Factors;
use buttress::engine::power::n1::screen_singles;
use buttress::engine::power::n2::screen_pairs;
use buttress::engine::power::opf::optimal_flow;
use buttress::engine::power::overload::Plain;
use buttress::engine::power::shed::{Shedding, least_shed};
use buttress::model::PowerNetwork;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Worst outages kept by the screenings.
const KEEP: usize = 20;
/// Buses up to which the flows of `ac-n1` are found anew.
const N_CHECKED_BUSES: usize = 3000;
/// Scenarios that every program solves.
const N_SHARED: usize = 20;

/// What is asked on the command line.
struct Asked {
    threads: usize,
    reps: usize,
    samples: usize,
}

/// What a task came to.
struct Answer {
    /// Units of work in one repetition.
    n: usize,
    seconds: f64,
    cpu_seconds: f64,
    check: Value,
}

/// Processor time of the process, s.
fn cpu_s() -> f64 {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

fn median(mut x: Vec<f64>) -> f64 {
    x.sort_by(f64::total_cmp);
    x[x.len() / 2]
}

/// Runs `work` once to warm up and then R times on T threads.
fn timed<T: Send>(asked: &Asked, n: usize, mut work: impl FnMut() -> T + Send, check: impl FnOnce(T) -> Value) -> Answer {
    let (mut wall, mut used) = (Vec::new(), Vec::new());
    let last = on_threads(asked.threads, || {
        let mut last = work();
        for _ in 0..asked.reps {
            let (start, start_cpu) = (Instant::now(), cpu_s());
            last = work();
            used.push(cpu_s() - start_cpu);
            wall.push(start.elapsed().as_secs_f64());
        }
        last
    });
    Answer { n, seconds: median(wall), cpu_seconds: median(used), check: check(last) }
}

fn factors(network: &PowerNetwork) -> Factors {
    Factors::new(&DcModel::new(network, Convention::Matpower)).expect("a network with a solution")
}

fn n1(network: &PowerNetwork, asked: &Asked) -> Answer {
    let n = network.branches.iter().filter(|b| b.in_service).count();
    let work = || screen_singles(&factors(network), KEEP);
    timed(asked, n, work, |s| {
        let worst = s.screening.worst.first().map(|w| w.loading);
        json!([s.screening.n_islanding, s.n_overloaded_pairs, s.sum_of_worst_flows_mw, worst])
    })
}

fn n2(network: &PowerNetwork, asked: &Asked) -> Answer {
    let m = factors(network).is_bridge().iter().filter(|bridge| !**bridge).count();
    let work = || screen_pairs(&factors(network), KEEP);
    timed(asked, m * m.saturating_sub(1) / 2, work, |s| {
        json!([s.n_outages, s.n_with_bridge, s.n_islanding, s.n_overloading, s.n_new_overloading])
    })
}

fn check_of_flow(s: &Solution) -> Value {
    assert_eq!(s.ending, Ending::Solved);
    json!([s.buses.iter().flatten().map(|b| b.vm_pu).sum::<f64>(), s.losses_mw, s.iterations])
}

fn ac_warm(network: &PowerNetwork, asked: &Asked) -> Answer {
    let analysed = Analysed::new(network);
    let mut room = analysed.workspace();
    timed(asked, network.buses.len(), || analysed.solve(network, &Options::default(), &mut room), |s| check_of_flow(&s))
}

fn ac_cold(network: &PowerNetwork, asked: &Asked) -> Answer {
    timed(asked, network.buses.len(), || buttress::power::ac_flow(network, &Options::default()), |s| check_of_flow(&s))
}

fn ac_n1(network: &PowerNetwork, asked: &Asked) -> Answer {
    let n = network.branches.iter().filter(|b| b.in_service).count();
    timed(
        asked,
        n,
        || ac_outages(network, &Options::default()),
        |study| {
            let solved = |o: &&buttress::engine::power::ac_n1::Outage| matches!(o.ending, OutageEnding::Solved(_));
            let largest: Option<f64> = (network.buses.len() <= N_CHECKED_BUSES)
                .then(|| study.outages.iter().filter(solved).map(|o| largest_flow(network, o.branch)).sum());
            let worst = study.overloads().first().map(|o| o.1.share);
            json!([study.n_islanding(), study.not_converged().len(), largest, worst])
        },
    )
}

/// Largest |P| at a from end without one branch, MW.
fn largest_flow(network: &PowerNetwork, out: usize) -> f64 {
    let left = network.without_branches(&[out + 1]).expect("a branch of the network");
    let solution = buttress::power::ac_flow(&left, &Options::default());
    solution.branches.iter().map(|b| b.p_from_mw.abs()).fold(0.0, f64::max)
}

fn opf(network: &PowerNetwork, asked: &Asked) -> Answer {
    timed(
        asked,
        network.buses.len(),
        || optimal_flow(network, Convention::PowerModels),
        |s| {
            assert_eq!(s.ending, Ending::Solved);
            json!([s.objective])
        },
    )
}

fn shed_by_rule(network: &PowerNetwork, asked: &Asked) -> Answer {
    let rows: Vec<usize> = (0..network.branches.len()).filter(|r| (r * 7919).is_multiple_of(20)).map(|r| r + 1).collect();
    let left = network.without_branches(&rows).expect("rows of the network");
    timed(
        asked,
        network.buses.len(),
        || least_shed(&left, Convention::Matpower),
        |s| {
            assert_eq!(s.ending, Ending::Solved);
            json!([s.shed_mw])
        },
    )
}

fn shed_ensemble(network: &PowerNetwork, asked: &Asked, k: usize) -> Answer {
    let m = network.branches.len();
    let scenarios: Vec<Vec<usize>> = (0..asked.samples).map(|s| (0..k).map(|i| 7919 * (s * k + i) % m).collect()).collect();
    let work = || {
        let shedding = Shedding::new(network, Convention::Matpower).expect("a program").with_base();
        shedding.ensemble(&scenarios, asked.threads).expect("rows of the network")
    };
    timed(asked, asked.samples, work, |totals| {
        assert!(totals.iter().all(|t| t.ending == Ending::Solved));
        let sum = |n: usize| totals.iter().take(n).map(|t| t.shed_mw).sum::<f64>();
        json!([sum(N_SHARED), sum(totals.len()), totals.iter().filter(|t| t.is_certified).count()])
    })
}

fn cascade(network: &PowerNetwork, asked: &Asked) -> Answer {
    let mut plain = network.clone();
    plain.branches.iter_mut().for_each(|b| b.shift_deg = 0.0);
    let plain = Plain::new(&DcModel::new(&plain, Convention::Matpower), 1.2).expect("a network with a solution");
    let on: Vec<u32> = (0..network.branches.len() as u32).filter(|&k| network.branches[k as usize].in_service).collect();
    let start = |s: usize| vec![on[s * 7919 % on.len()], on[(s * 104_729 + 13) % on.len()]];
    let starts: Vec<Vec<u32>> = (0..asked.samples).map(start).collect();
    timed(
        asked,
        asked.samples,
        || plain.ensemble(&starts, asked.threads),
        |runs| {
            let (trips, rounds) = runs.iter().fold((0, 0), |(t, r), (c, _)| (t + c.trips, r + c.rounds));
            json!([runs.iter().map(|r| r.0.served_mw).sum::<f64>(), trips, rounds])
        },
    )
}

/// Most memory the process has held, MB.
fn peak_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kb = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(kb.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? / 1024)
}

fn main() -> Result<(), String> {
    let mut words = Vec::new();
    let mut asked = Asked { threads: 1, reps: 5, samples: 200 };
    let mut rest = std::env::args().skip(1).filter(|a| a != "--bench");
    while let Some(word) = rest.next() {
        let field = match word.as_str() {
            "--threads" => &mut asked.threads,
            "--reps" => &mut asked.reps,
            "--samples" => &mut asked.samples,
            _ => {
                words.push(word);
                continue;
            }
        };
        *field = rest.next().and_then(|x| x.parse().ok()).filter(|&x| x > 0).ok_or(format!("{word} takes a number above 0"))?;
    }
    let [file, task] = words.as_slice() else {
        eprintln!("power: skipped; it needs FILE TASK [--threads T] [--reps R] [--samples N] after `--`");
        return Ok(());
    };
    let (network, _) = buttress::power::load(file.as_ref()).map_err(|e| e.to_string())?;
    let answer = match task.as_str() {
        "n1" => n1(&network, &asked),
        "n2" => n2(&network, &asked),
        "ac-warm" => ac_warm(&network, &asked),
        "ac-cold" => ac_cold(&network, &asked),
        "ac-n1" => ac_n1(&network, &asked),
        "opf" => opf(&network, &asked),
        "shed-5-percent-rule" => shed_by_rule(&network, &asked),
        "shed-ensemble-2" => shed_ensemble(&network, &asked, 2),
        "shed-ensemble-5-percent" => shed_ensemble(&network, &asked, network.branches.len() / 20),
        "cascade" => cascade(&network, &asked),
        _ => return Err(format!("there is no task {task}")),
    };
    let line = json!({
        "name": task, "case": network.name, "n": answer.n, "seconds": answer.seconds, "cpu_seconds": answer.cpu_seconds,
        "check": answer.check, "threads": asked.threads, "reps": asked.reps, "peak_mb": peak_mb(),
    });
    println!("{line}");
    Ok(())
}
