//! How far to trust the page: data quality, method, assumptions, how to reproduce, licences.

use super::{
    BTreeSet, Balance, Cell, Context, FACT_TOLERANCE, Level, Page, Sector, Sharing, Table, details, endings, escape, hours, kind_words,
    list, money_by_zone, number, paragraph, percent, point_words, whole,
};

pub(super) fn quality(ctx: &Context) -> String {
    let a = ctx.a;
    let ended: Vec<String> = endings(a).iter().map(|(name, n)| format!("{} {}", name.replace('_', " "), whole(*n))).collect();
    let mut out = paragraph(&format!(
        "{} of the single-loss cost rests on synthetic records. Endings of all reported results: {}.",
        percent(a.synthetic_share),
        ended.join(", ")
    ));
    out.push_str("<h3>Where the records come from</h3>\n");
    out.push_str(&provenance(ctx));
    out.push_str("<h3>Base check</h3>\n");
    out.push_str(&base_check(ctx));
    out.push_str("<h3>Comparison with published totals</h3>\n");
    out.push_str(&facts(ctx));
    out.push_str("<h3>What was not run or not attached</h3>\n");
    let skipped = a.skipped.iter().map(|(reason, n)| vec![Cell::Head(reason.clone()), Cell::Number(whole(*n))]);
    out.push_str(&Table { caption: "Assets not run, by reason", heads: &["Reason", "Assets"], rows: skipped.collect() }.render());
    let loose = a.unattached.iter().map(|(rule, n)| vec![Cell::Head(rule.clone()), Cell::Number(whole(*n))]);
    out.push_str(
        &Table { caption: "Dependencies that found no supply point", heads: &["Rule", "Dependencies"], rows: loose.collect() }.render(),
    );
    out
}

pub(super) fn provenance(ctx: &Context) -> String {
    const WORDS: [&str; 4] = ["real", "derived", "curated", "synthetic"];
    let mut counts = [[0_usize; 4]; 4];
    for asset in ctx.case.assets() {
        if let Some(w) = WORDS.iter().position(|w| *w == asset.provenance) {
            counts[asset.sector as usize][w] += 1;
        }
    }
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for sector in Sector::ALL {
        let n = counts[sector as usize];
        rows.push(
            std::iter::once(Cell::Head(sector.name().to_owned()))
                .chain(n.map(|x| Cell::Number(whole(x))))
                .chain([Cell::Number(whole(n.iter().sum()))])
                .collect(),
        );
    }
    let sums: [usize; 4] = std::array::from_fn(|w| counts.iter().map(|c| c[w]).sum());
    rows.push(
        std::iter::once(Cell::Head("all".to_owned()))
            .chain(sums.map(|x| Cell::Number(whole(x))))
            .chain([Cell::Number(whole(sums.iter().sum()))])
            .collect(),
    );
    Table { caption: "Assets by sector and provenance", heads: &["Sector", "real", "derived", "curated", "synthetic", "all"], rows }
        .render()
}

pub(super) fn base_check(ctx: &Context) -> String {
    let rows = ctx.a.base.iter().map(|p| {
        let unserved: f64 = p.unserved_mw.iter().map(|z| z.1).sum();
        let worst = p.overloads.iter().max_by(|x, y| x.1.total_cmp(&y.1).then(y.0.cmp(&x.0)));
        let overloads =
            worst.map_or_else(|| "0".to_owned(), |w| format!("{}; worst {} at {}", p.overloads.len(), ctx.label(w.0), percent(w.1)));
        vec![
            Cell::Head(point_words(p.point).to_owned()),
            Cell::Text(p.ending.name().replace('_', " ")),
            Cell::Number(format!("{} MW", number(p.demand_mw))),
            Cell::Number(format!("{} MW", number(p.available_mw))),
            Cell::Text(format!("{} MW; {}", number(unserved), money_by_zone(ctx, &p.unserved_mw, 6, |x| format!("{} MW", number(x))))),
            Cell::Text(overloads),
            Cell::Text(money_by_zone(ctx, &p.net_import_mw, 5, |x| format!("{} MW", number(x)))),
        ]
    });
    let table = Table {
        caption: "Electricity in the base case, by study point",
        heads: &["Study point", "Ending", "Demand", "Available", "Unserved", "Lines above their limit", "Largest net imports"],
        rows: rows.collect(),
    };
    let gas = money_by_zone(ctx, &ctx.a.base_gas_unserved_gwh, 8, |x| format!("{} GWh", number(x)));
    format!(
        "{}{}",
        table.render(),
        paragraph(&format!("Gas demand unserved in the base year: {gas}. Every consequence is counted against this base."))
    )
}

pub(super) fn facts(ctx: &Context) -> String {
    let facts = &ctx.a.facts;
    let n_off = facts.iter().filter(|f| f.difference().abs() > FACT_TOLERANCE).count();
    let rows = facts.iter().map(|f| {
        let is_off = f.difference().abs() > FACT_TOLERANCE;
        let reason = match (is_off, f.reason.is_empty()) {
            (false, _) => String::new(),
            (true, true) => "no reason given".to_owned(),
            (true, false) => f.reason.clone(),
        };
        vec![
            Cell::Head(ctx.zone_name(&f.zone)),
            Cell::Text(kind_words(&f.quantity)),
            Cell::Number(number(f.fact)),
            Cell::Number(number(f.ours)),
            Cell::Number(percent(f.difference())),
            Cell::Text(if is_off { "exception".to_owned() } else { "within 10 %".to_owned() }),
            Cell::Text(reason),
        ]
    });
    let table = Table {
        caption: "The case against published totals",
        heads: &["Zone", "Quantity", "Published", "In the case", "Difference", "Result", "Reason"],
        rows: rows.collect(),
    };
    format!(
        "{}{}",
        paragraph(&format!("{} of {} totals differ by more than 10 %.", whole(n_off), whole(facts.len()))),
        details("All comparisons", &table.render())
    )
}

pub(super) fn method() -> String {
    let parts: [(&str, &str); 9] = [
        (
            "Cascade over time",
            "Between events every flow is constant, so stocks and buffers run linearly and the hour at which they are empty is computed, not stepped to. At each event the changes apply, the sectors whose inputs moved are solved again, and served shares turn into states of dependent assets until nothing moves. Within one instant states only worsen; recovery is a later event.",
        ),
        (
            "Electricity",
            "DC power flow by island: B \u{3b8} = P, flow f = (\u{3b8}_from \u{2212} \u{3b8}_to) / x. An imbalance is first shared by headroom. Where a limit binds, a linear program decides redispatch and at last shedding: minimise \u{3a3} c\u{207a}u + c\u{207b}d + \u{3a3} w s, subject to balance in each island and |f\u{2080} + \u{3a3} \u{3c6} \u{394}| \u{2264} limit on each line found overloaded. u and d raise and lower generation, s sheds load, \u{3c6} are transfer factors. Source: Stott, Jardim, Alsa\u{e7}, DC Power Flow Revisited, IEEE Trans. Power Syst. 24(3), 2009.",
        ),
        (
            "Gas",
            "Capacitated flow with stores and tanks. Protected customers come first, then industry, then power. Within a class every hub gets the same share unless the network forbids it (max-min fairness). Stores give the least common share of their withdrawal that serves all. Solved exactly by Newton's method on minimum cuts. Sources: Radzik, FOCS 1992; Dinic, Soviet Math. Dokl. 11, 1970.",
        ),
        (
            "Sea and air",
            "A freight flow takes the shortest open route. Where it is closed, it waits or goes round, whichever is shorter. Each tonne-day of delay counts once. Passengers of a closed airport go to airports near by with spare handling; the rest do not travel. Source: Dijkstra, Numer. Math. 1, 1959.",
        ),
        ("Data", "Traffic between metros takes the shortest surviving way first and then spreads over what capacity is left."),
        (
            "Space",
            "Circular orbits give satellite positions and visibility. Position dilution of precision: PDOP = \u{221a} tr\u{2083}(H\u{1d40}H)\u{207b}\u{b9}, rows of H are (\u{2212}e, 1) with e the unit vector to a satellite. Without its ground segment a service lasts as long as its messages stay valid. Sources: Langley, GPS World 10(5), 1999; Montenbruck and Gill, Satellite Orbits, 2000.",
        ),
        (
            "People-hours",
            "Population times the served share lost against the base, by household service. The headline takes the largest single service at each instant (a lower bound); the upper number adds services up, at most everybody.",
        ),
        (
            "Euro",
            "Final demand is priced once, at the value of lost service, low, central and high. What an asset needs to work carries no value of its own.",
        ),
        (
            "Countries hit",
            "A country is hit if for at least one hour one service falls by 1 % of its national normal, or 50,000 people lose it. The numbers at 0.1 % and 5 % show how much this threshold decides.",
        ),
    ];
    let mut out = String::new();
    for (title, text) in parts {
        out.push_str(&format!("<h3>{}</h3>\n{}", escape(title), paragraph(text)));
    }
    out.push_str(&paragraph(
        "The documentation says more, in the chapters on meaning, electricity, gas, transport, data, space, and accounting.",
    ));
    out
}

pub(super) fn assumptions(ctx: &Context) -> String {
    let s = &ctx.a.study;
    let sharing = match s.sharing {
        Sharing::OwnFirst => {
            "A shortage of electricity is shed where it arises, after contracted imports and available reserves (own first)."
        }
        Sharing::Solidarity => "A shortage of electricity is shared as far as the network allows (solidarity).",
    };
    let level = match s.level {
        Level::Low => "mild",
        Level::Central => "central",
        Level::High => "severe",
    };
    let balance = match s.balance {
        Balance::Flow => "by DC power flow under line limits",
        Balance::Component => "by the ratio of generation to demand in each connected part",
    };
    let sampled = if s.sampled { "Failures of buffers on demand are drawn from the seed." } else { "Buffers do not fail on demand." };
    list(&[
        format!("The study starts on the first day of month {}, with gas stores {} full, and runs {}.", s.start_month, percent(s.storage_fill), hours(s.horizon_h)),
        format!("Electricity is held at the study point ({}) for the whole run; gas follows the months, with {} peak days in January.", point_words(s.point), s.gas_peak_days),
        format!("Central answers use {level} parameters. Electricity is balanced {balance}."),
        "The range comes from mild and severe repair times and buffers, for all threats and the worst assets; it is not a confidence interval.".to_owned(),
        sharing.to_owned(),
        "The N-1 security of a synthetic grid is an assumption of how it was built, not a finding.".to_owned(),
        "People without service are a lower bound (largest single household service) and an upper bound (services added up).".to_owned(),
        "Euro are counted once, at final demand. The value of lost service prices the result; it never decides who is shed.".to_owned(),
        format!("Money is in euro of {}.", ctx.case.euro_year()),
        sampled.to_owned(),
    ])
}

pub(super) fn reproduce(ctx: &Context, page: &Page) -> String {
    let seed = ctx.a.study.seed.to_string();
    let digest = if ctx.a.case[3].is_empty() { ctx.case.digest() } else { ctx.a.case[3].as_str() };
    let rows = [
        ("Engine version", page.engine_version),
        ("Case digest (SHA-256)", digest),
        ("Study digest (SHA-256)", page.study_digest),
        ("Seed", seed.as_str()),
        ("Command", page.command),
    ];
    let mut out = paragraph("The same engine, case, study and seed give the same bytes, on any number of threads.");
    out.push_str("<dl>\n");
    for (name, value) in rows {
        out.push_str(&format!("<dt>{}</dt><dd><code>{}</code></dd>\n", escape(name), escape(value)));
    }
    out.push_str("</dl>\n");
    out
}

pub(super) fn licences(ctx: &Context) -> String {
    let distinct: BTreeSet<[&str; 4]> =
        ctx.case.tables().sources.iter().map(|s| [s.licence.as_str(), s.citation.as_str(), s.vintage.as_str(), s.url.as_str()]).collect();
    let n = distinct.len();
    let rows = distinct.into_iter().map(|[licence, citation, vintage, url]| {
        vec![Cell::Head(citation.to_owned()), Cell::Text(vintage.to_owned()), Cell::Text(licence.to_owned()), Cell::Text(url.to_owned())]
    });
    let table = Table {
        caption: "Sources of the case and their licences",
        heads: &["Source", "Vintage", "Licence", "Address"],
        rows: rows.collect(),
    };
    format!("{}{}", paragraph(&format!("The case draws on {} sources.", whole(n))), details("All sources", &table.render()))
}
