use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// The largest block that a header may ask to unpack; other programs write some tens of kilobytes.
const LARGEST_BLOCK_BYTES: u64 = 1 << 26;
/// The longest name of a chromosome.
const LONGEST_NAME: u32 = 1 << 16;

const MAGIC: u32 = 0x888f_fc26;
const CHROMOSOMES: u32 = 0x78ca_8c91;
const INDEX: u32 = 0x2468_ace0;

/// Refuses a bigWig that asks for more memory than it can need, or whose trees lead out of the file or in circles: what reads
/// them believes them.
pub(super) fn check(file: &mut File) -> Result<(), String> {
    let length = file.metadata().map_err(told)?.len();
    let mut checked = Checked {
        file: BufReader::new(&mut *file),
        length,
        is_little: true,
    };
    checked.header()?;
    file.rewind().map_err(told)
}

struct Checked<R> {
    file: R,
    length: u64,
    is_little: bool,
}

impl<R: Read + Seek> Checked<R> {
    fn header(&mut self) -> Result<(), String> {
        let magic = self.number()?;
        if magic != MAGIC {
            self.is_little = false;
            if magic.swap_bytes() != MAGIC {
                return Err("not the magic number of bigWig".into());
            }
        }
        self.go(8)?;
        let (chromosomes, _data, index) = (self.long()?, self.long()?, self.long()?);
        self.go(52)?;
        let block = u64::from(self.number()?);
        if block > LARGEST_BLOCK_BYTES {
            return Err(format!("blocks of {block} bytes"));
        }
        self.chromosomes(chromosomes)?;
        self.index(index)
    }

    /// Walks the tree of chromosomes.
    fn chromosomes(&mut self, start: u64) -> Result<(), String> {
        self.go(start)?;
        self.magic(CHROMOSOMES, "chromosomes")?;
        let (_, key, value, items) = (self.number()?, self.number()?, self.number()?, self.long()?);
        if key > LONGEST_NAME || value != 8 {
            return Err(format!("names of {key} bytes with {value} beside each"));
        }
        let item = u64::from(key) + 8;
        if items.saturating_mul(item) > self.length {
            return Err(format!("{items} chromosomes in {} bytes", self.length));
        }
        self.walk(start + 32, item, item, |this, is_leaf| {
            this.skip(u64::from(key))?;
            let child = this.long()?;
            Ok((!is_leaf).then_some(child))
        })
    }

    /// Walks the index of the data.
    fn index(&mut self, start: u64) -> Result<(), String> {
        self.go(start)?;
        self.magic(INDEX, "the index")?;
        self.walk(start + 48, 32, 24, |this, is_leaf| {
            this.skip(16)?;
            let place = this.long()?;
            if !is_leaf {
                return Ok(Some(place));
            }
            let size = this.long()?;
            let end = place.checked_add(size);
            if size > LARGEST_BLOCK_BYTES || end.is_none_or(|end| end > this.length) {
                return Err(format!("a block of {size} bytes at {place}"));
            }
            Ok(None)
        })
    }

    /// Visits every node of a tree once; `each` reads an item and tells where it leads.
    fn walk(
        &mut self,
        root: u64,
        leaf_bytes: u64,
        inner_bytes: u64,
        each: impl Fn(&mut Self, bool) -> Result<Option<u64>, String>,
    ) -> Result<(), String> {
        // Other programs' trees have four or five levels; one level deeper costs a reader another call.
        const MOST_LEVELS: usize = 64;
        let mut seen = HashSet::from([root]);
        let mut level = vec![root];
        for _ in 0..MOST_LEVELS {
            let mut below = Vec::new();
            for &node in &level {
                self.go(node)?;
                let mut head = [0; 4];
                self.file.read_exact(&mut head).map_err(told)?;
                let is_leaf = head[0] == 1;
                let count = match self.is_little {
                    true => u16::from_le_bytes([head[2], head[3]]),
                    false => u16::from_be_bytes([head[2], head[3]]),
                };
                let bytes = if is_leaf { leaf_bytes } else { inner_bytes };
                if u64::from(count) * bytes > self.length {
                    return Err(format!("a node of {count} items at {node}"));
                }
                for _ in 0..count {
                    let Some(child) = each(self, is_leaf)? else {
                        continue;
                    };
                    if !seen.insert(child) {
                        return Err(format!("two ways to the node at {child}"));
                    }
                    below.push(child);
                }
            }
            if below.is_empty() {
                return Ok(());
            }
            level = below;
        }
        Err(format!("a tree of more than {MOST_LEVELS} levels"))
    }

    fn magic(&mut self, expected: u32, what: &str) -> Result<(), String> {
        match self.number()? {
            found if found == expected => Ok(()),
            _ => Err(format!("no {what} where the header has them")),
        }
    }

    fn go(&mut self, place: u64) -> Result<(), String> {
        if place >= self.length {
            return Err(format!("a place {place} past the end at {}", self.length));
        }
        self.file.seek(SeekFrom::Start(place)).map_err(told)?;
        Ok(())
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        let skipped = io::copy(&mut (&mut self.file).take(bytes), &mut io::sink());
        match skipped.map_err(told)? {
            found if found == bytes => Ok(()),
            _ => Err("the end of the file within a tree".into()),
        }
    }

    fn number(&mut self) -> Result<u32, String> {
        let mut bytes = [0; 4];
        self.file.read_exact(&mut bytes).map_err(told)?;
        Ok(match self.is_little {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        })
    }

    fn long(&mut self) -> Result<u64, String> {
        let mut bytes = [0; 8];
        self.file.read_exact(&mut bytes).map_err(told)?;
        Ok(match self.is_little {
            true => u64::from_le_bytes(bytes),
            false => u64::from_be_bytes(bytes),
        })
    }
}

fn told(error: io::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use crate::tracks::{BigWigReader, SignalInterval, write_big_wig};

    #[test]
    fn counts_names_and_trees_that_cannot_be_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bw");
        let signal = vec![SignalInterval {
            chromosome: "chr1".into(),
            start: 5,
            end: 9,
            value: 0.5,
        }];
        write_big_wig(&path, &[("chr1".into(), 100)], signal).unwrap();
        let sound = std::fs::read(&path).unwrap();
        let place = |at: usize| u64::from_le_bytes(sound[at..at + 8].try_into().unwrap()) as usize;
        let (chromosomes, index) = (place(8), place(24));
        let refused = |at: usize, bytes: &[u8], expected: &str| {
            let mut changed = sound.clone();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            std::fs::write(&path, changed).unwrap();
            let message = BigWigReader::open(&path).unwrap_err();
            let message = std::error::Error::source(&message).unwrap().to_string();
            assert!(message.contains(expected), "{message}");
        };
        refused(52, &[0xff; 4], "blocks of");
        refused(8, &[0xff; 8], "past the end");
        refused(chromosomes + 8, &[0xff; 4], "names of");
        refused(chromosomes + 16, &[0xff; 8], "chromosomes in");
        // An inner node that leads to itself.
        let mut circle = vec![0, 0, 1, 0];
        circle.extend([0; 16]);
        circle.extend((index as u64 + 48).to_le_bytes());
        refused(index + 48, &circle, "two ways");
        refused(index + 48 + 4 + 24, &[0xff; 8], "a block of");
        std::fs::write(&path, &sound).unwrap();
        assert_eq!(BigWigReader::open(&path).unwrap().chromosomes().len(), 1);
    }
}
