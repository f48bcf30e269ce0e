//! A reader of archives, written from docs/format.md.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::PathBuf;

use flate2::bufread::GzDecoder;
use serde_json::Value;

use crate::world::files;

pub(crate) struct Archive {
    root: PathBuf,
    export: &'static str,
}

impl Archive {
    pub(crate) fn of(root: PathBuf, export: &'static str) -> Self {
        Self { root, export }
    }

    fn folder(&self) -> PathBuf {
        self.root.join("exports").join(self.export)
    }

    pub(crate) fn has_plan(&self) -> bool {
        self.folder().join("request.json").exists()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.folder().join("manifest.json").exists()
    }

    pub(crate) fn plan(&self) -> Value {
        let file = File::open(self.folder().join("request.json")).unwrap();
        serde_json::from_reader(file).unwrap()
    }

    pub(crate) fn manifest(&self) -> Value {
        let file = File::open(self.folder().join("manifest.json")).unwrap();
        serde_json::from_reader(file).unwrap()
    }

    /// The number of page records, which commit pages.
    pub(crate) fn committed_pages(&self) -> usize {
        let paths = files(&self.folder()).into_iter();
        paths
            .filter(|path| path.to_string_lossy().ends_with(".record.json"))
            .count()
    }

    /// The records of the pages that the manifest names, in its order. Panics unless their number is the one that the
    /// manifest states.
    pub(crate) fn records(&self) -> Vec<Value> {
        let manifest = self.manifest();
        let slices = manifest["content"]["slices"].as_array().unwrap().iter();
        let pages = slices.flat_map(|slice| slice["pages"].as_array().unwrap());
        let keys = pages.filter_map(|page| page["objects"]["page"]["key"].as_str());
        let records: Vec<Value> = keys.flat_map(|key| self.lines(key)).collect();
        assert_eq!(manifest["content"]["counts"]["archived"], records.len());
        records
    }

    /// The lines of a page object, which is one gzip member.
    fn lines(&self, key: &str) -> Vec<Value> {
        let stored = fs::read(self.root.join(key)).unwrap();
        let mut decoder = GzDecoder::new(stored.as_slice());
        let mut text = String::new();
        decoder.read_to_string(&mut text).unwrap();
        assert_eq!(decoder.into_inner(), [0; 0], "one gzip member");
        assert!(text.ends_with('\n'));
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The ids of the records, sorted. A repeated id occurs more than once.
    pub(crate) fn ids(&self, field: &str) -> Vec<String> {
        let records = self.records().into_iter();
        let mut ids: Vec<String> = records
            .map(|record| record[field].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    }
}
