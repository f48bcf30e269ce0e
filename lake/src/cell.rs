//! One value of a row, made from the JSON of a record, and the JSON that a cell stands for.

mod moment;

use std::borrow::Cow;

use crate::json::{Decoded, Kind, Value, quote};
use crate::schema::{Spelling, Type};

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Of the types text and JSON.
    Text(Cow<'a, str>),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    /// Microseconds since 1970.
    Moment(i64),
}

/// How a value of a record fits a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fit<'a> {
    /// The cell stands for exactly this JSON.
    Exact(Cell<'a>),
    /// The cell has the same meaning as the value, which is written in another way.
    Close(Cell<'a>),
    /// The value is of another type, or outside the range of the column.
    Not,
}

/// How the lines of a form write values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    pub(crate) moments: Spelling,
    /// Whether a number may stand in place of a text, as ids of gateways do.
    pub(crate) has_numbers_as_texts: bool,
}

impl<'a> Fit<'a> {
    pub(crate) fn of(value: Value<'a>, kind: Type, writing: Writing) -> Self {
        match kind {
            Type::Json => Self::Exact(Cell::Text(Cow::Borrowed(value.raw()))),
            Type::Text => text(value, writing),
            Type::Integer => integer(value),
            Type::Double => double(value),
            Type::Boolean => match value.kind() {
                Kind::True => Self::Exact(Cell::Boolean(true)),
                Kind::False => Self::Exact(Cell::Boolean(false)),
                _ => Self::Not,
            },
            Type::Moment => moment(value, writing.moments),
        }
    }

    pub(crate) fn cell(self) -> Option<Cell<'a>> {
        match self {
            Self::Exact(cell) | Self::Close(cell) => Some(cell),
            Self::Not => None,
        }
    }
}

fn text(value: Value<'_>, writing: Writing) -> Fit<'_> {
    match (value.kind(), value.string()) {
        (_, Some(Decoded::Exact(text))) => Fit::Exact(Cell::Text(text)),
        (_, Some(Decoded::Replaced(text))) => Fit::Close(Cell::Text(Cow::Owned(text))),
        (Kind::Number, None) if writing.has_numbers_as_texts => {
            Fit::Close(Cell::Text(Cow::Borrowed(value.raw())))
        }
        _ => Fit::Not,
    }
}

fn integer(value: Value<'_>) -> Fit<'_> {
    if value.kind() != Kind::Number {
        return Fit::Not;
    }
    match value.raw().parse() {
        // `-0` is read as 0.
        Ok(0) if value.raw() != "0" => Fit::Close(Cell::Integer(0)),
        Ok(number) => Fit::Exact(Cell::Integer(number)),
        Err(_) => whole(value.raw()).map_or(Fit::Not, |number| Fit::Close(Cell::Integer(number))),
    }
}

/// A whole number that is written with a fraction or an exponent, if a double holds it exactly.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it is whole and within 53 bits"
)]
fn whole(raw: &str) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = raw.parse().ok()?;
    let is_written_otherwise = raw.contains(['.', 'e', 'E']);
    (is_written_otherwise && number.fract() == 0.0 && number.abs() < LIMIT).then_some(number as i64)
}

fn double(value: Value<'_>) -> Fit<'_> {
    if value.kind() != Kind::Number {
        return Fit::Not;
    }
    match value.raw().parse::<f64>() {
        Ok(number) if number.is_finite() => {
            if written(number) == value.raw() {
                Fit::Exact(Cell::Double(number))
            } else {
                Fit::Close(Cell::Double(number))
            }
        }
        _ => Fit::Not,
    }
}

fn moment(value: Value<'_>, spelling: Spelling) -> Fit<'_> {
    let parsed = match (spelling, value.kind()) {
        (Spelling::SinceEpoch, Kind::Number) => {
            let millis = value.raw().parse::<i64>().ok();
            millis.and_then(|it| it.checked_mul(1000))
        }
        (Spelling::Milliseconds | Spelling::Shortest, Kind::String) => {
            let text = value.string();
            text.and_then(|text| moment::parse(text.as_str()))
        }
        _ => None,
    };
    let Some(micros) = parsed.filter(|it| moment::is_in_range(*it)) else {
        return Fit::Not;
    };
    if moment::is_written(micros, spelling, value.raw()) {
        Fit::Exact(Cell::Moment(micros))
    } else {
        Fit::Close(Cell::Moment(micros))
    }
}

/// The shortest text that is read as this number, as Java, JavaScript and `serde_json` write whole ones: `4.0`.
fn written(number: f64) -> String {
    format!("{number:?}")
}

impl Cell<'_> {
    /// Appends the JSON that the cell stands for.
    pub(crate) fn write(&self, kind: Type, spelling: Spelling, json: &mut String) {
        match self {
            Self::Text(text) if kind == Type::Json => json.push_str(text),
            Self::Text(text) => quote(text, json),
            Self::Integer(number) => json.push_str(&number.to_string()),
            Self::Double(number) => json.push_str(&written(*number)),
            Self::Boolean(is_true) => json.push_str(if *is_true { "true" } else { "false" }),
            Self::Moment(micros) => json.push_str(&moment::json(*micros, spelling)),
        }
    }
}

#[cfg(test)]
mod tests;
