//! What all layers of the builder share: reading curated tables and packages, writing case tables, finding the nearest.

use std::collections::BTreeMap;
use std::path::PathBuf;

use buttress_model::geo::distance_km;
use buttress_model::schema::Record;

/// Any failure of the builder, with enough words to mend it.
pub type Result<T> = std::result::Result<T, String>;

/// One row of a table by column name.
pub type Row = BTreeMap<String, String>;

/// Text of a column; empty when absent.
pub fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

/// Number in a column; `default` when empty or unreadable.
pub fn number(row: &Row, column: &str, default: f64) -> f64 {
    text(row, column).parse().unwrap_or(default)
}

/// Reads a CSV text into rows.
pub fn read_csv(name: &str, content: &str) -> Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(content.as_bytes());
    let header = reader.headers().map_err(|e| format!("{name}: {e}"))?.clone();
    let mut out = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| format!("{name}: {e}"))?;
        out.push(header.iter().zip(record.iter()).map(|(h, c)| (h.to_owned(), c.to_owned())).collect());
    }
    Ok(out)
}

/// The builder's inputs: curated tables, package files, facts committed beside them.
pub struct Kit {
    /// `data/europe/curated`.
    pub curated_dir: PathBuf,
    /// Unpacked packages by name, such as `searoute`.
    pub packages: BTreeMap<String, PathBuf>,
    /// Zones that hold people, in file order (ISO codes).
    pub zones: Vec<String>,
}

impl Kit {
    /// Rows of a curated table (without `.csv`).
    pub fn curated(&self, name: &str) -> Result<Vec<Row>> {
        let path = self.curated_dir.join(format!("{name}.csv"));
        let content = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        read_csv(name, &content)
    }

    /// Path of a file inside an unpacked package.
    pub fn file(&self, package: &str, inner: &str) -> Result<PathBuf> {
        let root = self.packages.get(package).ok_or_else(|| format!("package {package} was not fetched"))?;
        let path = root.join(inner);
        if path.exists() { Ok(path) } else { Err(format!("{} is not in package {package}", path.display())) }
    }

    /// True for a zone with people.
    pub fn is_zone(&self, key: &str) -> bool {
        self.zones.iter().any(|z| z == key)
    }
}

/// The case tables being written. Columns come from the model's own declaration, so a misspelt column is a panic in the builder.
#[derive(Default)]
pub struct Out {
    tables: BTreeMap<&'static str, Vec<BTreeMap<&'static str, String>>>,
}

impl Out {
    /// Appends a row; values are (column, text). Missing columns stay empty.
    pub fn push<R: Record>(&mut self, values: &[(&str, String)]) {
        let mut row = BTreeMap::new();
        for (column, value) in values {
            let field = R::TABLE.fields().find(|f| f.name == *column);
            let field = field.unwrap_or_else(|| panic!("table {} has no column {column}", R::TABLE.name));
            row.insert(field.name, value.clone());
        }
        self.tables.entry(R::TABLE.name).or_default().push(row);
    }

    /// Rows written so far to a table.
    pub fn rows<R: Record>(&self) -> &[BTreeMap<&'static str, String>] {
        self.tables.get(R::TABLE.name).map_or(&[], Vec::as_slice)
    }

    /// All tables as CSV text by name.
    pub fn to_csv(&self) -> BTreeMap<&'static str, String> {
        let mut out = BTreeMap::new();
        for table in buttress_model::tables::TABLES {
            let Some(rows) = self.tables.get(table.name) else { continue };
            let columns: Vec<&str> =
                table.fields().map(|f| f.name).filter(|c| rows.iter().any(|r| r.get(c).is_some_and(|v| !v.is_empty()))).collect();
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&columns).expect("memory");
            for row in rows {
                writer.write_record(columns.iter().map(|c| row.get(c).map_or("", String::as_str))).expect("memory");
            }
            out.insert(table.name, String::from_utf8(writer.into_inner().expect("memory")).expect("text"));
        }
        out
    }
}

/// Columns common to all assets, ready for [`Out::push`].
pub struct Common<'a> {
    /// Durable key.
    pub key: &'a str,
    /// Name.
    pub name: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Zone.
    pub zone: &'a str,
    /// Latitude, deg.
    pub lat: f64,
    /// Longitude, deg.
    pub lon: f64,
    /// Provenance word.
    pub provenance: &'a str,
    /// Source key.
    pub source: &'a str,
    /// Confidence word.
    pub confidence: &'a str,
}

impl Common<'_> {
    /// The columns, followed by `more`.
    pub fn with<'b>(&self, more: &[(&'b str, String)]) -> Vec<(&'b str, String)> {
        let mut out: Vec<(&'b str, String)> = vec![
            ("key", self.key.into()),
            ("name", self.name.into()),
            ("kind", self.kind.into()),
            ("zone", self.zone.into()),
            ("lat", degrees(self.lat)),
            ("lon", degrees(self.lon)),
            ("provenance", self.provenance.into()),
            ("source", self.source.into()),
            ("confidence", if self.confidence.is_empty() { "low".into() } else { self.confidence.into() }),
        ];
        out.extend(more.iter().map(|(c, v)| (*c, v.clone())));
        out
    }
}

/// Degrees with four decimals (about 10 m).
pub fn degrees(x: f64) -> String {
    format!("{x:.4}")
}

/// A number without needless digits: at most `decimals`.
pub fn short(x: f64, decimals: usize) -> String {
    let s = format!("{x:.decimals$}");
    let s = if s.contains('.') { s.trim_end_matches('0').trim_end_matches('.') } else { &s };
    if s == "-0" { "0".into() } else { s.to_owned() }
}

/// Lower-case ASCII key part from a name: `Sête-Nord (B)` becomes `sete-nord-b`.
pub fn slug(name: &str) -> String {
    let folded: String = name.chars().map(fold).collect();
    let mut out = String::new();
    for c in folded.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

fn fold(c: char) -> char {
    const FROM: &str = "àáâãäåāăąçćčďđèéêëēėęěğģìíîïīįıķļłľñńňņòóôõöøőōřŕșşśšßțţťùúûüūůűųýÿžźżÀÁÂÃÄÅĀĂĄÇĆČĎĐÈÉÊËĒĖĘĚĞĢÌÍÎÏĪĮİĶĻŁĽÑŃŇŅÒÓÔÕÖØŐŌŘŔȘŞŚŠȚŢŤÙÚÛÜŪŮŰŲÝŽŹŻæœþðÆŒÞÐ";
    const TO: &str = "aaaaaaaaacccddeeeeeeeeggiiiiiiiklllnnnnoooooooorrssssstttuuuuuuuuyyzzzAAAAAAAAACCCDDEEEEEEEEGGIIIIIIIKLLLNNNNOOOOOOOORRSSSSTTTUUUUUUUUYZZZaotdAOTD";
    FROM.chars().position(|f| f == c).and_then(|i| TO.chars().nth(i)).unwrap_or(c)
}

/// Index and distance (km) of the nearest point among `(lat, lon)`; `None` when there is none.
pub fn nearest(points: impl Iterator<Item = (f64, f64)>, lat: f64, lon: f64) -> Option<(usize, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for (i, (a, b)) in points.enumerate() {
        if best.is_some_and(|(_, d)| (a - lat).abs() * 111.0 > d) {
            continue;
        }
        let d = distance_km(a, b, lat, lon);
        if best.is_none_or(|(_, x)| d < x) {
            best = Some((i, d));
        }
    }
    best
}
