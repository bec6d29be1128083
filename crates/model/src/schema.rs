//! The case format, field by field. The same table drives reading, checking, the documentation and the header test.

/// What a cell may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldKind {
    /// Unique key of the row in its table: lower-case letters, digits, `.`, `_`, `-` (zones: upper case).
    Key,
    /// Free text.
    Text,
    /// A finite number within the bounds, both included.
    Number(f64, f64),
    /// `0` or `1`.
    Flag,
    /// The key of a row in one of the named tables.
    Ref(&'static [&'static str]),
    /// One of the listed words.
    Choice(&'static [&'static str]),
    /// A selector expression (see [`crate::Selector`]).
    Selector,
    /// How many of several suppliers must work (see [`Logic`]).
    Logic,
}

/// How many of several suppliers must work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logic {
    /// Every one.
    All,
    /// One is enough.
    Any,
    /// At least this many, 1 or more.
    AtLeast(usize),
}

impl Logic {
    /// Reads `all`, `any` or `k-of-n` with k a number of 1 or more.
    pub fn parse(text: &str) -> Option<Logic> {
        match text {
            "all" => Some(Logic::All),
            "any" => Some(Logic::Any),
            _ => text.strip_suffix("-of-n")?.parse().ok().filter(|k| *k >= 1).map(Logic::AtLeast),
        }
    }

    /// Least number that must work among `n`.
    pub fn least_of(self, n: usize) -> usize {
        match self {
            Logic::All => n,
            Logic::Any => 1,
            Logic::AtLeast(k) => k,
        }
    }
}

/// One column of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// Column name: quantity, qualifier, unit.
    pub name: &'static str,
    /// What it may hold.
    pub kind: FieldKind,
    /// Unit, or `-`.
    pub unit: &'static str,
    /// Value of an empty cell; `None` where a value is required.
    pub default: Option<&'static str>,
    /// One sentence.
    pub doc: &'static str,
}

/// One table of a case: a CSV file with these columns.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// File name without `.csv`.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// True when every row is an asset: the [`ASSET_FIELDS`] come first.
    pub is_asset: bool,
    /// The table's own columns.
    pub own: &'static [Field],
}

impl Field {
    /// What to write into the cell, as advice.
    pub fn advice(&self) -> String {
        let unit = if self.unit == "-" { String::new() } else { format!(" {}", self.unit) };
        let what = match self.kind {
            FieldKind::Key => "a key of letters, digits, `.`, `_`, `-`".to_owned(),
            FieldKind::Text => "a text".to_owned(),
            FieldKind::Number(low, f64::INFINITY) => format!("a number from {low} up{unit}"),
            FieldKind::Number(low, high) => format!("a number from {low} to {high}{unit}"),
            FieldKind::Flag => "0 or 1".to_owned(),
            FieldKind::Ref(tables) => format!("a key that stands in {}.csv", tables.join(".csv or ")),
            FieldKind::Choice(words) => format!("one of {}", words.join(", ")),
            FieldKind::Selector => "a selector such as `kind:substation zone:DE`".to_owned(),
            FieldKind::Logic => "`all`, `any` or `k-of-n` with k a number of 1 or more, such as `2-of-n`".to_owned(),
        };
        format!("give {what} ({})", self.doc.trim_end_matches('.'))
    }
}

impl Table {
    /// All columns in file order.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> {
        let common: &'static [Field] = if self.is_asset { ASSET_FIELDS } else { &[] };
        common.iter().chain(self.own)
    }
}

const fn field(name: &'static str, kind: FieldKind, unit: &'static str, default: Option<&'static str>, doc: &'static str) -> Field {
    Field { name, kind, unit, default, doc }
}

/// Words for where a record comes from.
pub const PROVENANCE: &[&str] = &["real", "derived", "synthetic", "curated"];
/// Words for how sure a record is.
pub const CONFIDENCE: &[&str] = &["high", "medium", "low"];

/// Columns that every asset table starts with.
pub const ASSET_FIELDS: &[Field] = &[
    field("key", FieldKind::Key, "-", None, "Durable unique key."),
    field("name", FieldKind::Text, "-", None, "Name people know it by."),
    field("kind", FieldKind::Choice(crate::tables::KINDS), "-", None, "Asset kind; fixes the sector."),
    field("zone", FieldKind::Ref(&["zones"]), "-", None, "Zone or gate it lies in (links: where they start)."),
    field("lat", FieldKind::Number(-90.0, 90.0), "deg", None, "Latitude (links: of the middle)."),
    field("lon", FieldKind::Number(-180.0, 180.0), "deg", None, "Longitude (links: of the middle)."),
    field("group", FieldKind::Text, "-", Some(""), "Cable system, constellation role or other set the asset belongs to."),
    field("operator", FieldKind::Text, "-", Some(""), "Operator, when known."),
    field("supplier", FieldKind::Text, "-", Some(""), "Supplier or country of origin, when known."),
    field("in_service", FieldKind::Flag, "-", Some("1"), "0: exists or existed, but delivers nothing unless restored."),
    field("provenance", FieldKind::Choice(PROVENANCE), "-", None, "real, derived, synthetic or curated."),
    field("source", FieldKind::Ref(&["sources"]), "-", None, "Source of the record; carries licence and vintage."),
    field("confidence", FieldKind::Choice(CONFIDENCE), "-", Some("medium"), "How sure the record is."),
];

/// The cells of one row by column name; absent columns read as their default.
pub trait Cells {
    /// Text of the named cell after defaults, trimmed.
    fn cell(&self, name: &str) -> &str;
}

/// A value that a checked cell turns into. Called after the check; text that does not parse reads as the type's zero.
pub trait FromCell {
    /// Converts the text.
    fn from_cell(text: &str) -> Self;
}

impl FromCell for String {
    fn from_cell(text: &str) -> Self {
        text.to_owned()
    }
}

impl FromCell for f64 {
    fn from_cell(text: &str) -> Self {
        text.parse().unwrap_or(0.0)
    }
}

impl FromCell for bool {
    fn from_cell(text: &str) -> Self {
        text == "1"
    }
}

impl FromCell for Logic {
    fn from_cell(text: &str) -> Self {
        Logic::parse(text).unwrap_or(Logic::All)
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(text: &str) -> Self {
        if text.is_empty() { None } else { Some(T::from_cell(text)) }
    }
}

/// A typed row of a table.
pub trait Record: Sized {
    /// The table the row stands in.
    const TABLE: Table;
    /// Reads a checked row.
    fn from_cells(cells: &impl Cells) -> Self;
}

/// Columns common to all assets, as read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AssetInfo {
    /// Durable unique key.
    pub key: String,
    /// Name people know it by.
    pub name: String,
    /// Asset kind.
    pub kind: String,
    /// Zone or gate.
    pub zone: String,
    /// Latitude, degrees.
    pub lat: f64,
    /// Longitude, degrees.
    pub lon: f64,
    /// Set it belongs to; empty for none.
    pub group: String,
    /// Operator; empty when unknown.
    pub operator: String,
    /// Supplier or country of origin; empty when unknown.
    pub supplier: String,
    /// False when it delivers nothing unless restored.
    pub in_service: bool,
    /// Where the record comes from.
    pub provenance: String,
    /// Key in `sources`.
    pub source: String,
    /// How sure the record is.
    pub confidence: String,
}

impl AssetInfo {
    /// Reads the common columns of a checked row.
    pub fn from_cells(c: &impl Cells) -> Self {
        let text = |name: &str| c.cell(name).to_owned();
        AssetInfo {
            key: text("key"),
            name: text("name"),
            kind: text("kind"),
            zone: text("zone"),
            lat: f64::from_cell(c.cell("lat")),
            lon: f64::from_cell(c.cell("lon")),
            group: text("group"),
            operator: text("operator"),
            supplier: text("supplier"),
            in_service: bool::from_cell(c.cell("in_service")),
            provenance: text("provenance"),
            source: text("source"),
            confidence: text("confidence"),
        }
    }
}

/// Declares a table: a struct, its columns and how a row is read. `asset` tables carry an [`AssetInfo`].
macro_rules! table {
    (asset $name:ident, $file:literal, $doc:literal { $( $field:ident : $ty:ty, $kind:expr, $unit:literal, $default:expr, $fdoc:literal; )* }) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            /// Columns common to all assets.
            pub asset: $crate::schema::AssetInfo,
            $( #[doc = $fdoc] pub $field: $ty, )*
        }
        impl $crate::schema::Record for $name {
            const TABLE: $crate::schema::Table = $crate::schema::Table { name: $file, doc: $doc, is_asset: true, own: &[
                $( $crate::schema::Field { name: stringify!($field), kind: $kind, unit: $unit, default: $default, doc: $fdoc } ),*
            ] };
            fn from_cells(c: &impl $crate::schema::Cells) -> Self {
                $name {
                    asset: $crate::schema::AssetInfo::from_cells(c),
                    $( $field: $crate::schema::FromCell::from_cell(c.cell(stringify!($field))), )*
                }
            }
        }
    };
    (plain $name:ident, $file:literal, $doc:literal { $( $field:ident : $ty:ty, $kind:expr, $unit:literal, $default:expr, $fdoc:literal; )* }) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( #[doc = $fdoc] pub $field: $ty, )*
        }
        impl $crate::schema::Record for $name {
            const TABLE: $crate::schema::Table = $crate::schema::Table { name: $file, doc: $doc, is_asset: false, own: &[
                $( $crate::schema::Field { name: stringify!($field), kind: $kind, unit: $unit, default: $default, doc: $fdoc } ),*
            ] };
            fn from_cells(c: &impl $crate::schema::Cells) -> Self {
                $name { $( $field: $crate::schema::FromCell::from_cell(c.cell(stringify!($field))), )* }
            }
        }
    };
}
pub(crate) use table;
