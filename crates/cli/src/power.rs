//! `buttress power`: one function a verb.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use buttress::engine::ending::Ending;
use buttress::engine::power::ac::{Options, ReactiveLimits, Solution, Start};
use buttress::engine::power::ac_n1::OutageStudy;
use buttress::engine::power::dc::Convention;
use buttress::engine::power::n1::Screening;
use buttress::io::power_json as json;
use buttress::io::power_map::{self, Mark};
use buttress::model::PowerNetwork;
use buttress::power;

use crate::power_args::{Format, Network, PowerVerb, StartArg};
use crate::print::{Code, print, print_json, table, threads, warn};

/// Rounds of switching at reactive limits.
const REACTIVE_ROUNDS: usize = 20;

/// Runs a verb of the power engine; the number is the exit code.
pub fn run(verb: &PowerVerb) -> Code {
    match verb {
        PowerVerb::Flow { network, dc: true, .. } => dc_flow(network),
        PowerVerb::Flow { network, start, reactive_limits, .. } => ac_flow(network, *start, *reactive_limits),
        PowerVerb::Opf { network, secure: true } => secure(network),
        PowerVerb::Opf { network, secure: false } => opf(network),
        PowerVerb::Shed { network } => shed(network),
        PowerVerb::N1 { network, ac: true, .. } => ac_n1(network),
        PowerVerb::N1 { network, redispatch: true, after, ramp, .. } => corrections(network, *after, *ramp),
        PowerVerb::N1 { network, .. } => screen(network, "single outages", power::n1),
        PowerVerb::N2 { network } => screen(network, "pairs of outages", power::n2),
        PowerVerb::Cascade { network, options, samples, seed } => cascade(network, options.as_deref(), samples.map(|n| n as usize), *seed),
        PowerVerb::Adequacy { network, rates, load, peak, samples, seed } => adequacy(
            network,
            &power::AdequacyQuestion {
                rates: rates.as_deref(),
                load: load.as_deref(),
                peak_mw: *peak,
                n_samples: samples.map(|n| n as usize),
                seed: *seed,
                threads: threads(network.threads),
            },
        ),
        PowerVerb::Convert { network, to, write } => convert(network, *to, write),
    }
}

/// Reads the network and switches branches out.
fn load(args: &Network) -> Result<PowerNetwork, Box<dyn Error>> {
    Ok(power::without(&read(args)?, &args.out)?)
}

/// Reads the network and tells its warnings on standard error.
fn read(args: &Network) -> Result<PowerNetwork, Box<dyn Error>> {
    let (network, findings) = power::load(&args.file)?;
    findings.iter().for_each(|f| warn(&f.to_string()));
    Ok(network)
}

/// Draws the map where one is asked for.
fn map(args: &Network, network: &PowerNetwork, title: &str, marks: &[Mark]) -> Result<(), Box<dyn Error>> {
    let Some(path) = &args.map else { return Ok(()) };
    let svg = power_map::draw(network, title, marks).ok_or("the source gives no coordinates of its buses; leave --map out")?;
    Ok(power::write_file(path, &svg)?)
}

/// Branches that carry more than half of their rating.
fn loaded(network: &PowerNetwork, flow_mva: impl Iterator<Item = f64>) -> Vec<Mark> {
    let rated = network.branches.iter().zip(flow_mva).enumerate().filter(|(_, (b, _))| b.rate_a_mva > 0.0);
    rated
        .map(|(k, (b, flow))| (k, flow.abs() / b.rate_a_mva))
        .filter(|x| x.1 > 0.5)
        .map(|(branch, share)| Mark { branch, weight: share, text: format!("{:.1} % of its rating", share * 100.0) })
        .collect()
}

/// 0 with an answer, 1 without.
fn code(ending: Ending) -> u8 {
    u8::from(ending != Ending::Solved)
}

fn name(network: &PowerNetwork, bus: usize) -> String {
    let b = &network.buses[bus];
    if b.name.is_empty() { b.id.clone() } else { format!("{} {}", b.id, b.name) }
}

fn ends(network: &PowerNetwork, row: usize) -> [String; 2] {
    let b = &network.branches[row];
    [name(network, b.from), name(network, b.to)]
}

fn options(start: StartArg, reactive_limits: bool) -> Options {
    let start = match start {
        StartArg::Dc => Start::Dc,
        StartArg::Flat => Start::Flat,
        StartArg::Case => Start::Case,
    };
    let limits = if reactive_limits { ReactiveLimits::Held { rounds: REACTIVE_ROUNDS } } else { ReactiveLimits::Ignored };
    Options { start, reactive_limits: limits, ..Options::default() }
}

fn ac_flow(args: &Network, start: StartArg, reactive_limits: bool) -> Code {
    let network = load(args)?;
    let s = power::ac_flow(&network, &options(start, reactive_limits));
    let apparent = s.branches.iter().map(|f| f.p_from_mw.hypot(f.q_from_mvar).max(f.p_to_mw.hypot(f.q_to_mvar)));
    map(args, &network, "Loading of branches, alternating current", &loaded(&network, apparent))?;
    if args.json {
        print_json(&json::ac_flow(&network, &s));
        return Ok(code(s.ending));
    }
    print(&format!("{}\n", told(&network, &s)));
    let mut t = table(&["bus", "voltage p.u.", "angle deg"], 1);
    for i in (0..network.buses.len()).take(args.limit) {
        let cells = s.buses[i].map_or(["dead".to_owned(), String::new()], |v| [format!("{:.5}", v.vm_pu), format!("{:.4}", v.va_deg)]);
        t.add_row(std::iter::once(name(&network, i)).chain(cells));
    }
    print(&format!("{t}\n"));
    let mut t = table(&["row", "from", "to", "P from MW", "Q from Mvar", "P to MW", "Q to Mvar"], 3);
    for (k, f) in s.branches.iter().enumerate().take(args.limit) {
        let [from, to] = ends(&network, k);
        let numbers = [f.p_from_mw, f.q_from_mvar, f.p_to_mw, f.q_to_mvar].map(|x| format!("{x:.3}"));
        t.add_row([(k + 1).to_string(), from, to].into_iter().chain(numbers));
    }
    print(&format!("{t}\n{}", shown(args, network.branches.len())));
    Ok(code(s.ending))
}

/// How Newton's method went, in words.
fn told(network: &PowerNetwork, s: &Solution) -> String {
    let mut out = format!("ending      {}\niterations  {}\nlosses      {:.6} MW", s.ending.name(), s.iterations, s.losses_mw);
    for i in s.islands.iter().filter(|i| i.ending != Ending::Solved || s.islands.len() > 1) {
        let at = i.references.iter().map(|&r| name(network, r)).collect::<Vec<_>>().join(", ");
        out += &format!(
            "\nisland      {} buses, {}, mismatch {:.3e} p.u., reference {}",
            i.n_buses,
            i.ending.name(),
            i.mismatch_pu,
            if at.is_empty() { "none: no generator holds one" } else { &at }
        );
    }
    if s.ending != Ending::Solved {
        for r in &s.runs {
            let history = r.mismatch_pu.iter().map(|m| format!("{m:.2e}")).collect::<Vec<_>>().join(" ");
            out += &format!("\nmismatch    {history}");
        }
    }
    out
}

/// How to see what a table left out.
fn shown(args: &Network, n: usize) -> String {
    if n > args.limit { format!("{} of {n} branches shown; more with --limit, all with --json\n", args.limit) } else { String::new() }
}

fn dc_flow(args: &Network) -> Code {
    let network = load(args)?;
    let factors = match power::dc_flow(&network) {
        Ok(f) => f,
        Err(ending) if args.json => {
            print_json(&json::no_flow("dc", ending));
            return Ok(1);
        }
        Err(ending) => return Ok(no_answer(ending)),
    };
    map(args, &network, "Loading of branches, direct current", &loaded(&network, factors.flow().iter().map(|p| p * network.base_mva)))?;
    if args.json {
        print_json(&json::dc_flow(&network, &factors));
        return Ok(0);
    }
    let mut t = table(&["row", "from", "to", "P from MW", "loading %"], 3);
    for (k, p) in factors.flow().iter().enumerate().take(args.limit) {
        let p = p * network.base_mva;
        let rate = network.branches[k].rate_a_mva;
        let [from, to] = ends(&network, k);
        let loading = if rate > 0.0 { format!("{:.1}", p.abs() / rate * 100.0) } else { String::new() };
        t.add_row([(k + 1).to_string(), from, to, format!("{p:.3}"), loading]);
    }
    let n = json::dc_islands(&network, &factors).len();
    print(&format!("{n} island{}\n{t}\n{}", if n == 1 { "" } else { "s" }, shown(args, network.branches.len())));
    Ok(0)
}

fn no_answer(ending: Ending) -> u8 {
    print(&format!("no answer: {}\n", ending.name()));
    1
}

fn opf(args: &Network) -> Code {
    let network = load(args)?;
    let s = power::opf(&network);
    map(args, &network, "Loading of branches, least cost", &loaded(&network, s.flow_mw.iter().copied()))?;
    if args.json {
        print_json(&json::opf(&network, &s));
        return Ok(code(s.ending));
    }
    if s.ending != Ending::Solved {
        return Ok(no_answer(s.ending));
    }
    print(&format!("objective   {:.4} an hour\n", s.objective));
    let mut t = table(&["row", "bus", "P MW", "P max MW"], 2);
    for (k, p) in s.p_mw.iter().enumerate().take(args.limit) {
        let g = &network.generators[k];
        t.add_row([(k + 1).to_string(), name(&network, g.bus), format!("{p:.3}"), format!("{:.3}", g.p_max_mw)]);
    }
    print(&format!("{t}\n"));
    Ok(0)
}

fn secure(args: &Network) -> Code {
    let network = load(args)?;
    let s = power::secure(&network, threads(args.threads));
    map(args, &network, "Loading of branches, secure dispatch", &loaded(&network, s.flow_mw.iter().copied()))?;
    if args.json {
        print_json(&json::secured(&s));
        return Ok(code(s.ending));
    }
    if s.ending != Ending::Solved {
        return Ok(no_answer(s.ending));
    }
    print(&format!(
        "objective   {:.4} an hour\nheld        {} pairs of outage and branch\nparting     {} branches whose outage splits the network\n",
        s.objective,
        s.n_pairs,
        s.parting.len()
    ));
    Ok(0)
}

fn corrections(args: &Network, after: Option<usize>, ramp: f64) -> Code {
    let network = load(args)?;
    let answer = match after {
        Some(row) => power::corrections_after(&network, row, ramp, threads(args.threads))?.map(|(first, all)| (Some(first), all)),
        None => power::corrections(&network, ramp, threads(args.threads)).map(|all| (None, all)),
    };
    let (first, mut all) = match answer {
        Ok(x) => x,
        Err(ending) if args.json => {
            print_json(&json::no_corrections(ending));
            return Ok(1);
        }
        Err(ending) => return Ok(no_answer(ending)),
    };
    if args.json {
        print_json(&json::corrections(first.as_ref(), &all));
        return Ok(0);
    }
    let shedding = all.iter().filter(|c| c.shed_mw > 1e-6).count();
    print(&format!("{} single outages\nwith load shed  {shedding}\n", all.len()));
    all.sort_by(|a, b| b.shed_mw.total_cmp(&a.shed_mw).then(b.moved_mw.total_cmp(&a.moved_mw)).then(a.branch.cmp(&b.branch)));
    let mut t = table(&["row out", "from", "to", "overloads", "moved MW", "tripped MW", "shed MW"], 3);
    for c in first.iter().chain(all.iter().take(args.limit)) {
        let [from, to] = ends(&network, c.branch);
        let numbers = [c.moved_mw, c.tripped_mw, c.shed_mw].map(|x| format!("{x:.2}"));
        t.add_row([(c.branch + 1).to_string(), from, to, c.n_overloads.to_string()].into_iter().chain(numbers));
    }
    print(&format!("{t}\n"));
    Ok(0)
}

fn shed(args: &Network) -> Code {
    let network = load(args)?;
    let s = power::shed(&network, Convention::Matpower);
    map(args, &network, "Loading of branches, least shedding", &loaded(&network, s.flow_mw.iter().copied()))?;
    let demand = power::demand_mw(&network);
    if args.json {
        print_json(&json::shed(&network, &s, demand));
        return Ok(code(s.ending));
    }
    if s.ending != Ending::Solved {
        return Ok(no_answer(s.ending));
    }
    print(&format!("load shed   {:.4} MW of {demand:.2} MW\nserved      {:.4} MW\n", s.shed_mw, demand - s.shed_mw));
    let mut t = table(&["bus", "shed MW"], 1);
    let mut by_bus: Vec<(usize, f64)> = s.bus_shed_mw.iter().copied().enumerate().filter(|x| x.1 > 1e-6).collect();
    by_bus.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    for (i, p) in by_bus.iter().take(args.limit) {
        t.add_row([name(&network, *i), format!("{p:.3}")]);
    }
    if !by_bus.is_empty() {
        print(&format!("{t}\n"));
    }
    Ok(0)
}

fn screen(args: &Network, what: &str, ask: fn(&PowerNetwork, usize, usize) -> Result<Screening, Ending>) -> Code {
    let network = load(args)?;
    let start = Instant::now();
    let answer = ask(&network, args.limit, threads(args.threads));
    let seconds = start.elapsed().as_secs_f64();
    let s = match answer {
        Ok(s) => s,
        Err(ending) if args.json => {
            print_json(&json::no_screening("dc", ending, seconds));
            return Ok(1);
        }
        Err(ending) => return Ok(no_answer(ending)),
    };
    let worst = s.worst.iter().map(|w| {
        let rows = w.outages.iter().map(|k| (k + 1).to_string()).collect::<Vec<_>>().join(" and ");
        Mark { branch: w.branch as usize, weight: w.loading - 1.0, text: format!("{:.1} % after the loss of {rows}", w.loading * 100.0) }
    });
    map(args, &network, &format!("Branches overloaded after the worst {what}"), &worst.collect::<Vec<_>>())?;
    if args.json {
        print_json(&json::screening(&s, seconds));
        return Ok(code(s.ending));
    }
    print(&format!(
        "{} {what} in {seconds:.3} s\nislanding      {}\noverloading    {}\nnew overloads  {}\n",
        s.n_outages, s.n_islanding, s.n_overloading, s.n_new_overloading
    ));
    if s.n_with_bridge > 0 {
        print(&format!("with a bridge  {} more, which island whatever the other branch is\n", s.n_with_bridge));
    }
    let mut t = table(&["rows out", "overloads row", "from", "to", "loading %"], 4);
    for w in &s.worst {
        let [from, to] = ends(&network, w.branch as usize);
        let rows = w.outages.iter().map(|k| (k + 1).to_string()).collect::<Vec<_>>().join(", ");
        t.add_row([rows, (w.branch + 1).to_string(), from, to, format!("{:.2}", w.loading * 100.0)]);
    }
    print(&format!("{t}\n"));
    Ok(code(s.ending))
}

fn ac_n1(args: &Network) -> Code {
    let network = load(args)?;
    let start = Instant::now();
    let s: OutageStudy = power::ac_n1(&network, &Options::default(), threads(args.threads));
    let seconds = start.elapsed().as_secs_f64();
    if args.json {
        print_json(&json::ac_outages(&network, &s, args.limit, seconds));
        return Ok(code(s.base.ending));
    }
    let over = s.overloads();
    let worst = over.iter().take(args.limit).map(|(k, l)| Mark {
        branch: l.branch,
        weight: l.share - 1.0,
        text: format!("{:.1} % after the loss of {}", l.share * 100.0, k + 1),
    });
    map(args, &network, "Branches overloaded after the worst single outages", &worst.collect::<Vec<_>>())?;
    print(&format!(
        "{} single outages in {seconds:.3} s\nbase           {}\nislanding      {}\nwithout answer {}\noverloading    {}\n",
        s.outages.len(),
        s.base.ending.name(),
        s.n_islanding(),
        s.not_converged().len(),
        over.len()
    ));
    let mut t = table(&["row out", "overloads row", "from", "to", "loading %"], 4);
    for (k, l) in over.iter().take(args.limit) {
        let [from, to] = ends(&network, l.branch);
        t.add_row([(k + 1).to_string(), (l.branch + 1).to_string(), from, to, format!("{:.2}", l.share * 100.0)]);
    }
    print(&format!("{t}\n"));
    Ok(code(s.base.ending))
}

fn cascade(args: &Network, options: Option<&Path>, samples: Option<usize>, seed: Option<u64>) -> Code {
    let network = read(args)?;
    let study = options.map(power::cascade_study).transpose()?;
    let seed = seed.or(study.as_ref().map(|s| s.seed)).unwrap_or(1);
    let start = Instant::now();
    if let Some(n) = samples {
        let answer = match study {
            Some(s) => power::timed_cascades(&network, s.settings, n, seed, threads(args.threads)),
            None => power::cascades(&network, n, seed, threads(args.threads)),
        };
        let c = match answer {
            Ok(c) => c,
            Err(ending) => return Ok(no_cascade(args, ending)),
        };
        let seconds = start.elapsed().as_secs_f64();
        if args.json {
            print_json(&json::cascades(&c, args.limit, seconds));
            return Ok(0);
        }
        print(&format!(
            "{n} cascades in {seconds:.3} s, seed {seed}\nlost load      {:.2} MW on average; half below {:.2}, nine tenths below {:.2}, 99 % below {:.2}, most {:.2}\ntrips          {}\n",
            c.lost_mw.mean(),
            c.lost_mw.quantile(0.5),
            c.lost_mw.quantile(0.9),
            c.lost_mw.quantile(0.99),
            c.lost_mw.quantile(1.0),
            c.n_trips
        ));
        let mut t = table(&["critical row", "from", "to", "trips a cascade", "trips that follow", "product"], 3);
        for k in c.critical.iter().take(args.limit) {
            let [from, to] = ends(&network, k.branch as usize);
            let numbers = [k.trips, k.children, k.criticality].map(|x| format!("{x:.5}"));
            t.add_row([(k.branch + 1).to_string(), from, to].into_iter().chain(numbers));
        }
        print(&format!("{t}\n"));
        return Ok(0);
    }
    let rows = if args.out.is_empty() { study.as_ref().map_or(Vec::new(), |s| s.outages.clone()) } else { args.out.clone() };
    if rows.is_empty() {
        return Err("no start; give branch rows with --out ROW,..., or --samples N".into());
    }
    let value = match study {
        Some(s) => {
            let n_relays = s.settings.relays.len();
            match power::timed_cascade(&network, s.settings, &rows, seed)? {
                Ok(c) => json::timed_cascade(&network, &c, n_relays),
                Err(ending) => return Ok(no_cascade(args, ending)),
            }
        }
        None => match power::cascade(&network, &rows)? {
            Ok(c) => json::plain_cascade(&c.cascade, &c.tripped, c.load_mw),
            Err(ending) => return Ok(no_cascade(args, ending)),
        },
    };
    map(args, &network, "Branches that tripped", &tripped(&value))?;
    if args.json {
        print_json(&value);
    } else {
        print_cascade(&network, &value);
    }
    Ok(u8::from(value["ending"] != "solved"))
}

fn no_cascade(args: &Network, ending: Ending) -> u8 {
    if args.json {
        print_json(&json::no_cascade(ending));
        return 1;
    }
    no_answer(ending)
}

/// Branches of a cascade's steps; the first are the darkest.
fn tripped(value: &serde_json::Value) -> Vec<Mark> {
    let steps = value["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let mut out = Vec::new();
    for (i, s) in steps.iter().enumerate() {
        let rows = s["rows"].as_array().into_iter().flatten().chain(std::iter::once(&s["row"]));
        for row in rows.filter_map(serde_json::Value::as_u64) {
            let weight = 1.0 - i as f64 / steps.len() as f64;
            out.push(Mark { branch: row as usize - 1, weight, text: format!("out in step {}", i + 1) });
        }
    }
    out
}

/// The steps of a cascade as a table.
fn print_cascade(network: &PowerNetwork, value: &serde_json::Value) {
    let mw = |key: &str| value[key].as_f64().unwrap_or(f64::NAN);
    print(&format!(
        "ending      {}\nlost load   {:.2} MW of {:.2} MW\n",
        value["ending"].as_str().unwrap_or(""),
        mw("lost_mw"),
        mw("load_mw")
    ));
    if let Some(nadir) = value["nadir_hz"].as_f64() {
        print(&format!("nadir       {nadir:.3} Hz\n"));
    }
    let named = |row: u64| {
        let [from, to] = ends(network, row as usize - 1);
        format!("{row} ({from} - {to})")
    };
    let mut t = table(&["when", "what", "lost MW"], 2);
    for s in value["steps"].as_array().into_iter().flatten() {
        let when = s["time_s"].as_f64().map_or_else(|| format!("round {}", s["round"]), |x| format!("{x:.2} s"));
        let rows =
            || s["rows"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64).map(named).collect::<Vec<_>>().join(", ");
        let text = |key: &str| s[key].as_str().map_or_else(|| s[key].to_string(), str::to_owned);
        let what = match s["what"].as_str() {
            Some("branch_trips") => format!("{} trips: {}", s["row"].as_u64().map_or(String::new(), named), text("why")),
            Some("relay_acts") => format!(
                "relay {} in the island of {} switches {:.1} MW",
                s["relay"],
                text("island"),
                s["switched_mw"].as_f64().unwrap_or(0.0)
            ),
            Some("island_settles") => {
                format!("the island of {} settles at {:.3} Hz", text("island"), s["frequency_hz"].as_f64().unwrap_or(f64::NAN))
            }
            Some("island_dark") => format!("the island of {} goes dark: {}", text("island"), text("why")),
            _ => format!("out: {}", rows()),
        };
        t.add_row([when, what, s["lost_mw"].as_f64().map_or(String::new(), |x| format!("{x:.2}"))]);
    }
    print(&format!("{t}\n"));
}

fn adequacy(args: &Network, question: &power::AdequacyQuestion) -> Code {
    if !args.out.is_empty() {
        return Err("--out takes branches out, and adequacy looks at generators alone; leave it out".into());
    }
    let network = read(args)?;
    let a = match power::adequacy(&network, question)? {
        Ok(x) => x,
        Err(ending) if args.json => {
            print_json(&json::no_adequacy(ending));
            return Ok(1);
        }
        Err(ending) => return Ok(no_answer(ending)),
    };
    if args.json {
        print_json(&json::adequacy(&a.exact, a.sampled.as_ref(), a.n_hours));
        return Ok(0);
    }
    let over = if (8736..=8784).contains(&a.n_hours) { "a year".to_owned() } else { format!("in {} h", a.n_hours) };
    print(&format!(
        "loss of load expectation    {:.5} h {over}\nexpected energy not served  {:.4} MWh {over}\nof daily peaks              {:.5} days {over}\n",
        a.exact.lole_h, a.exact.eens_mwh, a.exact.lole_daily_peaks_d
    ));
    if let Some(s) = a.sampled {
        print(&format!(
            "sampled {} times            {:.5} ± {:.5} h, {:.3} ± {:.3} MWh (95 %)\n",
            s.n_samples, s.mean.lole_h, s.half_width.lole_h, s.mean.eens_mwh, s.half_width.eens_mwh
        ));
    }
    Ok(0)
}

fn convert(args: &Network, to: Format, path: &Path) -> Code {
    let network = load(args)?;
    let source = args.file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let findings = match to {
        Format::Matpower => {
            power::write_file(path, &buttress::io::power_formats::matpower_write::write(&network))?;
            Vec::new()
        }
        Format::Pypsa => power::write_folder(path, buttress::io::power_formats::pypsa_write::write(&network))?,
        Format::Case => power::write_folder(path, buttress::io::power_formats::to_case::to_case(&network, &source))?,
    };
    findings.iter().for_each(|f| warn(&f.to_string()));
    print(&format!(
        "{} buses, {} branches, {} generators written to {}\n",
        network.buses.len(),
        network.branches.len(),
        network.generators.len(),
        path.display()
    ));
    Ok(0)
}
