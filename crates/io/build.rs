//! Packs `data/europe` into one compressed archive that is compiled into the library.

use std::io::Write;
use std::path::Path;

fn main() {
    let dir = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo")).join("../../data/europe");
    println!("cargo::rerun-if-changed={}", dir.display());
    let mut names: Vec<_> = std::fs::read_dir(&dir)
        .map(|entries| {
            entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.extension().is_some_and(|x| x == "csv" || x == "toml")).collect()
        })
        .unwrap_or_default();
    names.sort();
    let out = Path::new(&std::env::var("OUT_DIR").expect("cargo")).join("europe.gz");
    let mut gz = flate2::write::GzEncoder::new(std::fs::File::create(out).expect("OUT_DIR is writable"), flate2::Compression::best());
    for path in names {
        let content = std::fs::read(&path).expect("listed just now");
        let name = path.file_name().and_then(|n| n.to_str()).expect("table names are text");
        // One entry: "name length\n" and the bytes.
        writeln!(gz, "{name} {}", content.len()).expect("OUT_DIR is writable");
        gz.write_all(&content).expect("OUT_DIR is writable");
    }
    gz.finish().expect("OUT_DIR is writable");
}
