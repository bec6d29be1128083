//! Small pieces of a page: escaping, numbers for people, tables.

/// Narrow no-break space: groups thousands and parts a number from its unit.
pub const THIN: char = '\u{202f}';

/// Text made safe for HTML content and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// JSON made safe inside a `<script>` element; it stays the same JSON value.
pub fn embed_json(json: &str) -> String {
    json.replace("</", "<\\/").replace("<!--", "<\\u0021--")
}

/// A count in full, thousands grouped.
pub fn whole(n: usize) -> String {
    group(&n.to_string())
}

/// A number with three significant digits: `1 230`, `4.56 million`.
pub fn number(x: f64) -> String {
    if !x.is_finite() {
        return "not known".to_owned();
    }
    let size = round_3(x.abs());
    if size == 0.0 {
        return "0".to_owned();
    }
    let sign = if x < 0.0 { "\u{2212}" } else { "" };
    if size < 0.001 {
        return if x < 0.0 { format!("> {sign}0.001") } else { "< 0.001".to_owned() };
    }
    if size < 1e6 {
        format!("{sign}{}", plain(size))
    } else if size < 1e9 {
        format!("{sign}{}{THIN}million", plain(size / 1e6))
    } else {
        format!("{sign}{}{THIN}billion", plain(size / 1e9))
    }
}

/// A count of people or people-hours; parts of one are told as such.
pub fn people(x: f64) -> String {
    if x > 0.0 && x < 1.0 {
        "< 1".to_owned()
    } else if x < 0.0 && x > -1.0 {
        "> \u{2212}1".to_owned()
    } else {
        number(x)
    }
}

/// An amount of money, given in euro.
pub fn euro(x: f64) -> String {
    let text = people(x);
    match text.rsplit_once(['\u{2212}', ' ']) {
        Some((_, rest)) if text.contains('\u{2212}') => format!("{}\u{2212}€{rest}", if text.starts_with('>') { "> " } else { "" }),
        Some(("<", rest)) => format!("< €{rest}"),
        _ if x.is_finite() => format!("€{text}"),
        _ => text,
    }
}

/// An amount of money, given in million euro.
pub fn meur(x: f64) -> String {
    euro(x * 1e6)
}

/// A share as per cent.
pub fn percent(share: f64) -> String {
    format!("{}{THIN}%", number(share * 100.0))
}

/// A served share as per cent; never rounds a loss away.
pub fn served(share: f64) -> String {
    let rounded = round_3(share * 100.0);
    if share < 1.0 - 1e-9 && rounded >= 100.0 { format!("> 99.9{THIN}%") } else { percent(share) }
}

/// A length of time; beyond 72 hours also in days.
pub fn hours(h: f64) -> String {
    if h > 72.0 { format!("{}{THIN}h ({} days)", number(h), number(h / 24.0)) } else { format!("{}{THIN}h", number(h)) }
}

/// Time until restored; `None` is beyond the horizon.
pub fn restored(h: Option<f64>) -> String {
    h.map_or_else(|| "> horizon".to_owned(), hours)
}

/// `low to high` in one format; one number when both read the same.
pub fn range(low: f64, high: f64, format: impl Fn(f64) -> String) -> String {
    let (low, high) = (format(low), format(high));
    if low == high { low } else { format!("{low} to {high}") }
}

/// `central (low to high)`; the range is left out when it says nothing new.
pub fn with_range(central: f64, (low, high): (f64, f64), format: impl Fn(f64) -> String) -> String {
    let (middle, around) = (format(central), range(low, high, &format));
    if middle == around { middle } else { format!("{middle} ({around})") }
}

/// Least and largest of some values; (0, 0) for none.
pub fn span(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().reduce(f64::min).unwrap_or(0.0);
    let high = values.iter().copied().reduce(f64::max).unwrap_or(0.0);
    (low, high)
}

fn round_3(x: f64) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    let exponent = x.abs().log10().floor() as i32;
    if exponent >= 2 {
        let unit = 10f64.powi(exponent - 2);
        (x / unit).round() * unit
    } else {
        let scale = 10f64.powi(2 - exponent);
        (x * scale).round() / scale
    }
}

/// A positive number below 1000 million, three significant digits.
fn plain(x: f64) -> String {
    let x = round_3(x);
    let decimals = if x >= 100.0 {
        0
    } else if x >= 10.0 {
        1
    } else if x >= 1.0 {
        2
    } else {
        (2.0 - x.log10().floor()) as usize
    };
    let text = format!("{x:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { text.as_str() };
    match text.split_once('.') {
        Some((whole, rest)) => format!("{}.{rest}", group(whole)),
        None => group(text),
    }
}

/// Thin spaces between groups of three digits.
fn group(digits: &str) -> String {
    let n = digits.len();
    let mut out = String::with_capacity(n + n);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (n - i).is_multiple_of(3) {
            out.push(THIN);
        }
        out.push(c);
    }
    out
}

/// One cell of a table. All but `Raw` are escaped.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Names the row.
    Head(String),
    /// Words.
    Text(String),
    /// Sentences; the column is kept wide.
    Long(String),
    /// A number, set to the right; what follows in brackets goes on a line of its own.
    Number(String),
    /// Ready HTML.
    Raw(String),
    /// A number on a shade from 0 to 5; true on the diagonal.
    Shaded(String, u8, bool),
}

impl Cell {
    fn is_number(&self) -> bool {
        matches!(self, Cell::Number(_) | Cell::Shaded(..))
    }

    fn render(&self) -> String {
        match self {
            Cell::Head(t) => format!("<th scope=\"row\">{}</th>", escape(t)),
            Cell::Text(t) => format!("<td>{}</td>", escape(t)),
            Cell::Long(t) => format!("<td class=\"long\">{}</td>", escape(t)),
            Cell::Number(t) => match t.split_once(" (") {
                Some((main, rest)) => format!("<td class=\"n\">{} <span class=\"r\">({}</span></td>", escape(main), escape(rest)),
                None => format!("<td class=\"n\">{}</td>", escape(t)),
            },
            Cell::Raw(t) => format!("<td>{t}</td>"),
            Cell::Shaded(t, shade, own) => format!("<td class=\"n h{shade}{}\">{}</td>", if *own { " own" } else { "" }, escape(t)),
        }
    }
}

/// A table with a caption, in a wrapper that scrolls by itself and takes the keyboard focus.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<'a> {
    /// Caption; unique on the page.
    pub caption: &'a str,
    /// Column headings.
    pub heads: &'a [&'a str],
    /// Rows of cells, each as long as `heads`.
    pub rows: Vec<Vec<Cell>>,
}

impl Table<'_> {
    /// The table as HTML; a sentence when it has no rows.
    pub fn render(&self) -> String {
        let caption = escape(self.caption);
        if self.rows.is_empty() {
            return format!("<p class=\"none\">{caption}: none.</p>\n");
        }
        let mut out = format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\n<table>\n<caption>{caption}</caption>\n<thead><tr>"
        );
        for (i, head) in self.heads.iter().enumerate() {
            let class = if self.rows[0].get(i).is_some_and(Cell::is_number) { " class=\"n\"" } else { "" };
            out.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escape(head)));
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            out.push_str("<tr>");
            for cell in row {
                out.push_str(&cell.render());
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody>\n</table>\n</div>\n");
        out
    }
}

/// A table of the first `n_open` rows; the rest opens on demand under `summary`, with `rest` as its caption.
pub fn folded(table: Table, n_open: usize, summary: &str, rest: &str) -> String {
    let Table { caption, heads, mut rows } = table;
    let more = rows.split_off(rows.len().min(n_open));
    let mut out = Table { caption, heads, rows }.render();
    if !more.is_empty() {
        out.push_str(&details(summary, &Table { caption: rest, heads, rows: more }.render()));
    }
    out
}

/// A paragraph of plain text.
pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

/// A list of plain sentences.
pub fn list<T: AsRef<str>>(items: &[T]) -> String {
    let mut out = "<ul>\n".to_owned();
    for item in items {
        out.push_str(&format!("<li>{}</li>\n", escape(item.as_ref())));
    }
    out.push_str("</ul>\n");
    out
}

/// A part that opens on demand. `inner` is ready HTML.
pub fn details(summary: &str, inner: &str) -> String {
    format!("<details><summary>{}</summary>\n{inner}</details>\n", escape(summary))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_leaves_no_markup() {
        assert_eq!(escape("<b a=\"1\" c='2'>&\u{0}"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp; ");
        assert_eq!(escape("Łódź 50 %"), "Łódź 50 %");
    }

    #[test]
    fn embedded_json_cannot_close_its_script() {
        assert_eq!(embed_json("{\"a\":\"</script><!-- x\"}"), "{\"a\":\"<\\/script><\\u0021-- x\"}");
    }

    #[test]
    fn numbers_have_three_digits_and_thin_spaces() {
        assert_eq!(number(0.0), "0");
        assert_eq!(number(1234.0), "1\u{202f}230");
        assert_eq!(number(999.6), "1\u{202f}000");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(1.5), "1.5");
        assert_eq!(number(0.0456), "0.0456");
        assert_eq!(number(0.0001), "< 0.001");
        assert_eq!(number(-42.0), "\u{2212}42");
        assert_eq!(number(999_999.0), "1\u{202f}million");
        assert_eq!(number(4_564_000.0), "4.56\u{202f}million");
        assert_eq!(number(7.891e10), "78.9\u{202f}billion");
        assert_eq!(number(f64::NAN), "not known");
        assert_eq!(whole(1_234_567), "1\u{202f}234\u{202f}567");
    }

    #[test]
    fn money_shares_and_times_carry_units() {
        assert_eq!(euro(1.2e9), "€1.2\u{202f}billion");
        assert_eq!(euro(-5.0), "\u{2212}€5");
        assert_eq!([0.0, 0.0004, -0.3, 1.0].map(euro), ["€0", "< €1", "> \u{2212}€1", "€1"]);
        assert_eq!([0.0, 0.0004, -0.3, 1.0].map(people), ["0", "< 1", "> \u{2212}1", "1"]);
        assert_eq!(euro(f64::NAN), "not known");
        assert_eq!(meur(75.0), "€75\u{202f}million");
        assert_eq!(percent(0.123), "12.3\u{202f}%");
        assert_eq!(served(0.9999), "> 99.9\u{202f}%");
        assert_eq!(served(1.0), "100\u{202f}%");
        assert_eq!(hours(12.0), "12\u{202f}h");
        assert_eq!(hours(168.0), "168\u{202f}h (7 days)");
        assert_eq!(restored(None), "> horizon");
        assert_eq!(range(1.0, 2.0, number), "1 to 2");
        assert_eq!(range(1.0, 1.0, number), "1");
        assert_eq!(with_range(1.5, (1.0, 2.0), number), "1.5 (1 to 2)");
        assert_eq!(with_range(0.0, (0.0, 0.0), euro), "€0");
    }

    #[test]
    fn a_table_is_named_and_scoped() {
        let t = Table { caption: "A & B", heads: &["x", "y"], rows: vec![vec![Cell::Head("r".into()), Cell::Number("1".into())]] };
        let html = t.render();
        assert!(
            html.contains("<caption>A &amp; B</caption>") && html.contains("<th scope=\"row\">r</th>") && html.contains("tabindex=\"0\"")
        );
        assert!(Table { rows: Vec::new(), ..t }.render().contains("none"));
    }

    #[test]
    fn a_range_goes_under_its_number() {
        assert_eq!(Cell::Number("1.5 (1 to 2)".into()).render(), "<td class=\"n\">1.5 <span class=\"r\">(1 to 2)</span></td>");
        assert_eq!(Cell::Number("3".into()).render(), "<td class=\"n\">3</td>");
    }

    #[test]
    fn a_folded_table_keeps_every_row() {
        let rows = |n: usize| (0..n).map(|i| vec![Cell::Head(format!("row {i}"))]).collect();
        let long = folded(Table { caption: "c", heads: &["x"], rows: rows(3) }, 2, "More", "c, continued");
        assert!(
            long.find("row 1").unwrap() < long.find("<details>").unwrap() && long.find("<details>").unwrap() < long.find("row 2").unwrap()
        );
        assert!(!folded(Table { caption: "c", heads: &["x"], rows: rows(2) }, 2, "More", "c, continued").contains("<details>"));
    }
}
