//! Corrupted copies of the Europe case: every one ends in findings or runs; none panics, none hangs.
//! `BUTTRESS_SOAK=1` tries 1,000 copies; otherwise a short form.

use std::time::{Duration, Instant};

use buttress::engine::cascade::{Base, Keep, run};
use buttress::engine::compile::World;
use buttress::engine::rng::Rng;
use buttress::io::{case_folder, embedded};
use buttress::model::{Change, Study, check};

/// What a copy may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_mins(2);

/// Changes up to six digits to others: what a slip of the pen does, mostly still a case.
fn slip(files: &mut [(String, Vec<u8>)], rng: &mut Rng) -> String {
    let mut what = String::new();
    for _ in 0..=rng.below(6) {
        let k = rng.below(files.len());
        let (name, bytes) = &mut files[k];
        let digits: Vec<usize> = bytes.iter().enumerate().filter(|(_, b)| b.is_ascii_digit()).map(|(i, _)| i).collect();
        if !digits.is_empty() {
            let at = digits[rng.below(digits.len())];
            bytes[at] = b'0' + rng.below(10) as u8;
            what.push_str(&format!("{name}@{at} "));
        }
    }
    what
}

/// Spoils one to six places of one to three files.
fn spoil(files: &mut [(String, Vec<u8>)], rng: &mut Rng) -> String {
    let mut what = String::new();
    for _ in 0..=rng.below(3) {
        let k = rng.below(files.len());
        let (name, bytes) = &mut files[k];
        for _ in 0..=rng.below(6) {
            let n = bytes.len().max(1);
            let at = rng.below(n);
            let kind = rng.below(9);
            match kind {
                0 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << 4),
                1 => bytes.truncate(at),
                2 => drop(bytes.splice(at.min(bytes.len())..at.min(bytes.len()), *b"\xff\xfe\"")),
                3 => drop(bytes.splice(at.min(bytes.len())..at.min(bytes.len()), *b",,,")),
                4 => drop(bytes.splice(at.min(bytes.len())..at.min(bytes.len()), *b"1e308")),
                5 => drop(bytes.splice(at.min(bytes.len())..at.min(bytes.len()), *b"-")),
                6 => drop(bytes.splice(at.min(bytes.len())..at.min(bytes.len()), *b"nan\n")),
                7 => {
                    // A row twice.
                    let text = String::from_utf8_lossy(bytes).into_owned();
                    let lines: Vec<&str> = text.lines().collect();
                    if let Some(line) = lines.get(rng.below(lines.len().max(1))) {
                        bytes.extend_from_slice(format!("{line}\n").as_bytes());
                    }
                }
                _ => {
                    // A row gone.
                    let text = String::from_utf8_lossy(bytes).into_owned();
                    let lines: Vec<&str> = text.lines().collect();
                    let gone = rng.below(lines.len().max(1));
                    *bytes = lines
                        .iter()
                        .enumerate()
                        .filter(|(i, _)| *i != gone)
                        .map(|(_, l)| format!("{l}\n"))
                        .collect::<String>()
                        .into_bytes();
                }
            }
            what.push_str(&format!("{name}:{kind}@{at} "));
        }
    }
    what
}

#[test]
fn corrupted_copies_end_in_findings_or_run() {
    let soak = std::env::var_os("BUTTRESS_SOAK").is_some();
    let copies = if soak { 1000 } else { 60 };
    let whole = embedded::files();
    let (mut refused, mut usable) = (0, 0);
    for seed in 0..copies {
        let mut rng = Rng::new(seed);
        let mut files: Vec<_> = whole.iter().filter(|f| f.0 != "borders.csv").cloned().collect();
        let what = if seed % 2 == 0 { slip(&mut files, &mut rng) } else { spoil(&mut files, &mut rng) };
        let start = Instant::now();
        let (draft, findings) = case_folder::parse("copy", &files);
        let (case, more) = check::check(&draft);
        let errors = findings.iter().chain(&more).filter(|f| f.weight == buttress::model::Weight::Error).count();
        match case {
            Some(case) if errors == 0 => {
                usable += 1;
                let world = World::compile(&case, &Study::default(), &[]);
                let base = Base::new(&world);
                let asset = &case.assets()[rng.below(case.assets().len())];
                run(&world, &base, &[Change::take_out(&asset.key)], Keep::default(), 1);
            }
            _ => {
                refused += 1;
                assert!(errors > 0, "refused without an error: {what}");
            }
        }
        if start.elapsed() > PATIENCE / 20 {
            println!("copy {seed} took {:?}: {what}", start.elapsed());
        }
        assert!(start.elapsed() < PATIENCE, "copy {seed} took {:?}: {what}", start.elapsed());
    }
    println!("{copies} copies: {refused} refused with findings, {usable} usable and run");
    assert_eq!(refused + usable, copies);
    assert!(refused > 0 && usable > 0, "both ends must occur: {refused} refused, {usable} usable");
}
