//! Reads single variables and collects problems.

use std::cell::RefCell;
use std::fmt;

use super::error::{ConfigError, Problem};
use super::table::{Kind, Setting};

/// A lookup of variables, and the problems found so far.
pub struct Settings<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Settings<'a> {
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            problems: RefCell::default(),
        }
    }

    /// The configuration, or all problems.
    pub fn finish<T>(self, config: Option<T>) -> Result<T, ConfigError> {
        let problems = self.problems.into_inner();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError::new(problems)),
        }
    }

    /// The trimmed value; `None` if it is empty or not set.
    pub fn optional(&self, setting: &Setting) -> Option<String> {
        let value = (self.lookup)(setting.name)?;
        Some(value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The trimmed value, or the setting's default.
    pub fn text(&self, setting: &Setting) -> String {
        let default = || setting.default().unwrap_or_default();
        self.optional(setting).unwrap_or_else(default)
    }

    pub fn required(&self, setting: &Setting) -> Option<String> {
        let value = self.optional(setting);
        if value.is_none() {
            self.report(Problem::Missing(setting.name));
        }
        value
    }

    /// A number, or the setting's default.
    pub fn number<N: TryFrom<u64>>(&self, setting: &Setting) -> Option<N> {
        let default = match &setting.kind {
            Kind::Number { default, .. } => Some(*default),
            _ => None,
        };
        let number = match self.optional(setting) {
            Some(value) => self.parse(setting, value)?,
            None => default?,
        };
        let fitting = N::try_from(number).ok();
        if fitting.is_none() {
            self.malformed(setting, number.to_string(), "a smaller number");
        }
        fitting
    }

    /// A whole number within the range of the setting.
    fn parse(&self, setting: &Setting, value: String) -> Option<u64> {
        let range = setting.range()?;
        let number = value.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let rule = format!("a whole number from {} to {}", range.start(), range.end());
            self.malformed(setting, value, rule);
        }
        number
    }

    /// `true` or `false`.
    pub(crate) fn is_on(&self, setting: &Setting) -> bool {
        let value = self.text(setting);
        value.parse().unwrap_or_else(|_| {
            self.malformed(setting, value, "true or false");
            false
        })
    }

    /// A comma-separated list; empty if neither the setting nor a default is set.
    pub fn list(&self, setting: &Setting) -> Vec<String> {
        let value = self.text(setting);
        if value.is_empty() {
            return Vec::new();
        }
        let items: Vec<_> = value
            .split(',')
            .map(|item| item.trim().to_owned())
            .collect();
        if items.iter().any(String::is_empty) {
            self.malformed(setting, value, "a comma-separated list");
        }
        items
    }

    /// The value; or `None` after recording the error.
    pub fn usable<T, E: Into<Problem>>(&self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.report(error)).ok()
    }

    pub fn malformed(&self, setting: &Setting, value: String, rule: impl Into<String>) {
        let (name, rule) = (setting.name, rule.into());
        self.report(Problem::Malformed { name, value, rule });
    }

    /// Records a problem once, even if the variable is read several times.
    pub fn report(&self, problem: impl Into<Problem>) {
        let (problem, mut problems) = (problem.into(), self.problems.borrow_mut());
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = &self.problems.borrow();
        f.debug_struct("Settings")
            .field("problems", problems)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::config::table::{
        ALLOWED_REGIONS, ARCHIVE_BUCKET, ARCHIVE_QUOTA_MB, AWS_S3_FORCE_PATH_STYLE, MAX_OPEN_SLICES,
    };

    fn problems<T>(value: &str, read: impl Fn(&Settings<'_>) -> T) -> String {
        let lookup = |_: &str| Some(value.to_owned());
        let settings = Settings::new(&lookup);
        let read = read(&settings);
        settings
            .finish(Some(read))
            .err()
            .map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        assert_eq!(
            problems(" ", |settings| settings.required(&ARCHIVE_BUCKET)),
            "ARCHIVE_BUCKET is not set"
        );
        assert_eq!(
            problems("", |settings| settings.number::<u32>(&ARCHIVE_QUOTA_MB)),
            ""
        );
    }

    #[test]
    fn a_number_out_of_range_is_refused_with_the_range() {
        for value in ["x", "0", "101", "-1", "1.5", "99999999999999999999"] {
            let read = |settings: &Settings<'_>| settings.number::<u32>(&MAX_OPEN_SLICES);

            assert_eq!(
                problems(value, read),
                format!("MAX_OPEN_SLICES is `{value}`: a whole number from 1 to 100")
            );
        }
        assert_eq!(
            problems(" 100 ", |settings| settings.number::<u8>(&MAX_OPEN_SLICES)),
            ""
        );
    }

    #[test]
    fn a_switch_accepts_only_true_or_false() {
        assert_eq!(
            problems("yes", |settings| settings.is_on(&AWS_S3_FORCE_PATH_STYLE)),
            "AWS_S3_FORCE_PATH_STYLE is `yes`: true or false"
        );
        assert_eq!(
            problems("true", |settings| settings.is_on(&AWS_S3_FORCE_PATH_STYLE)),
            ""
        );
    }

    #[test]
    fn a_list_with_an_empty_item_is_refused() {
        assert_eq!(
            problems("a,,b", |settings| settings.list(&ALLOWED_REGIONS)),
            "ALLOWED_REGIONS is `a,,b`: a comma-separated list"
        );
    }
}
