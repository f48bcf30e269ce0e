//! The keys of the lake's files.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::schema::TableName;

/// A group of pages that are loaded together, and the generation of their files.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName {
    pub export_id: String,
    pub slice: u32,
    /// From 1 in each slice.
    pub group: u32,
    /// 0 for the first load.
    pub generation: u32,
}

/// `lake/{table}/dt=YYYY-MM-DD/{exportId}-{slice}-{group}[-g{generation}].parquet`
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileKey {
    pub table: TableName,
    pub day: Date,
    pub group: GroupName,
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            export_id,
            slice,
            group,
            generation,
        } = self;
        write!(f, "{export_id}-{slice:04}-{group:04}")?;
        match generation {
            0 => Ok(()),
            _ => write!(f, "-g{generation}"),
        }
    }
}

impl fmt::Display for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, day, group } = self;
        write!(f, "lake/{table}/dt={day}/{group}.parquet")
    }
}

/// The day in the key of a record's rows: the UTC day of its start. A start that is unknown, or not from 1900 to 2200,
/// counts as 1970.
pub fn day_of(start: Option<Timestamp>) -> Date {
    let day = start.map(|start| Offset::UTC.to_datetime(start).date());
    day.filter(|day| (1900..=2200).contains(&day.year()))
        .unwrap_or_else(|| Offset::UTC.to_datetime(Timestamp::UNIX_EPOCH).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(start: &str) -> String {
        day_of(Some(start.parse().unwrap())).to_string()
    }

    #[test]
    fn keys_name_table_day_export_slice_and_group() {
        let group = GroupName {
            export_id: "nightly-2026-03-01".into(),
            slice: 3,
            group: 12,
            generation: 0,
        };
        let key = FileKey {
            table: TableName::FlowOutcomes,
            day: day_of(Some("2026-03-01T23:59:59.999Z".parse().unwrap())),
            group: group.clone(),
        };
        let reloaded = GroupName {
            generation: 2,
            ..group
        };

        assert_eq!(
            key.to_string(),
            "lake/flow_outcomes/dt=2026-03-01/nightly-2026-03-01-0003-0012.parquet"
        );
        assert_eq!(reloaded.to_string(), "nightly-2026-03-01-0003-0012-g2");
    }

    #[test]
    fn days_are_utc_and_an_unknown_start_is_1970() {
        assert_eq!(day("2026-03-02T00:30:00+01:00"), "2026-03-01");
        assert_eq!(day("1900-01-01T00:00:00Z"), "1900-01-01");
        assert_eq!(day("1899-12-31T23:59:59Z"), "1970-01-01");
        assert_eq!(day("2201-01-01T00:00:00Z"), "1970-01-01");
        assert_eq!(day_of(None).to_string(), "1970-01-01");
    }
}
