//! The part of the MATLAB language that case files are written in: `name.field = value;` with numbers, texts, matrices of
//! numbers and cell arrays of texts. Anything that computes is a finding, because its result would be missing.

use super::{Findings, clip};

/// A matrix of numbers; cells that are none read as NaN and stand in `bad`.
#[derive(Debug, Default)]
pub(super) struct Matrix {
    data: Vec<f64>,
    /// Line and end in `data` of each row.
    rows: Vec<(u64, usize)>,
    /// Line, column and text of cells that are no number, the first hundred.
    pub bad: Vec<(u64, usize, String)>,
}

impl Matrix {
    /// Rows with their lines.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (u64, &[f64])> {
        self.rows.iter().enumerate().map(|(k, &(line, end))| (line, &self.data[if k == 0 { 0 } else { self.rows[k - 1].1 }..end]))
    }

    fn start(&self) -> usize {
        self.rows.last().map_or(0, |r| r.1)
    }

    fn end_row(&mut self, line: u64) {
        if self.data.len() > self.start() {
            self.rows.push((line, self.data.len()));
        }
    }

    fn push(&mut self, line: u64, word: &[u8]) {
        let number = number(word);
        if number.is_none() && self.bad.len() < 100 {
            self.bad.push((line, self.data.len() - self.start(), clip(&String::from_utf8_lossy(word))));
        }
        self.data.push(number.unwrap_or(f64::NAN));
    }
}

/// What stands right of an equals sign.
#[derive(Debug)]
pub(super) enum Value {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// `[ … ]`.
    Matrix(Matrix),
    /// `{ … }`: rows of texts.
    Cells(Vec<Vec<String>>),
    /// Anything else.
    Other,
}

/// One assignment to a field of the case.
#[derive(Debug)]
pub(super) struct Field {
    /// Name without `mpc.`.
    pub name: String,
    /// Line it begins on.
    pub line: u64,
    /// Value.
    pub value: Value,
}

/// A file, statement by statement.
#[derive(Debug, Default)]
pub(super) struct MFile {
    /// Name of the function; empty when the file is a script.
    pub function: String,
    /// Fields in order.
    pub fields: Vec<Field>,
    /// Other variables that are set.
    pub others: Vec<String>,
}

/// A number as MATLAB writes it: `1.`, `.5`, `1d3`, `Inf`.
fn number(word: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(word).ok()?;
    let last = *word.last()?;
    if last.is_ascii_digit() || last == b'.' {
        if let Ok(x) = text.parse() {
            return Some(x);
        }
        return word.iter().any(|b| matches!(b, b'd' | b'D')).then(|| text.replace(['d', 'D'], "e").parse().ok()).flatten();
    }
    match text {
        "Inf" | "inf" | "+Inf" | "+inf" => Some(f64::INFINITY),
        "-Inf" | "-inf" => Some(f64::NEG_INFINITY),
        "NaN" | "nan" | "NAN" => Some(f64::NAN),
        _ => None,
    }
}

struct Reader<'a> {
    file: &'a str,
    bytes: &'a [u8],
    at: usize,
    line: u64,
    findings: &'a mut Findings,
}

/// Reads a file; what cannot be read becomes findings.
pub(super) fn read(file: &str, bytes: &[u8], findings: &mut Findings) -> MFile {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut r = Reader { file, bytes, at: 0, line: 1, findings };
    let mut out = MFile::default();
    let mut case = "mpc".to_owned();
    loop {
        r.trivia();
        match r.peek() {
            None => break,
            Some(b'\n') => r.newline(),
            Some(b';' | b',') => r.at += 1,
            Some(b) if b.is_ascii_alphabetic() => r.statement(&mut case, &mut out),
            Some(_) => r.computes(),
        }
    }
    out
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn newline(&mut self) {
        self.at += 1;
        self.line += 1;
    }

    fn skip_line(&mut self) {
        self.at = self.bytes[self.at..].iter().position(|&b| b == b'\n').map_or(self.bytes.len(), |n| self.at + n);
    }

    /// Skips blanks, comments and continued lines, but no line's end.
    fn trivia(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r' | 0x0b | 0x0c) => self.at += 1,
                Some(b'%' | b'#') => {
                    if self.is_block_mark(b'{') {
                        self.block_comment();
                    } else {
                        self.skip_line();
                    }
                }
                Some(b'.') if self.bytes[self.at..].starts_with(b"...") => {
                    self.skip_line();
                    if self.peek().is_some() {
                        self.newline();
                    }
                }
                _ => return,
            }
        }
    }

    /// Whether `%{` or `%}` stands here, alone on its line.
    fn is_block_mark(&self, brace: u8) -> bool {
        if self.bytes.get(self.at + 1) != Some(&brace) {
            return false;
        }
        let start = self.bytes[..self.at].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
        let end = self.bytes[self.at..].iter().position(|&b| b == b'\n').map_or(self.bytes.len(), |n| self.at + n);
        self.bytes[start..self.at].iter().all(u8::is_ascii_whitespace) && self.bytes[self.at + 2..end].iter().all(u8::is_ascii_whitespace)
    }

    fn block_comment(&mut self) {
        let begin = self.line;
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            if matches!(self.peek(), Some(b'%' | b'#')) {
                if self.is_block_mark(b'{') {
                    depth += 1;
                } else if self.is_block_mark(b'}') {
                    depth -= 1;
                }
            }
            if depth == 0 {
                self.skip_line();
                return;
            }
            self.skip_line();
            if self.peek().is_some() {
                self.newline();
            }
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
                self.at += 1;
            }
        }
        let at = (self.file, begin, "");
        self.findings.error(at, "open-comment", "the comment that begins here has no end", "add a line with `%}`");
    }

    fn word(&mut self, belongs: impl Fn(u8) -> bool) -> &[u8] {
        let start = self.at;
        let n = self.bytes[start..].iter().position(|&b| !belongs(b)).unwrap_or(self.bytes.len() - start);
        self.at = start + n;
        &self.bytes[start..self.at]
    }

    fn name(&mut self) -> String {
        String::from_utf8_lossy(self.word(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')).into_owned()
    }

    /// A statement that this reader does not carry out: skipped, with a finding.
    fn computes(&mut self) {
        let line = self.line;
        let rest = &self.bytes[self.at..];
        let end = rest.iter().take(200).position(|&b| b == b'\n').unwrap_or(rest.len().min(200));
        let text = String::from_utf8_lossy(&rest[..end]).trim().to_owned();
        self.skip_statement();
        // Names of columns, as `idx_bus` and the like give them, change nothing.
        if text.starts_with('[') && text.contains("= idx_") {
            return;
        }
        let what = format!("`{}` is neither a field of the case nor a comment", clip(&text));
        let advice = "run the file in MATPOWER and store the result with savecase; statements that compute are not carried out";
        self.findings.error((self.file, line, ""), "computes", what, advice);
    }

    /// To the end of the statement: a semicolon or line's end outside brackets and texts.
    fn skip_statement(&mut self) {
        let mut depth = 0_usize;
        loop {
            self.trivia();
            match self.peek() {
                None => return,
                Some(b'\n') => {
                    self.newline();
                    if depth == 0 {
                        return;
                    }
                }
                Some(b'[' | b'(' | b'{') => (depth, self.at) = (depth + 1, self.at + 1),
                Some(b']' | b')' | b'}') => (depth, self.at) = (depth.saturating_sub(1), self.at + 1),
                Some(b';') if depth == 0 => return,
                Some(b'\'' | b'"') => {
                    self.text();
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn statement(&mut self, case: &mut String, out: &mut MFile) {
        let (start, line) = (self.at, self.line);
        let word = self.name();
        if word == "function" {
            self.head(case, out);
            return;
        }
        if matches!(word.as_str(), "define_constants" | "return" | "end" | "endfunction") {
            return;
        }
        self.trivia();
        let is_set = self.peek() == Some(b'=') && self.bytes.get(self.at + 1) != Some(&b'=');
        let field = word.strip_prefix(case.as_str()).and_then(|w| w.strip_prefix('.')).filter(|f| !f.is_empty());
        let is_table = is_set && self.bytes[self.at + 1..].trim_ascii_start().starts_with(b"[");
        if !is_set || (word == *case && !is_table) {
            self.at = start;
            self.computes();
            return;
        }
        self.at += 1;
        let Some(field) = field else {
            if out.others.len() < 100 {
                out.others.push(word);
            }
            self.skip_statement();
            return;
        };
        let mut value = self.value(field, line);
        self.trivia();
        if !matches!(self.peek(), None | Some(b'\n' | b';' | b',')) {
            self.skip_statement();
            value = Value::Other;
        }
        out.fields.push(Field { name: field.to_owned(), line, value });
    }

    /// `function mpc = name`.
    fn head(&mut self, case: &mut String, out: &mut MFile) {
        self.trivia();
        if self.peek() == Some(b'[') {
            let advice = "convert it in MATPOWER with savecase(…, loadcase(…))";
            self.findings.error((self.file, self.line, ""), "version-1", "the file is a case of version 1, or no case", advice);
            self.skip_statement();
            return;
        }
        let first = self.name();
        self.trivia();
        if self.peek() == Some(b'=') {
            self.at += 1;
            self.trivia();
            *case = first;
            out.function = self.name();
        } else {
            out.function = first;
        }
        self.skip_statement();
    }

    fn value(&mut self, field: &str, line: u64) -> Value {
        self.trivia();
        match self.peek() {
            Some(b'[') => self.matrix(field, line),
            Some(b'{') => self.cells(field, line),
            Some(b'\'' | b'"') => Value::Text(self.text()),
            _ => {
                let word = self.word(|b| !b.is_ascii_whitespace() && !b";,%#".contains(&b));
                number(word).map_or(Value::Other, Value::Number)
            }
        }
    }

    fn open(&mut self, field: &str, line: u64, close: char) {
        let what = format!("`{field}` begins here and has no end");
        self.findings.error((self.file, line, field), "open-bracket", what, &format!("close it with `{close}`; the file may be cut off"));
    }

    /// Whether the next statement begins here, so that the bracket before it was never closed.
    fn at_statement(&self) -> bool {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().take(100).position(|b| !(b.is_ascii_alphanumeric() || b"_.".contains(b))).unwrap_or(0);
        let head = rest[..end].contains(&b'.') && rest[0].is_ascii_alphabetic();
        head && rest[end..].iter().take(100).find(|b| !b" \t".contains(b)) == Some(&b'=')
    }

    fn matrix(&mut self, field: &str, line: u64) -> Value {
        self.at += 1;
        let mut m = Matrix::default();
        let mut n_nested = 0_usize;
        loop {
            self.trivia();
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    m.end_row(self.line);
                    break;
                }
                Some(b'\n') => {
                    m.end_row(self.line);
                    self.newline();
                }
                Some(b';') => {
                    m.end_row(self.line);
                    self.at += 1;
                }
                Some(b',') => self.at += 1,
                Some(b'[' | b'{' | b'(' | b')' | b'}') => {
                    if n_nested == 0 {
                        let what = format!("a bracket inside the matrix `{field}`");
                        self.findings.error((self.file, self.line, field), "nested-bracket", what, "give plain rows of numbers");
                    }
                    n_nested += 1;
                    self.at += 1;
                }
                Some(b'\'' | b'"') => {
                    let text = self.text();
                    m.push(self.line, format!("'{text}'").as_bytes());
                }
                Some(_) if !self.at_statement() => {
                    let line = self.line;
                    let word = self.cell();
                    m.push(line, word);
                }
                None | Some(_) => {
                    self.open(field, line, ']');
                    break;
                }
            }
        }
        Value::Matrix(m)
    }

    /// A cell of a matrix, up to a blank, separator, bracket, comment or continuation.
    fn cell(&mut self) -> &[u8] {
        let start = self.at;
        let word = self.word(|b| !b" \t\r\n\x0b\x0c;,%#[]{}()'\"".contains(&b));
        let n = word.windows(3).position(|w| w == b"...").unwrap_or(word.len()).max(1);
        self.at = start + n;
        &self.bytes[start..start + n]
    }

    fn cells(&mut self, field: &str, line: u64) -> Value {
        self.at += 1;
        let (mut rows, mut row) = (Vec::new(), Vec::new());
        loop {
            self.trivia();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(b'\n') => {
                    self.newline();
                    if !row.is_empty() {
                        rows.push(std::mem::take(&mut row));
                    }
                }
                Some(b';') => {
                    self.at += 1;
                    if !row.is_empty() {
                        rows.push(std::mem::take(&mut row));
                    }
                }
                Some(b',' | b'[' | b']' | b'{' | b'(' | b')') => self.at += 1,
                Some(b'\'' | b'"') => row.push(self.text()),
                Some(_) if !self.at_statement() => {
                    let text = String::from_utf8_lossy(self.cell()).into_owned();
                    row.push(text);
                }
                None | Some(_) => {
                    self.open(field, line, '}');
                    break;
                }
            }
        }
        if !row.is_empty() {
            rows.push(row);
        }
        Value::Cells(rows)
    }

    /// A text in quotes; a doubled quote stands for one. A text ends with its line at the latest.
    fn text(&mut self) -> String {
        let quote = self.bytes[self.at];
        self.at += 1;
        let mut out = Vec::new();
        while let Some(b) = self.peek() {
            if b == b'\n' {
                self.findings.error((self.file, self.line, ""), "open-text", "a text has no closing quote", "close the quote on its line");
                break;
            }
            self.at += 1;
            if b == quote {
                if self.peek() != Some(quote) {
                    break;
                }
                self.at += 1;
            }
            out.push(b);
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}
