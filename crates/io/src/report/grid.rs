//! The grid against outages of lines: counts, the worst outages seen in two ways, cascades.

use buttress_optim::grid_security::{GridSecurity, TwoViews};

use super::html::{Cell, Table, number, paragraph, percent, whole};
use super::{Context, point_words};

/// The section.
pub fn section(ctx: &Context) -> String {
    match &ctx.a.grid {
        None => paragraph("The study balances the grid by component, or the case has no lines: there are no flows to screen."),
        Some(Err(ending)) => paragraph(&format!("The grid could not be screened: {}.", ending.name())),
        Some(Ok(g)) => counts(g) + &worst(ctx, g) + &cascades(ctx, g),
    }
}

fn counts(g: &GridSecurity) -> String {
    let row = |name: &str, s: &buttress_engine::power::n1::Screening| {
        let n = |x: u64| Cell::Number(whole(x as usize));
        vec![Cell::Head(name.to_owned()), n(s.n_outages), n(s.n_islanding), n(s.n_overloading), n(s.n_new_overloading), n(s.n_with_bridge)]
    };
    let mut out = paragraph(&format!(
        "Every single line and every pair of lines, in the base dispatch of the {}, by exact outage factors. Where the grid is synthetic, its \
N-1 security was planned for and proves nothing; what pairs do to it is an answer.",
        point_words(g.point)
    ));
    let heads = &["Outages", "Screened", "Split the grid", "Overload a line", "Of these, newly", "With a bridge, apart"];
    out.push_str(&Table { caption: "Outages of lines", heads, rows: vec![row("Single", &g.n1), row("Pairs", &g.n2)] }.render());
    out
}

fn worst(ctx: &Context, g: &GridSecurity) -> String {
    let name = |k: u32| ctx.case.tables().lines[k as usize].asset.name.clone();
    let row = |w: &TwoViews| {
        vec![
            Cell::Head(w.worst.outages.iter().map(|&k| name(k)).collect::<Vec<_>>().join(" and ")),
            Cell::Text(name(w.worst.branch)),
            Cell::Number(percent(w.worst.loading)),
            Cell::Number(number(w.operator_mw)),
            Cell::Number(number(w.protection_mw)),
        ]
    };
    let heads = &["Lost", "Then most loaded", "Loading", "Shed if the operator acts in time, MW", "Lost if protection acts first, MW"];
    let table = Table { caption: "Outages that overload most, seen in two ways", heads, rows: g.worst.iter().map(row).collect() };
    if g.worst.is_empty() { paragraph("No outage overloads a line.") } else { table.render() }
}

fn cascades(ctx: &Context, g: &GridSecurity) -> String {
    let mut out = paragraph(&format!(
        "Cascades of overloads from {} sampled pairs, protection first: {} of them lose no load; the mean loss is {} MW, nine tenths lose \
less than {} MW, one in a hundred more than {} MW, the worst {} MW.",
        whole(g.cascades.n_samples),
        percent(1.0 - g.cascades.lost_mw.share_at_least(0.5)),
        number(g.cascades.lost_mw.mean()),
        number(g.cascades.lost_mw.quantile(0.9)),
        number(g.cascades.lost_mw.quantile(0.99)),
        number(g.cascades.lost_mw.quantile(1.0))
    ));
    let rows: Vec<Vec<Cell>> = g
        .cascades
        .critical
        .iter()
        .map(|c| {
            let line = &ctx.case.tables().lines[c.branch as usize].asset;
            vec![
                Cell::Head(line.name.clone()),
                Cell::Text(line.zone.clone()),
                Cell::Number(format!("{:.4}", c.trips)),
                Cell::Number(format!("{:.2}", c.children)),
                Cell::Number(format!("{:.4}", c.criticality)),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let heads = &["Line", "Country", "Trips in a cascade", "Trips that follow from one", "Product"];
        out.push_str(&Table { caption: "Lines that carry cascades on (influence graph)", heads, rows }.render());
    }
    out
}
