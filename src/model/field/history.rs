//! The history of fields: what each version of a document changed.

use serde::Serialize;

use super::diff::{Row, between};
use super::{NotFields, Path};

/// One change of one field by one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryRow<V> {
    /// The version that made the change, as the caller knows it: number, who, when.
    pub version: V,
    /// The field before and after.
    #[serde(flatten)]
    pub row: Row,
}

/// Walks the versions of one document, oldest first, and tells what each changed. Holds one version at a time.
#[derive(Debug, Default)]
pub struct History {
    filter: Option<Path>,
    before: Option<Vec<u8>>,
}

impl History {
    /// Tells of all fields, or of those that `filter` concerns (see [`Path::concerns`]).
    pub fn new(filter: Option<Path>) -> Self {
        History { filter, before: None }
    }

    /// The fields that the next version changed. `None` is a version in which the document does not exist: all its fields are gone. The first
    /// version adds all of its fields.
    ///
    /// A version that cannot be seen as fields is refused and passed over: the next one is compared with the one before it.
    pub fn push(&mut self, version: Option<&[u8]>) -> Result<Vec<Row>, NotFields> {
        let mut rows = between(self.before.as_deref(), version, false)?.rows;
        if let Some(filter) = &self.filter {
            rows.retain(|row| filter.concerns(&row.path));
        }
        self.before = version.map(<[u8]>::to_vec);
        Ok(rows)
    }
}

/// The changes of all versions, oldest first, and the versions that were passed over because they cannot be seen as fields. See [`History`] for
/// versions that come from where reading may fail.
pub fn field_history<V: Clone, B: AsRef<[u8]>>(
    versions: impl IntoIterator<Item = (V, Option<B>)>,
    filter: Option<Path>,
) -> (Vec<HistoryRow<V>>, Vec<(V, NotFields)>) {
    let mut history = History::new(filter);
    let (mut rows, mut passed_over) = (Vec::new(), Vec::new());
    for (version, bytes) in versions {
        match history.push(bytes.as_ref().map(AsRef::as_ref)) {
            Ok(changed) => rows.extend(changed.into_iter().map(|row| HistoryRow { version: version.clone(), row })),
            Err(reason) => passed_over.push((version, reason)),
        }
    }
    (rows, passed_over)
}
