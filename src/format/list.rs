//! Chunk lists: which chunks make up a content. Long lists are trees of list nodes, cut where a digest says so, so that a small edit of a
//! large document rewrites a few nodes (the idea of prolly trees, as in Noms and Dolt).

use crate::base::codec::{Reader, put_varint};
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::limits;

/// One chunk, or one node of a lower level, and how many content bytes it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Digest of the chunk's plain bytes, or of the node's encoding.
    pub digest: Digest,
    /// Content bytes below it.
    pub len: u64,
}

/// One node: level 0 names chunks, level n names nodes of level n-1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Distance from the chunks.
    pub level: u8,
    /// In content order.
    pub entries: Vec<Entry>,
}

/// Entries of a node: fewest and most. Between, a node ends after an entry whose digest starts with seven zero bits.
const NODE_ENTRIES: (usize, usize) = (32, 512);
/// Levels that a reader follows: 32^8 chunks are more than any content has.
const LEVELS_MAX: u8 = 8;

impl Node {
    /// Bytes: level, count, then digest and length of each entry.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.level];
        put_varint(&mut out, self.entries.len() as u64);
        for entry in &self.entries {
            out.extend_from_slice(entry.digest.as_bytes());
            put_varint(&mut out, entry.len);
        }
        out
    }

    /// Reads what [`Node::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Node> {
        let mut r = Reader::new(bytes, "chunk list");
        let level = r.byte()?;
        if level > LEVELS_MAX {
            return Err(Error::damaged("chunk list"));
        }
        let count = r.count()?;
        let mut entries = Vec::with_capacity(count.min(NODE_ENTRIES.1));
        for _ in 0..count {
            entries.push(Entry { digest: Digest::from_bytes(r.array()?), len: r.varint()? });
        }
        r.finish()?;
        Ok(Node { level, entries })
    }
}

/// Builds the list of one content while its chunks are found. Finished nodes go to `sink` as encoded bytes with their digest.
#[derive(Default)]
pub struct ListBuilder {
    levels: Vec<Vec<Entry>>,
}

impl ListBuilder {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a chunk.
    pub fn push(&mut self, entry: Entry, sink: &mut dyn FnMut(Digest, Vec<u8>) -> Result<()>) -> Result<()> {
        self.push_at(0, entry, sink)
    }

    fn push_at(&mut self, level: usize, entry: Entry, sink: &mut dyn FnMut(Digest, Vec<u8>) -> Result<()>) -> Result<()> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        let node = &mut self.levels[level];
        node.push(entry);
        let border = entry.digest.as_bytes()[0] & 0x7f == 0;
        if node.len() >= NODE_ENTRIES.1 || (border && node.len() >= NODE_ENTRIES.0) {
            return self.close(level, sink);
        }
        Ok(())
    }

    fn close(&mut self, level: usize, sink: &mut dyn FnMut(Digest, Vec<u8>) -> Result<()>) -> Result<()> {
        let node = Node { level: level as u8, entries: std::mem::take(&mut self.levels[level]) };
        let len = node.entries.iter().map(|e| e.len).sum();
        let bytes = node.encode();
        let digest = Digest::of(&bytes);
        sink(digest, bytes)?;
        self.push_at(level + 1, Entry { digest, len }, sink)
    }

    /// Ends the list: the root node, which the catalogue keeps in the content's row.
    pub fn finish(mut self, sink: &mut dyn FnMut(Digest, Vec<u8>) -> Result<()>) -> Result<Node> {
        let mut level = 0;
        loop {
            let top = level + 1 >= self.levels.len();
            let entries = self.levels.get(level).map_or(0, Vec::len);
            if top && entries <= limits::LIST_INLINE_MAX {
                return Ok(Node { level: level as u8, entries: self.levels.pop().unwrap_or_default() });
            }
            if entries > 0 {
                self.close(level, sink)?;
            }
            level += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn build(entries: &[Entry]) -> (Node, HashMap<Digest, Vec<u8>>) {
        let mut nodes = HashMap::new();
        let mut builder = ListBuilder::new();
        let mut sink = |d, b| {
            nodes.insert(d, b);
            Ok(())
        };
        for e in entries {
            builder.push(*e, &mut sink).expect("push");
        }
        let root = builder.finish(&mut sink).expect("finish");
        (root, nodes)
    }

    fn leaves(node: &Node, nodes: &HashMap<Digest, Vec<u8>>) -> Vec<Entry> {
        if node.level == 0 {
            return node.entries.clone();
        }
        node.entries.iter().flat_map(|e| leaves(&Node::decode(&nodes[&e.digest]).expect("node"), nodes)).collect()
    }

    fn entries(n: u64) -> Vec<Entry> {
        (0..n).map(|i| Entry { digest: Digest::of(&i.to_le_bytes()), len: i + 1 }).collect()
    }

    #[test]
    fn trees_give_their_chunks_back_in_order() {
        for n in [0, 1, 64, 65, 511, 512, 513, 5000, 200_000] {
            let all = entries(n);
            let (root, nodes) = build(&all);
            assert!(root.entries.len() <= limits::LIST_INLINE_MAX, "{n}");
            assert_eq!(leaves(&root, &nodes), all, "{n}");
        }
    }

    #[test]
    fn one_changed_chunk_rewrites_few_nodes() {
        let mut all = entries(100_000);
        let (_, before) = build(&all);
        all[50_000].digest = Digest::of(b"changed");
        let (_, after) = build(&all);
        let fresh = after.keys().filter(|d| !before.contains_key(d)).count();
        assert!(fresh <= 6, "{fresh} new nodes");
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(node) = Node::decode(&bytes) {
                prop_assert_eq!(node.encode(), bytes);
            }
        }
    }
}
