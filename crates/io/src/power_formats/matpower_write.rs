//! Writes MATPOWER cases, format version 2. Numbers are written with the fewest digits that read back to the same bits, and
//! what the format has no place for stands in fields of our own that MATPOWER passes over: `case_name`, `bus_key`,
//! `bus_lat_lon`, `bus_country`, `branch_name`, `branch_length_km`, `dcline_name`. Reading gives the same network again, save
//! for control characters in texts, which become blanks.

use std::fmt::Write;

use buttress_model::network::{BusKind, Cost, PowerNetwork};

/// The shortest text that reads back to the same number.
fn number(x: f64) -> String {
    if x.is_nan() {
        "NaN".into()
    } else if x.is_infinite() {
        if x > 0.0 { "Inf".into() } else { "-Inf".into() }
    } else if x != 0.0 && (x.abs() < 1e-5 || x.abs() >= 1e15) {
        format!("{x:e}")
    } else {
        format!("{x}")
    }
}

fn quoted(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("'{}'", plain.replace('\'', "''"))
}

fn matrix(out: &mut String, name: &str, columns: &str, rows: impl Iterator<Item = Vec<f64>>) {
    let _ = writeln!(out, "\n%\t{columns}\nmpc.{name} = [");
    for row in rows {
        let cells: Vec<String> = row.into_iter().map(number).collect();
        let _ = writeln!(out, "\t{};", cells.join("\t"));
    }
    out.push_str("];\n");
}

/// A cell array of texts, unless all are empty.
fn texts<'a>(out: &mut String, name: &str, rows: impl Iterator<Item = &'a str> + Clone) {
    if rows.clone().all(str::is_empty) {
        return;
    }
    let _ = writeln!(out, "\nmpc.{name} = {{");
    rows.for_each(|text| _ = writeln!(out, "\t{};", quoted(text)));
    out.push_str("};\n");
}

/// A name that MATLAB takes for a function.
fn identifier(name: &str) -> String {
    let mut out: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(60).collect();
    if !out.starts_with(|c: char| c.is_ascii_alphabetic()) {
        out.insert_str(0, "case_");
    }
    out
}

/// Numbers of the buses: the identifiers where all are whole numbers from 1, each once; else 1, 2, 3 and on.
fn numbers(network: &PowerNetwork) -> (Vec<f64>, bool) {
    let own = |id: &str| id.parse::<u32>().ok().filter(|n| *n >= 1 && n.to_string() == id);
    let ids: Vec<u32> = network.buses.iter().filter_map(|b| own(&b.id)).collect();
    let distinct: std::collections::BTreeSet<&u32> = ids.iter().collect();
    if distinct.len() == network.buses.len() {
        (ids.into_iter().map(f64::from).collect(), true)
    } else {
        ((1..=network.buses.len()).map(|k| k as f64).collect(), false)
    }
}

fn cost(startup: f64, shutdown: f64, cost: &Cost) -> Vec<f64> {
    let (model, n, values) = match cost {
        Cost::None => (2.0, 0, Vec::new()),
        Cost::Polynomial(c) => (2.0, c.len(), c.clone()),
        Cost::Piecewise(points) => (1.0, points.len(), points.iter().flat_map(|p| [p.0, p.1]).collect()),
    };
    [model, startup, shutdown, n as f64].into_iter().chain(values).collect()
}

fn costs(out: &mut String, name: &str, mut rows: Vec<Vec<f64>>) {
    if rows.iter().all(|r| r[1..] == [0.0, 0.0, 0.0]) {
        return;
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    rows.iter_mut().for_each(|r| r.resize(width, 0.0));
    matrix(out, name, "model\tstartup\tshutdown\tn\tc(n-1) ... c0, or x1 y1 ... xn yn", rows.into_iter());
}

/// The network as the text of a case file.
pub fn write(network: &PowerNetwork) -> String {
    let function = identifier(&network.name);
    let mut out = format!("function mpc = {function}\n\nmpc.version = '2';\nmpc.baseMVA = {};\n", number(network.base_mva));
    if function != network.name {
        let _ = writeln!(out, "mpc.case_name = {};", quoted(&network.name));
    }
    let (ids, are_own) = numbers(network);
    let flag = |on: bool| f64::from(u8::from(on));
    let id = |bus: usize| ids.get(bus).copied().unwrap_or(0.0);
    let bus_rows = network.buses.iter().zip(&ids).map(|(b, &id)| {
        let kind = match b.kind {
            BusKind::Pq => 1.0,
            BusKind::Pv => 2.0,
            BusKind::Reference => 3.0,
            BusKind::Isolated => 4.0,
        };
        let (area, zone) = (b.area as f64, b.zone as f64);
        vec![id, kind, b.pd_mw, b.qd_mvar, b.gs_mw, b.bs_mvar, area, b.vm_pu, b.va_deg, b.base_kv, zone, b.vm_max_pu, b.vm_min_pu]
    });
    matrix(&mut out, "bus", "bus_i\ttype\tPd\tQd\tGs\tBs\tarea\tVm\tVa\tbaseKV\tzone\tVmax\tVmin", bus_rows);
    let gen_rows = network.generators.iter().map(|g| {
        let on = flag(g.in_service);
        let own = [id(g.bus), g.p_mw, g.q_mvar, g.q_max_mvar, g.q_min_mvar, g.vm_set_pu, g.mbase_mva, on, g.p_max_mw, g.p_min_mw];
        own.into_iter().chain([0.0; 11]).collect()
    });
    let columns = "bus\tPg\tQg\tQmax\tQmin\tVg\tmBase\tstatus\tPmax\tPmin\t\
                   Pc1\tPc2\tQc1min\tQc1max\tQc2min\tQc2max\tramp_agc\tramp_10\tramp_30\tramp_q\tapf";
    matrix(&mut out, "gen", columns, gen_rows);
    let branch_rows = network.branches.iter().map(|b| {
        let on = flag(b.in_service);
        let (low, high) = (b.angle_min_deg, b.angle_max_deg);
        let rates = [b.rate_a_mva, b.rate_b_mva, b.rate_c_mva];
        let first = [id(b.from), id(b.to), b.r_pu, b.x_pu, b.b_pu];
        first.into_iter().chain(rates).chain([b.tap, b.shift_deg, on, low, high]).collect()
    });
    let columns = "fbus\ttbus\tr\tx\tb\trateA\trateB\trateC\tratio\tangle\tstatus\tangmin\tangmax";
    matrix(&mut out, "branch", columns, branch_rows);
    let generators = network.generators.iter();
    costs(&mut out, "gencost", generators.map(|g| cost(g.cost_startup, g.cost_shutdown, &g.cost)).collect());
    dc_lines(&mut out, network, id);
    names(&mut out, network, are_own);
    out
}

fn dc_lines(out: &mut String, network: &PowerNetwork, id: impl Fn(usize) -> f64) {
    if network.dc_lines.is_empty() {
        return;
    }
    let rows = network.dc_lines.iter().map(|d| {
        let on = f64::from(u8::from(d.in_service));
        let pairs = [d.q_mvar, d.vm_set_pu, d.p_range_mw, d.q_from_range_mvar, d.q_to_range_mvar, d.loss];
        let first = [id(d.from), id(d.to), on, d.p_from_mw, d.p_to_mw];
        first.into_iter().chain(pairs.into_iter().flat_map(|p| [p.0, p.1])).collect()
    });
    let columns = "fbus\ttbus\tstatus\tPf\tPt\tQf\tQt\tVf\tVt\tPmin\tPmax\tQminF\tQmaxF\tQminT\tQmaxT\tloss0\tloss1";
    matrix(out, "dcline", columns, rows);
    costs(out, "dclinecost", network.dc_lines.iter().map(|d| cost(0.0, 0.0, &d.cost)).collect());
}

/// Names, fuels and places: what the matrices have no column for.
fn names(out: &mut String, network: &PowerNetwork, ids_are_numbers: bool) {
    let (buses, branches) = (network.buses.iter(), network.branches.iter());
    if !ids_are_numbers {
        texts(out, "bus_key", buses.clone().map(|b| b.id.as_str()));
    }
    texts(out, "bus_name", buses.clone().map(|b| b.name.as_str()));
    texts(out, "bus_country", buses.clone().map(|b| b.country.as_str()));
    texts(out, "gen_name", network.generators.iter().map(|g| g.name.as_str()));
    texts(out, "genfuel", network.generators.iter().map(|g| g.fuel.as_str()));
    texts(out, "branch_name", branches.clone().map(|b| b.name.as_str()));
    texts(out, "dcline_name", network.dc_lines.iter().map(|d| d.name.as_str()));
    if buses.clone().any(|b| b.lat_lon.is_some()) {
        let rows = buses.map(|b| b.lat_lon.map_or(vec![f64::NAN; 2], |(lat, lon)| vec![lat, lon]));
        matrix(out, "bus_lat_lon", "lat\tlon", rows);
    }
    if branches.clone().any(|b| b.length_km != 0.0) {
        matrix(out, "branch_length_km", "length", branches.map(|b| vec![b.length_km]));
    }
}

#[cfg(test)]
mod tests {
    use super::super::matpower::parse;
    use super::super::testing::shared;
    use super::write;
    use buttress_model::network::{Branch, Bus, BusKind, Cost, DcLine, Generator, PowerNetwork};
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = f64> {
        let tricky =
            prop::sample::select(vec![0.0, -0.0, 0.1 + 0.2, 1e-300, 5e-324, 1.797_693_134_862_315_7e308, 1e15, 123_456_789.123_456_79]);
        prop_oneof![tricky, any::<f64>().prop_filter("finite", |x| x.is_finite())]
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), "[ -~äö%'\"]{1,12}"]
    }

    fn limit() -> impl Strategy<Value = f64> {
        prop_oneof![4 => number(), 1 => Just(f64::INFINITY), 1 => Just(f64::NEG_INFINITY)]
    }

    fn cost() -> impl Strategy<Value = Cost> {
        let point = |(first, steps): (f64, Vec<(f64, f64)>)| {
            let mut x = first;
            Cost::Piecewise(
                steps
                    .into_iter()
                    .map(|(step, y)| {
                        x += step;
                        (x, y)
                    })
                    .collect(),
            )
        };
        prop_oneof![
            Just(Cost::None),
            prop::collection::vec(number(), 1..4).prop_map(Cost::Polynomial),
            (-9.0..9.0, prop::collection::vec((0.1..5.0, number()), 2..4)).prop_map(point),
        ]
    }

    fn bus() -> impl Strategy<Value = Bus> {
        let kind = prop::sample::select(vec![BusKind::Pq, BusKind::Pv, BusKind::Reference, BusKind::Isolated]);
        let place = prop::option::of((-90.0..90.0, -180.0..180.0));
        (kind, [number(), number(), number(), number(), number(), number()], 0.0..1e3, limit(), place, text(), text(), 0..99_i64).prop_map(
            |(kind, x, base_kv, vm_max_pu, lat_lon, name, country, area)| Bus {
                id: String::new(),
                name,
                kind,
                pd_mw: x[0],
                qd_mvar: x[1],
                gs_mw: x[2],
                bs_mvar: x[3],
                area,
                zone: area + 1,
                vm_pu: x[4],
                va_deg: x[5],
                base_kv,
                vm_max_pu,
                vm_min_pu: x[4],
                lat_lon,
                country,
            },
        )
    }

    fn generator() -> impl Strategy<Value = Generator> {
        (
            [number(), number(), number(), number(), number(), number()],
            [limit(), limit(), limit(), limit()],
            text(),
            text(),
            any::<bool>(),
            cost(),
        )
            .prop_map(|(x, l, name, fuel, in_service, cost)| Generator {
                name,
                fuel,
                bus: 0,
                in_service,
                p_mw: x[0],
                q_mvar: x[1],
                q_max_mvar: l[0],
                q_min_mvar: l[1],
                vm_set_pu: x[2],
                mbase_mva: x[3],
                p_max_mw: l[2],
                p_min_mw: l[3],
                cost_startup: x[4],
                cost_shutdown: x[5],
                cost,
            })
    }

    fn branch() -> impl Strategy<Value = Branch> {
        let rate = || prop_oneof![Just(0.0), 0.0..1e4, Just(f64::INFINITY)];
        let x = number().prop_filter("not 0", |x| *x != 0.0);
        ([number(), number(), number()], x, [rate(), rate(), rate()], 0.0..2.0, [limit(), limit()], text(), any::<bool>(), 0.0..500.0)
            .prop_map(|(z, x_pu, rates, tap, angles, name, in_service, length_km)| Branch {
                name,
                from: 0,
                to: 1,
                in_service,
                r_pu: z[0],
                x_pu,
                b_pu: z[1],
                rate_a_mva: rates[0],
                rate_b_mva: rates[1],
                rate_c_mva: rates[2],
                tap,
                shift_deg: z[2],
                angle_min_deg: angles[0],
                angle_max_deg: angles[1],
                length_km,
            })
    }

    fn dc_line() -> impl Strategy<Value = DcLine> {
        let pair = || (number(), number());
        let range = || (limit(), limit());
        (pair(), pair(), pair(), range(), range(), range(), pair(), cost(), text(), any::<bool>()).prop_map(
            |(p, q_mvar, vm_set_pu, p_range_mw, q_from_range_mvar, q_to_range_mvar, loss, cost, name, in_service)| DcLine {
                name,
                from: 1,
                to: 0,
                in_service,
                p_from_mw: p.0,
                p_to_mw: p.1,
                q_mvar,
                vm_set_pu,
                p_range_mw,
                q_from_range_mvar,
                q_to_range_mvar,
                loss,
                cost,
            },
        )
    }

    prop_compose! {
        fn network()(
            name in "[a-z][a-z0-9_]{0,8}|[ -~]{0,12}", base_mva in 1.0..1e3, buses in prop::collection::vec(bus(), 2..6),
            ids in prop::collection::btree_set("[1-9][0-9]{0,3}", 6),
            words in prop::collection::btree_set("[ -~]{1,6}", 6), odd in any::<bool>(),
            generators in prop::collection::vec((generator(), 0..99_usize), 0..5), branches in prop::collection::vec(branch(), 0..5),
            dc_lines in prop::collection::vec(dc_line(), 0..3),
        ) -> PowerNetwork {
            let n = buses.len();
            let ids: Vec<String> = if odd { words.into_iter().collect() } else { ids.into_iter().collect() };
            let buses = buses.into_iter().zip(ids).map(|(b, id)| Bus { id, ..b }).collect();
            let generators = generators.into_iter().map(|(g, bus)| Generator { bus: bus % n, ..g }).collect();
            PowerNetwork { name, base_mva, buses, generators, branches, dc_lines }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
        #[test]
        fn reading_what_was_written_gives_the_same_network(n in network()) {
            let text = write(&n);
            let (back, findings) = parse("x.m", text.as_bytes());
            prop_assert!(back.is_some(), "{:?}\n{}", findings, text);
            prop_assert_eq!(back.unwrap(), n);
        }
    }

    #[test]
    fn shared_cases_survive_the_way_there_and_back() {
        for path in ["matpower/case300.m", "matpower/case9241pegase.m", "rts-gmlc/RTS_GMLC.m", "scigrid-de", "entsoe-gridkit"] {
            let Some(path) = shared(&format!("energy-power/{path}")) else { return };
            let n = super::super::read_power(&path).unwrap().0.unwrap();
            assert!(parse("x.m", write(&n).as_bytes()).0.as_ref() == Some(&n), "{}", path.display());
        }
    }
}
