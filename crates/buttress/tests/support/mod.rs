//! Makes abstract cases for tests: line grids with plants, towers, hospitals and people.

use buttress::engine::rng::Rng;
use buttress::model::draft::{Draft, RawTable};
use buttress::model::tables::TABLES;

/// A multi-sector threshold case.
pub struct Towers {
    pub n_lines: usize,
    pub edges: Vec<(usize, usize, bool)>,
    pub plants: Vec<(usize, f64, bool)>,
    pub tower_line: Vec<usize>,
    /// (line, tower)
    pub hospitals: Vec<(usize, usize)>,
    /// (line, tower, hospital)
    pub people: Vec<(usize, usize, usize)>,
}

impl Towers {
    /// A seeded L × L grid with the proportions of the published family: 45 % of edges and 30 % of plants dead.
    pub fn generate(l: usize, seed: u64) -> Towers {
        let mut rng = Rng::new(seed);
        let n = l * l;
        let mut edges = Vec::new();
        for r in 0..l {
            for c in 0..l {
                let a = r * l + c;
                if c + 1 < l {
                    edges.push((a, a + 1, true));
                }
                if r + 1 < l {
                    edges.push((a, a + l, true));
                }
            }
        }
        let (p, t, h, q) = ((n / 50).max(2), (n / 20).max(1), (n / 40).max(1), n / 4);
        let plants = (0..p).map(|_| (rng.below(n), 1.05 * q as f64 / p as f64, true)).collect();
        let tower_line = (0..t).map(|_| rng.below(n)).collect();
        let hospitals = (0..h).map(|_| (rng.below(n), rng.below(t))).collect();
        let people = (0..q).map(|_| (rng.below(n), rng.below(t), rng.below(h))).collect();
        let mut case = Towers { n_lines: n, edges, plants, tower_line, hospitals, people };
        case.redraw(&mut rng);
        case
    }

    /// Draws the damage anew.
    pub fn redraw(&mut self, rng: &mut Rng) {
        let mut order: Vec<usize> = (0..self.edges.len()).collect();
        rng.shuffle(&mut order);
        let dead = (self.edges.len() as f64 * 0.45) as usize;
        for (k, &e) in order.iter().enumerate() {
            self.edges[e].2 = k >= dead;
        }
        let mut order: Vec<usize> = (0..self.plants.len()).collect();
        rng.shuffle(&mut order);
        let dead = ((self.plants.len() as f64 * 0.3) as usize).max(1);
        for (k, &p) in order.iter().enumerate() {
            self.plants[p].2 = k >= dead;
        }
    }

    /// Reads the published row form.
    pub fn parse(text: &str) -> Towers {
        let mut c =
            Towers { n_lines: 0, edges: Vec::new(), plants: Vec::new(), tower_line: Vec::new(), hospitals: Vec::new(), people: Vec::new() };
        let (mut tower0, mut hospital0) = (None, None);
        for line in text.lines() {
            let cells: Vec<&str> = line.split(',').collect();
            let n = |i: usize| cells[i].parse::<usize>().expect("a number");
            match cells[0] {
                "edge" => c.edges.push((n(1), n(2), cells[3] == "1")),
                "plant" => c.plants.push((n(2), cells[3].parse().expect("a number"), cells[4] == "1")),
                "tower" => {
                    tower0.get_or_insert(n(1));
                    c.tower_line.push(n(2));
                }
                "hospital" => {
                    hospital0.get_or_insert(n(1));
                    c.hospitals.push((n(2), n(3) - tower0.expect("towers come first")));
                }
                "person" => c.people.push((n(2), n(3) - tower0.expect("towers"), n(4) - hospital0.expect("hospitals"))),
                _ => {}
            }
        }
        c.n_lines = c.edges.iter().map(|e| e.0.max(e.1) + 1).max().unwrap_or(0);
        c
    }

    /// Counts by a second, independent program: no power, no telecom, no health, towers down.
    pub fn count(&self) -> [usize; 4] {
        let mut root: Vec<usize> = (0..self.n_lines).collect();
        fn find(root: &mut [usize], i: usize) -> usize {
            let mut i = i;
            while root[i] != i {
                root[i] = root[root[i]];
                i = root[i];
            }
            i
        }
        for &(a, b, live) in &self.edges {
            if live {
                let (x, y) = (find(&mut root, a), find(&mut root, b));
                root[x] = y;
            }
        }
        let (mut g, mut d) = (vec![0.0; self.n_lines], vec![0.0; self.n_lines]);
        for &(l, mw, live) in &self.plants {
            if live {
                g[find(&mut root, l)] += mw;
            }
        }
        for p in &self.people {
            d[find(&mut root, p.0)] += 1.0;
        }
        let mut ok = |l: usize| {
            let r = find(&mut root, l);
            d[r] == 0.0 || (g[r] / d[r]).min(1.0) >= 0.6
        };
        let tower: Vec<bool> = self.tower_line.iter().map(|&l| ok(l)).collect();
        let hospital: Vec<bool> = self.hospitals.iter().map(|&(l, t)| ok(l) && tower[t]).collect();
        [
            self.people.iter().filter(|p| !ok(p.0)).count(),
            self.people.iter().filter(|p| !tower[p.1]).count(),
            self.people.iter().filter(|p| !hospital[p.2]).count(),
            tower.iter().filter(|t| !**t).count(),
        ]
    }

    #[expect(clippy::too_many_lines, reason = "one table after the other")]
    /// The same as a Buttress case. Sites: `home.<line>` (power), `tower.<k>` (telecom), `hospital.<k>` (health).
    pub fn draft(&self) -> Draft {
        let mut t = Tables::new();
        t.row(
            "zones",
            &[
                ("key", "Z".into()),
                ("name", "Zone".into()),
                ("kind", "zone".into()),
                ("population", self.people.len().to_string()),
                ("lat", "0".into()),
                ("lon", "0".into()),
                ("source", "s".into()),
            ],
        );
        t.row(
            "technologies",
            &[
                ("key", "t".into()),
                ("name", "t".into()),
                ("fuel", "f".into()),
                ("availability_winter_peak", "1".into()),
                ("availability_summer_night", "1".into()),
                ("cost_eur_mwh", "1".into()),
                ("source", "s".into()),
            ],
        );
        for kind in ["substation", "power_line", "power_plant", "site"] {
            t.row(
                "repair_times",
                &[
                    ("kind", kind.into()),
                    ("low_h", "100000".into()),
                    ("central_h", "100000".into()),
                    ("high_h", "100000".into()),
                    ("source", "s".into()),
                ],
            );
        }
        let asset = |key: String, kind: &str| {
            vec![
                ("name", key.clone()),
                ("key", key),
                ("kind", kind.to_owned()),
                ("zone", "Z".into()),
                ("lat", "0".into()),
                ("lon", "0".into()),
                ("provenance", "synthetic".into()),
                ("source", "s".into()),
            ]
        };
        for i in 0..self.n_lines {
            t.row("power_buses", &[asset(format!("bus.{i}"), "substation"), vec![("v_nom_kv", "100".into())]].concat());
        }
        for (k, e) in self.edges.iter().enumerate() {
            t.row(
                "power_lines",
                &[
                    asset(format!("line.{k}"), "power_line"),
                    vec![
                        ("bus_from", format!("bus.{}", e.0)),
                        ("bus_to", format!("bus.{}", e.1)),
                        ("length_km", "1".into()),
                        ("x_pu", "0.1".into()),
                        ("p_max_mw", "0".into()),
                    ],
                ]
                .concat(),
            );
        }
        for (k, p) in self.plants.iter().enumerate() {
            t.row(
                "power_plants",
                &[
                    asset(format!("plant.{k}"), "power_plant"),
                    vec![("bus", format!("bus.{}", p.0)), ("technology", "t".into()), ("p_max_mw", format!("{:?}", p.1))],
                ]
                .concat(),
            );
        }
        let (mut at_line, mut at_tower, mut at_hospital) =
            (vec![0usize; self.n_lines], vec![0usize; self.tower_line.len()], vec![0usize; self.hospitals.len()]);
        for p in &self.people {
            at_line[p.0] += 1;
            at_tower[p.1] += 1;
            at_hospital[p.2] += 1;
        }
        for (i, &n) in at_line.iter().enumerate().filter(|x| *x.1 > 0) {
            t.row(
                "power_loads",
                &[
                    ("key", format!("load.{i}")),
                    ("bus", format!("bus.{i}")),
                    ("zone", "Z".into()),
                    ("winter_peak_mw", n.to_string()),
                    ("summer_night_mw", n.to_string()),
                    ("population", "0".into()),
                ],
            );
            t.row(
                "sites",
                &[
                    asset(format!("home.{i}"), "site"),
                    vec![("group", "homes".into()), ("service", "power".into()), ("bus", format!("bus.{i}")), ("persons", n.to_string())],
                ]
                .concat(),
            );
        }
        for (k, &l) in self.tower_line.iter().enumerate() {
            t.row(
                "sites",
                &[
                    asset(format!("tower.{k}"), "site"),
                    vec![
                        ("group", "towers".into()),
                        ("service", "telecom".into()),
                        ("bus", format!("bus.{l}")),
                        ("persons", at_tower[k].to_string()),
                    ],
                ]
                .concat(),
            );
        }
        for (k, &(l, tower)) in self.hospitals.iter().enumerate() {
            t.row(
                "sites",
                &[
                    asset(format!("hospital.{k}"), "site"),
                    vec![
                        ("group", "hospitals".into()),
                        ("service", "health".into()),
                        ("bus", format!("bus.{l}")),
                        ("persons", at_hospital[k].to_string()),
                    ],
                ]
                .concat(),
            );
            t.row(
                "dependencies",
                &[
                    ("key", format!("dep.tower.{k}")),
                    ("dependent", format!("key:hospital.{k}")),
                    ("needs", "asset".into()),
                    ("at", format!("key:tower.{tower}")),
                    ("threshold", "0.5".into()),
                    ("source", "s".into()),
                ],
            );
        }
        t.row(
            "dependencies",
            &[
                ("key", "dep.power".into()),
                ("dependent", "kind:site".into()),
                ("needs", "electricity".into()),
                ("threshold", "0.6".into()),
                ("source", "s".into()),
            ],
        );
        t.draft
    }
}

/// Builds a draft row by row.
pub struct Tables {
    pub draft: Draft,
}

impl Tables {
    /// With one source `s`.
    pub fn new() -> Self {
        let mut t = Tables { draft: Draft { key: "test".into(), title: "Test".into(), euro_year: 2024, ..Draft::default() } };
        t.row("sources", &[("key", "s".into()), ("citation", "made by a test".into()), ("licence", "none".into())]);
        t
    }

    /// Appends a row; columns not named stay empty.
    pub fn row(&mut self, table: &str, values: &[(&str, String)]) {
        let declared = TABLES.iter().find(|t| t.name == table).expect("a table of a case");
        let raw = self
            .draft
            .tables
            .entry(table.into())
            .or_insert_with(|| RawTable { header: declared.fields().map(|f| f.name.to_owned()).collect(), rows: Vec::new() });
        let cells = raw.header.iter().map(|h| values.iter().find(|v| v.0 == h).map_or(String::new(), |v| v.1.clone())).collect();
        let line = raw.rows.len() as u64 + 2;
        raw.rows.push((line, cells));
    }
}

/// Folder of published reference files, when it is there.
pub fn reference(inner: &str) -> Option<std::path::PathBuf> {
    let root = std::env::var_os("BUTTRESS_REFERENCE")
        .map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), Into::into);
    let path = root.join(inner);
    path.exists().then_some(path)
}
