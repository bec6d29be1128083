//! `buttress share publish` and `import`: call, print.

use buttress_server::content::{self, Desk, Put};
use buttress_wire::vocabulary::{Assessment, Choice, Publication, Revealed, bundle, objects, revealed};
use serde_json::json;

use crate::print::{Code, print, print_json, table, warn};
use crate::share_background::{background, case_of};
use crate::share_content_args::{Import, Publish, ShareContent, now, open, place, read_file};

/// Runs a verb about content.
pub fn run(verb: &ShareContent) -> Code {
    match verb {
        ShareContent::Publish(args) => publish(args),
        ShareContent::Replay(args) => crate::share_replay::replay(args),
        ShareContent::Lesson { verb } => crate::share_lesson::lesson(verb),
        ShareContent::Import(args) => import(args),
    }
}

fn publish(args: &Publish) -> Code {
    let file = if args.from.is_dir() { args.from.join("assessment.json") } else { args.from.clone() };
    let assessment = Assessment::read(&read_file(&file)?).map_err(|e| format!("{}: {e}", file.display()))?;
    let marked = args.marking.read(&args.by)?;
    let (case, study) = case_of(&assessment, args.case.as_deref())?;
    let choice = match (&args.weakness, args.plan) {
        (Some(which), _) => Choice::One(which.clone()),
        (None, true) => Choice::Plan,
        (None, false) => Choice::Worst(args.top),
    };
    let publication = Publication { by: &args.by, markings: &marked.ids, choice: &choice };
    let mut drafts = objects(&assessment, &background(&case, &study, &assessment), &publication)?;
    let report = drafts.last().map(|d| d.id.to_string()).unwrap_or_default();
    let shown = revealed(&drafts, args.max_per_operator);
    shown.warnings.iter().for_each(|w| warn(&format!("warning: {w}")));
    drafts.splice(0..0, marked.label);
    let level = [marked.level];
    if let Some(out) = &args.out {
        std::fs::write(out, bundle(&drafts, &level, now())).map_err(|e| format!("{}: {e}", out.display()))?;
    }
    let mut put = None;
    if let (Some(to), Some(data)) = (&args.to, &args.data) {
        let mut store = open(data, args.database.as_deref())?;
        put = Some(Desk::open(&mut store, &place(to)?)?.put(&drafts, &level, now())?);
    }
    tell(args, (&report, drafts.len()), put.as_ref(), &shown);
    Ok(u8::from(!shown.warnings.is_empty()))
}

fn tell(args: &Publish, (report, n): (&str, usize), put: Option<&Put>, shown: &Revealed) {
    let out = args.out.as_ref().map(|o| o.display().to_string());
    if args.json {
        print_json(&json!({
            "report": report, "n_objects": n, "to": args.to, "added": put.map(|p| p.n_added), "unchanged": put.map(|p| p.n_unchanged), "bundle": out,
            "reveals": {"assets": shown.n_assets, "weaknesses": shown.n_weaknesses, "dependencies": shown.n_dependencies, "by_operator": shown.by_operator},
            "warnings": shown.warnings,
        }));
        return;
    }
    let place = match (put, &args.to) {
        (Some(put), Some(to)) => format!("to        {to}: {} added, {} there already\n", put.n_added, put.n_unchanged),
        _ => String::new(),
    };
    let bundle = out.map_or(String::new(), |out| format!("bundle    {out}\n"));
    print(&format!(
        "report    {report}\nobjects   {n}, marked TLP:{}\n{place}{bundle}reveals   {} assets, {} weaknesses, {} dependencies, {} operators\n",
        args.marking.level.to_uppercase(),
        shown.n_assets,
        shown.n_weaknesses,
        shown.n_dependencies,
        shown.by_operator.len()
    ));
}

fn import(args: &Import) -> Code {
    let text = read_file(&args.file)?;
    let marked = args.marking.read(args.by.as_deref().unwrap_or(""))?;
    let mut store = open(&args.look.kept.data, args.look.kept.database.as_deref())?;
    let mut desk = Desk::open(&mut store, &place(&args.to)?)?;
    let now = now();
    if let (Some(_), Some(label)) = (&args.by, &marked.label) {
        desk.put(std::slice::from_ref(label), &[], now)?;
    }
    let brought =
        content::import(&mut desk, &text, (args.by.as_deref(), &marked.ids), now).map_err(|e| format!("{}: {e}", args.file.display()))?;
    if args.look.json {
        let refused: Vec<_> = brought.refused.iter().map(|(which, why)| json!({"object": which, "why": why})).collect();
        print_json(&json!({
            "to": args.to, "added": brought.put.n_added, "unchanged": brought.put.n_unchanged, "by_type": brought.by_type, "refused": refused,
        }));
    } else {
        let mut t = table(&["type", "objects"], 1);
        for (kind, n) in &brought.by_type {
            t.add_row([kind.clone(), n.to_string()]);
        }
        print(&format!(
            "{t}\n{} added, {} there already, {} refused\n",
            brought.put.n_added,
            brought.put.n_unchanged,
            brought.refused.len()
        ));
        brought.refused.iter().for_each(|(which, why)| warn(&format!("refused: {which}: {why}")));
    }
    Ok(u8::from(!brought.refused.is_empty()))
}
