//! The list of columns holds what the rest relies on, and docs/lake.md documents exactly this list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::*;

type Documented = BTreeMap<String, Vec<[String; 3]>>;

/// Columns of each table as the page documents them: name, type, source. The common ones are under `Common columns`.
fn documented() -> Documented {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/lake.md");
    let page = fs::read_to_string(page).unwrap();
    let mut tables = Documented::new();
    let mut heading = String::new();
    for line in page.lines() {
        if let Some(text) = line.strip_prefix("### ") {
            text.clone_into(&mut heading);
        }
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if let ([name, kind, source, _], true) = (&*cells, line.starts_with("| `")) {
            let name = name.trim_matches('`');
            let column = [name, kind, source].map(ToOwned::to_owned);
            tables.entry(heading.clone()).or_default().push(column);
        }
    }
    tables
}

fn documented_column(column: &Column) -> [String; 3] {
    [
        column.name.to_owned(),
        column.kind.to_string(),
        column.source.to_string(),
    ]
}

#[test]
fn the_page_documents_every_column_of_every_table() {
    let mut expected: Documented = TableName::ALL
        .into_iter()
        .map(|name| {
            let own = name.table().own.iter().map(documented_column);
            (format!("`{name}`"), own.collect())
        })
        .collect();
    let common = common::COMMON.iter().chain([&common::EXTRA]);
    expected.insert(
        "Common columns".into(),
        common.map(documented_column).collect(),
    );

    let documented = documented();

    assert_eq!(
        documented.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (heading, columns) in expected {
        assert_eq!(documented[&heading], columns, "{heading}");
    }
}

#[test]
fn names_are_snake_case_and_unique_in_their_table() {
    for name in TableName::ALL {
        let columns: Vec<_> = name.table().columns().map(|it| it.name).collect();
        let distinct: BTreeSet<_> = columns.iter().collect();

        assert_eq!(distinct.len(), columns.len(), "{name}");
        for column in columns {
            let is_snake = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
            assert!(column.chars().all(is_snake), "{name}.{column}");
        }
    }
}

/// A path with two members would need rows within rows.
#[test]
fn a_member_is_in_the_object_of_its_row_or_one_below() {
    for name in TableName::ALL {
        for column in name.table().columns() {
            if let Source::Member(path) | Source::Count(path) = column.source {
                assert!(path.matches('.').count() <= 1, "{name}: {path}");
            }
        }
    }
}

#[test]
fn copied_columns_are_members_of_the_row_above() {
    let mut above = BTreeMap::new();
    for name in TableName::ALL {
        for list in name.table().lists {
            above.insert(list.table, name);
        }
    }
    for name in TableName::ALL {
        for column in name.table().columns() {
            let Source::Above(levels, copied) = column.source else {
                continue;
            };
            let row = (0..levels).fold(name, |row, _| above[&row]);
            let mut columns = row.table().columns();
            let copied = columns.find(|it| it.name == copied).unwrap();
            assert!(
                matches!(copied.source, Source::Member(_)),
                "{name}.{}",
                column.name
            );
        }
    }
}

#[test]
fn every_list_has_a_column_with_its_length() {
    for name in TableName::ALL {
        for list in name.table().lists {
            let mut columns = name.table().columns();
            assert!(
                columns.any(|it| it.source == Source::Count(list.path)),
                "{name}: {}",
                list.path
            );
        }
    }
}
