//! What the structures of Parquet's descriptions hold (parquet.thrift of the format, version 2.12).

use Field::{Byte, Double, Flag, Int, List, Long, Short, Structure, Text, Tree};

/// The known fields of a structure, by their numbers.
pub(super) type Shape = &'static [(i64, Field)];

/// What a field holds.
pub(super) enum Field {
    Flag,
    Byte,
    Short,
    Int,
    Long,
    Double,
    /// Text, or bytes.
    Text,
    List(&'static Field),
    /// The columns and the groups that hold them.
    Tree,
    Structure(Shape),
}

impl Field {
    /// Tells whether a field is declared as this, by the number that Thrift's compact protocol has for it.
    pub(super) fn is_declared(&self, number: u8) -> bool {
        match self {
            Flag => matches!(number, 1 | 2),
            Byte => number == 3,
            Short => number == 4,
            Int => number == 5,
            Long => number == 6,
            Double => number == 7,
            Text => number == 8,
            List(_) | Tree => number == 9,
            Structure(_) => number == 12,
        }
    }

    /// Tells whether a number fits.
    pub(super) fn holds(&self, number: i64) -> bool {
        match self {
            Short => i16::try_from(number).is_ok(),
            Int => i32::try_from(number).is_ok(),
            _ => true,
        }
    }
}

/// The field of a page's header that tells how many bytes its content unpacks to.
pub(super) const BYTES: usize = 2;
/// The field that tells how many bytes follow it.
pub(super) const PACKED_BYTES: usize = 3;
/// The field of a group that tells how many columns and groups it holds.
pub(super) const CHILDREN: usize = 5;

/// The description of a file, at its end.
pub(super) const FILE: Shape = &[
    (1, Int),
    (2, Tree),
    (3, Long),
    (4, List(&Structure(ROW_GROUP))),
    (5, KEY_VALUES),
    (6, Text),
    (7, List(&Structure(COLUMN_ORDER))),
    (9, Text),
];

/// A column, or a group of them.
pub(super) const COLUMN: Shape = &[
    (1, Int),
    (2, Int),
    (3, Int),
    (4, Text),
    (CHILDREN as i64, Int),
    (6, Int),
    (7, Int),
    (8, Int),
    (9, Int),
    (10, Structure(LOGICAL_TYPE)),
];

/// What stands before each page.
pub(super) const PAGE: Shape = &[
    (1, Int),
    (BYTES as i64, Int),
    (PACKED_BYTES as i64, Int),
    (4, Int),
    (5, Structure(DATA_PAGE)),
    (6, EMPTY),
    (7, Structure(&[(1, Int), (2, Int), (3, Flag)])),
    (8, Structure(DATA_PAGE_2)),
];

const EMPTY: Field = Structure(&[]);
const KEY_VALUES: Field = List(&Structure(&[(1, Text), (2, Text)]));
const COLUMN_ORDER: Shape = &[(1, EMPTY), (2, EMPTY)];
const TIME: Field = Structure(&[
    (1, Flag),
    (2, Structure(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)])),
]);

const LOGICAL_TYPE: Shape = &[
    (1, EMPTY),
    (2, EMPTY),
    (3, EMPTY),
    (4, EMPTY),
    (5, Structure(&[(1, Int), (2, Int)])),
    (6, EMPTY),
    (7, TIME),
    (8, TIME),
    (10, Structure(&[(1, Byte), (2, Flag)])),
    (11, EMPTY),
    (12, EMPTY),
    (13, EMPTY),
    (14, EMPTY),
    (15, EMPTY),
    (16, Structure(&[(1, Byte)])),
    (17, Structure(&[(1, Text)])),
    (18, Structure(&[(1, Text), (2, Int)])),
];

const ROW_GROUP: Shape = &[
    (1, List(&Structure(COLUMN_CHUNK))),
    (2, Long),
    (3, Long),
    (4, List(&Structure(&[(1, Int), (2, Flag), (3, Flag)]))),
    (5, Long),
    (6, Long),
    (7, Short),
];

const COLUMN_CHUNK: Shape = &[
    (1, Text),
    (2, Long),
    (3, Structure(COLUMN_METADATA)),
    (4, Long),
    (5, Int),
    (6, Long),
    (7, Int),
    (9, Text),
];

const COLUMN_METADATA: Shape = &[
    (1, Int),
    (2, List(&Int)),
    (3, List(&Text)),
    (4, Int),
    (5, Long),
    (6, Long),
    (7, Long),
    (8, KEY_VALUES),
    (9, Long),
    (10, Long),
    (11, Long),
    (12, Structure(STATISTICS)),
    (13, List(&Structure(&[(1, Int), (2, Int), (3, Int)]))),
    (14, Long),
    (15, Int),
    (
        16,
        Structure(&[(1, Long), (2, List(&Long)), (3, List(&Long))]),
    ),
    (17, Structure(&[(1, Structure(BOX)), (2, List(&Int))])),
];

const BOX: Shape = &[
    (1, Double),
    (2, Double),
    (3, Double),
    (4, Double),
    (5, Double),
    (6, Double),
    (7, Double),
    (8, Double),
];

const STATISTICS: Shape = &[
    (1, Text),
    (2, Text),
    (3, Long),
    (4, Long),
    (5, Text),
    (6, Text),
    (7, Flag),
    (8, Flag),
    (9, Long),
];

const DATA_PAGE: Shape = &[
    (1, Int),
    (2, Int),
    (3, Int),
    (4, Int),
    (5, Structure(STATISTICS)),
];

const DATA_PAGE_2: Shape = &[
    (1, Int),
    (2, Int),
    (3, Int),
    (4, Int),
    (5, Int),
    (6, Int),
    (7, Flag),
    (8, Structure(STATISTICS)),
];
