//! Multi-sector threshold cascades: component balance, towers, hospitals, people. The published counts, and a second program.

mod support;

use buttress::engine::cascade::{Base, Keep, run_damages};
use buttress::engine::compile::World;
use buttress::model::check::check;
use buttress::model::{Balance, Case, Study};
use support::{Towers, reference};

fn study() -> Study {
    Study { balance: Balance::Component, horizon_h: 1.0, ..Study::default() }
}

fn case_of(towers: &Towers) -> Case {
    let (case, findings) = check(&towers.draft());
    case.unwrap_or_else(|| panic!("{:?}", findings.first()))
}

/// Dead edges and plants as damage at the start.
fn damage(world: &World, towers: &Towers) -> Vec<(u32, f64, f64, f64)> {
    let edges = towers.edges.iter().enumerate().filter(|(_, e)| !e.2).map(|(k, _)| (world.first.line + k) as u32);
    let plants = towers.plants.iter().enumerate().filter(|(_, p)| !p.2).map(|(k, _)| (world.first.plant + k) as u32);
    edges.chain(plants).map(|a| (a, 1.0, 0.0, 2.0)).collect()
}

/// Counts of the cascade: people without power, telecom, health, and towers down.
fn simulate(case: &Case, world: &World, base: &Base, towers: &Towers) -> [usize; 4] {
    let out = run_damages(world, base, &damage(world, towers), &[], Keep { causes: true, curve: false }, 1);
    let mut counts = [0.0; 3];
    let mut down = 0;
    for cause in &out.causes {
        let asset = &case.assets()[cause.asset as usize];
        let k = match asset.group.as_str() {
            "homes" => 0,
            "towers" => 1,
            "hospitals" => 2,
            _ => continue,
        };
        counts[k] += asset.capacity;
        down += usize::from(k == 1);
    }
    let total: f64 = counts.iter().sum();
    let lost = out.lost_total(buttress::engine::outcome::Service::Site);
    assert!((lost - total).abs() < 1e-6, "what is lost over one hour is what failed: {lost} {total}");
    [counts[0] as usize, counts[1] as usize, counts[2] as usize, down]
}

#[test]
fn the_cascade_counts_what_a_second_program_counts() {
    for (l, seed) in [(6, 1), (10, 2), (14, 3), (20, 4), (30, 5)] {
        let towers = Towers::generate(l, seed);
        let case = case_of(&towers);
        let world = World::compile(&case, &study(), &[]);
        let base = Base::new(&world);
        assert_eq!(simulate(&case, &world, &base, &towers), towers.count(), "L = {l}");
    }
}

#[test]
fn published_counts_are_reproduced() {
    let Some(folder) = reference("verify/wcasc") else {
        eprintln!("skipped: the folder of published inputs is not here");
        return;
    };
    for (l, expected) in [(10, [24, 22, 25, 4]), (30, [215, 201, 218, 39]), (100, [273, 130, 369, 26]), (300, [2269, 1096, 2489, 227])] {
        let file = folder.join(format!("L{l}.csv"));
        let text = if let Ok(text) = std::fs::read_to_string(&file) {
            text
        } else {
            let made = std::process::Command::new("python3")
                .arg(folder.join("make.py"))
                .arg(l.to_string())
                .arg("1")
                .output()
                .expect("python3 makes the large input");
            String::from_utf8(made.stdout).expect("text")
        };
        let towers = Towers::parse(&text);
        assert_eq!(towers.count(), expected, "the second program, L = {l}");
        let case = case_of(&towers);
        let world = World::compile(&case, &study(), &[]);
        let base = Base::new(&world);
        assert_eq!(simulate(&case, &world, &base, &towers), expected, "the cascade, L = {l}");
    }
}
