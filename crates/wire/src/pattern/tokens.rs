//! Words, signs and constants of a pattern, one at a time.
//!
//! As in the standard's grammar the longest token wins, words are in capitals, and space and comments (`/* */`, `//`) may stand
//! between any two tokens.

use jiff::civil::DateTime;

use super::encoding::{bytes_from_base64, bytes_from_hex};
use super::{Literal, PatternError};

/// A token and where it stands, bytes from the beginning.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub position: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A name of letters, digits, underscores and hyphens that is no keyword.
    Word,
    Keyword(Keyword),
    Sign(Sign),
    Literal(Literal),
    /// After the last token.
    End,
}

/// Words with a meaning; they are no names unless in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Not,
    FollowedBy,
    Like,
    Matches,
    IsSuperset,
    IsSubset,
    Exists,
    Last,
    In,
    Start,
    Stop,
    Seconds,
    Within,
    Repeats,
    Times,
}

/// Signs, without those that open constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Colon,
    Dot,
    Comma,
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
    Asterisk,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Longer signs before those they begin with.
const SIGNS: [(&str, Sign); 16] = [
    ("==", Sign::Equal),
    ("=", Sign::Equal),
    ("!=", Sign::NotEqual),
    ("<>", Sign::NotEqual),
    ("<=", Sign::LessOrEqual),
    ("<", Sign::Less),
    (">=", Sign::GreaterOrEqual),
    (">", Sign::Greater),
    (":", Sign::Colon),
    (".", Sign::Dot),
    (",", Sign::Comma),
    ("(", Sign::OpenParenthesis),
    (")", Sign::CloseParenthesis),
    ("[", Sign::OpenBracket),
    ("]", Sign::CloseBracket),
    ("*", Sign::Asterisk),
];

/// What a word is.
fn kind_of_word(word: &str) -> Kind {
    let keyword = match word {
        "true" => return Kind::Literal(Literal::Boolean(true)),
        "false" => return Kind::Literal(Literal::Boolean(false)),
        "AND" => Keyword::And,
        "OR" => Keyword::Or,
        "NOT" => Keyword::Not,
        "FOLLOWEDBY" => Keyword::FollowedBy,
        "LIKE" => Keyword::Like,
        "MATCHES" => Keyword::Matches,
        "ISSUPERSET" => Keyword::IsSuperset,
        "ISSUBSET" => Keyword::IsSubset,
        "EXISTS" => Keyword::Exists,
        "LAST" => Keyword::Last,
        "IN" => Keyword::In,
        "START" => Keyword::Start,
        "STOP" => Keyword::Stop,
        "SECONDS" => Keyword::Seconds,
        "WITHIN" => Keyword::Within,
        "REPEATS" => Keyword::Repeats,
        "TIMES" => Keyword::Times,
        _ => return Kind::Word,
    };
    Kind::Keyword(keyword)
}

/// Whether a key of a path can stand without quotes: a word without hyphens that is no keyword.
pub(super) fn is_plain_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && kind_of_word(key) == Kind::Word
}

/// Reads tokens from a text, from its beginning to its end.
pub(super) struct Tokens<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Tokens<'a> {
    /// At the beginning of a text.
    pub fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// The next token; at the end of the text, [`Kind::End`] again and again.
    pub fn next(&mut self) -> Result<Token<'a>, PatternError> {
        self.skip_space_and_comments();
        let position = self.position;
        let rest = &self.text[position..];
        let (kind, length) = match rest.chars().next() {
            None => (Kind::End, 0),
            Some('\'') => {
                let (text, length) = read_quoted(rest).map_err(|trouble| trouble.at(position))?;
                (Kind::Literal(Literal::Text(text)), length)
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => read_word(rest).map_err(|trouble| trouble.at(position))?,
            Some(_) => match read_number(rest).map_err(|trouble| trouble.at(position))? {
                Some((literal, length)) => (Kind::Literal(literal), length),
                None => read_sign(rest).map_err(|trouble| trouble.at(position))?,
            },
        };
        self.position += length;
        Ok(Token { kind, text: &rest[..length], position })
    }

    /// Moves to the next character that is neither space nor in a comment; an open comment is no comment.
    fn skip_space_and_comments(&mut self) {
        loop {
            let rest = &self.text[self.position..];
            self.position += if rest.starts_with(is_space) {
                rest.find(|c| !is_space(c)).unwrap_or(rest.len())
            } else if rest.starts_with("//") {
                rest.find(['\r', '\n']).unwrap_or(rest.len())
            } else if let Some(end) = rest.strip_prefix("/*").and_then(|comment| comment.find("*/")) {
                end + 4
            } else {
                return;
            };
        }
    }
}

/// What is wrong at an offset from the beginning of a token.
struct Trouble {
    offset: usize,
    found: String,
    expected: &'static str,
}

impl Trouble {
    fn new(offset: usize, found: impl Into<String>, expected: &'static str) -> Self {
        Self { offset, found: found.into(), expected }
    }

    fn at(self, position: usize) -> PatternError {
        PatternError::Unexpected { position: position + self.offset, found: self.found, expected: self.expected.to_owned() }
    }
}

/// White space of Unicode; U+FEFF is none.
fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// Text between quotes, and the length with them.
fn read_quoted(rest: &str) -> Result<(String, usize), Trouble> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            '\'' => return Ok((text, i + 1)),
            '\\' => match chars.next() {
                Some((_, escaped @ ('\'' | '\\'))) => text.push(escaped),
                Some((_, other)) => return Err(Trouble::new(i, shown(&format!("\\{other}")), r"\\ for a backslash or \' for a quote")),
                None => break,
            },
            _ => text.push(c),
        }
    }
    Err(Trouble::new(rest.len(), "the end of the pattern", "the quote that closes the text"))
}

/// A name, a keyword, or a constant that begins with a letter, and its length.
fn read_word(rest: &str) -> Result<(Kind, usize), Trouble> {
    let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
    let word = &rest[..length];
    let Some(quoted) = rest[length..].strip_prefix('\'').filter(|_| matches!(word, "b" | "h" | "t")) else {
        return Ok((kind_of_word(word), length));
    };
    let end = quoted.find('\'').ok_or_else(|| Trouble::new(rest.len(), "the end of the pattern", "the quote that closes the constant"))?;
    let inner = &quoted[..end];
    let (literal, expected) = match word {
        "b" => (bytes_from_base64(inner).map(Literal::Binary), "b'..' with Base64, not empty and padded with ="),
        "h" => (bytes_from_hex(inner).map(Literal::Hex), "h'..' with pairs of hexadecimal digits"),
        _ => {
            (timestamp_from_text(inner).map(Literal::Timestamp), "t'YYYY-MM-DDThh:mm:ss.fZ' with a day that exists and at most 9 decimals")
        }
    };
    let length = length + end + 2;
    let literal = literal.ok_or_else(|| Trouble::new(0, shown(&rest[..length]), expected))?;
    Ok((Kind::Literal(literal), length))
}

/// A time of RFC 3339 in UTC, with the capitals T and Z.
fn timestamp_from_text(text: &str) -> Option<DateTime> {
    const FORM: &[u8; 19] = b"0000-00-00T00:00:00";
    let text = text.strip_suffix('Z')?;
    let (seconds, fraction) = text.as_bytes().split_at_checked(FORM.len())?;
    let as_form = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    if !seconds.iter().zip(FORM).all(as_form) {
        return None;
    }
    match fraction {
        [] => {}
        [b'.', digits @ ..] if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {}
        _ => return None,
    }
    text.parse().ok()
}

/// An integer or a float with its sign, and its length; `None` if no number begins here.
fn read_number(rest: &str) -> Result<Option<(Literal, usize)>, Trouble> {
    let digits_from = |start: usize| rest[start..].bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(rest.starts_with(['+', '-']));
    let whole = digits_from(sign);
    let point = sign + whole;
    let decimals = if rest[point..].starts_with('.') { digits_from(point + 1) } else { 0 };
    if decimals > 0 {
        let text = &rest[..point + 1 + decimals];
        let value = text.parse().ok().filter(|value: &f64| value.is_finite());
        let value = value.ok_or_else(|| Trouble::new(0, shown(text), "a number below 1.8e308"))?;
        return Ok(Some((Literal::Float(value), text.len())));
    }
    if whole == 0 {
        return Ok(None);
    }
    // An integer has no leading zeros: after a zero the next token begins.
    let length = if rest[sign..].starts_with('0') { sign + 1 } else { point };
    let text = &rest[..length];
    let value = text.parse().map_err(|_| Trouble::new(0, shown(text), "an integer of 64 bits, or a decimal point for a float"))?;
    Ok(Some((Literal::Integer(value), length)))
}

/// A sign and its length.
fn read_sign(rest: &str) -> Result<(Kind, usize), Trouble> {
    SIGNS.iter().find(|(text, _)| rest.starts_with(text)).map(|(text, sign)| (Kind::Sign(*sign), text.len())).ok_or_else(|| {
        let first: String = rest.chars().take(1).collect();
        Trouble::new(0, shown(&first), "a word, a sign or a constant of the patterning language")
    })
}

/// A token as an error shows it: the beginning of it, with its control characters escaped.
pub(super) fn shown(text: &str) -> String {
    const MAX_SHOWN: usize = 40;
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let beginning: String = text.chars().take(MAX_SHOWN).map(escaped).collect();
    if text.chars().nth(MAX_SHOWN).is_some() { format!("`{beginning}…`") } else { format!("`{beginning}`") }
}
