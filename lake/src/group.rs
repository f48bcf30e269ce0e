//! Groups of pages: one file for each table and day of a group, so that files are not as small as pages.

/// The most NDJSON in a group of more than one page, in bytes.
pub const MAX_GROUP_BYTES: u64 = 256 * 1024 * 1024;

/// A page with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize {
    pub slice: u32,
    pub page: u32,
    /// Size of its lines, before compression.
    pub record_bytes: u64,
}

/// Consecutive pages of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub slice: u32,
    /// From 1 in each slice.
    pub group: u32,
    pub pages: Vec<u32>,
    pub record_bytes: u64,
}

/// Forms groups of pages, which are given in the order of the manifest: each group takes pages as long as they are of
/// the same slice and no larger than `max_bytes` together. A larger page is a group alone.
pub fn groups(pages: &[PageSize], max_bytes: u64) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for page in pages {
        let last = groups.last_mut().filter(|it| it.slice == page.slice);
        let number = last.as_ref().map_or(0, |it| it.group) + 1;
        match last {
            Some(group) if group.record_bytes.saturating_add(page.record_bytes) <= max_bytes => {
                group.pages.push(page.page);
                group.record_bytes += page.record_bytes;
            }
            _ => groups.push(Group {
                slice: page.slice,
                group: number,
                pages: vec![page.page],
                record_bytes: page.record_bytes,
            }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(slice: u32, page: u32, record_bytes: u64) -> PageSize {
        PageSize {
            slice,
            page,
            record_bytes,
        }
    }

    fn shape(groups: &[Group]) -> Vec<(u32, u32, &[u32])> {
        let shape = groups.iter().map(|it| (it.slice, it.group, &*it.pages));
        shape.collect()
    }

    #[test]
    fn a_group_takes_pages_of_a_slice_up_to_the_limit() {
        let pages = [
            page(1, 1, 60),
            page(1, 2, 40),
            page(1, 3, 1),
            page(2, 1, 10),
            page(2, 4, 500),
            page(2, 5, 0),
            page(2, 6, 100),
        ];

        assert_eq!(
            shape(&groups(&pages, 100)),
            [
                (1, 1, &[1, 2][..]),
                (1, 2, &[3]),
                (2, 1, &[1]),
                (2, 2, &[4]),
                (2, 3, &[5, 6]),
            ]
        );
        assert_eq!(groups(&[], 100), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_page_is_in_one_group_and_no_two_groups_fit_together(
            sizes in proptest::collection::vec((0_u32..3, 0_u64..90), 0..40),
            limit in 1_u64..200,
        ) {
            let mut sizes = sizes;
            sizes.sort_by_key(|it| it.0);
            let pages: Vec<_> = (1..).zip(&sizes).map(|(number, it)| page(it.0, number, it.1)).collect();

            let groups = groups(&pages, limit);

            let grouped: Vec<_> = groups.iter().flat_map(|it| it.pages.iter().map(|page| (it.slice, *page))).collect();
            let expected: Vec<_> = pages.iter().map(|it| (it.slice, it.page)).collect();
            prop_assert_eq!(grouped, expected);
            for group in &groups {
                prop_assert!(group.record_bytes <= limit || group.pages.len() == 1);
            }
            for pair in groups.windows(2).filter(|it| it[0].slice == it[1].slice) {
                let first = pages.iter().find(|it| it.page == pair[1].pages[0]).unwrap();
                prop_assert!(pair[0].record_bytes + first.record_bytes > limit);
                prop_assert_eq!(pair[0].group + 1, pair[1].group);
            }
        }
    }
}
