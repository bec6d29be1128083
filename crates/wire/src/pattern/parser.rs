//! From tokens to a pattern: one method a rule of the grammar, one token of looking ahead.

use std::collections::BTreeSet;

use super::tokens::{Keyword, Kind, Sign, Token, Tokens, is_plain_key, shown};
use super::{
    Comparison, Literal, MAX_DEPTH, MAX_TEXT_BYTES, ObjectPath, Observation, PatternError, Qualifier, Relation, Sense, Step, Test,
};

/// Reads the whole of a text.
pub(super) fn parse(text: &str) -> Result<Observation, PatternError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(PatternError::TooLong { found: text.len() });
    }
    let mut tokens = Tokens::new(text);
    let token = tokens.next()?;
    let mut parser = Parser { tokens, token, depth: 0 };
    let observation = parser.followed_by()?;
    match parser.token.kind {
        Kind::End => Ok(observation),
        _ => Err(parser.unexpected("AND, OR, FOLLOWEDBY, a qualifier or the end of the pattern")),
    }
}

/// A comparison with the types of objects for which it can hold.
type Typed<'a> = (Comparison, BTreeSet<&'a str>);

/// Where the reading stands.
struct Parser<'a> {
    tokens: Tokens<'a>,
    /// The token that is looked at and not yet taken.
    token: Token<'a>,
    /// Parentheses that are open.
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Observations in their order in time, which bind the least.
    fn followed_by(&mut self) -> Result<Observation, PatternError> {
        self.chain(Keyword::FollowedBy, Self::any_observation, Observation::FollowedBy)
    }

    /// Observations of which one is enough.
    fn any_observation(&mut self) -> Result<Observation, PatternError> {
        self.chain(Keyword::Or, Self::all_observations, Observation::Or)
    }

    /// Observations that are all needed.
    fn all_observations(&mut self) -> Result<Observation, PatternError> {
        self.chain(Keyword::And, Self::qualified, Observation::And)
    }

    /// Members with the same operator between them, or one member alone.
    fn chain(
        &mut self,
        operator: Keyword,
        member: fn(&mut Self) -> Result<Observation, PatternError>,
        combine: fn(Vec<Observation>) -> Observation,
    ) -> Result<Observation, PatternError> {
        let first = member(self)?;
        if self.token.kind != Kind::Keyword(operator) {
            return Ok(first);
        }
        let mut members = vec![first];
        while self.take_keyword(operator)? {
            members.push(member(self)?);
        }
        Ok(combine(members))
    }

    /// An observation or a group of them, with the qualifiers after it.
    fn qualified(&mut self) -> Result<Observation, PatternError> {
        let inner = if self.take_sign(Sign::OpenBracket)? {
            let (comparison, _) = self.any_comparison()?;
            self.need_sign(Sign::CloseBracket, "AND, OR or ]")?;
            Observation::Single(comparison)
        } else if self.token.kind == Kind::Sign(Sign::OpenParenthesis) {
            self.open()?;
            let group = self.followed_by()?;
            self.close("AND, OR, FOLLOWEDBY, a qualifier or )")?;
            let qualifiers = self.qualifiers(Repetition::Allowed)?;
            return Ok(under(group, qualifiers));
        } else {
            return Err(self.unexpected("[ or ( to begin an observation"));
        };
        let qualifiers = self.qualifiers(Repetition::Refused)?;
        Ok(under(inner, qualifiers))
    }

    /// The qualifiers that follow.
    fn qualifiers(&mut self, repetition: Repetition) -> Result<Vec<Qualifier>, PatternError> {
        let mut qualifiers: Vec<Qualifier> = Vec::new();
        let mut position = self.token.position;
        while let Some(qualifier) = self.qualifier()? {
            let found = qualifier.keyword();
            if repetition == Repetition::Refused && qualifiers.iter().any(|earlier| earlier.keyword() == found) {
                return Err(PatternError::RepeatedQualifier { position, found });
            }
            qualifiers.push(qualifier);
            position = self.token.position;
        }
        Ok(qualifiers)
    }

    /// The next qualifier, if one follows.
    fn qualifier(&mut self) -> Result<Option<Qualifier>, PatternError> {
        let qualifier = if self.take_keyword(Keyword::Repeats)? {
            let n_times = self.whole("a whole number of times, not negative")?;
            self.need_keyword(Keyword::Times, "TIMES")?;
            Qualifier::Repeats { n_times }
        } else if self.take_keyword(Keyword::Within)? {
            let window_s = self.seconds()?;
            self.need_keyword(Keyword::Seconds, "SECONDS")?;
            Qualifier::Within { window_s }
        } else if self.take_keyword(Keyword::Start)? {
            let start = self.timestamp()?;
            self.need_keyword(Keyword::Stop, "STOP")?;
            Qualifier::StartStop { start, stop: self.timestamp()? }
        } else {
            return Ok(None);
        };
        Ok(Some(qualifier))
    }

    /// Comparisons of which one is enough.
    fn any_comparison(&mut self) -> Result<Typed<'a>, PatternError> {
        let (first, mut types) = self.all_comparisons()?;
        if self.token.kind != Kind::Keyword(Keyword::Or) {
            return Ok((first, types));
        }
        let mut members = vec![first];
        while self.take_keyword(Keyword::Or)? {
            let (member, mut more) = self.all_comparisons()?;
            members.push(member);
            types.append(&mut more);
        }
        Ok((Comparison::Or(members), types))
    }

    /// Comparisons that all hold for one object, and so speak of one type (STIX 2.1, section 9.6.1).
    fn all_comparisons(&mut self) -> Result<Typed<'a>, PatternError> {
        let (first, mut types) = self.comparison()?;
        if self.token.kind != Kind::Keyword(Keyword::And) {
            return Ok((first, types));
        }
        let mut members = vec![first];
        while self.take_keyword(Keyword::And)? {
            let position = self.token.position;
            let (member, more) = self.comparison()?;
            members.push(member);
            let both: BTreeSet<&str> = types.intersection(&more).copied().collect();
            if both.is_empty() {
                return Err(PatternError::MixedTypes { position, found: listed(&more), expected: listed(&types) });
            }
            types = both;
        }
        Ok((Comparison::And(members), types))
    }

    /// One test, or a comparison in parentheses.
    fn comparison(&mut self) -> Result<Typed<'a>, PatternError> {
        if self.token.kind == Kind::Sign(Sign::OpenParenthesis) {
            self.open()?;
            let inner = self.any_comparison()?;
            self.close("AND, OR or )")?;
            return Ok(inner);
        }
        let prefixed = matches!(self.token.kind, Kind::Keyword(Keyword::Not | Keyword::Exists));
        let mut sense = Sense::Affirmed;
        if prefixed {
            sense = self.sense()?;
            self.need_keyword(Keyword::Exists, "EXISTS, or NOT after the path")?;
        }
        let object_type = self.token.text;
        let path = self.path()?;
        let relation = if prefixed {
            Relation::Exists
        } else {
            sense = self.sense()?;
            self.relation()?
        };
        Ok((Comparison::Test(Test { path, sense, relation }), BTreeSet::from([object_type])))
    }

    /// Whether a NOT stands here.
    fn sense(&mut self) -> Result<Sense, PatternError> {
        Ok(if self.take_keyword(Keyword::Not)? { Sense::Negated } else { Sense::Affirmed })
    }

    /// An operator and its value.
    fn relation(&mut self) -> Result<Relation, PatternError> {
        let operator = self.token.kind.clone();
        match operator {
            Kind::Sign(Sign::Equal | Sign::NotEqual | Sign::Less | Sign::LessOrEqual | Sign::Greater | Sign::GreaterOrEqual)
            | Kind::Keyword(Keyword::In | Keyword::Like | Keyword::Matches | Keyword::IsSubset | Keyword::IsSuperset) => self.advance()?,
            _ => return Err(self.unexpected("an operator: = != < <= > >= IN LIKE MATCHES ISSUBSET ISSUPERSET")),
        };
        Ok(match operator {
            Kind::Sign(Sign::Equal) => Relation::Equal(self.literal()?),
            Kind::Sign(Sign::NotEqual) => Relation::NotEqual(self.literal()?),
            Kind::Sign(Sign::Less) => Relation::Less(self.orderable()?),
            Kind::Sign(Sign::LessOrEqual) => Relation::LessOrEqual(self.orderable()?),
            Kind::Sign(Sign::Greater) => Relation::Greater(self.orderable()?),
            Kind::Sign(_) => Relation::GreaterOrEqual(self.orderable()?),
            Kind::Keyword(Keyword::Like) => Relation::Like(self.text()?),
            Kind::Keyword(Keyword::Matches) => Relation::Matches(self.text()?),
            Kind::Keyword(Keyword::IsSubset) => Relation::IsSubset(self.text()?),
            Kind::Keyword(Keyword::IsSuperset) => Relation::IsSuperset(self.text()?),
            _ => Relation::In(self.set()?),
        })
    }

    /// A path into an object.
    fn path(&mut self) -> Result<ObjectPath, PatternError> {
        if self.token.kind != Kind::Word {
            return Err(self.unexpected("a type of object, such as file or ipv4-addr"));
        }
        let object_type = self.advance()?.text.to_owned();
        self.need_sign(Sign::Colon, ": after the type of object")?;
        let property = self.key()?;
        let mut steps = Vec::new();
        loop {
            if self.take_sign(Sign::Dot)? {
                steps.push(Step::Key(self.key()?));
            } else if self.take_sign(Sign::OpenBracket)? {
                steps.push(if self.take_sign(Sign::Asterisk)? { Step::Any } else { Step::Index(self.whole("an index from 0 on, or *")?) });
                self.need_sign(Sign::CloseBracket, "] after the index")?;
            } else {
                return Ok(ObjectPath { object_type, property, steps });
            }
        }
    }

    /// A key of a path, plain or in quotes.
    fn key(&mut self) -> Result<String, PatternError> {
        match &self.token.kind {
            Kind::Word if is_plain_key(self.token.text) => Ok(self.advance()?.text.to_owned()),
            Kind::Literal(Literal::Text(_)) => self.text(),
            _ => Err(self.unexpected("the name of a property, in quotes if it has hyphens or is a keyword")),
        }
    }

    /// A set of constants in parentheses.
    fn set(&mut self) -> Result<Vec<Literal>, PatternError> {
        self.need_sign(Sign::OpenParenthesis, "( to begin the set")?;
        let mut members = Vec::new();
        if self.take_sign(Sign::CloseParenthesis)? {
            return Ok(members);
        }
        loop {
            members.push(self.literal()?);
            if !self.take_sign(Sign::Comma)? {
                self.need_sign(Sign::CloseParenthesis, ", or ) in the set")?;
                return Ok(members);
            }
        }
    }

    /// Any constant.
    fn literal(&mut self) -> Result<Literal, PatternError> {
        self.literal_that(|_| true, "a constant, such as 5, 'text', true or t'2026-01-31T00:00:00Z'")
    }

    /// A constant that has an order.
    fn orderable(&mut self) -> Result<Literal, PatternError> {
        self.literal_that(|literal| !matches!(literal, Literal::Boolean(_)), "a constant that has an order, such as 5 or 'text'")
    }

    /// A constant of a certain kind.
    fn literal_that(&mut self, accepts: fn(&Literal) -> bool, expected: &str) -> Result<Literal, PatternError> {
        match &self.token.kind {
            Kind::Literal(literal) if accepts(literal) => {
                let literal = literal.clone();
                self.advance()?;
                Ok(literal)
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    /// Text in quotes.
    fn text(&mut self) -> Result<String, PatternError> {
        let Kind::Literal(Literal::Text(text)) = &self.token.kind else { return Err(self.unexpected("text in quotes")) };
        let text = text.clone();
        self.advance()?;
        Ok(text)
    }

    /// A time.
    fn timestamp(&mut self) -> Result<jiff::civil::DateTime, PatternError> {
        let Kind::Literal(Literal::Timestamp(time)) = self.token.kind else {
            return Err(self.unexpected("a time, such as t'2026-01-31T00:00:00Z'"));
        };
        self.advance()?;
        Ok(time)
    }

    /// A whole number without a minus, which the grammar refuses even before a zero.
    fn whole(&mut self, expected: &str) -> Result<u64, PatternError> {
        match self.token.kind {
            Kind::Literal(Literal::Integer(value)) if !self.token.text.starts_with('-') => {
                self.advance()?;
                Ok(value.unsigned_abs())
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    /// A length of time without a minus, seconds.
    fn seconds(&mut self) -> Result<f64, PatternError> {
        let window_s = match self.token.kind {
            Kind::Literal(Literal::Integer(value)) if !self.token.text.starts_with('-') => value as f64,
            Kind::Literal(Literal::Float(value)) if !self.token.text.starts_with('-') => value,
            _ => return Err(self.unexpected("a number of seconds, not negative")),
        };
        self.advance()?;
        Ok(window_s)
    }

    /// Takes the opening parenthesis that is looked at.
    fn open(&mut self) -> Result<(), PatternError> {
        if self.depth == MAX_DEPTH {
            return Err(PatternError::TooDeep { position: self.token.position });
        }
        self.depth += 1;
        self.advance().map(drop)
    }

    /// Takes a closing parenthesis.
    fn close(&mut self, expected: &str) -> Result<(), PatternError> {
        self.need_sign(Sign::CloseParenthesis, expected)?;
        self.depth -= 1;
        Ok(())
    }

    /// Takes the token that is looked at.
    fn advance(&mut self) -> Result<Token<'a>, PatternError> {
        let next = self.tokens.next()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn take(&mut self, kind: &Kind) -> Result<bool, PatternError> {
        let there = self.token.kind == *kind;
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn take_sign(&mut self, sign: Sign) -> Result<bool, PatternError> {
        self.take(&Kind::Sign(sign))
    }

    fn take_keyword(&mut self, keyword: Keyword) -> Result<bool, PatternError> {
        self.take(&Kind::Keyword(keyword))
    }

    fn need_sign(&mut self, sign: Sign, expected: &str) -> Result<(), PatternError> {
        if self.take_sign(sign)? { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn need_keyword(&mut self, keyword: Keyword, expected: &str) -> Result<(), PatternError> {
        if self.take_keyword(keyword)? { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    /// The error that the token looked at is not what was expected.
    fn unexpected(&self, expected: &str) -> PatternError {
        let found = match self.token.kind {
            Kind::End => "the end of the pattern".to_owned(),
            _ => shown(self.token.text),
        };
        PatternError::Unexpected { position: self.token.position, found, expected: expected.to_owned() }
    }
}

/// Whether the same kind of qualifier may stand twice: on a group in parentheses, but not on one `[..]`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repetition {
    Allowed,
    Refused,
}

/// An observation under its qualifiers, if it has any.
fn under(inner: Observation, qualifiers: Vec<Qualifier>) -> Observation {
    if qualifiers.is_empty() { inner } else { Observation::Qualified(Box::new(inner), qualifiers) }
}

/// Types of objects for an error: the first few of them.
fn listed(types: &BTreeSet<&str>) -> String {
    const MAX_LISTED: usize = 5;
    let names: Vec<String> = types.iter().take(MAX_LISTED).map(|name| shown(name)).collect();
    let more = if types.len() > MAX_LISTED { " and others" } else { "" };
    format!("{}{more}", names.join(" or "))
}
