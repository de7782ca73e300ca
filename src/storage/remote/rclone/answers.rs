//! What rclone answers, as far as it is read.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Started {
    pub(super) jobid: u64,
}

#[derive(Deserialize)]
pub(super) struct Status<T> {
    pub(super) finished: bool,
    #[serde(default)]
    pub(super) success: bool,
    #[serde(default)]
    pub(super) error: String,
    pub(super) output: Option<T>,
}

#[derive(Deserialize, Default)]
pub(super) struct Stats {
    #[serde(default)]
    pub(super) bytes: u64,
}

#[derive(Deserialize)]
pub(super) struct Stat {
    pub(super) item: Option<Entry>,
}

#[derive(Deserialize, Default)]
pub(super) struct Listing {
    #[serde(default)]
    pub(super) list: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) size: i64,
    #[serde(default)]
    pub(super) is_dir: bool,
}
