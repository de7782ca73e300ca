//! Every limit of the store in one place: a number, its unit and the reason for it.

/// Bytes: the longest document key. Long enough for any path (Linux PATH_MAX is 4096), short enough for an index row.
pub const KEY_BYTES_MAX: usize = 4096;
/// Bytes: metadata of one version (mode, mtime, link target, media type). A link target can be PATH_MAX long.
pub const META_BYTES_MAX: usize = 8 * 1024;
/// Bytes: actor, reason, origin, request id, mark name, reference fields. People write sentences here, not documents.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Changes in one batch. Bounds the memory of a commit (about 150 bytes a change) while admitting the largest folder we measured tenfold.
pub const BATCH_CHANGES_MAX: usize = 4_000_000;
/// Per cent: a capture that would remove more than this of the documents under its prefix is refused unless it is allowed. An unmounted disk or
/// a wrong path looks like a folder where everything was deleted; people who tidy up rarely delete four fifths.
pub const CAPTURE_REMOVED_PERCENT_MAX: u64 = 80;
/// Documents: from how many under the prefix on [`CAPTURE_REMOVED_PERCENT_MAX`] holds. In a small folder most files may well go at once.
pub const CAPTURE_GUARDED_FROM: u64 = 100;
/// Bytes: contents up to this size live in the catalogue row itself, so a small put costs one sync and a small get one index walk.
pub const INLINE_BYTES_MAX: usize = 4096;
/// Bytes: the size from which a document's content is cut into large chunks, to keep the index of big media small.
pub const LARGE_CONTENT_BYTES: u64 = 256 << 20;
/// Bytes: minimum, average and maximum chunk for contents below [`LARGE_CONTENT_BYTES`]. Measured: best dedup for its index size.
pub const CHUNK_SMALL: (u32, u32, u32) = (2 * 1024, 8 * 1024, 32 * 1024);
/// Bytes: minimum, average and maximum chunk from [`LARGE_CONTENT_BYTES`] on. fjall wants values well below 1 MiB.
pub const CHUNK_LARGE: (u32, u32, u32) = (16 * 1024, 64 * 1024, 128 * 1024);
/// Entries: chunk lists up to this long are stored in the content row; longer ones become a tree of list nodes.
pub const LIST_INLINE_MAX: usize = 64;
/// Bytes: buffered chunk writes before they are handed to the chunk store. Bounds ingest memory.
pub const INGEST_BUFFER_BYTES: usize = 8 << 20;
/// Bytes: plain bytes of one block of a segment (contents plus the prefix they are packed against). Bounds memory of zstd at level 19 to
/// about 100 MiB and the bytes that a reader must fetch to see one document.
pub const BLOCK_PLAIN_BYTES_MAX: usize = 8 << 20;
/// Bytes: the earlier contents that one block may be packed against. With a block of [`BLOCK_PLAIN_BYTES_MAX`] it makes a window of 16 MiB, which
/// zstd at level 19 searches in less than 64 MiB.
pub const PREFIX_BYTES_MAX: usize = 8 << 20;
/// Versions: how many deltas may stand between a content and one that was shipped whole. Bounds the reads for one document.
pub const BASE_CHAIN_MAX: u32 = 64;
/// Bytes: a segment is sealed when this much content is pending. A cut upload loses at most one segment.
pub const SEGMENT_PLAIN_BYTES_MAX: u64 = 64 << 20;
/// Bytes: the largest segment object a reader accepts. Guards against a remote that serves endless bytes.
pub const SEGMENT_BYTES_MAX: u64 = 256 << 20;
/// Bytes: the largest tail (records and directory) of a segment, decompressed.
pub const TAIL_BYTES_MAX: usize = 1 << 30;
/// Bytes: objects above this size are padded, so that sizes of contents cannot be read from sizes of objects.
pub const PAD_FROM_BYTES: u64 = 4096;
/// Bytes: the largest JSON document that is compared and merged field by field. Larger ones are compared as text or bytes.
pub const JSON_FIELDS_BYTES_MAX: usize = 16 << 20;
/// Levels: how deep JSON may nest before we refuse to walk it. Guards the stack.
pub const JSON_DEPTH_MAX: usize = 128;
/// Bytes: the largest text that is compared line by line.
pub const TEXT_DIFF_BYTES_MAX: usize = 16 << 20;
/// Bytes: the largest document whose old and new state are shown side by side in a list; fifty of them are read for one page.
pub const SHOWN_BYTES_MAX: usize = 256 << 10;
/// Batches and changes that one look through the log reads at most: a page answers within a fraction of a second however long the log is,
/// and says where to look on.
pub const AUDIT_BATCHES_LOOKED_MAX: u64 = 20_000;
/// See [`AUDIT_BATCHES_LOOKED_MAX`].
pub const AUDIT_CHANGES_LOOKED_MAX: u64 = 20_000;
/// Bytes: the largest container (zip, pdf, png) whose deflate streams are opened before packing.
pub const CONTAINER_BYTES_MAX: usize = 32 << 20;
/// Bytes: the most that one container may inflate to; and at most this many times its own size, see [`INFLATE_RATIO_MAX`]. Refuses zip bombs.
pub const INFLATE_BYTES_MAX: usize = 64 << 20;
/// Times: see [`INFLATE_BYTES_MAX`]. Real office files stay below 50.
pub const INFLATE_RATIO_MAX: usize = 200;
/// Values (scalars, arrays, objects): the most in one document that is walked by fields. A merge holds three trees and their value table;
/// measured with three arrays of this length: 260 MB.
pub const JSON_VALUES_MAX: usize = 1_000_000;
/// Items, of both sequences together: the most that is searched for the best match when arrays are aligned. Measured in a development build:
/// random items take up to 52 ms at this size whatever their variety, and two million items made so that every piece is just below it 3 s.
pub const FIELD_SEARCH_ITEMS_MAX: usize = 1 << 15;
/// Bytes: the longest key file that is read: 48 slots of 1,024 bytes, rounded up.
pub const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Numbers of documents and contents within a tenant stay below this, so that differences never overflow. More documents than any disk holds.
pub const ORDINAL_MAX: u64 = 1 << 48;
/// Slots of a key file: a handful of administrators and an escrow or two, with room.
pub const KEY_SLOTS_MAX: usize = 48;
/// Bytes: the longest line of a key file; ours have at most 300, a later program's slot may need more.
pub const KEY_LINE_BYTES_MAX: usize = 1024;
/// KiB: the most memory that a slot of a key file may ask for (1 GiB), so that a foreign file cannot exhaust the machine.
pub const KEY_SLOT_MEMORY_KIB_MAX: u32 = 1 << 20;
/// Passes: the most that a slot of a key file may ask for; with 1 GiB about 20 seconds.
pub const KEY_SLOT_PASSES_MAX: u32 = 16;
/// Lanes: the most that a slot of a key file may ask for. We compute them one after the other.
pub const KEY_SLOT_LANES_MAX: u32 = 16;
/// Bytes: the longest passphrase. People type sentences, not documents.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;
/// Bytes: the longest text in which a recovery sheet is looked for. A sheet has 2 kB; people paste it with what stood around it.
pub const SHEET_BYTES_MAX: u64 = 64 * 1024;
/// Bytes: the largest configuration file. A thousand remotes take a tenth of it; more is some other file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Bytes: the largest file of rules in a captured folder that is read. A thousand patterns fit in well under a tenth of it.
pub const FOLDER_RULES_BYTES_MAX: u64 = 1 << 20;
/// Levels: how deep the directories of a captured folder may nest. Each level holds one descriptor, of which a process commonly has 1024.
pub const FOLDER_DEPTH_MAX: usize = 256;
/// Paths of a watched folder: more dirty ones than this are not kept apart; a whole scan is then as fast.
pub const FOLDER_DIRTY_PATHS_MAX: usize = 4096;
/// Bytes: the longest list of references that is compared, about a million lines. It is held in memory.
pub const REFERENCE_LIST_BYTES_MAX: u64 = 256 << 20;
/// Bytes: the largest saved plan that is read: about a million documents.
pub const PLAN_BYTES_MAX: u64 = 512 << 20;
/// Bytes: the name of a consumer of the change feed, of a group and of a member. They stand in tables and on command lines.
pub const CONSUMER_BYTES_MAX: usize = 200;
/// Partitions of one consumer. Each reads the log for itself, so more cost more than they share.
pub const PARTITIONS_MAX: u32 = 256;
/// Seconds: the shortest and longest lease of a member of a group. Shorter ones end during a slow disk sync; after the longest, nobody waits.
pub const LEASE_SECS: (u64, u64) = (1, 86_400);
/// Bytes: rows of one transaction of a captured database that are held in memory. A larger transaction becomes several batches.
pub const TRANSACTION_BYTES_MAX: usize = 64 << 20;
/// Bytes: the longest row of a captured database that is read back to fill in what an update left out. PostgreSQL's values end at 1 GiB.
pub const ROW_BYTES_MAX: usize = 1 << 30;
/// Bytes: the largest subject key object that is read. With 64 keys it has 4 kB; tombstones list contents that were recorded before their prefix
/// was declared erasable, some million of them.
pub const SUBJECT_OBJECT_BYTES_MAX: u64 = 16 << 20;
