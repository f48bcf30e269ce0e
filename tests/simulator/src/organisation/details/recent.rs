//! Cache of the last few queries and their rows, so that each page costs a page instead of a scan of the organisation.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::organisation::selection::Criteria;

/// The number of queries that a client reads in parallel, and a few more.
const KEPT: usize = 16;

/// Cache key: everything that the rows depend on.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) criteria: Criteria,
    /// Number of conversations that queries find. When it grows, the same query finds more.
    pub(crate) there: usize,
    pub(crate) divisions_held: Option<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Recent {
    answers: VecDeque<(Asked, Arc<[usize]>)>,
}

impl Recent {
    pub(crate) fn rows(&self, asked: &Asked) -> Option<Arc<[usize]>> {
        let known = self.answers.iter().find(|(known, _)| known == asked);
        known.map(|(_, rows)| Arc::clone(rows))
    }

    pub(crate) fn keep(&mut self, asked: Asked, rows: Vec<usize>) -> Arc<[usize]> {
        let rows: Arc<[usize]> = rows.into();
        if self.answers.len() == KEPT {
            self.answers.pop_front();
        }
        self.answers.push_back((asked, Arc::clone(&rows)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(there: usize) -> Asked {
        let body = r#"{"interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"}"#;
        Asked {
            criteria: serde_json::from_str(body).unwrap(),
            there,
            divisions_held: None,
        }
    }

    #[test]
    fn a_query_is_cached_until_enough_others_were_sent() {
        let mut recent = Recent::default();
        recent.keep(asked(0), vec![3, 4]);

        assert_eq!(recent.rows(&asked(0)).as_deref(), Some(&[3, 4][..]));
        assert_eq!(recent.rows(&asked(1)), None);
        (1..=KEPT).for_each(|there| drop(recent.keep(asked(there), Vec::new())));
        assert_eq!(recent.rows(&asked(0)), None);
        assert_eq!(recent.answers.len(), KEPT);
    }
}
